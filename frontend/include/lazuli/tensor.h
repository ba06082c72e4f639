// Tensor: a handle with identity over a lazy value. Copying a handle shares the tensor. Operations return at once;
// values are computed by eval, or when something is observed (item, printing, data_ptr, bool).
//
// Views (reshape, slice, transpose ...) share their base's memory: a write through one is seen by all. In-place writes
// change the tensor that every handle sees. Element types never change under a handle, and shapes only by the in-place
// views (unsqueeze_, t_, resize_ ...), which all copies of the handle take part in.
#pragma once
#include <array>
#include <concepts>
#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "lazuli/array_ref.h"
#include "lazuli/base/device.h"
#include "lazuli/base/dtype.h"
#include "lazuli/base/error.h"
#include "lazuli/base/half.h"
#include "lazuli/dim_list.h"
#include "lazuli/generator.h"
#include "lazuli/index.h"
#include "lazuli/options.h"
#include "lazuli/scalar.h"

namespace lazuli {

struct TensorImpl;
template <class T, size_t N>
class TensorAccessor;

/// The element type that a C++ type stands for.
template <class T>
struct dtype_of;
template <>
struct dtype_of<bool> {
  static constexpr DType value = kBool;
};
template <>
struct dtype_of<uint8_t> {
  static constexpr DType value = kUInt8;
};
template <>
struct dtype_of<int8_t> {
  static constexpr DType value = kInt8;
};
template <>
struct dtype_of<int16_t> {
  static constexpr DType value = kInt16;
};
template <>
struct dtype_of<int32_t> {
  static constexpr DType value = kInt32;
};
template <>
struct dtype_of<int64_t> {
  static constexpr DType value = kInt64;
};
template <>
struct dtype_of<Half> {
  static constexpr DType value = kFloat16;
};
template <>
struct dtype_of<BFloat16> {
  static constexpr DType value = kBFloat16;
};
template <>
struct dtype_of<float> {
  static constexpr DType value = kFloat32;
};
template <>
struct dtype_of<double> {
  static constexpr DType value = kFloat64;
};
template <class T>
inline constexpr DType dtype_of_v = dtype_of<T>::value;

/// A host number together with the line that wrote it: what `x(1, 2) = 9` assigns.
struct ScalarArg {
  Scalar value;
  Location where;
  template <class T>
    requires std::convertible_to<T, Scalar>
  ScalarArg(T v, Location loc = Location::current()) : value(v), where(loc) {}
};

class Tensor {
 public:
  /// An undefined tensor; only defined() may be asked of it.
  Tensor() = default;
  Tensor(const Tensor&) = default;
  Tensor(Tensor&&) = default;
  ~Tensor() = default;

  /// On a named handle, assignment makes it refer to the other tensor. On a temporary (`x.index({0}) = y`, `x(1, 2) =
  /// y`) it writes into the tensor that the temporary views, as copy_ does.
  Tensor& operator=(const Tensor& other) &;
  Tensor& operator=(Tensor&& other) &;
  Tensor& operator=(const Tensor& other) &&;
  Tensor& operator=(Tensor&& other) &&;
  Tensor& operator=(ScalarArg value) &&;

  // ---- What is known without evaluating. ----
  bool defined() const { return impl_ != nullptr; }
  /// Valid as long as the handle.
  IntArrayRef sizes() const;
  IntArrayRef shape() const { return sizes(); }
  /// In elements; of a base tensor, row-major.
  IntArrayRef strides() const;
  int64_t size(int64_t dim, Location loc = Location::current()) const;
  int64_t stride(int64_t dim, Location loc = Location::current()) const;
  /// Where a view begins in its base, in elements.
  int64_t storage_offset() const;
  int64_t dim() const;
  int64_t numel() const;
  int64_t nbytes() const { return numel() * element_size(); }
  DType dtype() const;
  DType scalar_type() const { return dtype(); }
  Device device() const;
  Layout layout() const { return kStrided; }
  /// Element type and device, for making others like it.
  TensorOptions options() const { return TensorOptions(dtype()).device(device()); }
  int64_t ndimension() const { return dim(); }
  /// Bytes of an element.
  int64_t element_size() const { return static_cast<int64_t>(lazuli::itemsize(dtype())); }
  int64_t itemsize() const { return element_size(); }
  bool is_cpu() const { return device().is_cpu(); }
  bool is_cuda() const { return device().is_cuda(); }
  bool is_contiguous() const;
  bool is_view() const;
  bool is_floating_point() const { return is_floating(dtype()); }
  bool is_signed() const { return lazuli::is_signed(dtype()); }
  /// Whether both handles are the same tensor.
  bool is_same(const Tensor& other) const { return impl_ == other.impl_; }
  /// Whether both handles reach the same storage: a base and its views.
  bool is_alias_of(const Tensor& other) const;

  // ---- Views: no data moves, writes are shared. Errors: Shape, Index. ----
  /// The same elements in another shape; one size may be -1. Throws where strides cannot express it (use reshape).
  Tensor view(IntArrayRef sizes, Location loc = Location::current()) const;
  /// The same memory read as another dtype. Where the types differ in size the last axis, which must be row-major,
  /// grows or shrinks. A constant to gradients.
  Tensor view(DType dtype, Location loc = Location::current()) const;
  /// A view where possible, otherwise a new tensor.
  Tensor reshape(IntArrayRef sizes, Location loc = Location::current()) const;
  /// In the shape of `other`.
  Tensor reshape_as(const Tensor& other, Location loc = Location::current()) const;
  Tensor view_as(const Tensor& other, Location loc = Location::current()) const;
  /// The axes from start_dim to end_dim as one; a 0-d tensor becomes a vector. A view where possible.
  Tensor flatten(int64_t start_dim = 0, int64_t end_dim = -1, Location loc = Location::current()) const;
  /// One axis as several, whose sizes multiply up to it; one of them may be -1.
  Tensor unflatten(int64_t dim, IntArrayRef sizes, Location loc = Location::current()) const;
  /// The axes in this order, each named once.
  Tensor permute(IntArrayRef dims, Location loc = Location::current()) const;
  /// Two axes swapped.
  Tensor transpose(int64_t dim0, int64_t dim1, Location loc = Location::current()) const;
  /// Axes moved to other places; the others keep their order.
  Tensor movedim(int64_t source, int64_t destination, Location loc = Location::current()) const;
  Tensor movedim(IntArrayRef source, IntArrayRef destination, Location loc = Location::current()) const;
  /// Transpose of at most two axes.
  Tensor t(Location loc = Location::current()) const;
  /// All axes reversed.
  Tensor T(Location loc = Location::current()) const;
  /// The last two axes swapped.
  Tensor mT(Location loc = Location::current()) const;
  /// Without the axes of size 1, or without this one if its size is 1.
  Tensor squeeze(Location loc = Location::current()) const;
  Tensor squeeze(int64_t dim, Location loc = Location::current()) const;
  /// A new axis of size 1, at a place from 0 to the rank.
  Tensor unsqueeze(int64_t dim, Location loc = Location::current()) const;
  /// Repeats axes of size 1 without copying; -1 keeps a size. Such views refuse writes.
  Tensor expand(IntArrayRef sizes, Location loc = Location::current()) const;
  Tensor expand_as(const Tensor& other, Location loc = Location::current()) const;
  /// One place of an axis, which is dropped; negative indices count from the end. Throws Index beyond the size.
  Tensor select(int64_t dim, int64_t index, Location loc = Location::current()) const;
  /// Every step-th place of an axis from start to before stop; bounds beyond the ends are clamped, the step is
  /// positive.
  Tensor slice(int64_t dim, Slice::Bound start = None, Slice::Bound stop = None, int64_t step = 1,
               Location loc = Location::current()) const;
  /// `length` places of an axis from start. Throws Index where they are not there.
  Tensor narrow(int64_t dim, int64_t start, int64_t length, Location loc = Location::current()) const;

  // ---- Views in place of the handle: all copies of it, but not its storage or other views, change with it. ----
  Tensor& unsqueeze_(int64_t dim, Location loc = Location::current());
  Tensor& squeeze_(Location loc = Location::current());
  Tensor& squeeze_(int64_t dim, Location loc = Location::current());
  Tensor& t_(Location loc = Location::current());
  Tensor& transpose_(int64_t dim0, int64_t dim1, Location loc = Location::current());
  Tensor& swapaxes_(int64_t axis0, int64_t axis1, Location loc = Location::current());
  Tensor& swapdims_(int64_t dim0, int64_t dim1, Location loc = Location::current());
  Tensor& as_strided_(IntArrayRef sizes, IntArrayRef strides, std::optional<int64_t> storage_offset = {},
                      Location loc = Location::current());
  /// Row-major in the same storage, which does not grow: throws Error(Unsupported).
  Tensor& resize_(IntArrayRef sizes, Location loc = Location::current());
  Tensor& resize_as_(const Tensor& other, Location loc = Location::current());

  // ---- Indexing: views for integers, slices, None, Ellipsis, All; new tensors at index tensors and masks. Reading by
  // a mask evaluates it, because it decides the size. ----
  /// The elements that the indices name: views where all are integers, slices, None, Ellipsis. Throws Index.
  Tensor index(std::initializer_list<TensorIndex> indices, Location loc = Location::current()) const;
  Tensor index(const std::vector<TensorIndex>& indices, Location loc = Location::current()) const;
  /// Writes `value`, broadcast, at the indexed places. Where index tensors name one place several times the last one
  /// stays; with `accumulate` they add up, in order.
  Tensor& index_put_(std::initializer_list<TensorIndex> indices, const Tensor& value,
                     Location loc = Location::current());
  Tensor& index_put_(std::initializer_list<TensorIndex> indices, const Tensor& value, bool accumulate,
                     Location loc = Location::current());
  Tensor& index_put_(std::initializer_list<TensorIndex> indices, Scalar value, Location loc = Location::current());
  /// The same in a copy.
  Tensor index_put(std::initializer_list<TensorIndex> indices, const Tensor& value, bool accumulate = false,
                   Location loc = Location::current()) const;
  Tensor index_put(std::initializer_list<TensorIndex> indices, Scalar value, Location loc = Location::current()) const;
  Tensor& index_put_(const std::vector<TensorIndex>& indices, const Tensor& value, bool accumulate = false,
                     Location loc = Location::current());
  Tensor& index_put_(const std::vector<TensorIndex>& indices, Scalar value, Location loc = Location::current());
  Tensor operator[](TensorIndex i) const;
  Tensor operator()(TensorIndex a) const;
  Tensor operator()(TensorIndex a, TensorIndex b) const;
  Tensor operator()(TensorIndex a, TensorIndex b, TensorIndex c) const;
  Tensor operator()(TensorIndex a, TensorIndex b, TensorIndex c, TensorIndex d) const;
  Tensor operator()(TensorIndex a, TensorIndex b, TensorIndex c, TensorIndex d, TensorIndex e) const;

  // ---- New tensors, and writing in place. ----
  /// Reversed along the axes: a new tensor.
  Tensor flip(IntArrayRef dims, Location loc = Location::current()) const;
  /// A new tensor with the same elements, row-major.
  Tensor clone(Location loc = Location::current()) const;
  /// Itself when row-major, otherwise a row-major copy.
  Tensor contiguous(Location loc = Location::current()) const;
  /// Converts and broadcasts `src` to this dtype and shape.
  Tensor& copy_(const Tensor& src, Location loc = Location::current());
  /// Sets every element, converted to this dtype.
  Tensor& fill_(Scalar value, Location loc = Location::current());
  Tensor& fill_(const Tensor& value, Location loc = Location::current());
  /// Sets every element to 0.
  Tensor& zero_(Location loc = Location::current());

  // ---- Gradients: lazuli/autograd.h. ----
  /// Makes this tensor a leaf with respect to which gradients are taken (or, with false, no longer one). Throws DType
  /// for types that are not floating.
  Tensor& requires_grad_(bool on = true, Location loc = Location::current());
  Tensor& set_requires_grad(bool on, Location loc = Location::current()) { return requires_grad_(on, loc); }
  /// Whether gradients reach this tensor: it is such a leaf, or computed from one.
  bool requires_grad() const;
  /// Whether it was not computed from anything that requires gradients.
  bool is_leaf() const;
  /// What backward() has accumulated; undefined before.
  Tensor grad() const;
  /// The handle behind grad(): assign to it to set or (with Tensor()) to drop the gradient.
  Tensor& mutable_grad();
  /// Adds the gradient of this tensor (times `gradient`, which may be left out for one element) to grad() of the leaves
  /// that it depends on. Releases the history unless retain_graph (default: create_graph) is set; with create_graph the
  /// gradients have a history themselves.
  void backward(const Tensor& gradient = {}, std::optional<bool> retain_graph = {}, bool create_graph = false,
                Location loc = Location::current()) const;
  /// A tensor on the same storage that is a constant to gradients. Writes to either are seen by both.
  Tensor detach(Location loc = Location::current()) const;
  Tensor& detach_(Location loc = Location::current());
  /// detach() by its older name.
  Tensor data(Location loc = Location::current()) const { return detach(loc); }
  /// Lets backward() leave the gradient of a tensor that is no leaf in grad().
  void retain_grad(Location loc = Location::current());
  bool retains_grad() const;

  // ---- Observation: evaluates. ----
  /// The only element, as T; throws when there are more (or none).
  template <class T>
  T item(Location loc = Location::current()) const;
  Scalar item(Location loc = Location::current()) const;
  /// Whether the only element is not zero.
  explicit operator bool() const;
  /// The elements in row-major order, converted to T.
  template <class T>
  std::vector<T> to_vector(Location loc = Location::current()) const;
  /// Memory of the first element. The storage counts as escaped from then on: pending readers have been evaluated,
  /// reads of it happen when something is evaluated, writes to it happen at the call. Throws DType if T is not the
  /// dtype.
  template <class T>
  T* data_ptr(Location loc = Location::current()) const;
  void* data_ptr(Location loc = Location::current()) const;
  /// For reading, until the tensor is next written or destroyed.
  template <class T>
  const T* const_data_ptr(Location loc = Location::current()) const;
  const void* const_data_ptr(Location loc = Location::current()) const;
  /// a[i][j] over N axes of T; escapes as data_ptr does.
  template <class T, size_t N>
  TensorAccessor<T, N> accessor(Location loc = Location::current()) const;

  // ---- Operations: declared from the op tables and beside the compositions. ----
#include "lazuli/generated/form_methods.inc"
#include "lazuli/generated/tensor_methods.inc"
#include "lazuli/tensor_methods.inc"

  // ---- For the library itself. ----
  explicit Tensor(std::shared_ptr<TensorImpl> impl) : impl_(std::move(impl)) {}
  const std::shared_ptr<TensorImpl>& impl() const { return impl_; }

 private:
  std::shared_ptr<TensorImpl> impl_;
};

/// Elements of N axes by brackets. Valid as long as the tensor, or another handle on its storage.
template <class T, size_t N>
class TensorAccessor {
 public:
  TensorAccessor(T* data, const int64_t* sizes, const int64_t* strides) : data_(data) {
    for (size_t d = 0; d < N; ++d) {
      sizes_[d] = sizes[d];
      strides_[d] = strides[d];
    }
  }
  int64_t size(size_t d) const { return sizes_[d]; }
  int64_t stride(size_t d) const { return strides_[d]; }
  T* data() const { return data_; }
  decltype(auto) operator[](int64_t i) const {
    if constexpr (N == 1) {
      return (data_[i * strides_[0]]);
    } else {
      return TensorAccessor<T, N - 1>(data_ + i * strides_[0], sizes_.data() + 1, strides_.data() + 1);
    }
  }

 private:
  T* data_;
  std::array<int64_t, N> sizes_, strides_;
};

/// Throws Error(Shape) unless the tensor has `rank` axes.
void check_accessor_rank(const Tensor& t, size_t rank, const Location& loc);
template <class T, size_t N>
TensorAccessor<T, N> Tensor::accessor(Location loc) const {
  static_assert(N > 0, "a 0-d tensor has no accessor: use item<T>()");
  check_accessor_rank(*this, N, loc);
  return TensorAccessor<T, N>(data_ptr<T>(loc), sizes().data(), strides().data());
}

/// A tensor over memory that the caller owns, shared, never moved or recycled: a write on either side is seen by the
/// other; reads happen when something is evaluated, writes through Lazuli at the call. Row-major, or with `strides` in
/// elements: 0 repeats an axis, others may overlap or leave gaps; negative strides are refused (Value). float32 unless
/// the options name another type; of typed pointers the pointer's.
/// `deleter` is called once: when nothing refers to the memory any more, or before an error is thrown.
Tensor from_blob(void* data, IntArrayRef sizes, TensorOptions options = {}, Location loc = Location::current());
Tensor from_blob(void* data, IntArrayRef sizes, IntArrayRef strides, TensorOptions options = {},
                 Location loc = Location::current());
Tensor from_blob(void* data, IntArrayRef sizes, std::function<void(void*)> deleter, TensorOptions options = {},
                 Location loc = Location::current());
Tensor from_blob(void* data, IntArrayRef sizes, IntArrayRef strides, std::function<void(void*)> deleter,
                 TensorOptions options = {}, Location loc = Location::current());

template <class T>
concept Element = requires { dtype_of<T>::value; };
template <Element T>
Tensor from_blob(T* data, IntArrayRef sizes, TensorOptions options = {}, Location loc = Location::current()) {
  return from_blob(static_cast<void*>(data), sizes, options.dtype(options.dtype_or(dtype_of_v<T>)), loc);
}
template <Element T>
Tensor from_blob(T* data, IntArrayRef sizes, IntArrayRef strides, TensorOptions options = {},
                 Location loc = Location::current()) {
  return from_blob(static_cast<void*>(data), sizes, strides, options.dtype(options.dtype_or(dtype_of_v<T>)), loc);
}
template <Element T>
Tensor from_blob(T* data, IntArrayRef sizes, std::function<void(void*)> deleter, TensorOptions options = {},
                 Location loc = Location::current()) {
  return from_blob(static_cast<void*>(data), sizes, std::move(deleter), options.dtype(options.dtype_or(dtype_of_v<T>)),
                   loc);
}
template <Element T>
Tensor from_blob(T* data, IntArrayRef sizes, IntArrayRef strides, std::function<void(void*)> deleter,
                 TensorOptions options = {}, Location loc = Location::current()) {
  return from_blob(static_cast<void*>(data), sizes, strides, std::move(deleter),
                   options.dtype(options.dtype_or(dtype_of_v<T>)), loc);
}
/// A tensor with a copy of row-major host elements.
Tensor from_host(const void* data, IntArrayRef sizes, DType dtype, Location loc = Location::current());

}  // namespace lazuli
