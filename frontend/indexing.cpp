// x.index({...}), x(...), x[...]: from a list of indices to a chain of views, and to a gather or scatter where there
// are index tensors.
#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "frontend/build.h"
#include "frontend/compile/scope.h"
#include "frontend/ops/take.h"
#include "frontend/promote.h"
#include "lazuli/take.h"

namespace lazuli {

using ir::NodeRef;
using ir::Op;

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

/// An index and the axis of the view that it indexes.
struct TakenAxis {
  size_t axis;
  NodeRef index;  // int64, may be negative
};

/// What a list of indices names: elements of a view, those at `taken` if there are any.
struct Indexed {
  Tensor view;
  std::vector<TakenAxis> taken;
  Location where;
};

NodeRef index_node(const Tensor& index, const NodeRef& x, const Location& loc) {
  const NodeRef n = node_of(index);
  if (n->dtype() != kInt64 && n->dtype() != kInt32)
    throw Error(ErrorKind::Index, "tensors used as indices must be long, int, byte or bool tensors",
                fmt::format("this one is {}", torch_name(n->dtype())), loc);
  if (n->device() != x->device())
    throw Error(ErrorKind::Device,
                fmt::format("indices are on {}, the indexed tensor is on {}", n->device().str(), x->device().str()),
                "move one of them with to()", loc);
  return cast_to(n, kInt64, loc);
}

/// The gather or scatter behind an index: axes, indices of one shape, and where their axes go in the result.
struct Places {
  ir::Dims axes;
  std::vector<NodeRef> indices;
  ir::Shape shape;
  bool neighbours = true;
  size_t first() const { return static_cast<size_t>(axes[0]); }
};

/// NumPy's rule: the axes of the indices (broadcast to one shape) take the place of the indexed axes where these are
/// neighbours, else they come first.
Places places_of(const Indexed& at) {
  Places p;
  for (const TakenAxis& t : at.taken) {
    const std::optional<ir::Shape> both = ir::broadcast(p.shape, t.index->shape());
    if (!both) {
      std::string shapes;
      for (const TakenAxis& k : at.taken) shapes += (shapes.empty() ? "" : ", ") + ir::str(k.index->shape());
      throw Error(
          ErrorKind::Index,
          fmt::format("shape mismatch: indexing tensors could not be broadcast together with shapes {}", shapes), {},
          at.where);
    }
    p.shape = *both;
  }
  for (size_t k = 0; k < at.taken.size(); ++k) {
    const TakenAxis& t = at.taken[k];
    const int64_t size = at.view.sizes()[t.axis];
    p.indices.push_back(expand_to(wrapped_index(t.index, size, at.where), p.shape, at.where));
    p.neighbours &= k == 0 || t.axis == at.taken[k - 1].axis + 1;
    p.axes.push_back(static_cast<int64_t>(t.axis));
  }
  return p;
}

/// Places of a mask: its axes are taken together, or by one index each where the view cannot be flattened.
void add_mask(Tensor& view, int64_t& dim, const Tensor& mask, int64_t real_dim, std::vector<TakenAxis>& taken,
              const Location& loc) {
  const IntArrayRef shape = mask.sizes();
  for (size_t d = 0; d < shape.size(); ++d) {
    const int64_t at = dim + static_cast<int64_t>(d);
    if (at < view.dim() && view.sizes()[static_cast<size_t>(at)] == shape[d]) continue;
    throw Error(ErrorKind::Index,
                fmt::format("The shape of the mask {} at index {} does not match the shape of the indexed tensor {} at "
                            "index {}",
                            ir::str(shape), d, ir::str(view.sizes()), real_dim + static_cast<int64_t>(d)),
                {}, loc);
  }
  const int64_t rank = mask.dim();
  if (rank > 1) {
    const Tensor flat = view.flatten(dim, dim + rank - 1, loc);
    if (flat.is_alias_of(view)) {
      view = flat;
      taken.push_back({static_cast<size_t>(dim++), node_of(true_places("index", mask, loc))});
      return;
    }
  }
  need_values("index", loc);
  for (const Tensor& column : nonzero_numpy(mask, loc)) taken.push_back({static_cast<size_t>(dim++), node_of(column)});
}

bool is_mask(const Tensor& t) {
  return is_bool(t.dtype()) || t.dtype() == kUInt8;
}

Indexed parse(const Tensor& self, std::span<const TensorIndex> indices, const Location& loc) {
  using Kind = TensorIndex::Kind;
  const auto at = [&](const TensorIndex& i) { return i.where().line() != 0 ? i.where() : loc; };
  const int64_t rank = static_cast<int64_t>(impl_of(self, loc)->shape.size());
  int64_t taken = 0, ellipses = 0;
  for (const TensorIndex& i : indices) {
    if (i.kind() == Kind::Tensor) impl_of(i.tensor(), at(i));
    if (i.kind() == Kind::Ellipsis) ++ellipses;
    if (i.kind() == Kind::Integer || i.kind() == Kind::Slice) ++taken;
    if (i.kind() == Kind::Tensor) taken += is_mask(i.tensor()) ? i.tensor().dim() : 1;
  }
  if (ellipses > 1 && taken > 0)  // where no axis is indexed, all are left whole
    throw Error(ErrorKind::Index, "an index can only have a single ellipsis ('...')", {}, at(indices[0]));
  if (rank == 0 && taken > 0)
    throw Error(ErrorKind::Index,
                "invalid index of a 0-dim tensor. Use `tensor.item<T>()` to convert a 0-dim tensor to a number", {},
                at(indices[0]));
  if (taken > rank)
    throw Error(ErrorKind::Index, fmt::format("too many indices for tensor of dimension {}", rank), {}, at(indices[0]));

  Indexed result{self, {}, indices.empty() ? loc : at(indices[0])};
  Tensor& view = result.view;
  int64_t dim = 0, real_dim = 0;
  for (const TensorIndex& i : indices) {
    const size_t before = result.taken.size();
    switch (i.kind()) {
      case Kind::Integer:
        view = select_at(view, dim, i.integer(), real_dim++, at(i));
        break;
      case Kind::Slice:
        view = slice_at(view, dim++, i.slice(), at(i));
        ++real_dim;
        break;
      case Kind::Ellipsis:
        dim = std::min(dim + rank - taken, view.dim());
        real_dim += rank - taken;
        break;
      case Kind::None:
        view = view.unsqueeze(dim++, at(i));
        break;
      case Kind::Boolean: {
        view = view.unsqueeze(dim, at(i));
        const int64_t zero = 0;
        result.taken.push_back({static_cast<size_t>(dim++), node_of(from_host(&zero, {i.integer()}, kInt64, at(i)))});
        break;
      }
      case Kind::Tensor:
        if (!is_mask(i.tensor())) {
          result.taken.push_back({static_cast<size_t>(dim++), index_node(i.tensor(), node_of(view), at(i))});
          ++real_dim;
        } else if (i.tensor().dim() == 0) {
          view = view.unsqueeze(dim, at(i));
          const Tensor one = i.tensor().reshape({1}, at(i));
          result.taken.push_back({static_cast<size_t>(dim++), node_of(true_places("index", one, at(i)))});
        } else {
          add_mask(view, dim, i.tensor(), real_dim, result.taken, at(i));
          real_dim += i.tensor().dim();
        }
        break;
    }
    if (before == 0 && !result.taken.empty()) result.where = at(i);
  }
  return result;
}

Tensor index_with(const Tensor& self, std::span<const TensorIndex> indices, const Location& loc) {
  if (indices.empty()) return self;
  const Indexed at = parse(self, indices, loc);
  if (!at.taken.empty()) {
    const Places p = places_of(at);
    NodeRef out = gather_at(node_of(at.view), p.axes, p.indices, at.where, "index");
    if (p.neighbours) out = move_axes(out, 0, p.shape.size(), p.first(), at.where);
    Tensor result = wrap_result(std::move(out), at.where);
    result.impl()->taken = std::make_shared<const TakenFrom>(self, indices);
    return result;
  }
  if (at.view.impl() != self.impl()) return at.view;
  // A handle of its own, so that the line of an assignment to the whole is known.
  auto whole = std::make_shared<TensorImpl>(*self.impl());
  whole->where = at.where;
  whole->taken = nullptr;
  whole->slot = nullptr;
  return Tensor(std::move(whole));
}

/// `value` in the shape of the indexed places: converted, leading axes of size 1 dropped, broadcast.
NodeRef fitted(NodeRef value, const ir::Shape& shape, DType dtype, const Location& loc) {
  size_t drop = 0;
  while (drop < value->rank() && value->shape()[drop] == 1 && value->rank() - drop > shape.size()) ++drop;
  const ir::Shape kept(std::span<const int64_t>(value->shape()).subspan(drop));
  const std::optional<ir::Shape> both = ir::broadcast(kept, shape);
  if (!both || *both != shape)
    throw Error(
        ErrorKind::Shape,
        fmt::format("shape mismatch: value tensor of shape {} cannot be broadcast to indexing result of shape {}",
                    ir::str(value->shape()), ir::str(shape)),
        {}, loc);
  return expand_to(reshape_to(cast_to(value, dtype, loc), kept, loc), shape, loc);
}

/// Writes at index tensors: a scatter into the view.
void put_taken(Indexed& at, const NodeRef& value, bool accumulate, const Location& loc) {
  const Places p = places_of(at);
  NodeRef base = node_of(at.view);
  ir::Shape shape;  // of x.index(...)
  for (size_t d = 0; d < base->rank(); ++d) {
    const bool indexed = std::find(p.axes.begin(), p.axes.end(), static_cast<int64_t>(d)) != p.axes.end();
    if (d == (p.neighbours ? p.first() : 0))
      for (const int64_t n : p.shape) shape.push_back(n);
    if (!indexed) shape.push_back(base->shape()[d]);
  }
  NodeRef values = fitted(value, shape, base->dtype(), loc);
  if (p.neighbours) values = move_axes(values, p.first(), p.shape.size(), 0, loc);
  const bool logical = accumulate && is_bool(base->dtype());  // bools add up as integers
  if (logical) {
    base = cast_to(base, kInt32, loc);
    values = cast_to(values, kInt32, loc);
  }
  NodeRef written =
      scatter_at(accumulate ? Op::scatter_add : Op::scatter, base, values, p.axes, p.indices, loc, "index_put_");
  if (logical) written = cast_to(written, kBool, loc);
  base = values = nullptr;
  assign(at.view, std::move(written), loc);
}

/// x[mask] = one element: a select over the whole tensor, so that nothing is evaluated.
void put_masked(Tensor& self, const Tensor& mask, NodeRef element, const Location& loc) {
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
  NodeRef chosen = expand_to(reshape_to(cast_to(node_of(mask), kBool, loc), aligned, loc), impl.shape, loc);
  element = expand_to(cast_to(element, impl.dtype, loc), impl.shape, loc);
  NodeRef old = node_of(self);
  NodeRef value = make_node(Op::where, {chosen.get(), element.get(), old.get()}, ir::NoAttr{}, loc);
  chosen = element = old = nullptr;
  assign(self, std::move(value), loc);
}

/// The mask of an index that is one bool tensor with axes; null for every other index.
const Tensor* only_mask(std::span<const TensorIndex> indices) {
  if (indices.size() != 1 || indices[0].kind() != TensorIndex::Kind::Tensor) return nullptr;
  const Tensor& t = indices[0].tensor();
  return t.defined() && is_mask(t) && t.dim() > 0 ? &t : nullptr;
}

void put_at(Tensor& self, std::span<const TensorIndex> indices, const Tensor& value, bool accumulate,
            const Location& loc) {
  if (const Tensor* mask = only_mask(indices); mask && impl_of(value, loc)->shape.empty() && !accumulate)
    return put_masked(self, *mask, node_of(value), loc);
  Indexed at = parse(self, indices, loc);
  if (!at.taken.empty()) return put_taken(at, node_of(value), accumulate, loc);
  if (accumulate) {
    at.view.add_(value.to(at.view.dtype(), loc), loc);
  } else {
    index_with(self, indices, loc) = value;
  }
}

void put_at(Tensor& self, std::span<const TensorIndex> indices, const Scalar& value, const Location& loc) {
  if (const Tensor* mask = only_mask(indices))
    return put_masked(self, *mask, on_device(argument(value, self.dtype(), loc), self.device(), loc), loc);
  Indexed at = parse(self, indices, loc);
  if (!at.taken.empty())
    return put_taken(at, on_device(argument(value, self.dtype(), loc), self.device(), loc), false, loc);
  at.view.fill_(value, loc);
}

}  // namespace

WeakTensor::WeakTensor(const Tensor& t) : impl_(std::make_shared<TensorImpl>(*impl_of(t))), root_(impl_->root) {
  impl_->root = nullptr;
}
Tensor WeakTensor::lock() const {
  auto root = root_.lock();
  if (!root) return {};
  auto impl = std::make_shared<TensorImpl>(*impl_);
  impl->root = std::move(root);
  return Tensor(std::move(impl));
}

TakenFrom::TakenFrom(const Tensor& t, std::span<const TensorIndex> list) : tensor(t) {
  for (const TensorIndex& i : list) {
    if (i.kind() == TensorIndex::Kind::Tensor)
      indices.emplace_back(TensorIndex(None, i.where()), WeakTensor(i.tensor()));
    else
      indices.emplace_back(i, std::nullopt);
  }
}
std::vector<TensorIndex> TakenFrom::locked() const {
  std::vector<TensorIndex> all;
  for (const auto& [index, weak] : indices) all.push_back(weak ? TensorIndex(weak->lock(), index.where()) : index);
  return all;
}
void TakenFrom::put(const Tensor& value, const Location& loc) const {
  if (Tensor t = tensor.lock(); t.defined()) t.index_put_(locked(), value, false, loc);
}
void TakenFrom::put(const Scalar& value, const Location& loc) const {
  if (Tensor t = tensor.lock(); t.defined()) t.index_put_(locked(), value, loc);
}

Tensor Tensor::index(std::initializer_list<TensorIndex> indices, Location loc) const {
  return index_with(*this, {indices.begin(), indices.size()}, loc);
}
Tensor Tensor::index(const std::vector<TensorIndex>& indices, Location loc) const {
  return index_with(*this, indices, loc);
}
Tensor& Tensor::index_put_(std::initializer_list<TensorIndex> indices, const Tensor& value, Location loc) {
  put_at(*this, {indices.begin(), indices.size()}, value, false, loc);
  return *this;
}
Tensor& Tensor::index_put_(std::initializer_list<TensorIndex> indices, const Tensor& value, bool accumulate,
                           Location loc) {
  put_at(*this, {indices.begin(), indices.size()}, value, accumulate, loc);
  return *this;
}
Tensor& Tensor::index_put_(std::initializer_list<TensorIndex> indices, Scalar value, Location loc) {
  put_at(*this, {indices.begin(), indices.size()}, value, loc);
  return *this;
}
Tensor& Tensor::index_put_(const std::vector<TensorIndex>& indices, const Tensor& value, bool accumulate,
                           Location loc) {
  put_at(*this, indices, value, accumulate, loc);
  return *this;
}
Tensor& Tensor::index_put_(const std::vector<TensorIndex>& indices, Scalar value, Location loc) {
  put_at(*this, indices, value, loc);
  return *this;
}

Tensor Tensor::index_put(std::initializer_list<TensorIndex> indices, const Tensor& value, bool accumulate,
                         Location loc) const {
  Tensor copy = clone(loc);
  return copy.index_put_(indices, value, accumulate, loc);
}
Tensor Tensor::index_put(std::initializer_list<TensorIndex> indices, Scalar value, Location loc) const {
  Tensor copy = clone(loc);
  return copy.index_put_(indices, value, loc);
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
