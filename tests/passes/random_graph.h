// Random typed graphs over the whole op table: small shapes, sizes 0 and 1, every dtype, constants with neutral and
// absorbing values, long chains of views. A function of the seed alone.
#pragma once
#include <random>

#include "ir/ops/window.h"
#include "tests/passes/build.h"

namespace lazuli::passes::testing {

class RandomGraph {
 public:
  RandomGraph(ir::Interner& in, uint32_t seed) : in_(in), random_(seed) {}

  /// All nodes that nobody uses are outputs, so nothing that was made is dead.
  ir::Graph make(size_t nodes) {
    for (int i = 0; i < 3; ++i) add_leaf();
    for (size_t tries = 0; pool_.size() < nodes && tries < 20 * nodes; ++tries) {
      try {
        ir::NodeRef n = propose();
        if (n && n->numel() <= kMaxElements) pool_.push_back(std::move(n));
      } catch (const Error&) {  // an illegal proposal
      }
    }
    std::unordered_map<const ir::Node*, bool> used;
    for (const ir::Node* n : ir::topological_order({pool_}))
      for (const ir::Node* input : n->inputs()) used[input] = true;
    ir::Graph g;
    for (const ir::NodeRef& n : pool_)
      if (!used[n.get()]) g.outputs.push_back(n);
    return g;
  }

 private:
  static constexpr int64_t kMaxElements = 512;

  size_t below(size_t n) { return random_() % n; }
  bool one_in(size_t n) { return below(n) == 0; }
  /// Recent nodes more often, so that chains grow.
  ir::NodeRef any() {
    const size_t n = pool_.size();
    return pool_[one_in(2) ? n - 1 - below(std::min<size_t>(n, 4)) : below(n)];
  }
  DType dtype() {
    const DType usual[] = {kFloat32, kFloat32, kFloat32, kInt32, kBool, kFloat16};
    return one_in(3) ? static_cast<DType>(below(kSupportedDTypes)) : usual[below(6)];
  }
  int64_t size() {
    const int64_t sizes[] = {1, 1, 2, 3, 3, 4, 5};
    return one_in(60) ? 0 : sizes[below(7)];
  }
  ir::Shape shape() {
    ir::Shape s;
    for (size_t d = below(5); d-- > 0;) s.push_back(size());
    return s;
  }
  void add_leaf() { pool_.push_back(data(in_, dtype(), shape())); }

  ir::NodeRef constant(DType t) {
    const size_t width = is_bool(t) ? 1 : 8 * itemsize(t);
    const uint64_t mask = width == 64 ? ~uint64_t{0} : (uint64_t{1} << width) - 1;
    uint64_t bits = 0;
    switch (below(8)) {
      case 0:
        bits = random_() & mask;
        break;
      case 1:
        bits = is_floating(t) ? uint64_t{1} << (width - 1) : mask;
        break;  // -0, -1
      case 2:
      case 3:
        break;
      default:
        bits = t == kFloat16    ? 0x3c00
               : t == kBFloat16 ? 0x3f80
               : t == kFloat32  ? 0x3f800000
               : t == kFloat64  ? 0x3ff0000000000000
                                : 1;
        break;
    }
    return node(in_, ir::Op::constant, {}, ir::ConstantAttr{bits}, {}, t);
  }
  /// Some node of the type and shape: one there is, a constant, or one expanded to it.
  ir::NodeRef like(DType t, const ir::Shape& s) {
    if (one_in(3)) return expand(constant(t), s);
    if (!one_in(4))
      for (int i = 0; i < 12; ++i) {
        const ir::NodeRef n = any();
        if (n->dtype() == t && n->shape() == s) return n;
      }
    if (one_in(2)) {
      ir::Shape small = s;
      for (int64_t& d : small) d = one_in(2) ? 1 : d;
      const ir::NodeRef x = any();
      const ir::NodeRef c = x->dtype() == t ? x : node(in_, ir::Op::cast, {x}, ir::NoAttr{}, {}, t);
      if (ir::broadcast(c->shape(), s) == s) return expand(c, s);
      return expand(data(in_, t, small), s);
    }
    return expand(constant(t), s);
  }
  ir::NodeRef expand(const ir::NodeRef& x, const ir::Shape& s) {
    return x->shape() == s ? x : node(in_, ir::Op::expand, {x}, ir::NoAttr{}, s);
  }

  ir::NodeRef propose() {
    switch (below(10)) {
      case 0: {
        const ir::NodeRef x = any();
        return node(in_, ir::Op::cast, {x}, ir::NoAttr{}, {}, dtype());
      }
      case 1:
      case 2:
      case 3:
        return elementwise();
      case 4:
        return reduce();
      case 5:
        return one_in(4) ? leafish() : join();
      default:
        return view();
    }
  }

  ir::NodeRef leafish() {
    if (one_in(2)) return constant(dtype());
    const ir::Shape s = shape();
    if (s.empty()) return nullptr;
    return node(in_, ir::Op::iota, {}, ir::AxesAttr{{static_cast<int64_t>(below(s.size()))}}, s, dtype());
  }

  ir::NodeRef elementwise() {
    ir::Op op;
    do op = static_cast<ir::Op>(below(static_cast<size_t>(ir::op_count())));
    while (!ir::is_elementwise(op) || op == ir::Op::check_index);  // random numbers are hardly ever indices
    const ir::Op common[] = {ir::Op::add, ir::Op::sub, ir::Op::mul, ir::Op::neg, ir::Op::where, ir::Op::eq};
    if (one_in(2)) op = common[below(6)];
    const ir::NodeRef x = any();
    switch (ir::info(op).min_arity) {
      case 1:
        if (op == ir::Op::variable || op == ir::Op::barrier)
          return node(in_, op, {x}, ir::LeafAttr{in_.next_leaf_id()});
        return node(in_, op, {x});
      case 2: {
        const ir::NodeRef y = one_in(6) ? x : like(x->dtype(), x->shape());
        return one_in(2) ? node(in_, op, {x, y}) : node(in_, op, {y, x});
      }
      default: {
        const ir::NodeRef y = like(x->dtype(), x->shape());
        if (op == ir::Op::where) return node(in_, op, {like(kBool, x->shape()), x, y});
        return node(in_, op, {x, y, like(x->dtype(), x->shape())});
      }
    }
  }

  ir::Dims axes_of(size_t rank) {
    ir::Dims axes;
    for (size_t d = 0; d < rank; ++d)
      if (one_in(2)) axes.push_back(static_cast<int64_t>(d));
    return axes;
  }

  ir::NodeRef reduce() {
    const ir::NodeRef x = any();
    const ir::Op ops[] = {ir::Op::sum, ir::Op::prod, ir::Op::reduce_max, ir::Op::reduce_min,
                          ir::Op::any, ir::Op::all,  ir::Op::argmax,     ir::Op::argmin};
    const ir::Op op = x->dtype() == kBool ? ops[4 + below(2)] : ops[below(8)];
    return node(in_, op, {x}, ir::AxesAttr{axes_of(x->rank())});
  }

  ir::SliceAttr range(const ir::Shape& s, ir::Shape* sizes) {
    ir::SliceAttr a;
    for (int64_t d : s) {
      const int64_t start = d == 0 || one_in(2) ? 0 : static_cast<int64_t>(below(static_cast<size_t>(d)));
      const int64_t step = one_in(2) ? 1 : 1 + static_cast<int64_t>(below(3));
      const int64_t most = (d - start + step - 1) / step;
      a.start.push_back(start);
      a.step.push_back(step);
      sizes->push_back(most == 0 || one_in(2) ? most
                       : one_in(30)           ? 0
                                              : 1 + static_cast<int64_t>(below(static_cast<size_t>(most))));
    }
    return a;
  }

  ir::NodeRef view() {
    const ir::NodeRef x = any();
    switch (below(5)) {
      case 0: {  // reshape: ones in and out, or factors regrouped
        ir::Shape s;
        if (one_in(3)) {
          for (int64_t d : x->shape()) {
            if (d == 4 && one_in(2)) s.push_back(2), d = 2;
            s.push_back(d);
          }
          if (s.size() > 1 && one_in(2)) {
            s[1] *= s[0];
            s.erase(0);
          }
        } else {
          for (int64_t d : x->shape()) {
            if (one_in(4)) s.push_back(1);
            if (d != 1 || one_in(2)) s.push_back(d);
          }
          if (one_in(4)) s.push_back(1);
        }
        return node(in_, ir::Op::reshape, {x}, ir::NoAttr{}, s);
      }
      case 1: {
        ir::Dims p;
        for (size_t d = 0; d < x->rank(); ++d) p.push_back(static_cast<int64_t>(d));
        std::shuffle(p.begin(), p.end(), random_);
        return node(in_, ir::Op::permute, {x}, ir::AxesAttr{p});
      }
      case 2: {
        ir::Shape s;
        for (size_t d = below(3); d-- > 0;) s.push_back(size());
        for (int64_t d : x->shape()) s.push_back(d == 1 && one_in(2) ? size() : d);
        return node(in_, ir::Op::expand, {x}, ir::NoAttr{}, s);
      }
      case 3: {
        ir::Shape sizes;
        const ir::SliceAttr a = range(x->shape(), &sizes);
        return node(in_, ir::Op::slice, {x}, a, sizes);
      }
      default:
        if (one_in(2)) return windows(x);
        return node(in_, ir::Op::flip, {x}, ir::AxesAttr{axes_of(x->rank())});
    }
  }

  ir::NodeRef windows(const ir::NodeRef& x) {
    ir::WindowDims w;
    for (size_t d = below(x->rank() + 1); d < x->rank(); ++d) {
      const int64_t extent = x->shape()[d];
      if (extent == 0) return x;
      w.size.push_back(1 + static_cast<int64_t>(below(static_cast<size_t>(std::min<int64_t>(extent, 3)))));
      w.step.push_back(1 + static_cast<int64_t>(below(3)));
      const int64_t most = w.size.back() == 1 ? 1 : (extent - 1) / (w.size.back() - 1);
      w.dilation.push_back(1 + static_cast<int64_t>(below(static_cast<size_t>(most))));
    }
    return node(in_, ir::Op::windows, {x}, ir::window_attr(std::move(w)));
  }

  ir::NodeRef join() {
    const ir::NodeRef x = any();
    switch (below(3)) {
      case 0: {
        ir::PadAttr a;
        for (size_t d = 0; d < x->rank(); ++d) {
          a.low.push_back(static_cast<int64_t>(below(3)));
          a.high.push_back(static_cast<int64_t>(below(3)));
        }
        return node(in_, ir::Op::pad, {x, one_in(2) ? constant(x->dtype()) : data(in_, x->dtype(), {})}, a);
      }
      case 1: {
        if (x->rank() == 0) return nullptr;
        const size_t axis = below(x->rank());
        ir::NodeSpec spec{.op = ir::Op::concat,
                          .inputs = {x.get()},
                          .attr = ir::AxesAttr{{static_cast<int64_t>(axis)}},
                          .dtype = x->dtype(),
                          .shape = {},
                          .device = kCPU,
                          .payload = nullptr,
                          .origin = {}};
        std::vector<ir::NodeRef> parts;
        for (size_t i = below(4); i-- > 0;) {
          ir::Shape s = x->shape();
          if (one_in(2)) s[axis] = size();
          parts.push_back(like(x->dtype(), s));
          spec.inputs.push_back(parts.back().get());
        }
        return in_.make(std::move(spec));
      }
      default: {
        ir::Shape sizes;
        const ir::SliceAttr a = range(x->shape(), &sizes);
        const ir::NodeRef update = one_in(5) ? node(in_, ir::Op::slice, {x}, a, sizes) : like(x->dtype(), sizes);
        return node(in_, ir::Op::slice_update, {x, update}, a);
      }
    }
  }

  ir::Interner& in_;
  std::mt19937 random_;
  std::vector<ir::NodeRef> pool_;
};

}  // namespace lazuli::passes::testing
