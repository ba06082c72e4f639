#include "ir/lower_scalar.h"

#include <array>
#include <cmath>
#include <limits>

namespace lazuli::ir {
namespace {

using scalar::Builder;
using scalar::Value;

DType compute_type(DType t) {
  return is_half(t) ? kFloat32 : t;
}

[[noreturn]] void not_a_combine(Op op) {
  throw Error(ErrorKind::Internal, std::string(name(op)) + " is not a reduction with a combining step");
}

/// The reduction whose combining step a scan has.
Op reduction_like(Op scan) {
  switch (scan) {
    case Op::cumsum:
      return Op::sum;
    case Op::cumprod:
      return Op::prod;
    case Op::cummax:
      return Op::reduce_max;
    case Op::cummin:
      return Op::reduce_min;
    default:
      not_a_combine(scan);
  }
}

}  // namespace

scalar::Function lower_elementwise(Op op, std::span<const DType> operands) {
  const OpInfo& row = info(op);
  if (!row.body || operands.size() != static_cast<size_t>(row.max_arity)) {
    throw Error(ErrorKind::Internal, std::string(row.name) + " lowered with a wrong operand count");
  }
  Builder s({operands.begin(), operands.end()});
  s.set_storage(operands.back());
  Value in[3];
  for (size_t i = 0; i < operands.size(); ++i) in[i] = s.convert(s.param(i), compute_type(operands[i]));
  Value y = row.body(s, in[0], in[1], in[2]);
  const bool bool_result = row.promote == Promote::Compare || row.promote == Promote::Logical;
  if (!bool_result) y = s.convert(y, operands[row.promote == Promote::Select ? 1 : 0]);
  return s.finish({y});
}

scalar::Function lower_cast(DType from, DType to) {
  Builder s({from});
  return s.finish({s.convert(s.param(0), to)});
}

scalar::Function lower_bitcast(DType from, DType to) {
  Builder s({from});
  const Value x = s.param(0);
  if (is_bool(from) || is_bool(to) || from == to) return s.finish({s.convert(x, to)});
  const Value bits = s.bitcast(x, to);
  if (!is_floating(from)) return s.finish({bits});
  const Value number = s.convert(x, compute_type(from));
  return s.finish({s.select(s.eq(number, number), bits, s.bitcast(s.constant(from, NAN), to))});
}

DType accumulator_type(Op, DType operand) {
  return compute_type(operand);
}

scalar::Function lower_combine(Op reduce, DType accumulator) {
  Builder s({accumulator, accumulator});
  const Value a = s.param(0), b = s.param(1);
  switch (reduce) {
    case Op::sum:
      return s.finish({s.add(a, b)});
    case Op::prod:
      return s.finish({s.mul(a, b)});
    case Op::reduce_max:
      return s.finish({s.maximum(a, b)});
    case Op::reduce_min:
      return s.finish({s.minimum(a, b)});
    case Op::any:
      return s.finish({s.bit_or(a, b)});
    case Op::all:
      return s.finish({s.bit_and(a, b)});
    default:
      not_a_combine(reduce);
  }
}

scalar::Function lower_scan_step(Op scan, DType t) {
  if (scan == Op::logcumsumexp) return lower_elementwise(Op::logaddexp, std::array{t, t});
  return lower_combine(reduction_like(scan), t);
}

uint64_t scan_identity(Op scan, DType t) {
  return reduce_identity(scan == Op::logcumsumexp ? Op::reduce_max : reduction_like(scan), t);
}

Value scatter_step(Builder& s, Op scatter, Value element, Value value) {
  switch (scatter) {
    case Op::scatter:
      return value;
    case Op::scatter_add:
      return s.add(element, value);
    case Op::scatter_mul:
      return s.mul(element, value);
    case Op::scatter_max:
      return s.maximum(element, value);
    case Op::scatter_min:
      return s.minimum(element, value);
    default:
      throw Error(ErrorKind::Internal, std::string(name(scatter)) + " is not a scatter");
  }
}

scalar::Function lower_scatter_step(Op scatter, DType dtype) {
  Builder s({dtype, dtype});
  return s.finish({scatter_step(s, scatter, s.param(0), s.param(1))});
}

uint64_t reduce_identity(Op reduce, DType t) {
  Builder s({});
  const bool f = is_floating(t);
  const auto bits = [&](Value v) { return s.finish({v}).insts[0].imm; };
  // The least and the greatest integer, from the saturating conversion.
  const auto extreme = [&](double v) {
    return bits(f ? s.constant(t, v) : is_bool(t) ? s.constant_int(t, v > 0) : s.constant(t, v));
  };
  switch (reduce) {
    case Op::sum:
      return bits(f ? s.constant(t, -0.0) : s.constant_int(t, 0));
    case Op::prod:
      return bits(s.constant(t, 1));
    case Op::reduce_max:
      return extreme(-INFINITY);
    case Op::reduce_min:
      return extreme(INFINITY);
    case Op::any:
      return 0;
    case Op::all:
      return 1;
    default:
      not_a_combine(reduce);
  }
}

}  // namespace lazuli::ir
