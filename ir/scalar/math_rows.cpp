// Bodies of op rows that are more than a line.
#include <cmath>

#include "ir/scalar/math_parts.h"

namespace lazuli::scalar {
using namespace parts;

namespace {

Value nonzero(Builder& s, Value divisor) {
  s.check(s.ne(divisor, s.constant_int(s.type(divisor), 0)), kDivisionByZero);
  return divisor;
}

int width(Builder& s, Value x) {
  return static_cast<int>(8 * itemsize(s.type(x)));
}

}  // namespace

Value check_index(Builder& s, Value x, Value y) {
  const Value zero = s.constant_int(s.type(x), 0);
  s.check(s.bit_and(s.le(zero, x), s.lt(x, y)), kIndexOutOfBounds);
  return x;
}

Value floor_divide(Builder& s, Value x, Value y) {
  return is_floating(s.type(x)) ? floor_div_float(s, x, y) : floor_div_int(s, x, nonzero(s, y));
}

Value remainder(Builder& s, Value x, Value y) {
  return is_floating(s.type(x)) ? floor_mod_float(s, x, y) : floor_mod_int(s, x, nonzero(s, y));
}

Value fmod(Builder& s, Value x, Value y) {
  return is_floating(s.type(x)) ? fmod_float(s, x, y) : s.irem(x, nonzero(s, y));
}

Value sign(Builder& s, Value x) {
  const Value zero = s.like(x, 0), one = s.like(x, 1);
  const Value positive = s.select(s.lt(zero, x), one, zero);
  return is_signed(s.type(x)) ? s.select(s.lt(x, zero), s.like(x, -1), positive) : positive;
}

Value signbit(Builder& s, Value x) {
  const DType t = s.type(x);
  if (!is_floating(t)) return s.lt(x, s.constant_int(t, 0));
  const DType bits = int_twin(s, x);
  return s.bit_and(s.lt(s.bitcast(x, bits), s.constant_int(bits, 0)), s.eq(x, x));
}

Value prefer_number(Builder& s, Value x, Value y, Value both) {
  if (!is_floating(s.type(x))) return both;
  return s.select(s.is_nan(x), y, s.select(s.is_nan(y), x, both));
}

Value nan_to_num(Builder& s, Value x) {
  if (!is_floating(s.type(x))) return x;
  double largest = 0;
  switch (s.storage(x)) {
    case kFloat16:
      largest = 65504;
      break;
    case kBFloat16:
      largest = 0x1.fep127;
      break;
    case kFloat32:
      largest = 0x1.fffffep127;
      break;
    default:
      largest = 0x1.fffffffffffffp1023;
      break;
  }
  const Value inf = s.like(x, INFINITY);
  const Value low = s.select(s.eq(x, s.neg(inf)), s.like(x, -largest), x);
  const Value high = s.select(s.eq(x, inf), s.like(x, largest), low);
  return s.select(s.is_nan(x), s.like(x, 0), high);
}

Value left_shift(Builder& s, Value x, Value amount) {
  const Value zero = s.constant_int(s.type(x), 0);
  const Value valid = s.ult(amount, s.constant_int(s.type(x), width(s, x)));
  return s.select(valid, s.shl(x, s.select(valid, amount, zero)), zero);
}

Value right_shift(Builder& s, Value x, Value amount) {
  const Value valid = s.ult(amount, s.constant_int(s.type(x), width(s, x)));
  const Value last = s.constant_int(s.type(x), width(s, x) - 1);
  const Value shifted = s.ashr(x, s.select(valid, amount, last));
  if (is_signed(s.type(x))) return shifted;
  return s.select(valid, shifted, s.constant_int(s.type(x), 0));
}

namespace {

// With z = e^-|u|, sigmoid is z / (1 + z) below zero; w multiplies before the power of two that may underflow.
Value times_sigmoid_pair(Builder& s, Value w, Pair u) {
  const Value one = s.like(w, 1), zero = s.like(w, 0), limit = pick(s, w, -112, -760);
  const Value negative = s.lt(u.hi, zero);
  const Value a = s.neg(s.abs(u.hi));
  auto [r, n] = reduce_exp(s, at_least(s, a, limit));
  r = s.add(r, s.select(negative, u.lo, s.neg(u.lo)));
  const Value em1 = s.fma(s.mul(r, r), exp_tail(s, r), r);
  const Value y = s.add(em1, one);
  const Value z = scale(s, y, n);
  const Value sum = s.add(one, z);
  // What rounding the sum lost, negated. Below zero it is put into w z before that is rounded, else into the quotient.
  const Value lost = s.sub(s.sub(sum, one), z);
  const Value wz = s.select(s.lt(a, limit), s.mul(w, zero), s.fma(w, s.fma(lost, y, em1), w));
  const Value q = s.div(s.select(negative, scale(s, wz, n), w), sum);
  return s.select(s.eq(w, s.like(w, INFINITY)), w, s.fma(q, s.select(negative, zero, lost), q));
}

}  // namespace

Value times_sigmoid(Builder& s, Value w, Value u) {
  return times_sigmoid_pair(s, w, {u, s.like(u, 0)});
}

// A composition, not an elementary function: every step rounds once. The relative error grows with |u| where the result
// vanishes (150 ULP at its very end), the absolute error stays below 2^-22 |x|; forming u as a pair would cost twice
// the time.
Value gelu_tanh(Builder& s, Value x) {
  const Value one = s.like(x, 1);
  const Value inner = s.fma(s.mul(x, x), s.like(x, -0.07135481627260025), s.like(x, -1.5957691216057308));
  return s.div(x, s.add(one, exp(s, s.mul(x, inner))));
}

// max(x, 0) + log(1 + e^-|x|).
Value softplus(Builder& s, Value x) {
  const Value z = exp_clamped(s, at_least(s, s.neg(s.abs(x)), pick(s, x, -104, -746)));
  const Value y = log1p_of(s, z, s.like(x, 0));
  const Value zero = s.like(x, 0);
  return s.add(s.select(s.lt(x, zero), zero, x), y);
}

// The quotient as a pair, so that the neighbourhood of 1/2 keeps its bits.
Value logit(Builder& s, Value x) {
  const Value zero = s.like(x, 0), one = s.like(x, 1);
  const Pair u = div(s, {x, zero}, fast_two_sum(s, one, s.neg(x)));
  const Value y = log_of(s, reduce_log(s, u.hi), s.div(u.lo, u.hi));
  const Value inf = s.like(x, INFINITY);
  const Value edge = s.select(s.eq(x, zero), s.neg(inf), s.select(s.eq(x, one), inf, s.like(x, NAN)));
  return s.select(s.bit_and(s.lt(zero, x), s.lt(x, one)), y, edge);
}

// The larger + log(1 + e^-distance); equal infinities have no distance.
Value logaddexp(Builder& s, Value x, Value y) {
  const Value larger = s.maximum(x, y);
  const Value z = exp(s, s.neg(s.abs(s.sub(x, y))));
  const Value sum = s.add(larger, log1p_of(s, z, s.like(x, 0)));
  return s.select(s.bit_and(s.eq(x, y), s.is_inf(x)), x, sum);
}

// The larger magnitude scaled near 1 by a power of two, and back.
Value hypot(Builder& s, Value x, Value y) {
  const Value ax = s.abs(x), ay = s.abs(y), inf = s.like(x, INFINITY), zero = s.like(x, 0);
  const Value a = s.maximum(ax, ay), b = s.minimum(ax, ay);
  const Value large = s.lt(pick(s, x, 0x1p60, 0x1p500), a), small = s.lt(a, pick(s, x, 0x1p-60, 0x1p-500));
  const Value one = s.like(x, 1);
  const Value down = pick(s, x, 0x1p-100, 0x1p-700), up = pick(s, x, 0x1p100, 0x1p700);
  const Value into = s.select(large, down, s.select(small, up, one));
  const Value back = s.select(large, up, s.select(small, down, one));
  const Value p = s.mul(a, into), q = s.mul(b, into);
  const Value root = s.sqrt(s.fma(p, p, s.mul(q, q)));
  const Value any_inf = s.bit_or(s.eq(ax, inf), s.eq(ay, inf));
  return s.select(any_inf, inf, s.select(s.eq(a, zero), zero, s.mul(root, back)));
}

}  // namespace lazuli::scalar
