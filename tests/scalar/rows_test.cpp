// Every row of the elementwise table: what holds for all of them, and the values of those that are not in the
// accuracy tables.
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <set>

#include "ir/lower_scalar.h"
#include "ir/op_types.h"
#include "lazuli/base/half.h"

namespace lazuli::ir {
namespace {

using scalar::literal;

std::vector<DType> operands(const OpInfo& row, DType t) {
  std::vector<DType> types(static_cast<size_t>(row.max_arity), t);
  if (row.promote == Promote::Select) types[0] = kBool;
  return types;
}

template <class F>
void for_each_row(F f) {
  for (int i = 0; i < op_count(); ++i) {
    const Op op = static_cast<Op>(i);
    if (!is_elementwise(op)) continue;
    for (int t = 0; t < kSupportedDTypes; ++t) {
      if (takes(info(op).types, static_cast<DType>(t))) f(op, static_cast<DType>(t));
    }
  }
}

std::vector<uint64_t> awkward(DType t) {
  if (t == kBool) return {0, 1};
  const uint64_t mask = ~uint64_t{0} >> (64 - 8 * itemsize(t)), top = mask ^ (mask >> 1);
  if (is_integral(t)) return {0, 1, 2, 3, 7, mask, mask - 1, top, top - 1, top + 1, 5, mask - 6};
  std::vector<uint64_t> out;
  for (double v : {0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 0.1, 10.0, 100.0, 1e4, 1e-4, HUGE_VAL}) {
    for (double side : {v, -v}) {
      const uint64_t b = std::bit_cast<uint64_t>(side);
      out.push_back(scalar::evaluate(lower_cast(kFloat64, t), {b})[0]);
    }
  }
  out.push_back(scalar::evaluate(lower_cast(kFloat64, t), {std::bit_cast<uint64_t>(double{NAN})})[0]);
  out.push_back(1);        // the smallest denormal
  out.push_back(top | 1);  // and its negative
  return out;
}

TEST(Rows, LowerForEveryTypeTheyTake) {
  for_each_row([](Op op, DType t) {
    const OpInfo& row = info(op);
    const auto types = operands(row, t);
    const scalar::Function f = lower_elementwise(op, types);
    ASSERT_EQ(f.results.size(), 1u);
    const bool gives_bool = row.promote == Promote::Compare || row.promote == Promote::Logical;
    EXPECT_EQ(f.type(f.results[0]), gives_bool ? kBool : t) << row.name << " of " << name(t);
    EXPECT_EQ(f.has_checks(), (row.flags & kChecked) && is_integral(t)) << row.name << " of " << name(t);
    EXPECT_FALSE(row.doc.empty() || row.doc.back() != '.') << row.name;
    EXPECT_LT(f.insts.size(), 600u) << row.name << " of " << name(t);
    // No half type inside, no float64 in float32, operands before uses.
    for (size_t k = 0; k < f.insts.size(); ++k) {
      const auto& inst = f.insts[k];
      for (int i = 0; i < scalar::info(inst.prim).arity; ++i) EXPECT_LT(inst.args[i], f.params.size() + k);
      if (t != kFloat64) {
        EXPECT_NE(inst.type, kFloat64) << row.name << " of " << name(t);
      }
    }
  });
}

TEST(Rows, CommutativeOnesAre) {
  for_each_row([](Op op, DType t) {
    if (!(info(op).flags & kCommutative)) return;
    const scalar::Function f = lower_elementwise(op, operands(info(op), t));
    for (uint64_t a : awkward(t)) {
      for (uint64_t b : awkward(t)) {
        const uint64_t p = scalar::evaluate(f, {a, b})[0], q = scalar::evaluate(f, {b, a})[0];
        const DType r = f.type(f.results[0]);
        if (is_floating(r) && literal(r, p).find("nan") != std::string::npos) {
          EXPECT_NE(literal(r, q).find("nan"), std::string::npos) << info(op).name;
        } else {
          EXPECT_EQ(p, q) << info(op).name << " of " << literal(t, a) << " and " << literal(t, b);
        }
      }
    }
  });
}

// A half result is the float32 result rounded once, for every operand of every unary row.
TEST(Rows, HalfTypesRoundTheFloat32ResultOnce) {
  for (int i = 0; i < op_count(); ++i) {
    const Op op = static_cast<Op>(i);
    const OpInfo& row = info(op);
    if (!is_elementwise(op) || row.max_arity != 1 || !takes(row.types, kFloat16) || op == Op::nan_to_num) continue;
    for (DType t : {kFloat16, kBFloat16}) {
      const DType half[] = {t}, wide[] = {kFloat32};
      const scalar::Function f = lower_elementwise(op, half), g = lower_elementwise(op, wide);
      std::vector<uint64_t> x, up, got, want;
      for (uint64_t b = 0; b < 65536; b += 13) {
        x.push_back(b);
        const auto h = static_cast<uint16_t>(b);
        up.push_back(std::bit_cast<uint32_t>(t == kFloat16 ? half_bits_to_float(h) : bfloat16_bits_to_float(h)));
      }
      got.resize(x.size());
      want.resize(x.size());
      const uint64_t* in = x.data();
      uint64_t* out = got.data();
      scalar::evaluate_block(f, {&in, 1}, {&out, 1}, x.size());
      in = up.data();
      out = want.data();
      scalar::evaluate_block(g, {&in, 1}, {&out, 1}, x.size());
      for (size_t k = 0; k < x.size(); ++k) {
        if (g.type(g.results[0]) == kFloat32) {
          const float v = std::bit_cast<float>(static_cast<uint32_t>(want[k]));
          want[k] = t == kFloat16 ? float_to_half_bits(v) : float_to_bfloat16_bits(v);
          if (std::isnan(v)) continue;
        }
        ASSERT_EQ(got[k], want[k]) << row.name << " of " << literal(t, x[k]);
      }
    }
  }
}

struct Case {
  const char* op;
  DType type;
  std::vector<const char*> args;
  const char* want;
};

TEST(Rows, Values) {
  const Case cases[] = {
      {"floor_divide", kInt32, {"-7", "2"}, "-4"},
      {"floor_divide", kInt32, {"7", "-2"}, "-4"},
      {"floor_divide", kInt32, {"-8", "2"}, "-4"},
      {"floor_divide", kInt8, {"-128", "-1"}, "-128"},
      {"floor_divide", kUInt8, {"200", "7"}, "28"},
      {"floor_divide", kFloat32, {"-7", "2"}, "-4"},
      {"floor_divide", kFloat32, {"1", "0.1"}, "9"},
      {"floor_divide", kFloat32, {"1", "0"}, "inf"},
      {"floor_divide", kFloat32, {"0", "0"}, "nan"},
      {"floor_divide", kFloat32, {"-0", "5"}, "-0"},
      {"remainder", kInt32, {"-7", "3"}, "2"},
      {"remainder", kInt32, {"7", "-3"}, "-2"},
      {"remainder", kInt64, {"-9223372036854775808", "-1"}, "0"},
      {"remainder", kFloat32, {"-7", "3"}, "2"},
      {"remainder", kFloat32, {"7", "-3"}, "-2"},
      {"remainder", kFloat32, {"3e38", "0.7"}, "0.2078085"},
      {"fmod", kInt32, {"-7", "3"}, "-1"},
      {"fmod", kFloat32, {"-7", "3"}, "-1"},
      {"fmod", kFloat32, {"5", "inf"}, "5"},
      {"fmod", kFloat32, {"inf", "5"}, "nan"},
      {"pow", kInt32, {"3", "4"}, "81"},
      {"pow", kInt32, {"2", "-1"}, "0"},
      {"pow", kInt32, {"-1", "-3"}, "-1"},
      {"pow", kInt64, {"-2", "63"}, "-9223372036854775808"},
      {"pow", kInt8, {"0", "0"}, "1"},
      {"pow", kUInt8, {"3", "200"}, "161"},
      {"pow", kFloat32, {"-2", "3"}, "-8"},
      {"pow", kFloat32, {"-8", "0.5"}, "nan"},
      {"pow", kFloat32, {"-0", "-3"}, "-inf"},
      {"pow", kFloat32, {"nan", "0"}, "1"},
      {"pow", kFloat32, {"1", "nan"}, "1"},
      {"pow", kFloat32, {"-1", "inf"}, "1"},
      {"pow", kFloat32, {"-inf", "-3"}, "-0"},
      {"fmin", kFloat32, {"nan", "2"}, "2"},
      {"fmax", kFloat32, {"nan", "nan"}, "nan"},
      {"fmax", kFloat32, {"-0", "0"}, "0"},
      {"minimum", kFloat32, {"nan", "2"}, "nan"},
      {"sign", kFloat32, {"-3"}, "-1"},
      {"sign", kFloat32, {"nan"}, "0"},
      {"sign", kUInt8, {"200"}, "1"},
      {"sign", kInt8, {"-128"}, "-1"},
      {"relu", kFloat32, {"nan"}, "nan"},
      {"relu", kFloat32, {"-0"}, "0"},
      {"heaviside", kFloat32, {"0", "0.25"}, "0.25"},
      {"heaviside", kFloat32, {"nan", "0.25"}, "0"},
      {"lerp", kFloat32, {"1", "3", "1"}, "3"},
      {"lerp", kFloat32, {"1", "3", "0"}, "1"},
      {"xlogy", kFloat32, {"0", "0"}, "0"},
      {"xlogy", kFloat32, {"0", "nan"}, "nan"},
      {"logaddexp", kFloat32, {"-inf", "-inf"}, "-inf"},
      {"logaddexp", kFloat32, {"inf", "inf"}, "inf"},
      {"logaddexp", kFloat32, {"1000", "0"}, "1000"},
      {"hypot", kFloat32, {"3", "4"}, "5"},
      {"hypot", kFloat32, {"3e38", "0"}, "3e+38"},
      {"hypot", kFloat32, {"inf", "nan"}, "inf"},
      {"hypot", kFloat32, {"0", "nan"}, "nan"},
      {"round", kFloat32, {"2.5"}, "2"},
      {"round", kFloat32, {"-0.5"}, "-0"},
      {"frac", kFloat32, {"-1.75"}, "-0.75"},
      {"clamp", kFloat32, {"nan", "0", "1"}, "nan"},
      {"clamp", kFloat32, {"5", "0", "1"}, "1"},
      {"clamp", kInt32, {"5", "9", "1"}, "1"},
      {"nan_to_num", kFloat16, {"inf"}, "65504"},
      {"nan_to_num", kBFloat16, {"-inf"}, "-3.3895314e+38"},
      {"nan_to_num", kFloat32, {"nan"}, "0"},
      {"nan_to_num", kFloat64, {"inf"}, "1.7976931348623157e+308"},
      {"signbit", kFloat32, {"-0"}, "true"},
      {"signbit", kFloat32, {"-nan"}, "false"},
      {"signbit", kInt8, {"-1"}, "true"},
      {"signbit", kUInt8, {"255"}, "false"},
      {"copysign", kFloat32, {"3", "-0"}, "-3"},
      {"copysign", kFloat32, {"-3", "-nan"}, "3"},
      {"isnan", kInt32, {"3"}, "false"},
      {"isnan", kFloat32, {"nan"}, "true"},
      {"isinf", kFloat32, {"-inf"}, "true"},
      {"isfinite", kFloat32, {"nan"}, "false"},
      {"isfinite", kBool, {"true"}, "true"},
      {"isposinf", kFloat32, {"-inf"}, "false"},
      {"isneginf", kFloat32, {"-inf"}, "true"},
      {"ne", kFloat32, {"nan", "nan"}, "true"},
      {"lt", kBool, {"false", "true"}, "true"},
      {"gt", kUInt8, {"200", "100"}, "true"},
      {"add", kBool, {"true", "true"}, "true"},
      {"bitwise_not", kBool, {"true"}, "false"},
      {"bitwise_not", kUInt8, {"1"}, "254"},
      {"bitwise_left_shift", kInt32, {"1", "31"}, "-2147483648"},
      {"bitwise_left_shift", kInt32, {"1", "32"}, "0"},
      {"bitwise_left_shift", kInt8, {"1", "-1"}, "0"},
      {"bitwise_right_shift", kInt32, {"-5", "40"}, "-1"},
      {"bitwise_right_shift", kUInt8, {"128", "7"}, "1"},
      {"bitwise_right_shift", kUInt8, {"128", "8"}, "0"},
      {"cos", kFloat32, {"0"}, "1"},
      {"sin", kFloat32, {"-0"}, "-0"},
      {"sin", kFloat32, {"inf"}, "nan"},
      {"exp", kFloat32, {"-inf"}, "0"},
      {"exp", kFloat32, {"-103.9"}, "1e-45"},
      {"log", kFloat32, {"-0"}, "-inf"},
      {"atan2", kFloat32, {"-0", "-0"}, "-3.1415927"},
      {"atan2", kFloat32, {"0", "0"}, "0"},
      {"atan2", kFloat32, {"inf", "-inf"}, "2.3561945"},
      {"silu", kFloat32, {"-1000"}, "-0"},
      {"gelu", kFloat32, {"-0"}, "-0"},
      {"lgamma", kFloat32, {"-3"}, "inf"},
      {"lgamma", kFloat32, {"2"}, "0"},
  };
  for (const Case& c : cases) {
    Op op;
    ASSERT_TRUE(find_op(c.op, &op)) << c.op;
    const std::vector<DType> types(c.args.size(), c.type);
    std::vector<uint64_t> args(c.args.size());
    std::string call = c.op;
    for (size_t i = 0; i < args.size(); ++i) {
      ASSERT_TRUE(scalar::parse_literal(c.type, c.args[i], &args[i])) << c.args[i];
      call += std::string(" ") + c.args[i];
    }
    const scalar::Function f = lower_elementwise(op, types);
    const std::string got = literal(f.type(f.results[0]), scalar::evaluate(f, args)[0]);
    if (std::string(c.want) == "nan") {
      EXPECT_NE(got.find("nan"), std::string::npos) << call << " = " << got;
    } else {
      EXPECT_EQ(got, c.want) << call << " of " << name(c.type);
    }
  }
}

TEST(Rows, ChecksNameTheFirstFailure) {
  for (const char* op_name : {"floor_divide", "remainder", "fmod"}) {
    Op op;
    ASSERT_TRUE(find_op(op_name, &op));
    const DType types[] = {kInt32, kInt32};
    const scalar::Function f = lower_elementwise(op, types);
    const std::vector<uint64_t> x(300, 5);
    std::vector<uint64_t> y(300, 2), out(300);
    const uint64_t* in[] = {x.data(), y.data()};
    uint64_t* result = out.data();
    uint64_t failed = 9;
    EXPECT_EQ(scalar::evaluate_block(f, in, {&result, 1}, 300, &failed), 300u);
    EXPECT_EQ(failed, scalar::kNoFailure);
    y[290] = y[200] = 0;
    EXPECT_EQ(scalar::evaluate_block(f, in, {&result, 1}, 300, &failed), 200u);
    EXPECT_EQ(failed, scalar::kDivisionByZero);
  }
}

TEST(Combine, IdentityIsNeutral) {
  for (Op op : {Op::sum, Op::prod, Op::reduce_max, Op::reduce_min, Op::any, Op::all}) {
    for (int i = 0; i < kSupportedDTypes; ++i) {
      const DType t = static_cast<DType>(i);
      const bool logical = op == Op::any || op == Op::all;
      if (is_half(t) || logical != is_bool(t)) continue;
      const scalar::Function f = lower_combine(op, t);
      const uint64_t identity = reduce_identity(op, t);
      for (uint64_t v : awkward(t)) {
        if (is_floating(t) && literal(t, v).find("nan") != std::string::npos) continue;
        EXPECT_EQ(scalar::evaluate(f, {identity, v})[0], v) << name(op) << " of " << literal(t, v);
      }
    }
  }
  EXPECT_EQ(accumulator_type(Op::sum, kBFloat16), kFloat32);
  EXPECT_EQ(accumulator_type(Op::sum, kInt8), kInt8);
}

TEST(Ops, NamesAreFound) {
  for (int i = 0; i < op_count(); ++i) {
    Op op;
    ASSERT_TRUE(find_op(name(static_cast<Op>(i)), &op));
    EXPECT_EQ(static_cast<int>(op), i);
  }
  Op op;
  EXPECT_FALSE(find_op("", &op));
  EXPECT_FALSE(find_op("no_such_op", &op));
}

}  // namespace
}  // namespace lazuli::ir
