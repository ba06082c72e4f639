// The primitives' meaning where it is easy to get wrong.
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>

#include "ir/scalar/function.h"

namespace lazuli::scalar {
namespace {

uint64_t f32(float v) {
  return std::bit_cast<uint32_t>(v);
}
uint64_t f64(double v) {
  return std::bit_cast<uint64_t>(v);
}
uint64_t i32(int64_t v) {
  return static_cast<uint32_t>(v);
}
constexpr uint64_t kMin32 = 0x80000000u, kMin64 = 0x8000000000000000u;
constexpr uint64_t kNan32 = 0x7fc00000u;

struct Case {
  Prim prim;
  DType result, operand;
  std::vector<uint64_t> args;
  uint64_t want;
};

TEST(Prim, Table) {
  const float inf = INFINITY;
  const Case cases[] = {
      {Prim::add, kInt32, kInt32, {0x7fffffff, 1}, kMin32},
      {Prim::add, kUInt8, kUInt8, {255, 1}, 0},
      {Prim::sub, kInt8, kInt8, {0x80, 1}, 0x7f},
      {Prim::mul, kInt16, kInt16, {0x7fff, 0x7fff}, 1},
      {Prim::mul, kInt64, kInt64, {kMin64, ~0ull}, kMin64},
      {Prim::add, kBool, kBool, {1, 1}, 1},
      {Prim::mul, kBool, kBool, {1, 0}, 0},
      {Prim::neg, kInt32, kInt32, {kMin32}, kMin32},
      {Prim::abs, kInt8, kInt8, {0x80}, 0x80},
      {Prim::abs, kFloat32, kFloat32, {f32(-0.0f)}, 0},
      {Prim::neg, kFloat32, kFloat32, {0}, f32(-0.0f)},
      {Prim::idiv, kInt32, kInt32, {i32(-7), 2}, i32(-3)},
      {Prim::idiv, kInt32, kInt32, {5, 0}, 0},
      {Prim::idiv, kInt32, kInt32, {kMin32, i32(-1)}, kMin32},
      {Prim::idiv, kInt8, kInt8, {0x80, 0xff}, 0x80},
      {Prim::irem, kInt32, kInt32, {i32(-7), 2}, i32(-1)},
      {Prim::irem, kInt32, kInt32, {5, 0}, 0},
      {Prim::irem, kInt64, kInt64, {kMin64, ~0ull}, 0},
      {Prim::fma, kFloat32, kFloat32, {f32(0x1.000002p0f), f32(0x1.000002p0f), f32(-0x1.000004p0f)}, f32(0x1p-46f)},
      {Prim::scale2, kFloat32, kFloat32, {f32(1.5f), f32(-149)}, f32(0x1p-148f)},
      {Prim::scale2, kFloat32, kFloat32, {f32(-1.25f), f32(128)}, f32(-inf)},
      {Prim::scale2, kFloat64, kFloat64, {f64(1.5), f64(-1074)}, f64(0x1p-1073)},
      {Prim::sqrt, kFloat32, kFloat32, {f32(-0.0f)}, f32(-0.0f)},
      {Prim::roundeven, kFloat32, kFloat32, {f32(2.5f)}, f32(2)},
      {Prim::roundeven, kFloat64, kFloat64, {f64(-0.5)}, f64(-0.0)},
      {Prim::minimum, kFloat32, kFloat32, {f32(0.0f), f32(-0.0f)}, f32(-0.0f)},
      {Prim::maximum, kFloat32, kFloat32, {f32(-0.0f), f32(0.0f)}, f32(0.0f)},
      {Prim::maximum, kFloat32, kFloat32, {f32(inf), kNan32}, kNan32},
      {Prim::minimum, kFloat32, kFloat32, {kNan32, f32(-inf)}, kNan32},
      {Prim::minimum, kUInt8, kUInt8, {200, 100}, 100},
      {Prim::minimum, kInt8, kInt8, {200, 100}, 200},
      {Prim::bit_not, kInt16, kInt16, {0}, 0xffff},
      {Prim::bit_not, kBool, kBool, {1}, 0},
      {Prim::shl, kInt32, kInt32, {1, 31}, kMin32},
      {Prim::shl, kUInt8, kUInt8, {0xff, 4}, 0xf0},
      {Prim::lshr, kInt32, kInt32, {kMin32, 31}, 1},
      {Prim::ashr, kInt32, kInt32, {kMin32, 31}, 0xffffffffu},
      {Prim::ashr, kInt8, kInt8, {0x80, 7}, 0xff},
      {Prim::ashr, kUInt8, kUInt8, {0x80, 7}, 1},
      {Prim::umulhi, kInt32, kInt32, {0xffffffffu, 0xffffffffu}, 0xfffffffeu},
      {Prim::eq, kBool, kFloat32, {f32(0.0f), f32(-0.0f)}, 1},
      {Prim::eq, kBool, kFloat32, {kNan32, kNan32}, 0},
      {Prim::ne, kBool, kFloat32, {kNan32, kNan32}, 1},
      {Prim::le, kBool, kFloat32, {kNan32, f32(1)}, 0},
      {Prim::lt, kBool, kInt32, {i32(-1), 0}, 1},
      {Prim::ult, kBool, kInt32, {i32(-1), 0}, 0},
      {Prim::select, kFloat16, kFloat16, {1, 7, 8}, 7},
      {Prim::select, kInt8, kInt8, {0, 7, 8}, 8},
      {Prim::convert, kInt32, kFloat32, {f32(3e9f)}, 0x7fffffff},
      {Prim::convert, kInt32, kFloat32, {f32(-inf)}, kMin32},
      {Prim::convert, kInt64, kFloat64, {f64(NAN)}, 0},
      {Prim::convert, kInt64, kFloat32, {f32(0x1p63f)}, 0x7fffffffffffffffu},
      {Prim::convert, kUInt8, kFloat32, {f32(-1)}, 0},
      {Prim::convert, kUInt8, kFloat32, {f32(255.9f)}, 255},
      {Prim::convert, kUInt8, kFloat32, {f32(256)}, 255},
      {Prim::convert, kInt8, kFloat64, {f64(-128.9)}, 0x80},
      {Prim::convert, kInt8, kInt32, {0x1ff}, 0xff},
      {Prim::convert, kInt64, kInt8, {0xff}, ~0ull},
      {Prim::convert, kInt64, kUInt8, {0xff}, 255},
      {Prim::convert, kFloat32, kInt32, {16777217}, f32(16777216)},
      {Prim::convert, kFloat32, kFloat64, {f64(1e300)}, f32(inf)},
      {Prim::convert, kFloat32, kBool, {1}, f32(1)},
      {Prim::convert, kFloat32, kFloat16, {0x0001}, f32(0x1p-24f)},
      {Prim::convert, kFloat16, kFloat32, {f32(65520)}, 0x7c00},
      {Prim::bitcast, kInt32, kFloat32, {f32(-0.0f)}, kMin32},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(evaluate_prim(c.prim, c.result, c.operand, c.args.data()), c.want)
        << info(c.prim).name << " of " << name(c.operand) << " giving " << name(c.result);
  }
}

TEST(Prim, RefusesTypesOutsideItsClass) {
  const uint64_t args[3] = {};
  EXPECT_ANY_THROW(evaluate_prim(Prim::fma, kInt32, kInt32, args));
  EXPECT_ANY_THROW(evaluate_prim(Prim::idiv, kFloat32, kFloat32, args));
  EXPECT_ANY_THROW(evaluate_prim(Prim::add, kFloat16, kFloat16, args));
  EXPECT_ANY_THROW(evaluate_prim(Prim::convert, kBFloat16, kFloat32, args));
}

TEST(Literal, RoundTrips) {
  const struct {
    DType t;
    uint64_t bits;
    const char* text;
  } cases[] = {
      {kFloat32, f32(1.5f), "1.5"},
      {kFloat32, f32(-0.0f), "-0"},
      {kFloat32, kNan32, "nan"},
      {kFloat32, f32(-INFINITY), "-inf"},
      {kFloat32, 1, "1e-45"},
      {kFloat32, f32(0.1f), "0.1"},
      {kFloat64, f64(0.1), "0.1"},
      {kFloat64, 1, "5e-324"},
      {kFloat32, 0xffc00001u, "nan(0xffc00001)"},
      {kFloat16, 0x3c00, "1"},
      {kFloat16, 0x7c00, "inf"},
      {kBFloat16, 0x3f80, "1"},
      {kBFloat16, 0x7fc0, "nan"},
      {kBool, 1, "true"},
      {kBool, 0, "false"},
      {kInt8, 0x80, "-128"},
      {kUInt8, 255, "255"},
      {kInt64, kMin64, "-9223372036854775808"},
  };
  for (const auto& c : cases) {
    EXPECT_EQ(literal(c.t, c.bits), c.text);
    uint64_t bits = ~0ull;
    EXPECT_TRUE(parse_literal(c.t, c.text, &bits)) << c.text;
    EXPECT_EQ(bits, c.bits) << c.text;
  }
}

TEST(Literal, EveryHalfRoundTrips) {
  for (DType t : {kFloat16, kBFloat16}) {
    for (uint64_t b = 0; b < 65536; ++b) {
      uint64_t back = ~0ull;
      ASSERT_TRUE(parse_literal(t, literal(t, b), &back)) << literal(t, b);
      ASSERT_EQ(back, b) << name(t);
    }
  }
}

TEST(Literal, RefusesWhatIsNotOne) {
  uint64_t bits;
  for (const char* text :
       {"", "-", "x", "1.5x", "infinity", "1e999", "0x10", " 1", "nan(0x7f800000)", "--1", "nan()"}) {
    EXPECT_FALSE(parse_literal(kFloat32, text, &bits)) << text;
  }
  for (const char* text : {"", "128", "-129", "1.5", "true", "9999999999999999999999"}) {
    EXPECT_FALSE(parse_literal(kInt8, text, &bits)) << text;
  }
  EXPECT_FALSE(parse_literal(kUInt8, "-1", &bits));
  EXPECT_FALSE(parse_literal(kFloat16, "65520", &bits));
  EXPECT_FALSE(parse_literal(kBool, "1", &bits));
}

}  // namespace
}  // namespace lazuli::scalar
