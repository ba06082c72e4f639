// x.index({...}), x(...), x[...]: from a list of indices to a chain of views.
#include <fmt/format.h>

#include <string_view>

#include "frontend/build.h"
#include "frontend/ops/take.h"
#include "frontend/promote.h"

namespace lazuli {

TensorIndex::TensorIndex(const char* text, Location loc) : kind_(Kind::Ellipsis), loc_(loc) {
  if (std::string_view(text) != "...")
    throw Error(ErrorKind::Value, fmt::format("Expected \"...\" to represent an ellipsis index, but got \"{}\"", text),
                {}, loc);
}

TensorIndex::TensorIndex(const Tensor& t, Location loc)
    : kind_(Kind::Tensor), tensor_(std::make_shared<const Tensor>(t)), loc_(loc) {}

namespace {

Tensor select_at(const Tensor& t, int64_t dim, int64_t index, int64_t real_dim, const Location& loc) {
  const int64_t n = t.size(dim, loc);
  if (index < -n || index >= n)
    throw Error(ErrorKind::Index,
                fmt::format("index {} is out of bounds for dimension {} with size {}", index, real_dim, n), {}, loc);
  return t.select(dim, index, loc);
}

Tensor slice_at(const Tensor& t, int64_t dim, const Slice& s, const Location& loc) {
  const int64_t step = s.step().value_or(1);
  if (step <= 0) throw Error(ErrorKind::Value, "step must be greater than zero", "reverse an axis with flip()", loc);
  const auto bound = [](const std::optional<int64_t>& b) { return b ? Slice::Bound(*b) : Slice::Bound(None); };
  return t.slice(dim, bound(s.start()), bound(s.stop()), step, loc);
}

/// An index tensor and the axis of the view that it indexes.
struct TakenAxis {
  size_t axis;
  const TensorIndex* index;
};

ir::NodeRef index_node(const TensorIndex& i, const Location& loc) {
  const ir::NodeRef n = node_of(i.tensor());
  if (is_bool(n->dtype()) || n->dtype() == kUInt8)
    throw Error(ErrorKind::Unsupported, "indexing with a mask is not supported yet",
                "use integers; index_put_({mask}, number) writes by a mask, where() selects by one", loc);
  if (n->dtype() != kInt64 && n->dtype() != kInt32)
    throw Error(ErrorKind::Index, "tensors used as indices must be long, int, byte or bool tensors",
                fmt::format("this one is {}", torch_name(n->dtype())), loc);
  return cast_to(n, kInt64, loc);
}

/// `index`, with what lies in [-size, 0) moved to [0, size). What is outside stays, so that errors show it.
ir::NodeRef wrapped_index(const ir::NodeRef& index, int64_t size, const Location& loc) {
  const Build b(loc);
  const ir::NodeRef negative = b.op(ir::Op::lt, index, b.integer(0, index));
  const ir::NodeRef inside = b.op(ir::Op::ge, index, b.integer(-size, index));
  return b.where(b.op(ir::Op::logical_and, negative, inside), b.op(ir::Op::add, index, b.integer(size, index)), index);
}

/// NumPy's rule: the axes of the indices (broadcast to one shape) take the place of the indexed axes where these are
/// neighbours, else they come first.
Tensor take(const Tensor& view, const std::vector<TakenAxis>& taken, const Location& loc) {
  const ir::NodeRef x = node_of(view);
  std::vector<ir::NodeRef> indices;
  ir::Shape places;
  for (const TakenAxis& t : taken) {
    indices.push_back(index_node(*t.index, loc));
    const std::optional<ir::Shape> both = ir::broadcast(places, indices.back()->shape());
    if (!both) {
      std::string shapes;
      for (const TakenAxis& k : taken) shapes += (shapes.empty() ? "" : ", ") + ir::str(k.index->tensor().sizes());
      throw Error(
          ErrorKind::Index,
          fmt::format("shape mismatch: indexing tensors could not be broadcast together with shapes {}", shapes), {},
          loc);
    }
    places = *both;
    if (indices.back()->device() != x->device())
      throw Error(ErrorKind::Device,
                  fmt::format("indices are on {}, the indexed tensor is on {}", indices.back()->device().str(),
                              x->device().str()),
                  "move one of them with to()", loc);
  }
  ir::Dims axes;
  bool neighbours = true;
  for (size_t k = 0; k < taken.size(); ++k) {
    indices[k] = expand_to(wrapped_index(indices[k], x->shape()[taken[k].axis], loc), places, loc);
    neighbours &= k == 0 || taken[k].axis == taken[k - 1].axis + 1;
    axes.push_back(static_cast<int64_t>(taken[k].axis));
  }
  ir::NodeRef out = gather_at(x, axes, indices, loc);
  if (neighbours) out = move_axes(out, 0, places.size(), taken[0].axis, loc);
  Tensor result = wrap_result(std::move(out), loc);
  result.impl()->taken = true;
  return result;
}

Tensor index_with(const Tensor& self, std::span<const TensorIndex> indices, const Location& loc) {
  const auto at = [&](const TensorIndex& i) { return i.where().line() != 0 ? i.where() : loc; };
  const int64_t rank = impl_of(self, loc)->shape.size();
  int64_t taken = 0, ellipses = 0;
  for (const TensorIndex& i : indices) {
    switch (i.kind()) {
      case TensorIndex::Kind::Integer:
      case TensorIndex::Kind::Slice:
      case TensorIndex::Kind::Tensor:
        ++taken;
        break;
      case TensorIndex::Kind::Ellipsis:
        ++ellipses;
        break;
      case TensorIndex::Kind::None:
        break;
    }
  }
  if (indices.empty()) return self;
  if (ellipses > 1)
    throw Error(ErrorKind::Index, "an index can only have a single ellipsis ('...')", {}, at(indices[0]));
  if (rank == 0 && taken > 0)
    throw Error(ErrorKind::Index,
                "invalid index of a 0-dim tensor. Use `tensor.item<T>()` to convert a 0-dim tensor to a number", {},
                at(indices[0]));
  if (taken > rank)
    throw Error(ErrorKind::Index, fmt::format("too many indices for tensor of dimension {}", rank), {}, at(indices[0]));

  Tensor result = self;
  int64_t dim = 0, real_dim = 0;
  std::vector<TakenAxis> tensors;
  for (const TensorIndex& i : indices) {
    switch (i.kind()) {
      case TensorIndex::Kind::Integer:
        result = select_at(result, dim, i.integer(), real_dim++, at(i));
        break;
      case TensorIndex::Kind::Slice:
        result = slice_at(result, dim++, i.slice(), at(i));
        ++real_dim;
        break;
      case TensorIndex::Kind::Ellipsis:
        dim += rank - taken;
        real_dim += rank - taken;
        break;
      case TensorIndex::Kind::None:
        result = result.unsqueeze(dim++, at(i));
        break;
      case TensorIndex::Kind::Tensor:
        index_node(i, at(i));  // refused before the shapes are looked at
        tensors.push_back({static_cast<size_t>(dim++), &i});
        ++real_dim;
        break;
    }
  }
  if (!tensors.empty()) return take(result, tensors, at(*tensors[0].index));
  if (result.impl() != self.impl()) return result;
  // A handle of its own, so that the line of an assignment to the whole is known.
  auto whole = std::make_shared<TensorImpl>(*self.impl());
  whole->where = at(indices[0]);
  whole->taken = false;
  whole->slot = nullptr;
  return Tensor(std::move(whole));
}

}  // namespace

Tensor Tensor::index(std::initializer_list<TensorIndex> indices, Location loc) const {
  return index_with(*this, {indices.begin(), indices.size()}, loc);
}

Tensor Tensor::index(const std::vector<TensorIndex>& indices, Location loc) const {
  return index_with(*this, indices, loc);
}

namespace {

/// x[mask] = one element: a select over the whole tensor, because the number of elements written is in no shape.
void put_masked(Tensor& self, const Tensor& mask, ir::NodeRef element, const Location& loc) {
  const TensorImpl& impl = *impl_of(self, loc);
  const TensorImpl& where = *impl_of(mask, loc);
  ir::Shape aligned = where.shape;
  for (size_t d = 0; d < where.shape.size(); ++d) {
    if (d < impl.shape.size() && where.shape[d] == impl.shape[d]) continue;
    throw Error(ErrorKind::Index,
                fmt::format("The shape of the mask {} at index {} does not match the shape of the indexed tensor {} at "
                            "index {}",
                            ir::str(where.shape), d, ir::str(impl.shape), d),
                {}, loc);
  }
  while (aligned.size() < impl.shape.size()) aligned.push_back(1);
  ir::NodeRef chosen = expand_to(reshape_to(node_of(mask), aligned, loc), impl.shape, loc);
  element = expand_to(cast_to(element, impl.dtype, loc), impl.shape, loc);
  ir::NodeRef old = node_of(self);
  ir::NodeRef value = make_node(ir::Op::where, {chosen.get(), element.get(), old.get()}, ir::NoAttr{}, loc);
  chosen = element = old = nullptr;
  assign(self, std::move(value), loc);
}

/// The mask of an index that is one bool tensor; null for an index without tensors.
const Tensor* only_mask(std::initializer_list<TensorIndex> indices) {
  if (indices.size() != 1 || indices.begin()->kind() != TensorIndex::Kind::Tensor) return nullptr;
  const Tensor& t = indices.begin()->tensor();
  return t.defined() && is_bool(t.dtype()) ? &t : nullptr;
}

}  // namespace

Tensor& Tensor::index_put_(std::initializer_list<TensorIndex> indices, const Tensor& value, Location loc) {
  if (const Tensor* mask = only_mask(indices); mask && impl_of(value, loc)->shape.empty()) {
    put_masked(*this, *mask, node_of(value), loc);
  } else {
    index(indices, loc) = value;
  }
  return *this;
}

Tensor& Tensor::index_put_(std::initializer_list<TensorIndex> indices, Scalar value, Location loc) {
  if (const Tensor* mask = only_mask(indices)) {
    put_masked(*this, *mask, argument(value, dtype(), loc), loc);
  } else {
    index(indices, loc) = ScalarArg(value, loc);
  }
  return *this;
}

Tensor Tensor::operator[](TensorIndex i) const {
  return index_with(*this, {&i, 1}, i.where());
}
Tensor Tensor::operator()(TensorIndex a) const {
  return index_with(*this, {&a, 1}, a.where());
}
Tensor Tensor::operator()(TensorIndex a, TensorIndex b) const {
  const TensorIndex all[] = {a, b};
  return index_with(*this, all, a.where());
}
Tensor Tensor::operator()(TensorIndex a, TensorIndex b, TensorIndex c) const {
  const TensorIndex all[] = {a, b, c};
  return index_with(*this, all, a.where());
}
Tensor Tensor::operator()(TensorIndex a, TensorIndex b, TensorIndex c, TensorIndex d) const {
  const TensorIndex all[] = {a, b, c, d};
  return index_with(*this, all, a.where());
}
Tensor Tensor::operator()(TensorIndex a, TensorIndex b, TensorIndex c, TensorIndex d, TensorIndex e) const {
  const TensorIndex all[] = {a, b, c, d, e};
  return index_with(*this, all, a.where());
}

}  // namespace lazuli
