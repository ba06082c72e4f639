// The generator of smooth graphs. An elementwise row is met on a small interval where it is smooth, the same for all
// but a few, so that a new row takes part by itself.
#include <algorithm>
#include <random>

#include "ir/gradient.h"
#include "ir/op_types.h"
#include "tests/fuzz/gradients.h"

namespace lazuli::fuzz {
namespace {

using namespace ir;
using gradient::Expr;
using gradient::Place;

constexpr int64_t kMost = 60;  // elements of a node

class SmoothGenerator {
 public:
  SmoothGenerator(uint64_t seed, Interner& interner)
      : at_{interner, {}, kCPU}, random_(seed * 0x9e3779b97f4a7c15u + 0x1234567u) {}

  Graph run() {
    for (size_t i = 1 + below(3); i-- > 0;) leaf(shape());
    for (size_t left = 2 + below(10), tries = 0; left > 0 && tries < 200; ++tries) {
      try {
        const Expr n = propose();
        if (n->numel() == 0 || n->numel() > kMost) continue;
        pool_.push_back(n);
        --left;
      } catch (const Error& e) {
        if (e.kind() == ErrorKind::Internal) throw;
      }
    }
    return {{pool_.back().node()}};
  }

 private:
  size_t below(size_t n) { return random_() % n; }
  bool one_in(size_t n) { return below(n) == 0; }
  Shape shape() {
    Shape s;
    int64_t left = 24;
    for (size_t rank = below(4); rank-- > 0;) {
      s.push_back(std::min<int64_t>(left, 1 + static_cast<int64_t>(below(5))));
      left /= s.back();
    }
    return s;
  }
  Dims some_axes(size_t rank) {
    Dims axes;
    for (size_t d = 0; d < rank; ++d)
      if (one_in(2)) axes.push_back(static_cast<int64_t>(d));
    return axes;
  }
  Expr leaf(const Shape& s) {
    pool_.push_back(gradient::make(at_, Op::data, {}, LeafAttr{at_.interner.next_leaf_id()}, kFloat64, s));
    return pool_.back();
  }
  Expr any() {
    const size_t n = pool_.size();
    return one_in(3) ? pool_[below(n)] : pool_[n - 1 - below(std::min<size_t>(n, 2))];
  }
  /// A value of the shape: one that broadcasts to it, or a leaf.
  Expr like(const Shape& s) {
    std::vector<Expr> fit;
    for (const Expr& n : pool_)
      if (ir::broadcast(n->shape(), s) == s) fit.push_back(n);
    return fit.empty() || one_in(4) ? leaf(s) : gradient::expand(fit[below(fit.size())], s);
  }
  /// Into [middle - width, middle + width].
  Expr tame(const Expr& x, double middle, double width) { return tanh(x) * width + middle; }

  Expr propose() {
    switch (below(12)) {
      case 0:
      case 1:
      case 2:
        return row();
      case 3:
        return plain();
      case 4:
        return reduction();
      case 5:
        return composite();
      case 6:
      case 7:
        return view();
      case 8:
        return join();
      case 9:
        return contraction();
      case 10:
        return indexed();
      default: {
        const Expr x = any();
        return x * like(x->shape());
      }
    }
  }

  /// Smooth on all numbers.
  Expr plain() {
    const Expr x = any();
    constexpr Op kOps[] = {Op::sin,  Op::cos,       Op::tanh, Op::sigmoid,  Op::erf,   Op::erfc,   Op::gelu,
                           Op::silu, Op::gelu_tanh, Op::atan, Op::softplus, Op::asinh, Op::square, Op::neg};
    return gradient::apply(kOps[below(std::size(kOps))], {x});
  }

  /// Any row with a gradient, where it is smooth.
  Expr row() {
    Op op;
    do op = static_cast<Op>(below(static_cast<size_t>(op_count())));
    while (!is_elementwise(op) || info(op).gradient.kind != Gradient::Kind::Rule || !takes(info(op).types, kFloat64) ||
           op == Op::trigamma);  // has no second derivative
    const Expr x = any();
    const Shape& s = x->shape();
    const auto operand = [&](const Expr& v, size_t i) {
      const double middles[] = {op == Op::acosh ? 2.0 : 0.6, 1.5, 2.5};
      return tame(v, middles[i], 0.3);
    };
    if (op == Op::variable || op == Op::barrier)
      return gradient::make(at_, op, {x.get()}, LeafAttr{at_.interner.next_leaf_id()});
    if (op == Op::where) return where(condition(s), x, like(s));
    switch (info(op).min_arity) {
      case 1:
        return gradient::apply(op, {operand(x, 0)});
      case 2: {
        const Expr y = like(s);
        return gradient::apply(op, {operand(x, 0), operand(y, 1)});
      }
      default: {
        const Expr y = like(s), z = like(s);
        return gradient::apply(op, {operand(x, 0), operand(y, 1), operand(z, 2)});
      }
    }
  }

  /// Places 0 .. count - 1, some of them several times.
  Expr places(const Shape& s, int64_t count) {
    Expr sum = gradient::full(at_, kInt64, s, static_cast<double>(below(7)));
    for (size_t d = 0; d < s.size(); ++d) {
      const Expr i = gradient::make(at_, Op::iota, {}, AxesAttr{{static_cast<int64_t>(d)}}, kInt64, s);
      sum = sum + i * static_cast<double>(1 + below(5));
    }
    return remainder(sum, static_cast<double>(count));
  }
  Expr condition(const Shape& s) { return eq(places(s, 2), 0); }

  Expr reduction() {
    const Expr x = any();
    const Dims axes = some_axes(x->rank());
    return one_in(3) ? gradient::reduce(Op::prod, tame(x, 0.8, 0.5), axes) : gradient::sum(x, axes);
  }

  Expr composite() {
    const Expr x = any();
    if (x->rank() == 0) return sin(x);
    const Dims one{static_cast<int64_t>(below(x->rank()))};
    switch (below(6)) {
      case 0:
        return gradient::make(at_, Op::mean, {x.get()}, CompositeAttr{one});
      case 1:
        return gradient::make(at_, Op::var, {x.get()}, CompositeAttr{one});
      case 2:
        return gradient::make(at_, Op::logsumexp, {x.get()}, CompositeAttr{some_axes(x->rank())});
      case 3:
        return gradient::make(at_, Op::softmax, {x.get()}, CompositeAttr{one});
      case 4:
        return gradient::make(at_, Op::log_softmax, {x.get()}, CompositeAttr{one});
      default: {
        const auto last = static_cast<int64_t>(x->rank()) - 1;
        const Expr w = like({x->shape()[static_cast<size_t>(last)]}), b = like(w->shape());
        return gradient::make(at_, Op::layer_norm, {x.get(), w.get(), b.get()}, CompositeAttr{{last}, 0.5});
      }
    }
  }

  SliceAttr range(const Shape& s, Shape* sizes) {
    SliceAttr a;
    for (const int64_t d : s) {
      a.start.push_back(static_cast<int64_t>(below(static_cast<size_t>(d))));
      a.step.push_back(one_in(2) ? 1 : 2);
      const int64_t most = (d - a.start.back() + a.step.back() - 1) / a.step.back();
      sizes->push_back(1 + static_cast<int64_t>(below(static_cast<size_t>(most))));
    }
    return a;
  }

  Expr view() {
    const Expr x = any();
    Shape s;
    switch (below(5)) {
      case 0:
        return gradient::reshape(x, one_in(2) ? Shape{x->numel()} : Shape{1, x->numel(), 1});
      case 1: {
        Dims p;
        for (size_t d = 0; d < x->rank(); ++d) p.push_back(static_cast<int64_t>(d));
        std::shuffle(p.begin(), p.end(), random_);
        return gradient::permute(x, p);
      }
      case 2:
        if (one_in(2)) s.push_back(1 + static_cast<int64_t>(below(3)));
        for (const int64_t d : x->shape()) s.push_back(d == 1 ? 1 + static_cast<int64_t>(below(3)) : d);
        return gradient::expand(x, s);
      case 3: {
        const SliceAttr a = range(x->shape(), &s);
        return gradient::slice(x, a.start, a.step, s);
      }
      default:
        return gradient::flip(x, some_axes(x->rank()));
    }
  }

  Expr join() {
    const Expr x = any();
    if (x->rank() == 0) return x + like({});
    Shape s;
    switch (below(3)) {
      case 0: {
        PadAttr a;
        for (size_t d = 0; d < x->rank(); ++d) {
          a.low.push_back(static_cast<int64_t>(below(2)));
          a.high.push_back(static_cast<int64_t>(below(3)));
        }
        const Expr value = like({});
        return gradient::make(at_, Op::pad, {x.get(), value.get()}, a);
      }
      case 1: {
        const Expr y = like(x->shape());
        return gradient::make(at_, Op::concat, {x.get(), y.get(), x.get()},
                              AxesAttr{{static_cast<int64_t>(below(x->rank()))}});
      }
      default: {
        const SliceAttr a = range(x->shape(), &s);
        const Expr part = like(s);
        return gradient::slice_update(x, part, a.start, a.step);
      }
    }
  }

  Expr contraction() {
    const Expr x = any();
    if (x->rank() == 0) return x * x;
    // Every axis of x is batch, free or contracted; y has the same batch and contracted ones in another order.
    DotDims dims;
    std::vector<std::pair<int64_t, int64_t>> axes;  // of y: size, and axis of x or -1
    std::vector<int> kind(x->rank());
    for (size_t d = 0; d < x->rank(); ++d) {
      kind[d] = static_cast<int>(below(3));
      if (kind[d] != 2) axes.emplace_back(x->shape()[d], static_cast<int64_t>(d));
    }
    for (size_t i = below(2); i-- > 0;) axes.emplace_back(1 + static_cast<int64_t>(below(3)), -1);
    std::shuffle(axes.begin(), axes.end(), random_);
    Shape s;
    for (size_t i = 0; i < axes.size(); ++i) {
      const auto [size, of_x] = axes[i];
      s.push_back(size);
      if (of_x < 0) continue;
      const bool batch = kind[static_cast<size_t>(of_x)] == 0;
      (batch ? dims.lhs_batch : dims.lhs_contract).push_back(of_x);
      (batch ? dims.rhs_batch : dims.rhs_contract).push_back(static_cast<int64_t>(i));
    }
    const Expr y = like(s);
    return gradient::dot_general(x, y, dims);
  }

  Expr indexed() {
    const Expr x = any();
    if (x->rank() == 0) return cos(x);
    NodeSpec spec{.op = one_in(2) ? Op::gather : one_in(2) ? Op::scatter_add : Op::scatter, .device = kCPU};
    const bool gather = spec.op == Op::gather;
    Dims axes = some_axes(x->rank());
    if (axes.empty()) axes.push_back(0);
    const Shape places_shape{1 + static_cast<int64_t>(below(4))};
    Shape values_shape = places_shape;
    std::vector<Expr> indices;
    for (size_t d = 0; d < x->rank(); ++d)
      if (std::find(axes.begin(), axes.end(), static_cast<int64_t>(d)) == axes.end())
        values_shape.push_back(x->shape()[d]);
      else
        indices.push_back(places(places_shape, x->shape()[d]));
    spec.inputs.push_back(x.get());
    const Expr values = gather ? Expr() : like(values_shape);
    if (!gather) spec.inputs.push_back(values.get());
    for (const Expr& i : indices) spec.inputs.push_back(i.get());
    spec.attr = AxesAttr{axes};
    return {at_, at_.interner.make(std::move(spec))};
  }

  Place at_;
  std::mt19937_64 random_;
  std::vector<Expr> pool_;
};

}  // namespace

Graph generate_smooth(uint64_t seed, Interner& interner) {
  return SmoothGenerator(seed, interner).run();
}

}  // namespace lazuli::fuzz
