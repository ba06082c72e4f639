// What composite ops compute, one function per op. Interpreter and passes both use it, so there is one definition;
// docs/numerics.md ("Composites") states the formulas.
#include "ir/expand.h"

#include <cmath>
#include <limits>

namespace lazuli::ir {
namespace {

/// Makes nodes at the composite's place.
class Maker {
 public:
  Maker(const Node* n, Interner& interner) : interner_(interner), origin_(n->origin()), device_(n->device()) {}

  NodeRef node(Op op, std::initializer_list<const NodeRef*> inputs, Attr attr = NoAttr{}, DType dtype = kFloat32,
               Shape shape = {}) {
    NodeSpec spec{.op = op,
                  .attr = std::move(attr),
                  .dtype = dtype,
                  .shape = std::move(shape),
                  .device = device_,
                  .origin = origin_};
    for (const NodeRef* input : inputs) spec.inputs.push_back(input->get());
    return interner_.make(std::move(spec));
  }
  NodeRef unary(Op op, const NodeRef& x) { return node(op, {&x}); }
  NodeRef binary(Op op, const NodeRef& x, const NodeRef& y) { return node(op, {&x, &y}); }
  NodeRef cast(const NodeRef& x, DType dtype) {
    return x->dtype() == dtype ? x : node(Op::cast, {&x}, NoAttr{}, dtype);
  }
  NodeRef expand(const NodeRef& x, const Shape& shape) {
    return x->shape() == shape ? x : node(Op::expand, {&x}, NoAttr{}, kFloat32, shape);
  }
  /// The number in the shape and type (float32 or float64) of `x`.
  NodeRef like(const NodeRef& x, double v) {
    const uint64_t bits =
        x->dtype() == kFloat64 ? std::bit_cast<uint64_t>(v) : std::bit_cast<uint32_t>(static_cast<float>(v));
    return expand(node(Op::constant, {}, ConstantAttr{bits}, x->dtype()), x->shape());
  }
  NodeRef reduce(Op op, const NodeRef& x, const Dims& axes) { return node(op, {&x}, AxesAttr{axes}); }
  /// Puts a reduction's result back over the axes that it left.
  NodeRef spread(const NodeRef& reduced, const NodeRef& x, const Dims& axes) {
    Shape kept = x->shape();
    for (int64_t a : axes) kept[static_cast<size_t>(a)] = 1;
    const NodeRef shaped = reduced->shape() == kept ? reduced : node(Op::reshape, {&reduced}, NoAttr{}, kFloat32, kept);
    return expand(shaped, x->shape());
  }

 private:
  Interner& interner_;
  Location origin_;
  Device device_;
};

double count(const NodeRef& x, const Dims& axes) {
  double n = 1;
  for (int64_t a : axes) n *= static_cast<double>(x->shape()[static_cast<size_t>(a)]);
  return n;
}

NodeRef mean(Maker& m, const NodeRef& x, const Dims& axes) {
  const NodeRef sum = m.reduce(Op::sum, x, axes);
  return m.binary(Op::div, sum, m.like(sum, count(x, axes)));
}

NodeRef centred(Maker& m, const NodeRef& x, const Dims& axes) {
  return m.binary(Op::sub, x, m.spread(mean(m, x, axes), x, axes));
}

/// `d` are the deviations from the mean.
NodeRef variance(Maker& m, const NodeRef& d, const Dims& axes, double correction) {
  const NodeRef sum = m.reduce(Op::sum, m.binary(Op::mul, d, d), axes);
  return m.binary(Op::div, sum, m.like(sum, std::max(count(d, axes) - correction, 0.0)));
}

NodeRef logsumexp(Maker& m, const NodeRef& x, const Dims& axes) {
  constexpr double kInf = std::numeric_limits<double>::infinity();
  if (count(x, axes) == 0) return m.like(m.reduce(Op::sum, x, axes), -kInf);
  const NodeRef max = m.reduce(Op::reduce_max, x, axes);
  // An infinite maximum would give inf - inf; shifted by nothing, the sum is 0 or infinite as it should be.
  const NodeRef infinite = m.binary(Op::eq, m.unary(Op::abs, max), m.like(max, kInf));
  const NodeRef zero = m.like(max, 0.0);
  const NodeRef shift = m.unary(Op::stop_gradient, m.node(Op::where, {&infinite, &zero, &max}));
  const NodeRef exp = m.unary(Op::exp, m.binary(Op::sub, x, m.spread(shift, x, axes)));
  return m.binary(Op::add, m.unary(Op::log, m.reduce(Op::sum, exp, axes)), shift);
}

/// The largest element. The result does not depend on what is subtracted, so no gradient passes through it.
NodeRef shift_of(Maker& m, const NodeRef& x, const Dims& axes) {
  return m.unary(Op::stop_gradient, m.reduce(Op::reduce_max, x, axes));
}

NodeRef softmax(Maker& m, const NodeRef& x, const Dims& axes) {
  if (x->numel() == 0) return x;
  const NodeRef max = shift_of(m, x, axes);
  const NodeRef exp = m.unary(Op::exp, m.binary(Op::sub, x, m.spread(max, x, axes)));
  const NodeRef scale = m.unary(Op::reciprocal, m.reduce(Op::sum, exp, axes));
  return m.binary(Op::mul, exp, m.spread(scale, x, axes));
}

NodeRef log_softmax(Maker& m, const NodeRef& x, const Dims& axes) {
  if (x->numel() == 0) return x;
  const NodeRef max = shift_of(m, x, axes);
  const NodeRef shifted = m.binary(Op::sub, x, m.spread(max, x, axes));
  const NodeRef sum = m.reduce(Op::sum, m.unary(Op::exp, shifted), axes);
  return m.binary(Op::sub, shifted, m.spread(m.unary(Op::log, sum), x, axes));
}

/// One reciprocal per row and a product per element, because a division per element costs more.
NodeRef layer_norm(Maker& m, const NodeRef& x, const Dims& axes, double epsilon, const NodeRef& weight,
                   const NodeRef& bias) {
  const NodeRef d = centred(m, x, axes);
  const NodeRef var = variance(m, d, axes, 0);
  const NodeRef deviation = m.unary(Op::sqrt, m.binary(Op::add, var, m.like(var, epsilon)));
  const NodeRef scale = m.binary(Op::div, m.like(deviation, 1.0), deviation);
  NodeRef y = m.binary(Op::mul, d, m.spread(scale, x, axes));
  if (weight) y = m.binary(Op::mul, y, m.expand(weight, x->shape()));
  if (bias) y = m.binary(Op::add, y, m.expand(bias, x->shape()));
  return y;
}

NodeRef expanded(Maker& m, const Node* n, std::span<const NodeRef> in, Interner& interner) {
  if (n->op() == Op::fold || n->op() == Op::convolution) return expand_window(n, in, interner);
  const CompositeAttr& attr = n->attr_as<CompositeAttr>();
  const NodeRef &x = in[0], none;
  switch (n->op()) {
    case Op::mean:
      return mean(m, x, attr.axes);
    case Op::var:
      return variance(m, centred(m, x, attr.axes), attr.axes, attr.number);
    case Op::logsumexp:
      return logsumexp(m, x, attr.axes);
    case Op::softmax:
      return softmax(m, x, attr.axes);
    case Op::log_softmax:
      return log_softmax(m, x, attr.axes);
    case Op::pick_max:
      return m.reduce(Op::reduce_max, x, attr.axes);
    case Op::layer_norm:
      return layer_norm(m, x, attr.axes, attr.number, in.size() > 1 ? in[1] : none, in.size() > 2 ? in[2] : none);
    default:
      throw Error(ErrorKind::Internal, "not a composite op: " + std::string(name(n->op())));
  }
}

}  // namespace

NodeRef expand_composite(const Node* n, Interner& interner) {
  if (is_attention(n->op())) return expand_attention(n, interner);
  Maker m(n, interner);
  std::vector<NodeRef> inputs;
  for (const Node* input : n->inputs())
    inputs.push_back(m.cast(NodeRef(input), is_half(input->dtype()) ? kFloat32 : input->dtype()));
  return m.cast(expanded(m, n, inputs, interner), n->dtype());
}

}  // namespace lazuli::ir
