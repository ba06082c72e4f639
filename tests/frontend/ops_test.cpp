// Every elementwise function in every form, walked from the table that is generated with them: function, method, _out
// and in-place agree, and evaluation gives the bits of the reference interpreter. Then values against the C++ library.
#include <cmath>
#include <functional>

#include "frontend/tensor_impl.h"
#include "ir/interpret.h"
#include "ir/op_types.h"
#include "tests/frontend/values.h"

namespace lazuli {
namespace {

struct Call {
  const char* name;
  ir::Op op;
  Tensor (*function)(Tensor*);
  Tensor (*method)(Tensor*);
  Tensor& (*out)(Tensor&, Tensor*);
  Tensor& (*in_place)(Tensor*);
};
const Call kCalls[] = {
#include "op_calls.inc"
};

bool takes(const ir::OpInfo& row, DType t) {
  const bool converts = row.promote == ir::Promote::ToFloat || row.promote == ir::Promote::Logical;
  return ir::takes(converts ? ir::Types::Any : row.types, t);
}

/// Operands with signs, zeros and fractions, none of them 0 where a divisor may stand; fresh at every call.
std::vector<Tensor> operands(const ir::OpInfo& row, DType t) {
  std::vector<Tensor> a = {tensor({-2.5, -1., 0., 0.25, 0.75, 3.}).to(t), tensor({1.5, -2., 3., 0.5, 4., 2.}).to(t),
                           tensor({2., 1., 0.5, 5., 1., 1.}).to(t)};
  if (!is_floating(t)) a[1] = tensor({1, 2, 3, 1, 4, 2}).to(t);
  if (row.promote == ir::Promote::Select) a[0] = a[0].to(kBool);
  return a;
}

bool same_bits(const Tensor& t, const ir::HostArray& expected) {
  const Tensor host = t.contiguous();
  ir::HostArray got{t.dtype(), expected.shape, {}};
  const auto* p = static_cast<const std::byte*>(host.const_data_ptr());
  got.bytes.assign(p, p + t.nbytes());
  return ir::bitwise_equal(got, expected);
}

void check_forms(const Call& call, const ir::OpInfo& row, DType t) {
  std::vector<Tensor> a = operands(row, t);
  const Tensor result = call.function(a.data());
  const ir::HostArray expected = ir::interpret({{node_of(result)}})[0];
  EXPECT_TRUE(same_bits(result, expected)) << "function\n" << result;
  EXPECT_TRUE(same_bits(call.method(a.data()), expected)) << "method";
  Tensor out = empty({6}, result.dtype());
  EXPECT_TRUE(same_bits(call.out(out, a.data()), expected)) << "out";
  if (!call.in_place || result.dtype() != t) return;
  EXPECT_TRUE(same_bits(call.in_place(a.data()), expected)) << "in place";
}

TEST(Ops, EveryFormOfEveryOp) {
  for (const Call& call : kCalls) {
    const ir::OpInfo& row = ir::info(call.op);
    for (DType t : {kFloat32, kFloat64, kFloat16, kBFloat16, kInt64, kInt32, kInt8, kUInt8, kBool}) {
      if (!takes(row, t)) continue;
      SCOPED_TRACE(std::string(call.name) + " " + std::string(name(t)));
      EXPECT_NO_THROW(check_forms(call, row, t));
    }
  }
}

TEST(Ops, UnsupportedTypesAreRefusedByName) {
  for (const Call& call : kCalls) {
    const ir::OpInfo& row = ir::info(call.op);
    for (DType t : {kFloat32, kInt32, kBool}) {
      if (takes(row, t)) continue;
      std::vector<Tensor> a = operands(row, t);
      try {
        call.function(a.data());
        FAIL() << call.name << " " << name(t);
      } catch (const Error& e) {
        EXPECT_EQ(e.kind(), ErrorKind::DType) << call.name;
        EXPECT_FALSE(e.hint().empty()) << call.name;
      }
    }
  }
}

TEST(Ops, UnaryAgainstTheLibrary) {
  struct Case {
    Tensor (*fn)(const Tensor&, Location);
    double (*expected)(double);
    Values inputs;
  };
  const Case cases[] = {
      {exp, ::exp, {-3, 0, 0.5, 10}},    {log, ::log, {0.1, 1, 7}},
      {sqrt, ::sqrt, {0, 2, 9}},         {sin, ::sin, {-3, 0.5, 100}},
      {cos, ::cos, {-3, 0.5, 100}},      {tanh, ::tanh, {-3, 0.1, 5}},
      {asin, ::asin, {-1, 0.2, 1}},      {acos, ::acos, {-1, 0.2, 1}},
      {atan, ::atan, {-10, 0.2, 1}},     {sinh, ::sinh, {-3, 0.1, 5}},
      {cosh, ::cosh, {-3, 0.1, 5}},      {asinh, ::asinh, {-3, 0.1, 5}},
      {acosh, ::acosh, {1, 1.5, 50}},    {atanh, ::atanh, {-0.9, 0.1, 0.5}},
      {log1p, ::log1p, {-0.5, 1e-6, 3}}, {expm1, ::expm1, {-1, 1e-6, 3}},
      {log2, ::log2, {0.3, 8}},          {log10, ::log10, {0.3, 1000}},
      {exp2, ::exp2, {-1, 0.3, 10}},     {erf, ::erf, {-2, 0.1, 3}},
      {cbrt, ::cbrt, {-8, 0.5, 27}},     {abs, ::fabs, {-2, 0, 3}},
      {floor, ::floor, {-2.5, 0, 3.5}},  {ceil, ::ceil, {-2.5, 0, 3.5}},
      {trunc, ::trunc, {-2.5, 0, 3.5}},  {round, ::nearbyint, {-2.5, 0.5, 3.5}},
  };
  for (const Case& c : cases) {
    const Values got = values(c.fn(tensor(c.inputs, kFloat64), Location::current()));
    for (size_t i = 0; i < got.size(); ++i) EXPECT_DOUBLE_EQ(got[i], c.expected(c.inputs[i])) << c.inputs[i];
  }
}

TEST(Ops, NumbersOnEitherSide) {
  const Tensor x = tensor({1., 2., 4.});
  EXPECT_EQ(values(x + 1), Values({2, 3, 5}));
  EXPECT_EQ(values(1 + x), Values({2, 3, 5}));
  EXPECT_EQ(values(10 - x), Values({9, 8, 6}));
  EXPECT_EQ(values(8.f / x), Values({8, 4, 2}));
  EXPECT_EQ(values(sub(10, x)), Values({9, 8, 6}));
  EXPECT_EQ(values(-x), Values({-1, -2, -4}));
  EXPECT_EQ(values(x % 3), Values({1, 2, 1}));
  EXPECT_EQ(values(2 < x), Values({0, 0, 1}));
  EXPECT_EQ(values(x != 2), Values({1, 0, 1}));
  EXPECT_EQ(values(!(x >= 2)), Values({1, 0, 0}));
  const Tensor n = tensor({1, 2, 12});
  EXPECT_EQ(values(n & 6), Values({0, 2, 4}));
  EXPECT_EQ(values(n | 1), Values({1, 3, 13}));
  EXPECT_EQ(values(n ^ 3), Values({2, 1, 15}));
  EXPECT_EQ(values(n << 2), Values({4, 8, 48}));
  EXPECT_EQ(values(n >> 1), Values({0, 1, 6}));
  EXPECT_EQ(values(~n), Values({-2, -3, -13}));
}

TEST(Ops, CompoundAssignment) {
  Tensor x = tensor({1., 2., 4.});
  const Tensor alias = x;
  x += 1;
  x *= tensor({2., 3., 4.});
  x -= 1;
  x /= 2;
  EXPECT_EQ(values(alias), Values({1.5, 4, 9.5}));
  Tensor m = zeros({2, 2});
  m[1] += 5;
  m(0, 1) -= 1;
  EXPECT_EQ(values(m), Values({0, -1, 5, 5}));
}

TEST(Ops, ResultTypes) {
  const Tensor i = arange(3), f = ones({3}), h = ones({3}, kFloat16), b = i > 1;
  EXPECT_EQ((i + 1).dtype(), kInt64);
  EXPECT_EQ((i + 1.5).dtype(), kFloat32);
  EXPECT_EQ((i / 2).dtype(), kFloat32);
  EXPECT_EQ((h + 1.5).dtype(), kFloat16);
  EXPECT_EQ((h + f).dtype(), kFloat32);
  EXPECT_EQ((b + b).dtype(), kBool);
  EXPECT_EQ((b + 1).dtype(), kInt64);
  EXPECT_EQ((f + tensor(1.0, kFloat64)).dtype(), kFloat32);
  EXPECT_EQ((i + tensor(1.0, kFloat64)).dtype(), kFloat64);
  EXPECT_EQ((i < 1.5).dtype(), kBool);
  EXPECT_EQ(where(b, f, 0).dtype(), kFloat32);
  EXPECT_EQ(where(b, i, 0.5).dtype(), kFloat32);
  EXPECT_EQ(where(b, 1, 0).dtype(), kInt64);
  EXPECT_EQ(result_type(i, 2.5), kFloat32);
  EXPECT_EQ(result_type(h, f), kFloat32);
}

TEST(Ops, InPlaceKeepsTypeAndShape) {
  Tensor i = arange(3);
  EXPECT_EQ(message_of([&] { i += 0.5; }), "result type Float can't be cast to the desired output type Long");
  EXPECT_EQ(message_of([&] { i.div_(2); }), "result type Float can't be cast to the desired output type Long");
  Tensor h = ones({3}, kFloat16);
  h += ones({3}, kFloat32);
  EXPECT_EQ(h.dtype(), kFloat16);
  EXPECT_EQ(values(h), Values({2, 2, 2}));
  EXPECT_EQ(message_of([&] { i += zeros({2, 3}, kInt64); }),
            "output with shape [3] doesn't match the broadcast shape [2, 3]");
  EXPECT_EQ(values(i), Values({0, 1, 2}));
}

TEST(Ops, OutForms) {
  Tensor out = empty({0});
  add_out(out, ones({2}), 1);
  EXPECT_EQ(values(out), Values({2, 2}));
  Tensor wide = empty({2}, kFloat64);
  add_out(wide, ones({2}), 2);
  EXPECT_EQ(wide.dtype(), kFloat64);
  EXPECT_EQ(values(wide), Values({3, 3}));
  Tensor whole = empty({2}, kInt64);
  EXPECT_EQ(message_of([&] { add_out(whole, ones({2}), 2); }),
            "result type Float can't be cast to the desired output type Long");
  Tensor other = ones({3});
  EXPECT_THROW(add_out(other, ones({2}), 2), Error);
}

TEST(Ops, Broadcasting) {
  EXPECT_EQ(sizes(ones({2, 1, 4}) + ones({3, 1})), Dims({2, 3, 4}));
  EXPECT_EQ(sizes(ones({0}) + ones({1})), Dims({0}));
  EXPECT_EQ(message_of([] { ones({2, 3}) * ones({2, 4}); }),
            "The size of tensor a (3) must match the size of tensor b (4) at non-singleton dimension 1");
  EXPECT_EQ(message_of([] { where(ones({3}) > 0, ones({2, 1}), ones({4, 1, 1}) + ones({5})); }),
            "The size of tensor a (3) must match the size of tensor b (5) at non-singleton dimension 2");
  try {
    ones({2, 3}) + ones({2, 4});
  } catch (const Error& e) {
    EXPECT_NE(e.hint().find("[2, 3]"), std::string::npos);
    EXPECT_NE(e.hint().find("[2, 4]"), std::string::npos);
  }
}

TEST(Ops, ErrorsNameTheCallersLine) {
  const Tensor a = ones({2}), b = ones({3});
  const auto line_of = [](const auto& fn) {
    try {
      fn();
    } catch (const Error& e) {
      EXPECT_NE(std::string(e.where().file_name()).find("ops_test.cpp"), std::string::npos);
      return static_cast<int>(e.where().line());
    }
    return -1;
  };
  EXPECT_EQ(line_of([&] { a + b; }), __LINE__);
  EXPECT_EQ(line_of([&] { 1 + (a * b); }), __LINE__);
  EXPECT_EQ(line_of([&] { add(a, b); }), __LINE__);
  EXPECT_EQ(line_of([&] { a.add(b); }), __LINE__);
  EXPECT_EQ(line_of([&] { Tensor(a).add_(b); }), __LINE__);
  EXPECT_EQ(line_of([&] { a.sum(3); }), __LINE__);
  EXPECT_EQ(line_of([&] { matmul(a, b); }), __LINE__);
  EXPECT_EQ(line_of([&] { cat({a, ones({1, 1})}); }), __LINE__);
}

TEST(Ops, NumbersThatDoNotFit) {
  EXPECT_EQ(message_of([] { arange(3, kInt8) + 300; }), "value cannot be converted to type int8 without overflow: 300");
  EXPECT_EQ(values(arange(3, kUInt8) + -1), Values({255, 0, 1}));
  EXPECT_EQ(values(arange(3, kInt8) + 127), Values({127, -128, -127}));
}

TEST(Ops, BoolArithmetic) {
  const Tensor b = tensor({true, false, true});
  EXPECT_EQ(message_of([&] { b - b; }), "Subtraction, the `-` operator, with two bool tensors is not supported.");
  EXPECT_EQ(message_of([&] { -b; }), "Negation, the `-` operator, on a bool tensor is not supported.");
  EXPECT_EQ(values(b + b), Values({1, 0, 1}));
  EXPECT_EQ(values(b * b), Values({1, 0, 1}));
  EXPECT_EQ(values(~b), Values({0, 1, 0}));
  EXPECT_EQ(message_of([] { ones({2}) & 1; }), "\"bitwise_and\" not implemented for 'Float'");
}

TEST(Ops, PowersDecidedWhenTheNodeIsBuilt) {
  const Tensor x = tensor({4., 9.}), n = tensor({2, -3});
  const auto op_of = [](const Tensor& t) { return node_of(t)->op(); };
  EXPECT_EQ(op_of(pow(x, 2)), ir::Op::mul);
  EXPECT_EQ(op_of(pow(x, 0.5)), ir::Op::sqrt);
  EXPECT_EQ(op_of(pow(x, -1)), ir::Op::reciprocal);
  EXPECT_EQ(op_of(pow(x, 1)), ir::Op::data);
  EXPECT_EQ(op_of(pow(x, 2.5)), ir::Op::pow);
  EXPECT_EQ(values(pow(x, 3)), Values({64, 729}));
  EXPECT_EQ(values(x.pow(-0.5)), Values({0.5, static_cast<double>(1.f / 3)}));
  EXPECT_EQ(values(pow(2, x)), Values({16, 512}));
  EXPECT_EQ(values(pow(n, 3)), Values({8, -27}));
  EXPECT_EQ(pow(n, 2).dtype(), kInt64);
  EXPECT_EQ(pow(n, 0.5).dtype(), kFloat32);
  EXPECT_EQ(message_of([&] { pow(n, -1); }), "Integers to negative integer powers are not allowed.");
  Tensor y = x.clone();
  y.pow_(2);
  EXPECT_EQ(values(y), Values({16, 81}));
}

TEST(Ops, DivisionModes) {
  const Tensor a = tensor({7, -7, 7, -7}), b = tensor({2, 2, -2, -2});
  EXPECT_EQ(values(div(a, b, "floor")), Values({3, -4, -4, 3}));
  EXPECT_EQ(values(div(a, b, "trunc")), Values({3, -3, -3, 3}));
  EXPECT_EQ(div(a, b, "trunc").dtype(), kInt64);
  EXPECT_EQ(values(div(a.to(kFloat32), b, "trunc")), Values({3, -3, -3, 3}));
  EXPECT_EQ(values(a % b), Values({1, 1, -1, -1}));
  EXPECT_EQ(values(fmod(a, b)), Values({1, -1, 1, -1}));
  EXPECT_THROW(div(a, b, "up"), Error);
}

TEST(Ops, Variants) {
  const Tensor x = tensor({-2., 0.5, 3.});
  EXPECT_EQ(values(clamp(x, 0, 1)), Values({0, 0.5, 1}));
  EXPECT_EQ(values(clamp(x, 0)), Values({0, 0.5, 3}));
  EXPECT_EQ(values(x.clamp(std::nullopt, 1)), Values({-2, 0.5, 1}));
  EXPECT_EQ(values(clip(x, 0, 1)), Values({0, 0.5, 1}));
  EXPECT_EQ(values(add(x, x, 2)), Values({-6, 1.5, 9}));
  EXPECT_EQ(values(sub(x, x, 2)), Values({2, -0.5, -3}));
  EXPECT_EQ(values(Tensor(x.clone()).add_(x, 10)), Values({-22, 5.5, 33}));
  EXPECT_EQ(values(leaky_relu(x, 0.5)), Values({-1, 0.5, 3}));
}

TEST(Ops, Comparing) {
  const Tensor a = tensor({1., 2., NAN}), b = tensor({1. + 1e-6, 2.1, NAN});
  EXPECT_EQ(values(isclose(a, b)), Values({1, 0, 0}));
  EXPECT_EQ(values(isclose(a, b, 0.1, 0, true)), Values({1, 1, 1}));
  EXPECT_EQ(values(isclose(tensor({INFINITY, 1.}), tensor({INFINITY, INFINITY}))), Values({1, 0}));
  EXPECT_TRUE(allclose(ones({3}), ones({3}) + 1e-7));
  EXPECT_FALSE(allclose(ones({3}), ones({3}) + 1));
  EXPECT_TRUE(equal(arange(3), arange(3)));
  EXPECT_FALSE(equal(arange(3), arange(4)));
  EXPECT_FALSE(equal(arange(3), arange(3) + 1));
  EXPECT_THROW(equal(arange(3), ones({3})), Error);
}

}  // namespace
}  // namespace lazuli
