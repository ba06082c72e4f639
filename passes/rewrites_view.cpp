// Views of one operand: chains are merged, and brought into one order (from the outside: expand, permute, reshape by
// ones, flip, slice, other reshapes), so that equal views become equal nodes.
// Every node here has elements: values without any are replaced before (empty_rules).
#include "passes/rewrites.h"

namespace lazuli::passes {
namespace {

using ir::Dims;
using ir::Node;
using ir::NodeRef;
using ir::Op;
using ir::Shape;

const Dims& axes_of(const Node* n) {
  return n->attr_as<ir::AxesAttr>().axes;
}
size_t at(const Dims& d, size_t i) {
  return static_cast<size_t>(d[i]);
}

Shape with_leading_ones(const Shape& shape, size_t rank) {
  Shape result(rank - shape.size(), 1);
  for (int64_t d : shape) result.push_back(d);
  return result;
}
Shape without_leading_ones(const Shape& shape) {
  Shape result;
  for (int64_t d : shape)
    if (!result.empty() || d != 1) result.push_back(d);
  return result;
}

/// For a reshape that only adds and drops axes of size 1: per axis of `to` the axis of `from` that it is, -1 if added.
std::optional<Dims> ones_only(const Shape& from, const Shape& to) {
  Dims axes;
  size_t i = 0;
  for (size_t j = 0; j < to.size(); ++j) {
    while (i < from.size() && from[i] == 1 && to[j] != 1) ++i;
    if (i < from.size() && from[i] == to[j]) {
      axes.push_back(static_cast<int64_t>(i++));
    } else if (to[j] == 1) {
      axes.push_back(-1);
    } else {
      return std::nullopt;
    }
  }
  while (i < from.size())
    if (from[i++] != 1) return std::nullopt;
  return axes;
}

// ---- reshape ----
NodeRef reshape_same(const Node* n, Rewriter& r) {
  return r.reshape(n->input(0), n->shape());
}
NodeRef reshape_reshape(const Node* n, Rewriter& r) {
  const Node* x = n->input(0);
  return x->op() == Op::reshape ? r.reshape(x->input(0), n->shape()) : nullptr;
}
/// One element everywhere has every shape.
NodeRef reshape_scalar(const Node* n, Rewriter& r) {
  const Node* x = n->input(0);
  if (x->op() == Op::expand) x = x->input(0);
  return x->rank() == 0 ? r.expand(x, n->shape()) : nullptr;
}
NodeRef reshape_expand(const Node* n, Rewriter& r) {
  const Node* e = n->input(0);
  if (e->op() != Op::expand) return nullptr;
  const std::optional<Dims> axes = ones_only(e->shape(), n->shape());
  if (!axes) return nullptr;
  const Shape source = with_leading_ones(e->input(0)->shape(), e->rank());
  Shape shape;
  for (int64_t a : *axes) shape.push_back(a < 0 ? 1 : source[static_cast<size_t>(a)]);
  return r.expand(r.reshape(e->input(0), shape).get(), n->shape());
}
NodeRef reshape_permute(const Node* n, Rewriter& r) {
  const Node* p = n->input(0);
  if (p->op() != Op::permute) return nullptr;
  const std::optional<Dims> axes = ones_only(p->shape(), n->shape());
  if (!axes) return nullptr;
  // Below the permutation: the operand's axes that stay, in their order, then the added ones.
  const Node* x = p->input(0);
  Dims place(x->rank(), -1);  // result axis of each operand axis
  for (size_t j = 0; j < axes->size(); ++j)
    if ((*axes)[j] >= 0) place[at(axes_of(p), at(*axes, j))] = static_cast<int64_t>(j);
  Shape shape;
  Dims order(n->rank(), 0);
  for (size_t d = 0; d < x->rank(); ++d) {
    if (place[d] < 0) continue;
    order[at(place, d)] = static_cast<int64_t>(shape.size());
    shape.push_back(x->shape()[d]);
  }
  for (size_t j = 0; j < axes->size(); ++j)
    if ((*axes)[j] < 0) {
      order[j] = static_cast<int64_t>(shape.size());
      shape.push_back(1);
    }
  return r.permute(r.reshape(x, shape).get(), order);
}

// ---- permute ----
/// Axes of size 1 may stand anywhere.
NodeRef permute_ones(const Node* n, Rewriter& r) {
  const Shape& shape = n->input(0)->shape();
  int64_t last = -1;
  for (int64_t a : axes_of(n)) {
    if (shape[static_cast<size_t>(a)] == 1) continue;
    if (a < last) return nullptr;
    last = a;
  }
  return r.reshape(n->input(0), n->shape());
}
NodeRef permute_permute(const Node* n, Rewriter& r) {
  const Node* inner = n->input(0);
  if (inner->op() != Op::permute) return nullptr;
  Dims axes;
  for (int64_t a : axes_of(n)) axes.push_back(axes_of(inner)[static_cast<size_t>(a)]);
  return r.permute(inner->input(0), axes);
}
NodeRef permute_expand(const Node* n, Rewriter& r) {
  const Node* e = n->input(0);
  if (e->op() != Op::expand) return nullptr;
  const Node* x = e->input(0);
  if (x->rank() == 0) return r.expand(x, n->shape());
  const NodeRef aligned = r.reshape(x, with_leading_ones(x->shape(), e->rank()));
  return r.expand(r.permute(aligned.get(), axes_of(n)).get(), n->shape());
}
NodeRef permute_iota(const Node* n, Rewriter& r) {
  const Node* x = n->input(0);
  if (x->op() != Op::iota) return nullptr;
  const Dims& axes = axes_of(n);
  return r.make(Op::iota, {}, ir::AxesAttr{{std::find(axes.begin(), axes.end(), axes_of(x)[0]) - axes.begin()}});
}

// ---- expand ----
NodeRef expand_expand(const Node* n, Rewriter& r) {
  const Node* x = n->input(0);
  return x->op() == Op::expand ? r.expand(x->input(0), n->shape()) : nullptr;
}
/// An expand that repeats nothing is a reshape (of scalars, the other way round).
NodeRef expand_ones(const Node* n, Rewriter& r) {
  const Node* x = n->input(0);
  return x->rank() > 0 && with_leading_ones(x->shape(), n->rank()) == n->shape() ? r.reshape(x, n->shape()) : nullptr;
}
/// Leading ones are implied.
NodeRef expand_reshape(const Node* n, Rewriter& r) {
  const Node* s = n->input(0);
  if (s->op() != Op::reshape) return nullptr;
  const Node* x = s->input(0);
  return x->rank() <= n->rank() && without_leading_ones(x->shape()) == without_leading_ones(s->shape())
             ? r.expand(x, n->shape())
             : nullptr;
}
NodeRef expand_iota(const Node* n, Rewriter& r) {
  const Node* x = n->input(0);
  if (x->op() != Op::iota) return nullptr;
  const size_t axis = at(axes_of(x), 0), moved = axis + n->rank() - x->rank();
  if (x->shape()[axis] != n->shape()[moved]) return nullptr;
  return r.make(Op::iota, {}, ir::AxesAttr{{static_cast<int64_t>(moved)}});
}

// ---- slice ----
struct Range {
  Dims start, step;
};
Range range_of(const Node* n) {
  const ir::SliceAttr& a = n->attr_as<ir::SliceAttr>();
  return {a.start, a.step};
}
NodeRef slice_same(const Node* n, Rewriter&) {
  return n->shape() == n->input(0)->shape() ? NodeRef(n->input(0)) : nullptr;
}
/// A single element has no step.
NodeRef slice_step(const Node* n, Rewriter& r) {
  Range range = range_of(n);
  for (size_t d = 0; d < n->rank(); ++d)
    if (n->shape()[d] == 1) range.step[d] = 1;
  return r.slice(n->input(0), range.start, range.step, n->shape());
}
NodeRef slice_slice(const Node* n, Rewriter& r) {
  const Node* inner = n->input(0);
  if (inner->op() != Op::slice) return nullptr;
  const Range outer = range_of(n);
  Range range = range_of(inner);
  for (size_t d = 0; d < n->rank(); ++d) {
    range.start[d] += outer.start[d] * range.step[d];
    range.step[d] = n->shape()[d] == 1 ? 1 : range.step[d] * outer.step[d];
  }
  return r.slice(inner->input(0), range.start, range.step, n->shape());
}
NodeRef slice_expand(const Node* n, Rewriter& r) {
  const Node* e = n->input(0);
  if (e->op() != Op::expand) return nullptr;
  const Node* x = e->input(0);
  const size_t lead = e->rank() - x->rank();
  const Range range = range_of(n);
  Dims start, step;
  Shape shape;
  for (size_t d = 0; d < x->rank(); ++d) {
    const bool repeated = x->shape()[d] == 1;
    start.push_back(repeated ? 0 : range.start[lead + d]);
    step.push_back(repeated ? 1 : range.step[lead + d]);
    shape.push_back(repeated ? 1 : n->shape()[lead + d]);
  }
  return r.expand(r.slice(x, start, step, shape).get(), n->shape());
}
NodeRef slice_permute(const Node* n, Rewriter& r) {
  const Node* p = n->input(0);
  if (p->op() != Op::permute) return nullptr;
  const Range range = range_of(n);
  Dims start(n->rank(), 0), step(n->rank(), 1);
  Shape shape(n->rank(), 0);
  for (size_t d = 0; d < n->rank(); ++d) {
    const size_t a = at(axes_of(p), d);
    start[a] = range.start[d];
    step[a] = range.step[d];
    shape[a] = n->shape()[d];
  }
  return r.permute(r.slice(p->input(0), start, step, shape).get(), axes_of(p));
}
NodeRef slice_flip(const Node* n, Rewriter& r) {
  const Node* f = n->input(0);
  if (f->op() != Op::flip) return nullptr;
  Range range = range_of(n);
  for (int64_t a : axes_of(f)) {
    const size_t d = static_cast<size_t>(a);
    range.start[d] = f->shape()[d] - 1 - (range.start[d] + (n->shape()[d] - 1) * range.step[d]);
  }
  return r.flip(r.slice(f->input(0), range.start, range.step, n->shape()).get(), axes_of(f));
}
NodeRef slice_reshape(const Node* n, Rewriter& r) {
  const Node* s = n->input(0);
  if (s->op() != Op::reshape) return nullptr;
  const Node* x = s->input(0);
  const std::optional<Dims> axes = ones_only(x->shape(), s->shape());
  if (!axes) return nullptr;
  const Range range = range_of(n);
  Dims start(x->rank(), 0), step(x->rank(), 1);
  Shape shape = x->shape();
  for (size_t d = 0; d < n->rank(); ++d) {
    if ((*axes)[d] < 0) continue;
    start[at(*axes, d)] = range.start[d];
    step[at(*axes, d)] = range.step[d];
    shape[at(*axes, d)] = n->shape()[d];
  }
  return r.reshape(r.slice(x, start, step, shape).get(), n->shape());
}
NodeRef slice_iota(const Node* n, Rewriter& r) {
  const Node* x = n->input(0);
  if (x->op() != Op::iota || x->shape()[at(axes_of(x), 0)] != n->shape()[at(axes_of(x), 0)]) return nullptr;
  return r.make(Op::iota, {}, x->attr());
}

// ---- flip ----
NodeRef flip_ones(const Node* n, Rewriter& r) {
  Dims axes;
  for (int64_t a : axes_of(n))
    if (n->shape()[static_cast<size_t>(a)] != 1) axes.push_back(a);
  return r.flip(n->input(0), axes);
}
NodeRef flip_flip(const Node* n, Rewriter& r) {
  const Node* inner = n->input(0);
  if (inner->op() != Op::flip) return nullptr;
  const Dims &a = axes_of(n), &b = axes_of(inner);
  std::vector<int64_t> once;
  std::set_symmetric_difference(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(once));
  return r.flip(inner->input(0), Dims(once));
}
NodeRef flip_expand(const Node* n, Rewriter& r) {
  const Node* e = n->input(0);
  if (e->op() != Op::expand) return nullptr;
  const Node* x = e->input(0);
  const int64_t lead = static_cast<int64_t>(e->rank() - x->rank());
  Dims axes;
  for (int64_t a : axes_of(n))
    if (a >= lead && x->shape()[static_cast<size_t>(a - lead)] != 1) axes.push_back(a - lead);
  return r.expand(r.flip(x, axes).get(), n->shape());
}
NodeRef flip_permute(const Node* n, Rewriter& r) {
  const Node* p = n->input(0);
  if (p->op() != Op::permute) return nullptr;
  Dims axes;
  for (int64_t a : axes_of(n)) axes.push_back(axes_of(p)[static_cast<size_t>(a)]);
  std::sort(axes.begin(), axes.end());
  return r.permute(r.flip(p->input(0), axes).get(), axes_of(p));
}
NodeRef flip_reshape(const Node* n, Rewriter& r) {
  const Node* s = n->input(0);
  if (s->op() != Op::reshape) return nullptr;
  const std::optional<Dims> from = ones_only(s->input(0)->shape(), s->shape());
  if (!from) return nullptr;
  Dims axes;
  for (int64_t a : axes_of(n))
    if ((*from)[static_cast<size_t>(a)] >= 0) axes.push_back((*from)[static_cast<size_t>(a)]);
  return r.reshape(r.flip(s->input(0), axes).get(), n->shape());
}

constexpr Rule kRules[] = {
    {"reshape-same", Op::reshape, reshape_same},
    {"reshape-reshape", Op::reshape, reshape_reshape},
    {"reshape-scalar", Op::reshape, reshape_scalar},
    {"reshape-expand", Op::reshape, reshape_expand},
    {"reshape-permute", Op::reshape, reshape_permute},
    {"permute-ones", Op::permute, permute_ones},
    {"permute-permute", Op::permute, permute_permute},
    {"permute-expand", Op::permute, permute_expand},
    {"permute-iota", Op::permute, permute_iota},
    {"expand-expand", Op::expand, expand_expand},
    {"expand-ones", Op::expand, expand_ones},
    {"expand-reshape", Op::expand, expand_reshape},
    {"expand-iota", Op::expand, expand_iota},
    {"slice-same", Op::slice, slice_same},
    {"slice-step", Op::slice, slice_step},
    {"slice-slice", Op::slice, slice_slice},
    {"slice-expand", Op::slice, slice_expand},
    {"slice-permute", Op::slice, slice_permute},
    {"slice-flip", Op::slice, slice_flip},
    {"slice-reshape", Op::slice, slice_reshape},
    {"slice-iota", Op::slice, slice_iota},
    {"flip-ones", Op::flip, flip_ones},
    {"flip-flip", Op::flip, flip_flip},
    {"flip-expand", Op::flip, flip_expand},
    {"flip-permute", Op::flip, flip_permute},
    {"flip-reshape", Op::flip, flip_reshape},
};

}  // namespace

std::span<const Rule> view_rules() {
  return kRules;
}

}  // namespace lazuli::passes
