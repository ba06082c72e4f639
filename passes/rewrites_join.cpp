// pad, concat, slice_update, and slices that read only a part of them.
// Every node here has elements (empty_rules), its operands may have none.
#include <numeric>

#include "passes/pass.h"
#include "passes/rewrites.h"

namespace lazuli::passes {
namespace {

using ir::Dims;
using ir::Node;
using ir::NodeRef;
using ir::Op;
using ir::Shape;

/// Longest operand list that flattening makes: longer ones cost quadratic time along a chain of concats.
constexpr size_t kMaxFlat = 64;

/// Indices start, start + step, ..., last along one axis.
struct Indices {
  int64_t start, step, last;
};
Indices indices(const ir::SliceAttr& a, const Shape& sizes, size_t d) {
  return {a.start[d], a.step[d], a.start[d] + (sizes[d] - 1) * a.step[d]};
}

// ---- pad ----
NodeRef pad_nothing(const Node* n, Rewriter&) {
  return n->shape() == n->input(0)->shape() ? NodeRef(n->input(0)) : nullptr;
}
/// Only padding is left when the operand has no elements or has none but the padding's value.
NodeRef pad_only(const Node* n, Rewriter& r) {
  const std::optional<uint64_t> x = uniform_bits(n->input(0)), value = uniform_bits(n->input(1));
  return n->input(0)->numel() == 0 || (x && value && *x == *value) ? r.expand(n->input(1), n->shape()) : nullptr;
}
NodeRef pad_pad(const Node* n, Rewriter& r) {
  const Node* inner = n->input(0);
  if (inner->op() != Op::pad || inner->input(1) != n->input(1)) return nullptr;
  ir::PadAttr both = n->attr_as<ir::PadAttr>();
  const ir::PadAttr& less = inner->attr_as<ir::PadAttr>();
  for (size_t d = 0; d < n->rank(); ++d) {
    both.low[d] += less.low[d];
    both.high[d] += less.high[d];
  }
  return r.make(Op::pad, {inner->input(0), n->input(1)}, both);
}
NodeRef slice_pad(const Node* n, Rewriter& r) {
  const Node* p = n->input(0);
  if (p->op() != Op::pad) return nullptr;
  const ir::SliceAttr& slice = n->attr_as<ir::SliceAttr>();
  const ir::PadAttr& pad = p->attr_as<ir::PadAttr>();
  const Node* x = p->input(0);
  Dims start, low, high;
  Shape shape;
  for (size_t d = 0; d < n->rank(); ++d) {
    const Indices i = indices(slice, n->shape(), d);
    const int64_t begin = pad.low[d], end = pad.low[d] + x->shape()[d];  // of the operand
    if (i.last < begin || i.start >= end) return r.expand(p->input(1), n->shape());
    const bool inside = i.start >= begin && i.last < end;
    if (!inside && i.step != 1) return nullptr;
    low.push_back(std::max<int64_t>(begin - i.start, 0));
    high.push_back(std::max<int64_t>(i.last - (end - 1), 0));
    start.push_back(std::max(i.start, begin) - begin);
    shape.push_back(n->shape()[d] - low.back() - high.back());
  }
  const NodeRef part = r.slice(x, start, slice.step, shape);
  if (part->shape() == n->shape()) return part;
  return r.make(Op::pad, {part.get(), p->input(1)}, ir::PadAttr{low, high});
}

// ---- concat ----
size_t concat_axis(const Node* n) {
  return static_cast<size_t>(n->attr_as<ir::AxesAttr>().axes[0]);
}
NodeRef concat_of(const std::vector<const Node*>& parts, const ir::Attr& attr, Rewriter& r) {
  return parts.size() == 1 ? NodeRef(parts[0]) : r.make(Op::concat, parts, attr);
}
NodeRef concat_one(const Node* n, Rewriter&) {
  return n->input_count() == 1 ? NodeRef(n->input(0)) : nullptr;
}
NodeRef concat_empty(const Node* n, Rewriter& r) {
  std::vector<const Node*> parts;
  for (const Node* x : n->inputs())
    if (x->numel() > 0) parts.push_back(x);
  return parts.size() < n->input_count() ? concat_of(parts, n->attr(), r) : nullptr;
}
NodeRef concat_uniform(const Node* n, Rewriter& r) {
  const std::optional<uint64_t> bits = uniform_bits(n->input(0));
  if (!bits) return nullptr;
  for (const Node* x : n->inputs())
    if (uniform_bits(x) != bits) return nullptr;
  return r.full(n->dtype(), *bits, n->shape());
}
NodeRef concat_concat(const Node* n, Rewriter& r) {
  std::vector<const Node*> parts;
  for (const Node* x : n->inputs()) {
    if (x->op() == Op::concat && x->attr() == n->attr()) {
      parts.insert(parts.end(), x->inputs().begin(), x->inputs().end());
    } else {
      parts.push_back(x);
    }
    if (parts.size() > kMaxFlat) return nullptr;
  }
  return parts.size() > n->input_count() ? concat_of(parts, n->attr(), r) : nullptr;
}
/// Whether `b` goes on along the axis where `a` ends, both being slices of one operand.
bool continues(const Node* a, const Node* b, size_t axis) {
  if (a->op() != Op::slice || b->op() != Op::slice || a->input(0) != b->input(0)) return false;
  const ir::SliceAttr &s = a->attr_as<ir::SliceAttr>(), &t = b->attr_as<ir::SliceAttr>();
  if (s.step != t.step || s.step[axis] != 1 || s.start[axis] + a->shape()[axis] != t.start[axis]) return false;
  for (size_t d = 0; d < a->rank(); ++d)
    if (d != axis && s.start[d] != t.start[d]) return false;
  return true;
}
/// Neighbouring slices of one operand are one slice.
NodeRef concat_slices(const Node* n, Rewriter& r) {
  const size_t axis = concat_axis(n);
  std::vector<const Node*> parts;
  std::vector<NodeRef> made;
  for (size_t i = 0; i < n->input_count();) {
    const Node* first = n->input(i);
    Shape shape = first->shape();
    size_t end = i + 1;
    for (; end < n->input_count() && continues(n->input(end - 1), n->input(end), axis); ++end)
      shape[axis] += n->input(end)->shape()[axis];
    if (end == i + 1) {
      parts.push_back(first);
    } else {
      const ir::SliceAttr& s = first->attr_as<ir::SliceAttr>();
      made.push_back(r.slice(first->input(0), s.start, s.step, shape));
      parts.push_back(made.back().get());
    }
    i = end;
  }
  return made.empty() ? nullptr : concat_of(parts, n->attr(), r);
}
/// Operands that the slice does not touch go.
NodeRef slice_concat(const Node* n, Rewriter& r) {
  const Node* c = n->input(0);
  if (c->op() != Op::concat) return nullptr;
  const size_t axis = concat_axis(c);
  ir::SliceAttr slice = n->attr_as<ir::SliceAttr>();
  const Indices i = indices(slice, n->shape(), axis);
  std::vector<const Node*> parts;
  int64_t begin = 0, skipped = 0;
  for (const Node* x : c->inputs()) {
    const int64_t end = begin + x->shape()[axis];
    if (end <= i.start) skipped = end;
    if (end > i.start && begin <= i.last) parts.push_back(x);
    begin = end;
  }
  if (parts.size() == c->input_count()) return nullptr;
  const NodeRef joined = concat_of(parts, c->attr(), r);
  slice.start[axis] -= skipped;
  return r.slice(joined.get(), slice.start, slice.step, n->shape());
}

// ---- slice_update ----
NodeRef update_all(const Node* n, Rewriter&) {
  return n->input(1)->shape() == n->shape() ? NodeRef(n->input(1)) : nullptr;
}
NodeRef update_nothing(const Node* n, Rewriter&) {
  return n->input(1)->numel() == 0 ? NodeRef(n->input(0)) : nullptr;
}
/// The second of two updates of one region is what stays.
NodeRef update_update(const Node* n, Rewriter& r) {
  const Node* inner = n->input(0);
  return inner->op() == Op::slice_update && inner->attr() == n->attr() &&
                 inner->input(1)->shape() == n->input(1)->shape()
             ? r.make(Op::slice_update, {inner->input(0), n->input(1)}, n->attr())
             : nullptr;
}
/// Putting a region back where it was read.
NodeRef update_same(const Node* n, Rewriter&) {
  const Node* u = n->input(1);
  return u->op() == Op::slice && u->input(0) == n->input(0) && u->attr() == n->attr() ? NodeRef(n->input(0)) : nullptr;
}
/// A slice of what an update has written or left. What is left of a large tensor is read where it stands after the
/// update: who reads it before keeps the update from being done in place.
NodeRef slice_update(const Node* n, Rewriter& r) {
  const Node* u = n->input(0);
  if (u->op() != Op::slice_update || u->input(1)->numel() == 0) return nullptr;
  const ir::SliceAttr &read = n->attr_as<ir::SliceAttr>(), &written = u->attr_as<ir::SliceAttr>();
  const Shape& size = u->input(1)->shape();
  if (read == written && size == n->shape()) return NodeRef(u->input(1));
  bool inside = true;
  Dims start;
  for (size_t d = 0; d < n->rank(); ++d) {
    const Indices i = indices(read, n->shape(), d), w = indices(written, size, d);
    if (i.last < w.start || i.start > w.last || (i.start - w.start) % std::gcd(i.step, w.step) != 0)
      return u->nbytes() < kUpdateBytes ? r.slice(u->input(0), read.start, read.step, n->shape()) : nullptr;
    inside = inside && (w.step == 1 || size[d] == 1) && i.start >= w.start && i.last <= w.last;
    start.push_back(i.start - w.start);
  }
  return inside ? r.slice(u->input(1), start, read.step, n->shape()) : nullptr;
}

constexpr Rule kRules[] = {
    {"pad-nothing", Op::pad, pad_nothing},
    {"pad-only", Op::pad, pad_only},
    {"pad-pad", Op::pad, pad_pad},
    {"slice-pad", Op::slice, slice_pad},
    {"concat-one", Op::concat, concat_one},
    {"concat-empty", Op::concat, concat_empty},
    {"concat-uniform", Op::concat, concat_uniform},
    {"concat-concat", Op::concat, concat_concat},
    {"concat-slices", Op::concat, concat_slices},
    {"slice-concat", Op::slice, slice_concat},
    {"update-all", Op::slice_update, update_all},
    {"update-nothing", Op::slice_update, update_nothing},
    {"update-update", Op::slice_update, update_update},
    {"update-same", Op::slice_update, update_same},
    {"slice-update", Op::slice, slice_update},
};

}  // namespace

std::span<const Rule> join_rules() {
  return kRules;
}

}  // namespace lazuli::passes
