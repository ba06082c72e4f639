// What fold and convolution compute, as primitive nodes (ir/expand.h). A convolution is one contraction over windows of
// its operand, which nobody stores: they are an index map. A fold adds, at every place, the elements of the windows
// that hold it, in ascending order of the place in the window.
#include <algorithm>
#include <numeric>

#include "ir/expand.h"
#include "ir/gradient.h"
#include "ir/ops/window.h"

namespace lazuli::ir {

using namespace gradient;

namespace {

constexpr int64_t kMostResidues = 64;      // of a convolution over spread elements
constexpr int64_t kMostTerms = 64;         // of a fold over all axes at once
constexpr int64_t kMostTermsPerAxis = 16;  // over one axis; beyond, a sum over windows read askew

Dims filled(size_t count, int64_t v) {
  Dims dims;
  for (size_t i = 0; i < count; ++i) dims.push_back(v);
  return dims;
}

Dims range(size_t begin, size_t end) {
  Dims axes;
  for (size_t d = begin; d < end; ++d) axes.push_back(static_cast<int64_t>(d));
  return axes;
}

/// `spread[d] - 1` zeros between the elements of axis lead + d.
Expr spread_out(const Expr& x, const Dims& spread, size_t lead) {
  Shape shape = x->shape();
  Dims step = filled(x->rank(), 1);
  bool any = false;
  for (size_t d = 0; d < spread.size(); ++d) {
    if (spread[d] == 1 || shape[lead + d] == 1) continue;
    any = true;
    step[lead + d] = spread[d];
    shape[lead + d] = (shape[lead + d] - 1) * spread[d] + 1;
  }
  return any ? slice_update(full(x.at(), x->dtype(), shape, 0), x, filled(x->rank(), 0), step) : x;
}

/// Zeros before and after axis lead + d, or elements cut off where negative.
Expr padded(const Expr& x, const Dims& low, const Dims& high, size_t lead) {
  Dims start = filled(x->rank(), 0), before = start, after = start;
  Shape shape = x->shape();
  bool pads = false;
  for (size_t d = 0; d < low.size(); ++d) {
    const size_t a = lead + d;
    // A cut may reach beyond the elements, into the other side's padding.
    const int64_t front = std::min(std::max<int64_t>(-low[d], 0), shape[a]);
    const int64_t back = std::min(std::max<int64_t>(-high[d], 0), shape[a] - front);
    start[a] = front;
    shape[a] -= front + back;
    before[a] = low[d] + front;
    after[a] = high[d] + back;
    if (before[a] < 0) after[a] += before[a], before[a] = 0;
    if (after[a] < 0) before[a] += after[a], after[a] = 0;
    pads = pads || before[a] != 0 || after[a] != 0;
  }
  const Expr cut = slice(x, start, filled(x->rank(), 1), shape);
  return pads ? pad(cut, before, after, 0) : cut;
}

/// With an axis of `groups` before axis `axis`, which it divides.
Expr grouped(const Expr& x, size_t axis, int64_t groups) {
  Shape shape;
  for (size_t d = 0; d < x->rank(); ++d) {
    if (d == axis) shape.push_back(groups);
    shape.push_back(d == axis ? x->shape()[d] / groups : x->shape()[d]);
  }
  return reshape(x, shape);
}

/// One contraction over windows of the spread and padded operand.
Expr contracted(const Expr& x, const Expr& weight, const WindowDims& w, const Shape& to) {
  const size_t axes = w.step.size();
  const int64_t groups = w.groups[0];
  WindowDims windows{.size = {}, .step = w.step, .dilation = w.dilation};
  for (size_t d = 0; d < axes; ++d) windows.size.push_back(weight->shape()[2 + d]);
  // [batch, group, channel, place ..., window ...] and [group, out, channel, window ...]
  const Expr read = padded(spread_out(grouped(x, 1, groups), w.spread, 3), w.low, w.high, 3);
  const Expr lhs = grouped(weight, 0, groups);
  const Expr rhs = axes == 0 ? read : make(x.at(), Op::windows, {read.get()}, window_attr(std::move(windows)));
  DotDims dims{.lhs_batch = {0}, .rhs_batch = {1}, .lhs_contract = range(2, 3 + axes), .rhs_contract = {2}};
  for (size_t d = 0; d < axes; ++d) dims.rhs_contract.push_back(static_cast<int64_t>(3 + axes + d));
  const Expr product = dot_general(lhs, rhs, std::move(dims));  // [group, out, batch, place ...]
  Dims order{2, 0, 1};
  for (size_t d = 0; d < axes; ++d) order.push_back(static_cast<int64_t>(3 + d));
  return reshape(permute(product, order), to);
}

/// Along one axis: the results `first`, `first + step`, ... and the places of the window under which elements lie
/// there, not zeros between them.
struct Residue {
  int64_t first, step, count;               // of results
  int64_t place, place_step, places;        // of the window; none: these results are zero
  int64_t dilation = 1, low = 0, high = 0;  // of the convolution that they are
};

Residue residue_of(int64_t r, int64_t extent, int64_t size, int64_t results, const WindowDims& w, size_t d) {
  // One place alone has no distance, whatever is said of it.
  const int64_t spread = w.spread[d], dilation = size == 1 ? 1 : w.dilation[d], low = w.low[d];
  Residue all{r, spread, (results - r + spread - 1) / spread, 0, spread / std::gcd(spread, dilation), 0};
  const auto at = [&](int64_t place) { return r + place * dilation - low; };  // where a place reads
  while (all.place < std::min(all.place_step, size) && at(all.place) % spread != 0) ++all.place;
  if (all.place >= std::min(all.place_step, size)) return all;
  all.places = (size - 1 - all.place) / all.place_step + 1;
  all.dilation = dilation * all.place_step / spread;
  all.low = -at(all.place) / spread;
  all.high = all.count + (all.places - 1) * all.dilation - extent - all.low;
  return all;
}

/// Over an operand with zeros between its elements, which are not multiplied: per residue of the results modulo the
/// spread a convolution by the places that meet elements.
Expr convolution(const Expr& x, const Expr& weight, const Node* n) {
  const WindowDims& w = *n->attr_as<WindowAttr>().dims;
  const size_t axes = w.step.size();
  std::vector<size_t> split;
  int64_t parts = 1;
  for (size_t d = 0; d < axes; ++d) {
    if (w.spread[d] == 1 || w.step[d] != 1 || w.spread[d] > kMostResidues / parts) continue;
    parts *= w.spread[d];
    split.push_back(d);
  }
  if (split.empty() || n->numel() == 0) return contracted(x, weight, w, n->shape());
  const Shape& to = n->shape();
  Expr all = full(x.at(), x->dtype(), to, 0);
  Dims r = filled(split.size(), 0);
  for (bool more = true; more;) {
    WindowDims part = w;
    Dims from = filled(axes + 2, 0), step = filled(axes + 2, 1), start = from, apart = step;
    Shape taken = weight->shape(), results = to;
    bool any = true;
    for (size_t i = 0; i < split.size(); ++i) {
      const size_t d = split[i], a = 2 + d;
      const Residue one = residue_of(r[i], x->shape()[a], weight->shape()[a], to[a], w, d);
      part.spread[d] = 1;
      part.dilation[d] = one.dilation;
      part.low[d] = one.low;
      part.high[d] = one.high;
      from[a] = one.place;
      step[a] = one.place_step;
      taken[a] = one.places;
      start[a] = one.first;
      apart[a] = one.step;
      results[a] = one.count;
      any = any && one.places > 0 && one.count > 0;
    }
    if (any) all = slice_update(all, contracted(x, slice(weight, from, step, taken), part, results), start, apart);
    more = false;
    for (size_t i = split.size(); i-- > 0 && !more;) {
      more = ++r[i] < w.spread[split[i]];
      if (!more) r[i] = 0;
    }
  }
  return all;
}

/// Windows that share no element: put side by side.
Expr laid_out(const Expr& c, const WindowDims& w, const Shape& to) {
  const size_t axes = w.size.size(), lead = to.size() - axes;
  Dims none = filled(c->rank(), 0), gap = none, order = range(0, lead);
  Shape joined(std::span<const int64_t>(to).first(lead));
  Dims before = filled(axes, 0), after;
  for (size_t d = 0; d < axes; ++d) {
    gap[lead + axes + d] = w.step[d] - w.size[d];
    order.push_back(static_cast<int64_t>(lead + d));
    order.push_back(static_cast<int64_t>(lead + axes + d));
    joined.push_back(c->shape()[lead + d] * w.step[d]);
    after.push_back(to[lead + d] - joined.back());
  }
  const bool gaps = w.step != w.size;
  return padded(reshape(permute(gaps ? pad(c, none, gap, 0) : c, order), joined), before, after, lead);
}

/// One term per place in the windows.
Expr added_up(const Expr& c, const WindowDims& w, const Shape& to) {
  const size_t axes = w.size.size(), lead = to.size() - axes;
  Dims at = filled(axes, 0);
  const Shape counts(std::span<const int64_t>(c->shape()).first(to.size()));
  Expr total;
  for (bool more = true; more;) {
    Dims start = filled(c->rank(), 0), low, high;
    Shape one = counts;
    for (size_t d = 0; d < axes; ++d) {
      start[to.size() + d] = at[d];
      one.push_back(1);
      low.push_back(at[d] * w.dilation[d]);
      high.push_back(to[lead + d] - low[d] - ((counts[lead + d] - 1) * w.step[d] + 1));
    }
    const Expr elements = reshape(slice(c, start, filled(c->rank(), 1), one), counts);
    const Expr term = padded(spread_out(elements, w.step, lead), low, high, lead);
    total = total ? total + term : term;
    more = false;
    for (size_t d = axes; d-- > 0 && !more;) {
      more = ++at[d] < w.size[d];
      if (!more) at[d] = 0;
    }
  }
  return total;
}

/// One axis with large windows: [lead, extent], where row k of the spread and padded elements is read `k * dilation`
/// further on. A row that is shorter by `dilation` than it is stored starts that much later every time.
Expr summed_askew(const Expr& c, const WindowDims& w, const Shape& to) {
  const size_t lead = to.size() - 1;
  const int64_t size = w.size[0], dilation = w.dilation[0], extent = to[lead];
  Dims order = range(0, lead);
  order.push_back(static_cast<int64_t>(lead + 1));
  order.push_back(static_cast<int64_t>(lead));
  const Expr rows = spread_out(permute(c, order), {w.step[0]}, lead + 1);  // [lead, window, place]
  const int64_t low = dilation * (size - 1), row = low + extent + dilation;
  Expr wide = padded(rows, {low}, {row - low - rows->shape()[lead + 1]}, lead + 1);
  Shape flat(std::span<const int64_t>(to).first(lead));
  flat.push_back(size * row);
  Shape cut = flat, askew = cut;
  cut[lead] = size * (row - dilation);
  askew[lead] = size;
  askew.push_back(row - dilation);
  Shape part = askew;
  part[lead + 1] = extent;
  const Dims zero = filled(lead + 1, 0), one = filled(lead + 1, 1);
  Dims start = filled(lead + 2, 0);
  start[lead + 1] = low;
  wide = reshape(slice(reshape(wide, flat), zero, one, cut), askew);
  return sum(slice(wide, start, filled(lead + 2, 1), part), {static_cast<int64_t>(lead)});
}

Expr fold(const Expr& c, const WindowDims& w, const Shape& to) {
  const size_t axes = w.size.size(), lead = to.size() - axes;
  int64_t terms = 1;
  bool apart = true;
  for (size_t d = 0; d < axes; ++d) {
    if (__builtin_mul_overflow(terms, w.size[d], &terms)) terms = kMostTerms + 1;
    apart = apart && w.dilation[d] == 1 && w.size[d] <= w.step[d];
  }
  if (to.empty() || c->numel() == 0) return c->numel() == 0 ? full(c.at(), c->dtype(), to, 0) : c;
  if (apart) return laid_out(c, w, to);
  if (terms <= kMostTerms) return added_up(c, w, to);
  if (axes == 1) return terms <= kMostTermsPerAxis ? added_up(c, w, to) : summed_askew(c, w, to);
  // The last axis first, its numbers of windows beside its places in them.
  Expr rest = c;
  for (size_t d = axes; d-- > 0;) {
    Dims order;  // the windowed axis and its places last
    const auto count_axis = static_cast<int64_t>(lead + d), place_axis = static_cast<int64_t>(rest->rank()) - 1;
    for (int64_t a = 0; a < place_axis; ++a)
      if (a != count_axis) order.push_back(a);
    order.push_back(count_axis);
    order.push_back(place_axis);
    const Expr last = permute(rest, order);
    Shape shape(std::span<const int64_t>(last->shape()).first(last->rank() - 1));
    shape[shape.size() - 1] = to[lead + d];
    const WindowDims one{.size = {w.size[d]}, .step = {w.step[d]}, .dilation = {w.dilation[d]}};
    const Expr done = fold(last, one, shape);
    Dims back;  // the axis where it was
    for (int64_t a = 0; a + 1 < static_cast<int64_t>(done->rank()); ++a) {
      if (a == count_axis) back.push_back(static_cast<int64_t>(done->rank()) - 1);
      back.push_back(a);
    }
    if (back.size() < done->rank()) back.push_back(static_cast<int64_t>(done->rank()) - 1);
    rest = permute(done, back);
  }
  return rest;
}

}  // namespace

NodeRef expand_window(const Node* n, std::span<const NodeRef> inputs, Interner& interner) {
  const Place at{interner, n->origin(), n->device()};
  const Expr x(at, inputs[0]);
  if (n->op() == Op::fold) return fold(x, *n->attr_as<WindowAttr>().dims, n->shape()).node();
  return convolution(x, Expr(at, inputs[1]), n).node();
}

}  // namespace lazuli::ir
