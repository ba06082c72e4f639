// Legality of every family: what is inferred, and the message of what is refused.
#include "ir/infer.h"

#include "ir/text.h"
#include "ir/verify.h"
#include "tests/ir/build.h"

namespace lazuli::ir {
namespace {

using namespace testing;
using ::testing::HasSubstr;

struct Refused {
  const char* lines;  // %x is float32[2, 3], %i int64[2, 3], %b bool[2, 3], %s float32[], %c float32[2, 3] on cuda:0
  const char* message;
};

const Refused kRefused[] = {
    // elementwise
    {"%r = add %x, %i : float32[2, 3]", "add: operands float32[2, 3] and int64[2, 3] differ in type"},
    {"%r = add %x, %s : float32[2, 3]", "add: operands float32[2, 3] and float32[] differ in shape"},
    {"%r = add %x, %c : float32[2, 3]", "add: operands are on cpu and cuda:0"},
    {"%r = add %x, %x, %x : float32[2, 3]", "add: takes 2 operands, not 3"},
    {"%r = exp %i : int64[2, 3]", "exp: takes floats, not int64[2, 3]"},
    {"%r = neg %b : bool[2, 3]", "neg: takes integers and floats, not bool[2, 3]"},
    {"%r = logical_and %i, %i : bool[2, 3]", "logical_and: takes bool, not int64[2, 3] and int64[2, 3]"},
    {"%r = where %x, %x, %x : float32[2, 3]", "where: the condition is bool, not float32[2, 3]"},
    {"%r = where %b, %x, %i : float32[2, 3]",
     "where: operands bool[2, 3], float32[2, 3] and int64[2, 3] differ in type"},
    {"%r = eq %b, %i : bool[2, 3]", "eq: operands bool[2, 3] and int64[2, 3] differ in type"},
    // leaves
    {"%r = argument : float32[2] @cpu", "argument: is 0-d, not of shape [2]"},
    {"%r = iota {axis = 0} : bool[4]", "iota: bool cannot count"},
    {"%r = iota {axis = -1} : int64[4]", "iota: axis -1 is not an axis of [4]"},
    {"%r = random_bits %s, %s : int32[4]", "random_bits: seed and offset are int64[], not float32[] and float32[]"},
    {"%r = data : float32[4611686018427387904] @cpu",
     "data: float32[4611686018427387904] has more than 2^63 - 1 bytes"},
    {"%r = data : bool[4294967296, 4294967296] @cpu",
     "data: bool[4294967296, 4294967296] has more than 2^63 - 1 bytes"},
    {"%r = data : bool[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1] @cpu",
     "data: a tensor has at most 32 axes, not 33"},
    // movement
    {"%r = reshape %x : float32[4]", "reshape: float32[2, 3] has 6 elements, shape [4] has 4"},
    {"%r = reshape %x : float32[-1]", "reshape: shape [-1] has a negative size"},
    {"%r = reshape %x : float32[-2, -3]", "reshape: shape [-2, -3] has a negative size"},
    {"%r = permute %x {axes = [0]} : float32[2]", "permute: the permutation has 1 entries for float32[2, 3]"},
    {"%r = permute %x {axes = [0, 0]} : float32[2, 2]",
     "permute: [0, 0] is not a permutation of the 2 axes of float32[2, 3]"},
    {"%r = permute %x {axes = [0, 2]} : float32[2, 2]",
     "permute: [0, 2] is not a permutation of the 2 axes of float32[2, 3]"},
    {"%r = permute %x {axes = [-1, 0]} : float32[2, 2]", "permute: [-1, 0] is not a permutation"},
    {"%r = expand %x : float32[4, 3]", "expand: float32[2, 3] does not expand to [4, 3]"},
    {"%r = expand %x : float32[3]", "expand: float32[2, 3] does not expand to [3]"},
    {"%r = expand %s : float32[-3]", "expand: shape [-3] has a negative size"},
    {"%r = slice %x {start = [0, 0], step = [1, 0]} : float32[2, 3]", "slice: step 0 on axis 1 is not positive"},
    {"%r = slice %x {start = [0, -1], step = [1, 1]} : float32[2, 3]",
     "slice: 3 elements from -1 by 1 leave axis 1 of float32[2, 3]"},
    {"%r = slice %x {start = [0, 1], step = [1, 1]} : float32[2, 3]",
     "slice: 3 elements from 1 by 1 leave axis 1 of float32[2, 3]"},
    {"%r = slice %x {start = [0, 0], step = [1, 2]} : float32[2, 3]",
     "slice: 3 elements from 0 by 2 leave axis 1 of float32[2, 3]"},
    {"%r = slice %x {start = [0, 0], step = [1, 9223372036854775807]} : float32[2, 3]",
     "slice: 3 elements from 0 by 9223372036854775807 leave"},
    {"%r = slice %x {start = [0, 4], step = [1, 1]} : float32[2, 0]", "slice: 0 elements from 4 by 1 leave axis 1"},
    {"%r = slice %x {start = [0], step = [1, 1]} : float32[2, 3]", "slice: start has 1 entries for float32[2, 3]"},
    {"%r = slice %x {start = [0, 0], step = [1, 1]} : float32[2]",
     "slice: the slice's shape has 1 entries for float32[2, 3]"},
    {"%r = flip %x {axes = [1, 0]} : float32[2, 3]", "flip: axes [1, 0] are not ascending and distinct"},
    {"%r = flip %x {axes = [2]} : float32[2, 3]", "flip: axis 2 is not an axis of float32[2, 3]"},
    {"%r = pad %x, %s {low = [0, -1], high = [0, 0]} : float32[2, 2]",
     "pad: padding -1 before and 0 after axis 1 is negative"},
    {"%r = pad %x, %s {low = [0], high = [0, 0]} : float32[2, 3]", "pad: low has 1 entries for float32[2, 3]"},
    {"%r = pad %x, %x {low = [0, 0], high = [0, 0]} : float32[2, 3]",
     "pad: the padding of float32[2, 3] is float32[], not float32[2, 3]"},
    {"%r = pad %x, %s {low = [0, 9223372036854775807], high = [0, 0]} : float32[2, 3]",
     "pad: axis 1 of float32[2, 3] grows beyond"},
    {"%r = concat %x, %s {axis = 0} : float32[2, 3]", "concat: operand 1 is float32[], operand 0 is float32[2, 3]"},
    {"%r = concat %x, %i {axis = 0} : float32[4, 3]", "concat: operand 1 is int64[2, 3], operand 0 is float32[2, 3]"},
    {"%r = concat %x {axis = 2} : float32[2, 3]", "concat: axis 2 is not an axis of float32[2, 3]"},
    {"%r = concat {axis = 0} : float32[2, 3]", "concat: takes 1 or more operands, not 0"},
    {"%r = slice_update %x, %i {start = [0, 0], step = [1, 1]} : float32[2, 3]",
     "slice_update: operands float32[2, 3] and int64[2, 3] differ in type"},
    {"%r = slice_update %x, %x {start = [1, 0], step = [1, 1]} : float32[2, 3]",
     "slice_update: 2 elements from 1 by 1 leave axis 0 of float32[2, 3]"},
    // reductions
    {"%r = sum %x {axes = [1, 1]} : float32[2]", "sum: axes [1, 1] are not ascending and distinct"},
    {"%r = sum %x {axes = [2]} : float32[2]", "sum: axis 2 is not an axis of float32[2, 3]"},
    {"%r = sum %s {axes = [0]} : float32[]", "sum: axis 0 is not an axis of float32[]"},
    {"%r = sum %b {axes = [0]} : bool[3]", "sum: takes integers and floats, not bool[2, 3]"},
    {"%r = any %x {axes = [0]} : bool[3]", "any: takes bool, not float32[2, 3]"},
    {"%e = data : float32[2, 0] @cpu %r = reduce_max %e {axes = [1]} : float32[2]",
     "reduce_max: axis 1 of float32[2, 0] is empty"},
    {"%e = data : float32[2, 0] @cpu %r = argmin %e {axes = [0, 1]} : int64[]",
     "argmin: axis 1 of float32[2, 0] is empty"},
    // contractions
    {"%r = dot_general %x, %x {lhs_batch = [], rhs_batch = [], lhs_contract = [1], rhs_contract = [0]} : float32[2, 3]",
     "dot_general: contracting axes 1 and 0 of float32[2, 3] and float32[2, 3] differ in size: 3 and 2"},
    {"%r = dot_general %x, %x {lhs_batch = [0], rhs_batch = [], lhs_contract = [1], rhs_contract = [1]} : float32[2]",
     "dot_general: 1 batch axes on the left, 0 on the right"},
    {"%r = dot_general %x, %x {lhs_batch = [1], rhs_batch = [1], lhs_contract = [1], rhs_contract = [1]} : float32[2]",
     "dot_general: axis 1 of float32[2, 3] is named twice"},
    {"%r = dot_general %x, %x {lhs_batch = [], rhs_batch = [], lhs_contract = [2], rhs_contract = [1]} : float32[2]",
     "dot_general: axis 2 is not an axis of float32[2, 3]"},
    {"%r = dot_general %x, %i {lhs_batch = [], rhs_batch = [], lhs_contract = [1], rhs_contract = [1]} : float32[2, 2]",
     "dot_general: operands float32[2, 3] and int64[2, 3] differ in type"},
    {"%r = dot_general %b, %b {lhs_batch = [], rhs_batch = [], lhs_contract = [1], rhs_contract = [1]} : bool[2, 2]",
     "dot_general: takes integers and floats"},
    // composites
    {"%r = mean %i {axes = [0]} : int64[3]", "mean: takes floats, not int64[2, 3]"},
    {"%r = mean %x {axes = [5]} : float32[3]", "mean: axis 5 is not an axis of float32[2, 3]"},
    {"%r = layer_norm %x {axes = [0], epsilon = 0} : float32[2, 3]",
     "layer_norm: axes [0] are not the last axes of float32[2, 3]"},
    {"%r = layer_norm %x, %s {axes = [1], epsilon = 0} : float32[2, 3]",
     "layer_norm: the weight is float32[], not float32[3]"},
};

TEST(Infer, RefusesWithTheOpAndItsOperands) {
  for (const Refused& c : kRefused) {
    Interner in;
    const std::string text = std::string(
                                 "graph { %x = data : float32[2, 3] @cpu %i = data : int64[2, 3] @cpu "
                                 "%b = data : bool[2, 3] @cpu %s = data : float32[] @cpu "
                                 "%c = data : float32[2, 3] @cuda:0\n") +
                             c.lines + "\nreturn %r }";
    try {
      parse(text, in);
      ADD_FAILURE() << "accepted: " << c.lines;
    } catch (const Error& e) {
      EXPECT_THAT(e.message(), HasSubstr(std::string(": ") + c.message)) << c.lines;
    }
  }
}

TEST(Infer, ErrorsCarryKindPlaceAndHint) {
  Interner in;
  const NodeRef x = data(in, kFloat32, {2, 3}), y = data(in, kFloat32, {3, 2});
  const Location here = Location::current();
  try {
    in.make({.op = Op::add, .inputs = {x.get(), y.get()}, .origin = here});
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.kind(), ErrorKind::Shape);
    EXPECT_EQ(e.where().line(), here.line());
    EXPECT_EQ(e.hint(), "expand them to one shape");
    EXPECT_EQ(e.what(), "add: operands float32[2, 3] and float32[3, 2] differ in shape\n  at " +
                            std::string(here.file_name()) + ":" + std::to_string(here.line()) +
                            "\n  hint: expand them to one shape");
  }
}

TEST(Infer, RefusesWhatTextCannotSay) {
  Interner in;
  const NodeRef x = data(in, kFloat32, {2});
  EXPECT_THROW(in.make({.op = Op::neg, .inputs = {nullptr}}), Error);
  EXPECT_THROW(in.make({.op = Op::neg, .inputs = {x.get()}, .attr = AxesAttr{{0}}}), Error);
  EXPECT_THROW(in.make({.op = Op::sum, .inputs = {x.get()}}), Error);
  EXPECT_THROW(in.make({.op = Op::dot_general, .inputs = {x.get(), x.get()}, .attr = DotAttr{}}), Error);
  EXPECT_THROW(in.make({.op = Op::mean, .inputs = {x.get()}, .attr = CompositeAttr{{0}, 1.0}}), Error);
  EXPECT_THROW(in.make({.op = Op::constant, .attr = ConstantAttr{2}, .dtype = kBool}), Error);
  EXPECT_THROW(in.make({.op = Op::constant, .attr = ConstantAttr{256}, .dtype = kInt8}), Error);
  EXPECT_THROW(in.make({.op = Op::cast, .inputs = {x.get()}, .dtype = DType::Float8E5M2}), Error);
  EXPECT_THROW(in.make({.op = Op::data, .attr = LeafAttr{1}, .dtype = DType::Complex64}), Error);
}

TEST(Infer, EmptyShapesAreLegal) {
  Interner in;
  const NodeRef x = data(in, kFloat32, {0, 3});
  EXPECT_EQ(unary(in, Op::reduce_max, x, AxesAttr{{1}})->shape(), (Shape{0}));
  EXPECT_EQ(shaped(in, Op::reshape, x, {5, 0})->shape(), (Shape{5, 0}));
  EXPECT_EQ(shaped(in, Op::expand, x, {7, 0, 3})->numel(), 0);
  EXPECT_EQ(shaped(in, Op::slice, x, {0, 0}, SliceAttr{{0, 3}, {1, 1}})->numel(), 0);
  EXPECT_EQ(data(in, kFloat32, {int64_t{1} << 62, 0, int64_t{1} << 62})->numel(), 0);
}

TEST(Verify, AcceptsWhatMakeMade) {
  Interner in;
  const NodeRef x = data(in, kFloat32, {2, 3});
  verify({{binary(in, Op::add, x, x), unary(in, Op::softmax, x, CompositeAttr{{1}})}});
}

/// Runs `damage` on a node of a legal graph and expects the verifier to name the node and the rule.
template <class F>
void expect_found(const char* message, F damage) {
  Interner in;
  const NodeRef x = data(in, kFloat32, {2, 3}), sum = unary(in, Op::sum, x, AxesAttr{{1}});
  const Graph g{{unary(in, Op::neg, sum)}};
  damage(const_cast<Node&>(*sum));  // nodes are made non-const and are const to their users only
  try {
    verify(g);
    ADD_FAILURE() << "not found: " << message;
  } catch (const Error& e) {
    EXPECT_EQ(e.kind(), ErrorKind::Internal);
    EXPECT_THAT(e.message(), HasSubstr("illegal graph: node 1 (sum"));
    EXPECT_THAT(e.message(), HasSubstr(message));
  }
}

TEST(Verify, FindsDamage) {
  expect_found("shape is [7], inferred [2]", [](Node& n) { const_cast<Shape&>(n.shape())[0] = 7; });
  expect_found("shape is [2, 1], inferred [2]", [](Node& n) { const_cast<Shape&>(n.shape()).push_back(1); });
  expect_found("axis 9 is not an axis of float32[2, 3]", [](Node& n) { const_cast<Attr&>(n.attr()) = AxesAttr{{9}}; });
  expect_found("(sum): sum: has the wrong kind of attribute", [](Node& n) { const_cast<Attr&>(n.attr()) = NoAttr{}; });
}

}  // namespace
}  // namespace lazuli::ir
