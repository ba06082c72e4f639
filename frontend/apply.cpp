// Elementwise application.
#include "frontend/apply.h"

#include <fmt/format.h>

#include <array>

#include "frontend/build.h"
#include "frontend/forms.h"
#include "frontend/promote.h"
#include "ir/op_types.h"

namespace lazuli {
namespace {

using ir::NodeRef;
using ir::Op;
using ir::Promote;
using ir::Shape;
using ir::Types;

constexpr size_t kMaxOperands = 3;

[[noreturn]] void refuse_type(Op op, Types types, DType t, const Location& loc) {
  if (op == Op::neg && is_bool(t))
    throw Error(ErrorKind::DType, "Negation, the `-` operator, on a bool tensor is not supported.",
                "to invert a mask use the `~` or `logical_not()` operator instead", loc);
  if (op == Op::relu) throw Error(ErrorKind::DType, "Boolean inputs not supported for relu", "convert with to()", loc);
  throw Error(ErrorKind::DType, fmt::format("\"{}\" not implemented for '{}'", ir::name(op), torch_name(t)),
              fmt::format("{} takes {}; convert with to()", ir::name(op), ir::text(types)), loc);
}

/// Operands on their way to the node: tensors as nodes at once, numbers when the type is known.
struct Operands {
  std::array<NodeRef, kMaxOperands> node;
  std::array<const Operand*, kMaxOperands> source{};
  size_t count = 0;
};

/// Bools are not subtracted, not even from numbers of other types.
void refuse_bool_subtraction(const Operands& o, const Location& loc) {
  size_t bools = 0;
  for (size_t i = 0; i < o.count; ++i) bools += is_bool(o.node[i] ? o.node[i]->dtype() : o.source[i]->scalar().kind());
  if (bools == o.count)
    throw Error(ErrorKind::DType, "Subtraction, the `-` operator, with two bool tensors is not supported.",
                "use the `^` or `logical_xor()` operator instead", loc);
  if (bools > 0)
    throw Error(ErrorKind::DType, "Subtraction, the `-` operator, with a bool tensor is not supported.",
                "to invert a mask use the `~` or `logical_not()` operator instead", loc);
}

Operands gather(std::initializer_list<Operand> list, const Location& loc) {
  Operands o;
  for (const Operand& operand : list) {
    o.source[o.count] = &operand;
    if (operand.is_tensor()) {
      impl_of(operand.tensor(), loc);
      o.node[o.count] = node_of(operand.tensor());
    }
    ++o.count;
  }
  return o;
}

DType promoted(const Operands& o, size_t from) {
  ResultType r;
  for (size_t i = from; i < o.count; ++i) {
    if (o.node[i])
      r.add_tensor(o.node[i]->dtype(), o.node[i]->rank() == 0);
    else
      r.add_scalar(o.source[i]->scalar());
  }
  return r.get();
}

Device common_device(const Operands& o, const Location& loc) {
  const ir::Node* first = nullptr;
  for (size_t i = 0; i < o.count; ++i) {
    if (!o.node[i]) continue;
    if (!first) first = o.node[i].get();
    if (o.node[i]->device() != first->device())
      throw Error(
          ErrorKind::Device,
          fmt::format("Expected all tensors to be on the same device, but found at least two devices, {} and {}!",
                      first->device().str(), o.node[i]->device().str()),
          "move one of them with to()", loc);
  }
  return first ? first->device() : kCPU;
}

/// x to a number's power, in the cases that PyTorch computes without pow. Null if this is none of them.
NodeRef special_power(const NodeRef& x, double exponent, const Location& loc) {
  const Build b(loc);
  const bool real = is_floating(x->dtype());
  if (exponent == 1) return x;
  if (exponent == 2) return b.op(Op::mul, x, x);
  if (exponent == 3) return b.op(Op::mul, b.op(Op::mul, x, x), x);
  if (!real) return {};
  if (exponent == 0.5) return b.op(Op::sqrt, x);
  if (exponent == -0.5) return b.op(Op::rsqrt, x);
  if (exponent == -1) return b.op(Op::reciprocal, x);
  if (exponent == -2) return b.op(Op::reciprocal, b.op(Op::mul, x, x));
  return {};
}

}  // namespace

Shape broadcast_or_throw(std::string_view op, const Shape& a, const Shape& b, const Location& loc) {
  if (std::optional<Shape> both = ir::broadcast(a, b)) return *both;
  const size_t rank = std::max(a.size(), b.size());
  for (size_t d = rank; d-- > 0;) {
    const int64_t x = d + a.size() < rank ? 1 : a[d + a.size() - rank];
    const int64_t y = d + b.size() < rank ? 1 : b[d + b.size() - rank];
    if (x != y && x != 1 && y != 1)
      throw Error(
          ErrorKind::Shape,
          fmt::format("The size of tensor a ({}) must match the size of tensor b ({}) at non-singleton dimension "
                      "{}",
                      x, y, d),
          fmt::format("{} of shapes {} and {}; aligned at the last axis, sizes must be equal or 1", op, ir::str(a),
                      ir::str(b)),
          loc);
  }
  throw Error(ErrorKind::Internal, fmt::format("{} and {} do not broadcast", ir::str(a), ir::str(b)), {}, loc);
}

DType result_type(std::span<const Operand> operands) {
  ResultType r;
  for (const Operand& o : operands) {
    if (o.is_tensor())
      r.add_tensor(o.tensor().dtype(), o.tensor().dim() == 0);
    else
      r.add_scalar(o.scalar());
  }
  return r.get();
}

NodeRef scalar_operand(const Scalar& v, DType dtype, const Location& loc) {
  if (!v.is_integral() || !is_integral(dtype) || dtype == kInt64) return argument(v, dtype, loc);
  const int bits = static_cast<int>(8 * itemsize(dtype));
  const int64_t n = v.to_int64();
  const int64_t most = (int64_t{1} << (is_signed(dtype) ? bits - 1 : bits)) - 1;
  // A negative number wraps in an unsigned type, as in PyTorch.
  const int64_t least = -(int64_t{1} << (is_signed(dtype) ? bits - 1 : bits));
  if (n < least || n > most)
    throw Error(ErrorKind::Value,
                fmt::format("value cannot be converted to type {} without overflow: {}", name(dtype), n),
                "use a wider dtype or a number that fits", loc);
  return argument(is_signed(dtype) ? n : n & most, dtype, loc);
}

NodeRef elementwise(Op op, std::initializer_list<Operand> list, const Location& loc) {
  const ir::OpInfo& row = ir::info(op);
  if (list.size() > kMaxOperands)
    throw Error(ErrorKind::Internal, fmt::format("{} has {} operands", row.name, list.size()), {}, loc);
  Operands o = gather(list, loc);
  if (op == Op::sub) refuse_bool_subtraction(o, loc);
  const Device device = common_device(o, loc);
  const bool select = row.promote == Promote::Select;
  DType dtype = promoted(o, select ? 1 : 0);
  if (row.promote == Promote::Logical) dtype = kBool;
  if (row.promote == Promote::ToFloat && !is_floating(dtype)) dtype = kDefaultDType;
  if (!takes(row.types, dtype)) refuse_type(op, row.types, dtype, loc);
  if (select && (!o.node[0] || !is_bool(o.node[0]->dtype())))
    throw Error(ErrorKind::DType,
                fmt::format("{} expected condition to be a boolean tensor, but got a tensor with dtype {}", row.name,
                            o.node[0] ? torch_name(o.node[0]->dtype()) : "Scalar"),
                "compare it with something, or convert with to(kBool)", loc);

  Shape shape;
  for (size_t i = 0; i < o.count; ++i)
    if (o.node[i]) shape = broadcast_or_throw(row.name, shape, o.node[i]->shape(), loc);

  if (op == Op::pow && o.node[0] && !o.node[1]) {
    const Scalar& exponent = o.source[1]->scalar();
    if (!is_floating(dtype) && exponent.to_double() < 0)
      throw Error(ErrorKind::Value, "Integers to negative integer powers are not allowed.",
                  "convert the base to a float type first", loc);
    if (NodeRef power = special_power(cast_to(o.node[0], dtype, loc), exponent.to_double(), loc)) return power;
  }

  ir::NodeSpec spec;
  spec.op = op;
  spec.device = device;
  for (size_t i = 0; i < o.count; ++i) {
    const DType wanted = select && i == 0 ? kBool : dtype;
    if (!o.node[i]) o.node[i] = on_device(scalar_operand(o.source[i]->scalar(), wanted, loc), device, loc);
    o.node[i] = expand_to(cast_to(o.node[i], wanted, loc), shape, loc);
    spec.inputs.push_back(o.node[i].get());
  }
  return make_node(std::move(spec), loc);
}

Tensor apply(Op op, std::initializer_list<Operand> operands, const Location& loc) {
  return wrap_result(elementwise(op, operands, loc), loc);
}

Tensor& write_out(Tensor& out, NodeRef value, const Location& loc) {
  if (!out.defined()) {
    out = wrap(std::move(value), loc);
    return out;
  }
  if (!can_cast(value->dtype(), out.dtype()))
    throw Error(ErrorKind::DType,
                fmt::format("result type {} can't be cast to the desired output type {}", torch_name(value->dtype()),
                            torch_name(out.dtype())),
                "pass an output of the result's type", loc);
  if (value->device() != out.device())
    throw Error(
        ErrorKind::Device,
        fmt::format("Expected out tensor to be on {}, but it is on {}", value->device().str(), out.device().str()), {},
        loc);
  if (!(out.sizes() == IntArrayRef(value->shape().data(), value->shape().size()))) {
    if (out.numel() == 0 && !out.is_view()) {
      out = wrap(cast_to(value, out.dtype(), loc), loc);
      return out;
    }
    throw Error(ErrorKind::Shape,
                fmt::format("output with shape {} doesn't match the broadcast shape {}", ir::str(out.sizes()),
                            ir::str(value->shape())),
                "pass an output of that shape, or an empty one", loc);
  }
  value = cast_to(value, out.dtype(), loc);
  assign(out, std::move(value), loc);
  return out;
}

Tensor& apply_out(Op op, Tensor& out, std::initializer_list<Operand> operands, const Location& loc) {
  return write_out(out, elementwise(op, operands, loc), loc);
}

Tensor& write_out(Tensor& out, Tensor&& value, const Location& loc) {
  NodeRef node = node_of(value);
  value = Tensor();  // no reader of the value but `out`
  return write_out(out, std::move(node), loc);
}

void check_out_type(const Tensor& out, DType dtype, const Location& loc) {
  if (out.defined() && out.dtype() != dtype)
    throw Error(ErrorKind::DType,
                fmt::format("Expected out tensor to have dtype {}, but got {} instead", name(dtype), name(out.dtype())),
                "pass an output of the result's type", loc);
}

Tensor& write_out_exact(Tensor& out, Tensor&& value, const Location& loc) {
  check_out_type(out, value.dtype(), loc);
  return write_out(out, std::move(value), loc);
}

Tensor& write_in_place(Tensor& self, NodeRef value, std::string_view op, const Location& loc) {
  if (!can_cast(value->dtype(), self.dtype()))
    throw Error(ErrorKind::DType,
                fmt::format("result type {} can't be cast to the desired output type {}", torch_name(value->dtype()),
                            torch_name(self.dtype())),
                fmt::format("write a new tensor: x = {}(x, ...), or convert x first", op), loc);
  if (!(self.sizes() == IntArrayRef(value->shape().data(), value->shape().size())))
    throw Error(ErrorKind::Shape,
                fmt::format("output with shape {} doesn't match the broadcast shape {}", ir::str(self.sizes()),
                            ir::str(value->shape())),
                "an in-place operation keeps the shape of its tensor", loc);
  value = cast_to(value, self.dtype(), loc);
  assign(self, std::move(value), loc);
  return self;
}

Tensor& write_in_place(Tensor& self, Tensor&& value, std::string_view op, const Location& loc) {
  NodeRef node = node_of(value);
  value = Tensor();
  return write_in_place(self, std::move(node), op, loc);
}

Tensor& apply_inplace(Op op, Tensor& self, std::initializer_list<Operand> operands, const Location& loc) {
  return write_in_place(self, elementwise(op, operands, loc), ir::name(op), loc);
}

}  // namespace lazuli
