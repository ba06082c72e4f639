#include "ir/gradient.h"

#include "lazuli/base/half.h"

namespace lazuli::ir::gradient {
namespace {

bool is_identity(const Dims& axes) {
  for (size_t i = 0; i < axes.size(); ++i)
    if (axes[i] != static_cast<int64_t>(i)) return false;
  return true;
}

}  // namespace

uint64_t number_bits(DType dtype, double number) {
  switch (dtype) {
    case kFloat16:
      return float_to_half_bits(static_cast<float>(number));
    case kBFloat16:
      return float_to_bfloat16_bits(static_cast<float>(number));
    case kFloat32:
      return std::bit_cast<uint32_t>(static_cast<float>(number));
    case kFloat64:
      return std::bit_cast<uint64_t>(number);
    case kBool:
      return number != 0;
    default:
      break;
  }
  const uint64_t bits = static_cast<uint64_t>(static_cast<int64_t>(number));
  const size_t width = 8 * itemsize(dtype);
  return width == 64 ? bits : bits & ((uint64_t{1} << width) - 1);
}

Expr make(const Place& at, Op op, std::initializer_list<const Node*> inputs, Attr attr, DType dtype, Shape shape) {
  NodeSpec spec{.op = op,
                .inputs = {},
                .attr = std::move(attr),
                .dtype = dtype,
                .shape = std::move(shape),
                .device = at.device,
                .payload = nullptr,
                .origin = at.origin};
  for (const Node* input : inputs) spec.inputs.push_back(input);
  return {at, at.interner.make(std::move(spec))};
}

Expr full(const Place& at, DType dtype, const Shape& shape, double number) {
  return expand(make(at, Op::constant, {}, ConstantAttr{number_bits(dtype, number)}, dtype), shape);
}

Expr like(const Expr& x, double number) {
  return full(x.at(), x->dtype(), x->shape(), number);
}

Expr apply(Op op, std::initializer_list<Term> operands) {
  const Expr *model = nullptr, *place = nullptr;  // what numbers are like
  size_t i = 0;
  for (const Term& t : operands) {
    if (t.expr()) {
      place = t.expr();
      if (!model && !(op == Op::where && i == 0)) model = t.expr();
    }
    ++i;
  }
  if (!place || !*place || (model && !*model))
    throw Error(ErrorKind::Internal, "a gradient rule computes with zero: " + std::string(name(op)));
  NodeSpec spec{.op = op, .device = place->at().device, .origin = place->at().origin};
  NodeRef numbers[3];
  i = 0;
  for (const Term& t : operands) {
    if (!t.expr()) {
      if (!model) throw Error(ErrorKind::Internal, "a gradient rule has numbers only: " + std::string(name(op)));
      numbers[i] = like(*model, t.number()).node();
    }
    spec.inputs.push_back(t.expr() ? t.expr()->get() : numbers[i].get());
    ++i;
  }
  return {place->at(), place->at().interner.make(std::move(spec))};
}

Expr cast(const Expr& x, DType dtype) {
  return x->dtype() == dtype ? x : make(x.at(), Op::cast, {x.get()}, NoAttr{}, dtype);
}
Expr reshape(const Expr& x, const Shape& shape) {
  return x->shape() == shape ? x : make(x.at(), Op::reshape, {x.get()}, NoAttr{}, kFloat32, shape);
}
Expr expand(const Expr& x, const Shape& shape) {
  return x->shape() == shape ? x : make(x.at(), Op::expand, {x.get()}, NoAttr{}, kFloat32, shape);
}
Expr permute(const Expr& x, const Dims& axes) {
  return is_identity(axes) ? x : make(x.at(), Op::permute, {x.get()}, AxesAttr{axes});
}
Expr slice(const Expr& x, const Dims& start, const Dims& step, const Shape& shape) {
  if (x->shape() == shape) return x;  // every element, so start is 0 and step 1
  return make(x.at(), Op::slice, {x.get()}, SliceAttr{start, step}, kFloat32, shape);
}
Expr flip(const Expr& x, const Dims& axes) {
  return axes.empty() ? x : make(x.at(), Op::flip, {x.get()}, AxesAttr{axes});
}
Expr pad(const Expr& x, const Dims& low, const Dims& high, double number) {
  const Expr value = full(x.at(), x->dtype(), {}, number);
  return make(x.at(), Op::pad, {x.get(), value.get()}, PadAttr{low, high});
}
Expr reduce(Op op, const Expr& x, const Dims& axes) {
  return axes.empty() && op == Op::sum ? x : make(x.at(), op, {x.get()}, AxesAttr{axes});
}
Expr slice_update(const Expr& base, const Expr& part, const Dims& start, const Dims& step) {
  return make(base.at(), Op::slice_update, {base.get(), part.get()}, SliceAttr{start, step});
}
Expr dot_general(const Expr& lhs, const Expr& rhs, DotDims dims) {
  return make(lhs.at(), Op::dot_general, {lhs.get(), rhs.get()},
              DotAttr{std::make_shared<const DotDims>(std::move(dims))});
}

}  // namespace lazuli::ir::gradient
