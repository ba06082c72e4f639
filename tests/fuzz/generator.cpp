#include "tests/fuzz/generator.h"

#include <algorithm>
#include <unordered_set>
#include <utility>

#include "lazuli/base/half.h"
#include "tests/fuzz/chance.h"
#include "tests/fuzz/sizes.h"
#include "tests/fuzz/windowed.h"

namespace lazuli::fuzz {
namespace {

using namespace ir;

class Generator : private Chance {
 public:
  Generator(uint64_t seed, Interner& in) : Chance(seed), in_(in) {
    const size_t size = below(20);
    most_elements_ = size < 14 ? 700 : size < 19 ? 5000 : kMostElements;
    for (DType& t : usual_) t = one_in(2) ? kFloat32 : any_dtype();
  }

  Graph run() {
    const size_t nodes = one_in(8) ? 12 + below(24) : 3 + below(12);
    for (size_t i = 1 + below(3); i-- > 0;) keep(leaf(dtype(), shape()));
    for (size_t tries = 0; made_ < nodes && tries < 20 * nodes; ++tries) {
      try {
        // Runs of one kind on the newest value: views of views, casts of casts, reductions of reductions.
        chain_ = made_ > 0 && one_in(kind_ >= 2 && kind_ <= 5 ? 2 : 3);
        if (!chain_) kind_ = below(25);
        keep(propose());
        ++made_;
      } catch (const Error& e) {
        if (e.kind() == ErrorKind::Internal) throw;  // otherwise an illegal proposal
      }
    }
    return {outputs()};
  }

 private:
  // ---- Types and shapes ----
  DType any_dtype() { return static_cast<DType>(below(kSupportedDTypes)); }
  /// A graph prefers a few types, so that its values meet.
  DType dtype() { return one_in(5) ? any_dtype() : usual_[below(3)]; }
  Shape shape() {
    Shape s;
    int64_t left = most_elements_;
    if (left < 2049 && one_in(12)) left = 2049;
    for (size_t rank = pick({0, 1, 1, 1, 2, 2, 2, 2, 3, 3, 4, 5}); rank-- > 0;) {
      s.push_back(dim(left));
      left /= std::max<int64_t>(1, s.back());
    }
    std::shuffle(s.begin(), s.end(), random_);
    return s;
  }

  // ---- Nodes ----
  NodeRef node(Op op, std::initializer_list<NodeRef> inputs, Attr attr = NoAttr{}, Shape shape = {},
               DType dtype = kFloat32) {
    NodeSpec spec{.op = op, .attr = std::move(attr), .dtype = dtype, .shape = std::move(shape)};
    for (const NodeRef& input : inputs) spec.inputs.push_back(input.get());
    NodeRef n = in_.make(std::move(spec));
    if (n->numel() > kMostElements) throw Error(ErrorKind::Memory, "too large");
    return n;
  }
  NodeRef keep(NodeRef n) {
    pool_.push_back(n);
    return n;
  }
  NodeRef leaf(DType t, const Shape& s) { return node(Op::data, {}, LeafAttr{in_.next_leaf_id()}, s, t); }
  NodeRef argument(DType t) { return node(Op::argument, {}, LeafAttr{in_.next_leaf_id()}, {}, t); }
  NodeRef any() {
    const size_t n = pool_.size();
    if (std::exchange(chain_, false)) return pool_.back();
    return pool_[one_in(2) ? n - 1 - below(std::min<size_t>(n, 3)) : below(n)];
  }
  NodeRef cast(const NodeRef& x, DType t) { return x->dtype() == t ? x : node(Op::cast, {x}, NoAttr{}, {}, t); }
  NodeRef expand(const NodeRef& x, const Shape& s) { return x->shape() == s ? x : node(Op::expand, {x}, NoAttr{}, s); }

  static uint64_t float_bits(DType t, double v) {
    if (t == kFloat64) return std::bit_cast<uint64_t>(v);
    const auto f = static_cast<float>(v);
    return t == kFloat16    ? float_to_half_bits(f)
           : t == kBFloat16 ? float_to_bfloat16_bits(f)
                            : std::bit_cast<uint32_t>(f);
  }
  NodeRef constant(DType t) {
    const size_t width = is_bool(t) ? 1 : 8 * itemsize(t);
    const uint64_t mask = width == 64 ? ~uint64_t{0} : (uint64_t{1} << width) - 1;
    uint64_t bits = 0;
    if (is_floating(t)) {
      bits = one_in(12)  ? random_() & mask
             : one_in(4) ? float_bits(t, pick({0.0, -0.0}))
                         : float_bits(t, pick({0.0, 0.0, -0.0, 1.0, -1.0, 1.0, 2.0, 0.5, -3.5, 1e-41, 65504.0, 1e30,
                                               static_cast<double>(INFINITY), static_cast<double>(NAN)}));
    } else {
      const uint64_t top = uint64_t{1} << (width - 1);
      bits = (one_in(8) ? random_()
                        : pick({uint64_t{0}, uint64_t{1}, uint64_t{1}, uint64_t{2}, uint64_t{3}, uint64_t{7},
                                ~uint64_t{0}, top, top - 1, uint64_t{width}})) &
             mask;
    }
    return node(Op::constant, {}, ConstantAttr{bits}, {}, t);
  }
  NodeRef scalar(DType t) {
    switch (below(5)) {
      case 0:
        return argument(t);
      case 1:
        return leaf(t, {});
      default:
        return constant(t);
    }
  }

  /// Some value of the type and shape: one there is (perhaps after a cast or a broadcast), a scalar, or a new leaf.
  NodeRef like(DType t, const Shape& s) {
    if (!one_in(5)) {
      std::vector<NodeRef> exact, broadcast, other;
      for (const NodeRef& n : pool_) {
        if (n->shape() == s)
          (n->dtype() == t ? exact : other).push_back(n);
        else if (ir::broadcast(n->shape(), s) == s)
          broadcast.push_back(n);
      }
      if (!exact.empty() && !one_in(5)) return exact[below(exact.size())];
      if (!other.empty() && one_in(2)) return keep(cast(other[below(other.size())], t));
      if (!broadcast.empty() && !one_in(3)) return expand(cast(broadcast[below(broadcast.size())], t), s);
    }
    if (one_in(3)) return expand(scalar(t), s);
    Shape small = s;
    if (one_in(3)) {
      for (int64_t& d : small)
        if (one_in(2)) d = 1;
      while (!small.empty() && one_in(3)) small.erase(0);
    }
    return expand(keep(leaf(t, small)), s);
  }
  /// Divisors and shift counts: integers must not be zero most of the time, or nothing but errors is tested.
  NodeRef divisor(DType t, const Shape& s) {
    // Few elements of a new leaf are all nonzero often enough; what lies outside of them must not count.
    const bool raw = numel(s) <= 16 && one_in(2);
    const NodeRef x = raw ? keep(leaf(t, s)) : like(t, s);
    if (is_floating(t) || raw || one_in(12)) return x;
    return node(Op::bitwise_or, {x, expand(node(Op::constant, {}, ConstantAttr{1}, {}, t), s)});
  }

  NodeRef propose() {
    switch (kind_) {
      case 0:
      case 1:
        return node(one_in(4) ? Op::bitcast : Op::cast, {any()}, NoAttr{}, {}, dtype());
      case 2:
      case 3:
      case 4:
      case 5:
        return view();
      case 6:
      case 7:
        return join();
      case 8:
      case 9:
      case 10:
      case 11:
        return reduce();
      case 12:
        return one_in(2) ? composite() : generated();
      case 13:
        return one_in(2) ? generated() : one_in(3) ? layer() : one_in(3) ? windowed() : contract();
      case 14:
        return indexed();
      default:
        return elementwise();
    }
  }

  NodeRef elementwise() {
    Op op;
    do op = static_cast<Op>(below(static_cast<size_t>(op_count())));
    while (!is_elementwise(op));
    // Expensive ones take long to compile and turn most operands into NaN.
    if ((info(op).flags & kExpensive) && !(info(op).flags & kChecked) && !one_in(4))
      op = pick({Op::add, Op::sub, Op::mul, Op::where, Op::lt, Op::maximum, Op::abs, Op::square, Op::neg, Op::div});
    NodeRef x = any();
    const OpInfo& row = info(op);
    const Types types = row.promote == Promote::Logical   ? Types::BoolOnly
                        : row.promote == Promote::ToFloat ? Types::Float
                                                          : row.types;
    const DType t = x->dtype();
    const auto unless = [&](bool fits, DType other) {
      if (!fits) x = cast(x, other);
    };
    switch (types) {
      case Types::Any:
        break;
      case Types::NoBool:
        unless(!is_bool(t), pick({kInt32, kFloat32, kUInt8}));
        break;
      case Types::Float:
        unless(is_floating(t), pick({kFloat32, kFloat32, kFloat16, kBFloat16, kFloat64}));
        break;
      case Types::Integral:
        unless(is_integral(t), pick({kInt32, kInt64, kUInt8, kInt8, kInt16}));
        break;
      case Types::IntegralOrBool:
        unless(is_integral(t) || is_bool(t), pick({kInt32, kInt64, kBool}));
        break;
      case Types::BoolOnly:
        unless(is_bool(t), kBool);
        break;
    }
    const Shape& s = x->shape();
    switch (row.min_arity) {
      case 1:
        if (op == Op::variable || op == Op::barrier) return node(op, {x}, LeafAttr{in_.next_leaf_id()});
        return node(op, {x});
      case 2: {
        if (op == Op::check_index && !one_in(6)) {
          const auto number = [&](uint64_t v) {
            return expand(node(Op::constant, {}, ConstantAttr{v}, {}, x->dtype()), s);
          };
          return node(op, {node(Op::bitwise_and, {x, number(7)}), number(8)});
        }
        if (row.flags & kChecked) return node(op, {x, divisor(x->dtype(), s)});
        const NodeRef y = one_in(8) ? x : one_in(3) ? expand(constant(x->dtype()), s) : like(x->dtype(), s);
        return one_in(2) ? node(op, {x, y}) : node(op, {y, x});
      }
      default: {
        const NodeRef y = like(x->dtype(), s);
        if (row.promote == Promote::Select) return node(op, {like(kBool, s), x, y});
        return node(op, {x, y, like(x->dtype(), s)});
      }
    }
  }

  NodeRef reduce() {
    NodeRef x = any();
    const Op op = pick({Op::sum, Op::sum, Op::sum, Op::prod, Op::reduce_max, Op::reduce_min, Op::argmax, Op::argmin,
                        Op::any, Op::all});
    if (op == Op::any || op == Op::all) x = cast(x, kBool);
    if (is_bool(x->dtype()) && (op == Op::sum || op == Op::prod)) x = cast(x, pick({kInt64, kFloat32, kUInt8}));
    const NodeRef r = node(op, {x}, AxesAttr{some_axes(x->rank())});
    if (one_in(3)) return r;
    // Put back over the axes it left: what normalisations do.
    Shape kept = x->shape();
    for (int64_t a : r->attr_as<AxesAttr>().axes) kept[static_cast<size_t>(a)] = 1;
    keep(r);
    const NodeRef wide = expand(node(Op::reshape, {r}, NoAttr{}, kept), x->shape());
    if (wide->dtype() != x->dtype() || is_bool(x->dtype())) return wide;
    return node(pick({Op::add, Op::sub, Op::mul}), {x, wide});
  }

  NodeRef composite() {
    const NodeRef x = cast(any(), one_in(2) ? kFloat32 : pick({kFloat16, kBFloat16, kFloat64}));
    const size_t rank = x->rank();
    if (rank == 0) return node(Op::mean, {x}, CompositeAttr{});
    const Dims one{static_cast<int64_t>(below(rank))};
    switch (below(6)) {
      case 0:
        return node(Op::mean, {x}, CompositeAttr{some_axes(rank)});
      case 1:
        return node(Op::var, {x}, CompositeAttr{some_axes(rank), pick({0.0, 1.0})});
      case 2:
        return node(Op::logsumexp, {x}, CompositeAttr{some_axes(rank)});
      case 3:
        return node(Op::softmax, {x}, CompositeAttr{one});
      case 4:
        return node(Op::log_softmax, {x}, CompositeAttr{one});
      default: {
        Dims axes;
        Shape row;
        for (size_t d = rank - 1 - below(rank); d < rank; ++d) {
          axes.push_back(static_cast<int64_t>(d));
          row.push_back(x->shape()[d]);
        }
        const CompositeAttr attr{axes, pick({1e-5, 0.0})};
        if (one_in(3)) return node(Op::layer_norm, {x}, attr);
        const NodeRef weight = like(x->dtype(), row);
        return one_in(2) ? node(Op::layer_norm, {x, weight}, attr)
                         : node(Op::layer_norm, {x, weight, like(x->dtype(), row)}, attr);
      }
    }
  }

  NodeRef generated() {
    const Shape s = shape();
    if (one_in(2)) return node(Op::random_bits, {scalar(kInt64), scalar(kInt64)}, NoAttr{}, s);
    DType t = dtype();
    if (is_bool(t)) t = kInt64;
    if (s.empty()) return scalar(t);
    return node(Op::iota, {}, AxesAttr{{static_cast<int64_t>(below(s.size()))}}, s, t);
  }

  /// Places along an axis of `size`: positions, or any numbers brought into its range, now and then left outside.
  NodeRef places(const Shape& s, int64_t size) {
    if (!s.empty() && one_in(4)) {
      const size_t axis = below(s.size());
      if (s[axis] <= size || one_in(20)) return node(Op::iota, {}, AxesAttr{{static_cast<int64_t>(axis)}}, s, kInt64);
    }
    const NodeRef x = like(kInt64, s);
    const bool raw = one_in(40);
    if (raw || size == 0) return x;
    const auto number = static_cast<uint64_t>(size);
    return node(Op::remainder, {x, expand(node(Op::constant, {}, ConstantAttr{number}, {}, kInt64), s)});
  }

  NodeRef scan(const NodeRef& any_type) {
    const NodeRef x = is_bool(any_type->dtype()) ? cast(any_type, kInt16) : any_type;
    const Op op = pick({Op::cumsum, Op::cumprod, Op::cummax, Op::cummin, Op::logcumsumexp});
    return node(op == Op::logcumsumexp && !is_floating(x->dtype()) ? Op::cumsum : op, {x},
                AxesAttr{{static_cast<int64_t>(below(x->rank()))}});
  }

  /// gather, a scatter or a scan along some axes.
  NodeRef indexed() {
    NodeRef x = any();
    if (x->rank() == 0) x = keep(leaf(x->dtype(), {dim(31), dim(9)}));
    if (one_in(6)) {
      if (is_half(x->dtype()) || is_bool(x->dtype())) x = cast(x, kFloat32);
      return node(one_in(2) ? Op::argsort : Op::argsort_down, {x});
    }
    if (one_in(5)) return scan(x);
    const bool add = one_in(3);
    const Op op = pick({Op::scatter_add, Op::scatter, Op::scatter_add, Op::scatter, Op::scatter_mul, Op::scatter_max,
                        Op::scatter_min});
    if (add && is_bool(x->dtype()) && op != Op::scatter) x = cast(x, kInt32);
    AxesAttr axes{some_axes(x->rank())};
    if (axes.axes.empty() || one_in(2)) axes.axes = {static_cast<int64_t>(below(x->rank()))};
    int64_t left = most_elements_;
    for (size_t d = 0; d < x->rank(); ++d)
      if (std::find(axes.axes.begin(), axes.axes.end(), static_cast<int64_t>(d)) == axes.axes.end())
        left /= std::max<int64_t>(1, x->shape()[d]);
    Shape s;
    for (size_t rank = pick({0, 1, 1, 1, 1, 2, 2, 3}); rank-- > 0;) {
      s.push_back(dim(std::max<int64_t>(1, left)));
      left /= std::max<int64_t>(1, s.back());
    }
    std::vector<NodeRef> indices;
    for (int64_t a : axes.axes) indices.push_back(places(s, x->shape()[static_cast<size_t>(a)]));
    NodeSpec spec{.op = Op::gather, .inputs = {x.get()}, .attr = axes};
    NodeRef values;
    if (add) {
      Shape wanted = s;
      for (size_t d = 0; d < x->rank(); ++d)
        if (std::find(axes.axes.begin(), axes.axes.end(), static_cast<int64_t>(d)) == axes.axes.end())
          wanted.push_back(x->shape()[d]);
      values = like(x->dtype(), wanted);
      spec.op = op;
      spec.inputs.push_back(values.get());
    }
    for (const NodeRef& i : indices) spec.inputs.push_back(i.get());
    NodeRef n = in_.make(std::move(spec));
    if (n->numel() > kMostElements) throw Error(ErrorKind::Memory, "too large");
    return n;
  }

  NodeRef contract() {
    DType t = dtype();
    if (is_bool(t)) t = kFloat32;
    // Sizes of each kind of axis, then the operands' axes in any order.
    Dims batch, lhs_free, rhs_free, depth;
    int64_t products = kMostProducts;
    const auto take = [&](int64_t d) {
      products /= std::max<int64_t>(1, d);
      return d;
    };
    if (one_in(3)) batch.push_back(take(dim(9)));
    for (size_t n = pick({1, 1, 1, 2, 0}); n-- > 0 && products > 0;) {
      int64_t k;
      do k = pick(kDepths);
      while (k > products || (k == 0 && !one_in(3)));
      depth.push_back(take(k));
    }
    for (size_t n = pick({0, 1, 1, 1, 2}); n-- > 0;)
      lhs_free.push_back(take(dim(std::max<int64_t>(1, std::min<int64_t>(products, 100)))));
    for (size_t n = pick({0, 1, 1, 1, 2}); n-- > 0;)
      rhs_free.push_back(take(dim(std::max<int64_t>(1, std::min<int64_t>(products, 100)))));
    DotDims dims;
    const auto operand = [&](const Dims& free, Dims& batch_axes, Dims& contract_axes) {
      struct Axis {
        int kind;
        size_t i;
        int64_t size;
      };
      std::vector<Axis> axes;
      for (size_t i = 0; i < batch.size(); ++i) axes.push_back({0, i, batch[i]});
      for (size_t i = 0; i < free.size(); ++i) axes.push_back({1, i, free[i]});
      for (size_t i = 0; i < depth.size(); ++i) axes.push_back({2, i, depth[i]});
      if (one_in(2)) std::shuffle(axes.begin(), axes.end(), random_);
      batch_axes.resize(batch.size());
      contract_axes.resize(depth.size());
      Shape s;
      for (size_t a = 0; a < axes.size(); ++a) {
        s.push_back(axes[a].size);
        if (axes[a].kind == 0) batch_axes[axes[a].i] = static_cast<int64_t>(a);
        if (axes[a].kind == 2) contract_axes[axes[a].i] = static_cast<int64_t>(a);
      }
      return like(t, s);
    };
    const NodeRef lhs = operand(lhs_free, dims.lhs_batch, dims.lhs_contract);
    const NodeRef rhs = operand(rhs_free, dims.rhs_batch, dims.rhs_contract);
    return node(Op::dot_general, {lhs, rhs}, DotAttr{std::make_shared<const DotDims>(dims)});
  }

  /// A product of matrices with elementwise work on its operands and its result, as layers of networks have it.
  NodeRef layer() {
    DType t = one_in(2) ? kFloat32 : dtype();
    if (is_bool(t)) t = kFloat32;
    int64_t m, n, k;
    do {
      m = pick(kTileDims);
      n = pick(kTileDims);
      k = pick(kLayerDepths);
    } while (m * n * k > kLayerProducts || (k == 0 && !one_in(3)));
    Dims batch;
    if (one_in(4) && m * n * k < kLayerProducts / 3) batch.push_back(pick({2, 3}));
    const bool lhs_first = one_in(2), rhs_first = one_in(2);  // the contracted axis comes first
    const auto operand = [&](int64_t free, bool depth_first) {
      Shape s(batch);
      s.push_back(depth_first ? k : free);
      s.push_back(depth_first ? free : k);
      NodeRef x;
      if (one_in(3)) {  // stored in another type, and scaled by row or column
        Shape scale = s;
        scale[one_in(2) ? s.size() - 1 : s.size() - 2] = 1;
        x = cast(keep(leaf(pick({kInt8, kUInt8, kFloat16, kInt16, kFloat32}), s)), t);
        x = node(Op::mul, {x, expand(keep(leaf(t, scale)), s)});
      } else {
        x = like(t, s);
      }
      if (one_in(4)) x = node(pick({Op::neg, Op::abs, Op::square}), {x});
      if (one_in(6) && is_floating(t)) x = node(pick({Op::exp, Op::tanh}), {x});
      if (one_in(8)) x = node(Op::flip, {x}, AxesAttr{some_axes(s.size())});
      return x;
    };
    DotDims dims;
    const auto first = static_cast<int64_t>(batch.size());
    for (int64_t b = 0; b < first; ++b) {
      dims.lhs_batch.push_back(b);
      dims.rhs_batch.push_back(b);
    }
    dims.lhs_contract.push_back(first + !lhs_first);
    dims.rhs_contract.push_back(first + !rhs_first);
    const NodeRef lhs = operand(m, lhs_first), rhs = operand(n, rhs_first);
    NodeRef y = node(Op::dot_general, {lhs, rhs}, DotAttr{std::make_shared<const DotDims>(dims)});
    if (one_in(4)) keep(y);
    if (one_in(2)) y = node(Op::add, {y, like(t, y->shape())});
    if (one_in(3)) y = one_in(2) ? node(pick({Op::abs, Op::square}), {y}) : node(pick({Op::maximum, Op::mul}), {y, y});
    if (one_in(3)) y = node(Op::where, {like(kBool, y->shape()), y, like(t, y->shape())});
    if (one_in(4)) y = cast(y, dtype());
    if (one_in(4)) y = node(Op::permute, {y}, AxesAttr{some_order(y->rank())});
    return y;
  }

  NodeRef windowed() {
    const NodeRef n = windowed_value(*this, in_, [&](DType t, const Shape& s) { return like(t, s); });
    if (n->numel() > kMostElements) throw Error(ErrorKind::Memory, "too large");
    return n;
  }

  // ---- Movement ----
  NodeRef reshape(const NodeRef& x) {
    Shape s;
    if (one_in(3) && x->numel() > 0) {  // other factors of the same number
      int64_t left = x->numel();
      while (left > 1 && s.size() < 4) {
        int64_t f = left;
        if (!one_in(3))
          for (int64_t p : {2, 3, 5, 7, 11, 31})
            if (left % p == 0 && one_in(2)) {
              f = p;
              break;
            }
        s.push_back(f);
        left /= f;
      }
      s.push_back(left);
      std::shuffle(s.begin(), s.end(), random_);
    } else {  // neighbours joined, ones in and out
      for (int64_t d : x->shape()) {
        if (one_in(5)) s.push_back(1);
        if (!s.empty() && one_in(3))
          s.back() *= d;
        else if (d != 1 || one_in(2))
          s.push_back(d);
      }
      if (one_in(4)) s.push_back(1);
    }
    return node(Op::reshape, {x}, NoAttr{}, s);
  }

  NodeRef view() {
    const NodeRef x = any();
    switch (below(6)) {
      case 0:
        return reshape(x);
      case 1:
        return node(Op::permute, {x}, AxesAttr{some_order(x->rank())});
      case 2: {
        Shape s;
        int64_t left = std::max(most_elements_, x->numel()) / std::max<int64_t>(1, x->numel());
        const auto grow = [&] {
          const int64_t d = dim(left);
          left /= std::max<int64_t>(1, d);
          return d;
        };
        for (size_t d = below(3); d-- > 0;) s.push_back(grow());
        for (int64_t d : x->shape()) s.push_back(d == 1 && one_in(2) ? grow() : d);
        return node(Op::expand, {x}, NoAttr{}, s);
      }
      case 3:
      case 4: {
        Shape sizes;
        const SliceAttr a = range(x->shape(), &sizes);
        return node(Op::slice, {x}, a, sizes);
      }
      default:
        return node(Op::flip, {x}, AxesAttr{some_axes(x->rank())});
    }
  }

  NodeRef join() {
    const NodeRef x = any();
    switch (below(3)) {
      case 0: {
        PadAttr a;
        for (size_t d = 0; d < x->rank(); ++d) {
          a.low.push_back(one_in(2) ? 0 : static_cast<int64_t>(below(4)));
          a.high.push_back(one_in(2) ? 0 : static_cast<int64_t>(below(one_in(4) ? 20 : 4)));
        }
        return node(Op::pad, {x, scalar(x->dtype())}, a);
      }
      case 1: {
        if (x->rank() == 0) return x;
        const size_t axis = below(x->rank());
        std::vector<NodeRef> parts{x};
        for (size_t i = below(4); i-- > 0;) {
          Shape s = x->shape();
          if (one_in(2)) s[axis] = dim(9);
          parts.push_back(one_in(6) ? x : like(x->dtype(), s));
        }
        std::shuffle(parts.begin(), parts.end(), random_);
        NodeSpec spec{.op = Op::concat, .attr = AxesAttr{{static_cast<int64_t>(axis)}}};
        for (const NodeRef& p : parts) spec.inputs.push_back(p.get());
        NodeRef n = in_.make(std::move(spec));
        if (n->numel() > kMostElements) throw Error(ErrorKind::Memory, "too large");
        return n;
      }
      default: {
        Shape sizes;
        const SliceAttr a = range(x->shape(), &sizes);
        const NodeRef update = one_in(5) ? node(Op::slice, {x}, a, sizes) : like(x->dtype(), sizes);
        return node(Op::slice_update, {x, update}, a);
      }
    }
  }

  /// A few of the nodes that nobody uses; now and then also one that is used, a leaf, or the same node again.
  std::vector<NodeRef> outputs() {
    std::unordered_set<const Node*> used;
    for (const Node* n : topological_order({pool_}))
      for (const Node* input : n->inputs()) used.insert(input);
    std::vector<NodeRef> ends;
    for (const NodeRef& n : pool_)
      if (!used.contains(n.get()) && family(n->op()) != Family::Leaf &&
          std::find(ends.begin(), ends.end(), n) == ends.end())
        ends.push_back(n);
    std::shuffle(ends.begin(), ends.end(), random_);
    if (!one_in(6) && ends.size() > 3) ends.resize(3);
    while (ends.empty() || one_in(3)) ends.push_back(pool_[below(pool_.size())]);
    std::shuffle(ends.begin(), ends.end(), random_);
    return ends;
  }

  Interner& in_;
  int64_t most_elements_;
  DType usual_[3];
  size_t made_ = 0, kind_ = 0;
  bool chain_ = false;  // the next operand is the newest value
  std::vector<NodeRef> pool_;
};

}  // namespace

Graph generate(uint64_t seed, Interner& interner) {
  return Generator(seed, interner).run();
}

}  // namespace lazuli::fuzz
