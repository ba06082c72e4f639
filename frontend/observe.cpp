// Where values leave the graph: item, bool, host copies, pointers.
#include <fmt/format.h>

#include <cmath>
#include <limits>

#include "frontend/compile/scope.h"
#include "frontend/context.h"
#include "frontend/element.h"
#include "frontend/layout.h"
#include "frontend/view_steps.h"
#include "lazuli/tensor.h"
#include "runtime/context.h"

namespace lazuli {

namespace {

/// Keeps the memory alive while it is read.
std::shared_ptr<Materialized> ready_value(const TensorImpl& impl) {
  Context& ctx = context();
  for (;;) {
    evaluate({impl.root}, {});
    std::unique_lock lock(ctx.mutex);
    ctx.wait_landed(lock, *impl.root);
    if (impl.root->ready()) return impl.root->held;
  }
}

int64_t first_byte(const TensorImpl& impl) {
  return impl.offset * static_cast<int64_t>(itemsize(impl.dtype));
}

const std::byte* first_element(const Materialized& m, const TensorImpl& impl) {
  return static_cast<const std::byte*>(m.buffer->data()) + first_byte(impl);
}

/// A value's memory as the host can read it: where it is, or a copy of it.
class OnHost {
 public:
  explicit OnHost(const TensorImpl& impl) : value_(ready_value(impl)) {
    const runtime::Buffer& buffer = *value_->buffer;
    if (buffer.device().is_cpu()) {
      first_ = first_element(*value_, impl);
      return;
    }
    copy_.resize(static_cast<size_t>(buffer.bytes()));
    context().runtime.download(copy_.data(), buffer, buffer.bytes());
    first_ = copy_.data() + first_byte(impl);
  }
  const std::byte* first() const { return first_; }

 private:
  std::shared_ptr<Materialized> value_;
  std::vector<std::byte> copy_;
  const std::byte* first_;
};

/// item<T>() refuses what T cannot say; to_vector converts as cast does.
template <class To>
bool fits(const Scalar& v) {
  if constexpr (std::is_same_v<To, bool> || std::is_floating_point_v<To> || std::is_same_v<To, Half> ||
                std::is_same_v<To, BFloat16>) {
    return true;
  } else {
    if (v.is_floating()) {
      const double d = v.to_double();
      return d == d && std::trunc(d) >= static_cast<double>(std::numeric_limits<To>::min()) &&
             std::trunc(d) < static_cast<double>(std::numeric_limits<To>::max()) + 1.0;
    }
    const int64_t i = v.to_int64();
    return i >= static_cast<int64_t>(std::numeric_limits<To>::min()) &&
           i <= static_cast<int64_t>(std::numeric_limits<To>::max());
  }
}

template <class To>
To from_scalar(const Scalar& v) {
  return v.is_floating() ? convert_element<To>(v.to_double()) : convert_element<To>(v.to_int64());
}

void check_type(const Tensor& t, DType wanted, const Location& loc) {
  if (t.dtype() != wanted)
    throw Error(ErrorKind::DType, fmt::format("expected scalar type {} but found {}", name(wanted), name(t.dtype())),
                "ask for the tensor's own type, or convert it with to()", loc);
}

}  // namespace

Scalar Tensor::item(Location loc) const {
  const TensorImpl& impl = *impl_of(*this, loc);
  if (numel() != 1)
    throw Error(ErrorKind::Value, fmt::format("a Tensor with {} elements cannot be converted to Scalar", numel()), {},
                loc);
  refuse_observation(*impl.root, "item", loc);
  const Tensor read = as_read(*this, loc);
  const auto value = ready_value(*read.impl());
  return visit_dtype(impl.dtype, [&](auto tag) -> Scalar {
    using T = typename decltype(tag)::type;
    T v;
    context().runtime.download(&v, *value->buffer, sizeof v, first_byte(*read.impl()));
    if constexpr (std::is_same_v<T, Half> || std::is_same_v<T, BFloat16>) {
      return Scalar(static_cast<float>(v));
    } else {
      return Scalar(v);
    }
  });
}

template <class T>
T Tensor::item(Location loc) const {
  const Scalar v = item(loc);
  if (!fits<T>(v))
    throw Error(ErrorKind::Value,
                fmt::format("value cannot be converted to type {} without overflow", name(dtype_of_v<T>)), {}, loc);
  return from_scalar<T>(v);
}

Tensor::operator bool() const {
  const int64_t n = numel();
  if (n != 1)
    throw Error(ErrorKind::Value,
                n == 0 ? "Boolean value of Tensor with no values is ambiguous"
                       : "Boolean value of Tensor with more than one value is ambiguous",
                n == 0 ? "" : "reduce it first, with any() or all()", impl_->where);
  refuse_observation(*impl_->root, "conversion to bool", impl_->where);
  return item(impl_->where).to_bool();
}

template <class T>
std::vector<T> Tensor::to_vector(Location loc) const {
  refuse_observation(*impl_of(*this, loc)->root, "to_vector", loc);
  const Tensor read = as_read(*this, loc);
  const TensorImpl& impl = *read.impl();
  std::vector<T> result(static_cast<size_t>(numel()));
  const OnHost value(impl);
  const std::byte* base = value.first();
  if (result.empty()) return result;
  visit_dtype(impl.dtype, [&](auto tag) {
    using From = typename decltype(tag)::type;
    const From* from = reinterpret_cast<const From*>(base);
    ir::Dims at(impl.shape.size(), 0);
    int64_t offset = 0;
    for (size_t i = 0; i < result.size(); ++i) {
      result[i] = convert_element<T>(from[offset]);
      for (size_t d = at.size(); d-- > 0;) {
        offset += impl.strides[d];
        if (++at[d] < impl.shape[d]) break;
        offset -= at[d] * impl.strides[d];
        at[d] = 0;
      }
    }
  });
  return result;
}

void* Tensor::data_ptr(Location loc) const {
  const TensorImpl& impl = *impl_of(*this, loc);
  refuse_observation(*impl.root, "data_ptr", loc);
  if (impl.root->read_only)
    throw Error(ErrorKind::Value, "data_ptr: the memory of this tensor is read-only", "ask for const_data_ptr", loc);
  return static_cast<std::byte*>(escape(impl.root)) + impl.offset * element_size();
}

const void* Tensor::const_data_ptr(Location loc) const {
  const TensorImpl& impl = *impl_of(*this, loc);
  refuse_observation(*impl.root, "const_data_ptr", loc);
  return first_element(*ready_value(impl), impl);
}

template <class T>
T* Tensor::data_ptr(Location loc) const {
  impl_of(*this, loc);
  check_type(*this, dtype_of_v<T>, loc);
  return static_cast<T*>(data_ptr(loc));
}

template <class T>
const T* Tensor::const_data_ptr(Location loc) const {
  impl_of(*this, loc);
  check_type(*this, dtype_of_v<T>, loc);
  return static_cast<const T*>(const_data_ptr(loc));
}

void check_accessor_rank(const Tensor& t, size_t rank, const Location& loc) {
  if (!t.device().is_cpu())
    throw Error(ErrorKind::Device, fmt::format("accessor: the tensor is on {}", t.device().str()),
                "move it to the host with to(kCPU)", loc);
  if (static_cast<size_t>(t.dim()) != rank)
    throw Error(ErrorKind::Shape, fmt::format("TensorAccessor expected {} dims but tensor has {}", rank, t.dim()), {},
                loc);
}

#define LAZULI_ELEMENT(T)                                       \
  template T Tensor::item<T>(Location) const;                   \
  template std::vector<T> Tensor::to_vector<T>(Location) const; \
  template T* Tensor::data_ptr<T>(Location) const;              \
  template const T* Tensor::const_data_ptr<T>(Location) const;
LAZULI_ELEMENT(uint8_t)
LAZULI_ELEMENT(int8_t)
LAZULI_ELEMENT(int16_t)
LAZULI_ELEMENT(int32_t)
LAZULI_ELEMENT(int64_t)
LAZULI_ELEMENT(Half)
LAZULI_ELEMENT(BFloat16)
LAZULI_ELEMENT(float)
LAZULI_ELEMENT(double)
#undef LAZULI_ELEMENT
template bool Tensor::item<bool>(Location) const;
template std::vector<bool> Tensor::to_vector<bool>(Location) const;
template bool* Tensor::data_ptr<bool>(Location) const;
template const bool* Tensor::const_data_ptr<bool>(Location) const;

}  // namespace lazuli
