// Gradients of structural and composite ops, against central differences; every op of the table that has a rule has a
// case here. And of graphs: sharing, depth, custom rules, what stops a gradient.
#include <gmock/gmock.h>

#include <set>

#include "ir/gradient.h"
#include "ir/ops/window.h"
#include "ir/text.h"
#include "passes/jvp.h"
#include "passes/pass.h"
#include "passes/vjp.h"
#include "tests/ir/build.h"
#include "tests/passes/build.h"
#include "tests/passes/derivative.h"

namespace lazuli::passes {
namespace {

using ir::Attr;
using ir::AxesAttr;
using ir::CompositeAttr;
using ir::Dims;
using ir::Interner;
using ir::Node;
using ir::NodeRef;
using ir::Op;
using ir::PadAttr;
using ir::Shape;
using ir::SliceAttr;
using namespace testing;
using namespace lazuli::testing;

Attr dot(Dims lhs_batch, Dims rhs_batch, Dims lhs_contract, Dims rhs_contract) {
  return ir::DotAttr{std::make_shared<const ir::DotDims>(
      ir::DotDims{std::move(lhs_batch), std::move(rhs_batch), std::move(lhs_contract), std::move(rhs_contract)})};
}

Attr window(Dims size, Dims step, Dims dilation) {
  return ir::window_attr({std::move(size), std::move(step), std::move(dilation)});
}
Attr convolution(Dims step, Dims dilation, Dims low, Dims high, Dims spread, int64_t groups = 1) {
  return ir::window_attr(
      {{}, std::move(step), std::move(dilation), std::move(low), std::move(high), std::move(spread), {groups}});
}

/// An op over float64 leaves of these shapes, then int64 leaves with these elements.
struct Case {
  Op op;
  std::vector<Shape> shapes;
  Attr attr;
  Shape shape = {};  // for ops that are asked for one
  std::vector<std::pair<Shape, std::vector<double>>> indices = {};
  std::vector<double> elements = {};  // of the first leaf
};

const std::vector<Case>& cases() {
  static const std::vector<Case> all = {
      {Op::to, {{2, 3}}, ir::NoAttr{}},
      {Op::reshape, {{2, 6}}, ir::NoAttr{}, {3, 4}},
      {Op::permute, {{2, 3, 4}}, AxesAttr{{2, 0, 1}}},
      {Op::expand, {{3, 1}}, ir::NoAttr{}, {2, 3, 4}},
      {Op::expand, {{}}, ir::NoAttr{}, {2, 3}},
      {Op::expand, {{1, 1}}, ir::NoAttr{}, {1, 5}},
      {Op::slice, {{5, 6}}, SliceAttr{{1, 2}, {1, 1}}, {3, 4}},
      {Op::slice, {{7, 6}}, SliceAttr{{1, 0}, {2, 3}}, {3, 2}},
      {Op::slice, {{4, 6}}, SliceAttr{{0, 2}, {1, 1}}, {4, 0}},
      {Op::flip, {{3, 4}}, AxesAttr{{0, 1}}},
      {Op::pad, {{2, 3}, {}}, PadAttr{{1, 0}, {2, 3}}},
      {Op::pad, {{2, 0}, {}}, PadAttr{{0, 1}, {0, 2}}},
      {Op::concat, {{2, 3}, {2, 1}, {2, 4}}, AxesAttr{{1}}},
      {Op::slice_update, {{5, 6}, {2, 3}}, SliceAttr{{1, 0}, {2, 2}}},
      {Op::slice_update, {{5, 6}, {5, 0}}, SliceAttr{{0, 0}, {1, 1}}},
      {Op::gather, {{5, 4}}, AxesAttr{{0}}, {}, {{{3, 2}, {1, 4, 1, 0, 1, 3}}}},
      {Op::gather, {{5, 2, 4}}, AxesAttr{{0, 2}}, {}, {{{3}, {1, 4, 1}}, {{3}, {0, 3, 0}}}},
      {Op::scatter_add, {{5, 4}, {3, 4}}, AxesAttr{{0}}, {}, {{{3}, {2, 4, 2}}}},
      {Op::scatter, {{5, 4}, {3, 4}}, AxesAttr{{0}}, {}, {{{3}, {2, 4, 2}}}},
      {Op::scatter, {{5, 2, 4}, {2, 2, 2}}, AxesAttr{{0, 2}}, {}, {{{2, 2}, {1, 4, 1, 0}}, {{2, 2}, {0, 3, 0, 1}}}},
      {Op::scatter_mul, {{5, 4}, {3, 4}}, AxesAttr{{0}}, {}, {{{3}, {2, 4, 2}}}},
      {Op::scatter_max, {{5, 4}, {3, 4}}, AxesAttr{{0}}, {}, {{{3}, {2, 4, 2}}}},
      {Op::scatter_min, {{5, 4}, {3, 4}}, AxesAttr{{0}}, {}, {{{3}, {2, 4, 2}}}},
      {Op::sum, {{2, 3, 4}}, AxesAttr{{0, 2}}},
      {Op::sum, {{2, 3}}, AxesAttr{{}}},
      {Op::sum, {{2, 0}}, AxesAttr{{1}}},
      {Op::prod, {{3, 1}}, AxesAttr{{1}}},
      {Op::prod, {{3, 2}}, AxesAttr{{1}}},
      {Op::prod, {{3, 5}}, AxesAttr{{1}}},
      {Op::prod, {{7, 2}}, AxesAttr{{0}}},
      {Op::prod, {{3, 2, 3}}, AxesAttr{{0, 2}}},
      {Op::prod, {{2, 2}}, AxesAttr{{}}},
      {Op::prod, {{2, 0}}, AxesAttr{{1}}},
      {Op::prod, {{4, 3}}, AxesAttr{{1}}, {}, {}, {0, 2, 3, 1, 0, 0, 0, 0, 0, -1, 2, 0}},
      {Op::cumsum, {{3, 40}}, AxesAttr{{1}}},
      {Op::cumsum, {{7, 2, 3}}, AxesAttr{{0}}},
      {Op::cumsum, {{2, 0}}, AxesAttr{{1}}},
      {Op::cumprod, {{3, 9}}, AxesAttr{{1}}},
      {Op::cumprod, {{5, 3}}, AxesAttr{{0}}, {}, {}, {1, 0, 2, 3, 1, 0, 2, -1, 2, 0, 1, 0, 3, 1, 1}},
      {Op::cumprod, {{3, 1}}, AxesAttr{{1}}},
      {Op::cumprod, {{2, 0}}, AxesAttr{{1}}},
      {Op::cummax, {{3, 20}}, AxesAttr{{1}}},
      {Op::cummin, {{9, 3}}, AxesAttr{{0}}},
      {Op::cummin, {{0, 3}}, AxesAttr{{0}}},
      {Op::logcumsumexp, {{3, 9}}, AxesAttr{{1}}},
      {Op::logcumsumexp, {{4, 3}}, AxesAttr{{0}}},
      {Op::logcumsumexp, {{0, 3}}, AxesAttr{{0}}},
      {Op::reduce_max, {{3, 7}}, AxesAttr{{1}}},
      {Op::reduce_min, {{3, 4, 2}}, AxesAttr{{0, 2}}},
      {Op::dot_general, {{3, 4}, {4, 5}}, dot({}, {}, {1}, {0})},
      {Op::dot_general, {{4, 3}, {5, 4}}, dot({}, {}, {0}, {1})},
      {Op::dot_general, {{4}, {4}}, dot({}, {}, {0}, {0})},
      {Op::dot_general, {{3}, {2}}, dot({}, {}, {}, {})},
      {Op::dot_general, {{2, 3, 4}, {2, 4, 5}}, dot({0}, {0}, {2}, {1})},
      {Op::dot_general, {{3, 2, 4}, {5, 4, 2}}, dot({1}, {2}, {2}, {1})},
      // Two batch axes in different orders, two contracted ones crosswise, free axes between them.
      {Op::dot_general, {{2, 3, 4, 2, 5, 2}, {5, 3, 2, 2, 3}}, dot({0, 1}, {2, 4}, {4, 3}, {0, 3})},
      {Op::dot_general, {{3, 0}, {0, 2}}, dot({}, {}, {1}, {0})},
      {Op::windows, {{2, 7}}, window({3}, {2}, {1})},
      {Op::windows, {{2, 9, 5}}, window({2, 3}, {3, 1}, {4, 1})},
      {Op::windows, {{6, 7}}, window({2, 2}, {3, 2}, {1, 1})},  // windows that share nothing, and gaps
      {Op::windows, {{3, 24}}, window({18}, {2}, {1})},
      {Op::windows, {{2, 72}}, window({35}, {1}, {2})},  // more places than terms
      {Op::windows, {{11, 12}}, window({9, 8}, {2, 1}, {1, 1})},
      {Op::windows, {{4}}, window({}, {}, {})},
      {Op::fold, {{2, 3, 3}}, window({3}, {2}, {1}), {2, 8}},
      {Op::fold, {{2, 3, 2, 2}}, window({2, 2}, {2, 3}, {1, 1}), {5, 9}},
      {Op::pick_max, {{3, 5}}, CompositeAttr{{1}}},
      {Op::pick_max, {{2, 3, 4}}, CompositeAttr{{0, 2}}},
      {Op::convolution, {{2, 3, 7}, {4, 3, 3}}, convolution({1}, {1}, {0}, {0}, {1})},
      {Op::convolution, {{2, 3, 7}, {4, 3, 3}}, convolution({2}, {1}, {1}, {2}, {1})},
      {Op::convolution, {{2, 4, 5, 6}, {6, 2, 3, 2}}, convolution({2, 3}, {1, 2}, {1, 0}, {0, 2}, {1, 1}, 2)},
      {Op::convolution, {{1, 3, 4, 5}, {3, 1, 3, 3}}, convolution({1, 2}, {1, 1}, {1, 1}, {1, 1}, {1, 1}, 3)},
      {Op::convolution, {{2, 2, 3}, {3, 2, 3}}, convolution({1}, {1}, {2}, {3}, {2})},
      {Op::convolution, {{1, 2, 9}, {2, 2, 2}}, convolution({1}, {3}, {-2}, {-1}, {1})},
      {Op::convolution, {{1, 1, 3}, {1, 1, 2}}, convolution({1}, {1}, {-3}, {5}, {1})},  // beyond the elements
      {Op::convolution, {{3, 4}, {5, 4}}, convolution({}, {}, {}, {}, {})},
      {Op::attention, {{1, 2, 3, 2}, {1, 1, 4, 2}, {1, 1, 4, 3}}, CompositeAttr{{0}, 0.7}},
      {Op::attention,
       {{2, 2, 3, 2}, {2, 2, 3, 2}, {2, 2, 3, 1}, {1, 2, 1, 3}},
       CompositeAttr{{1}, 0.7},
       {},
       {{{2}, {2, 3}}}},
      {Op::attention_lse, {{1, 2, 3, 2}, {1, 1, 4, 2}, {1, 1, 4, 3}}, CompositeAttr{{0}, 0.7}, {}, {{{1}, {2}}}},
      {Op::attention_query_gradient,
       {{1, 2, 3, 2}, {1, 1, 4, 2}, {1, 1, 4, 3}, {1, 2, 3, 3}, {1, 2, 3}, {1, 2, 3}, {1, 1, 3, 4}},
       CompositeAttr{{0}, 0.7}},
      {Op::attention_key_gradient,
       {{1, 2, 3, 2}, {1, 1, 4, 2}, {1, 1, 4, 3}, {1, 2, 3, 3}, {1, 2, 3}, {1, 2, 3}},
       CompositeAttr{{1}, 0.7}},
      {Op::mean, {{2, 3, 4}}, CompositeAttr{{0, 2}}},
      {Op::var, {{3, 5}}, CompositeAttr{{1}, 1}},
      {Op::logsumexp, {{3, 5}}, CompositeAttr{{1}}},
      {Op::softmax, {{3, 5}}, CompositeAttr{{1}}},
      {Op::log_softmax, {{5, 3}}, CompositeAttr{{0}}},
      {Op::layer_norm, {{3, 5}}, CompositeAttr{{1}, 1e-5}},
      {Op::layer_norm, {{2, 3, 4}, {3, 4}, {3, 4}}, CompositeAttr{{1, 2}, 1e-5}},
  };
  return all;
}

TEST(GradientGraphs, StructuralOpsAgreeWithCentralDifferences) {
  std::set<Op> covered;
  for (const Case& c : cases()) {
    Interner in;
    ir::NodeSpec spec{.op = c.op, .attr = c.attr, .shape = c.shape};
    std::vector<NodeRef> leaves, indices;
    Values values;
    uint64_t seed = 3;
    for (const Shape& shape : c.shapes) {
      leaves.push_back(data(in, kFloat64, shape));
      values[leaves.back().get()] = uniforms(seed, leaves.back().get(), -2, 2);
      spec.inputs.push_back(leaves.back().get());
    }
    if (!c.elements.empty()) values[leaves[0].get()] = c.elements;
    for (const auto& [shape, elements] : c.indices) {
      indices.push_back(data(in, kInt64, shape));
      values[indices.back().get()] = elements;
      spec.inputs.push_back(indices.back().get());
    }
    std::string what(ir::name(c.op));
    for (const Shape& shape : c.shapes) what += " " + ir::str(shape);
    const auto wrong = check_derivatives(in, in.make(std::move(spec)), leaves, values, seed);
    EXPECT_FALSE(wrong) << what << ": " << *wrong;
    covered.insert(c.op);
  }
  for (int i = 0; i < ir::op_count(); ++i) {
    const auto op = static_cast<Op>(i);
    const ir::Gradient::Kind kind = ir::info(op).gradient.kind;
    const bool has_rule = kind == ir::Gradient::Kind::Rule || kind == ir::Gradient::Kind::Expansion;
    if (has_rule && !ir::is_elementwise(op) && op != Op::cast) {
      EXPECT_TRUE(covered.contains(op)) << ir::name(op) << " has no case";
    }
  }
}

/// The gradient of the sum of `y` with respect to `x`; null if there is none.
NodeRef gradient(Interner& in, const NodeRef& y, const NodeRef& x) {
  const Node *outputs[] = {y.get()}, *wrt[] = {x.get()};
  const ir::gradient::Place at{in, {}, kCPU};
  const NodeRef ones[] = {ir::gradient::full(at, y->dtype(), y->shape(), 1).node()};
  return vjp(in, outputs, ones, wrt)[0];
}
NodeRef leaf(Interner& in, Shape shape, const std::vector<double>& values) {
  return ir::testing::tensor<double>(in, std::move(shape), values);
}
std::vector<double> numbers(const NodeRef& n) {
  return evaluate(n, {});
}

TEST(GradientGraphs, CastGoesBackToTheType) {
  Interner in;
  const NodeRef x = data(in, kFloat32, {3}), i = data(in, kInt32, {3});
  const NodeRef y = node(in, Op::cast, {x}, ir::NoAttr{}, {}, kFloat64);
  EXPECT_EQ(gradient(in, y, x)->dtype(), kFloat32);
  EXPECT_FALSE(gradient(in, node(in, Op::cast, {i}, ir::NoAttr{}, {}, kFloat64), i));
  EXPECT_FALSE(gradient(in, node(in, Op::cast, {node(in, Op::cast, {x}, ir::NoAttr{}, {}, kInt32)}), x));
}

TEST(GradientGraphs, EqualExtremaShareTheGradient) {
  Interner in;
  const NodeRef x = leaf(in, {2, 4}, {3, 1, 3, 2, -1, -1, -1, -1});
  const NodeRef max = node(in, Op::reduce_max, {x}, AxesAttr{{1}});
  EXPECT_THAT(numbers(gradient(in, max, x)), ::testing::ElementsAre(0.5, 0, 0.5, 0, 0.25, 0.25, 0.25, 0.25));
  const NodeRef min = node(in, Op::reduce_min, {x}, AxesAttr{{0, 1}});
  EXPECT_THAT(numbers(gradient(in, min, x)), ::testing::ElementsAre(0, 0, 0, 0, 0.25, 0.25, 0.25, 0.25));
}

TEST(GradientGraphs, SoftmaxAndItsKinDoNotDifferentiateTheShift) {
  Interner in;
  const NodeRef x = data(in, kFloat32, {3, 5});
  for (const Op op : {Op::softmax, Op::log_softmax, Op::logsumexp}) {
    const NodeRef y = node(in, op, {x}, CompositeAttr{{1}});
    const NodeRef g = gradient(in, y, x);
    for (const Node* n : ir::topological_order({{g}})) {
      if (n->op() == Op::eq) {
        EXPECT_EQ(n->input(0)->op(), Op::abs) << "a comparison with the maximum, in " << ir::name(op);
      }
    }
  }
}

TEST(GradientGraphs, ContributionsAddUp) {
  Interner in;
  const NodeRef x = leaf(in, {2}, {2, 3});
  const NodeRef square = node(in, Op::mul, {x, x});
  const NodeRef y = node(in, Op::add, {node(in, Op::mul, {square, x}), square});  // x^3 + x^2
  EXPECT_THAT(numbers(gradient(in, y, x)), ::testing::ElementsAre(16, 33));
  // An output that another output uses, and one named twice.
  const Node *outputs[] = {square.get(), y.get(), square.get()}, *wrt[] = {x.get(), square.get()};
  const NodeRef w = leaf(in, {2}, {1, 10}), ws[] = {w, w, nullptr};
  const std::vector<NodeRef> g = vjp(in, outputs, ws, wrt);
  EXPECT_THAT(numbers(g[0]), ::testing::ElementsAre(20, 390));
  EXPECT_THAT(numbers(g[1]), ::testing::ElementsAre(4, 50));  // x + 1, and 1
}

TEST(GradientGraphs, NullMeansThatNothingDependsOnIt) {
  Interner in;
  const NodeRef x = leaf(in, {2}, {2.5, 3}), z = leaf(in, {2}, {1, 1});
  EXPECT_FALSE(gradient(in, node(in, Op::sin, {z}), x));
  EXPECT_FALSE(gradient(in, node(in, Op::stop_gradient, {node(in, Op::sin, {x})}), x));
  EXPECT_FALSE(gradient(in, node(in, Op::cast, {node(in, Op::lt, {x, z})}, ir::NoAttr{}, {}, kFloat64), x));
  // A step has slope 0, and so has what comes before and after it.
  const NodeRef steps = node(in, Op::sin, {node(in, Op::floor, {node(in, Op::log, {x})})});
  EXPECT_THAT(numbers(gradient(in, steps, x)), ::testing::ElementsAre(0, 0));
  // No zeros are made on the way.
  const NodeRef sum = node(in, Op::add, {node(in, Op::floor, {x}), x});
  EXPECT_EQ(gradient(in, sum, x), gradient(in, x, x));
  EXPECT_THAT(numbers(gradient(in, x, x)), ::testing::ElementsAre(1, 1));
  const Node *outputs[] = {x.get()}, *wrt[] = {x.get()};
  const NodeRef none[] = {nullptr};
  EXPECT_FALSE(vjp(in, outputs, none, wrt)[0]);
  EXPECT_FALSE(jvp(in, wrt, none, outputs)[0]);
}

TEST(GradientGraphs, KnowWhatIsDifferentiable) {
  Interner in;
  const auto variable = [&](const NodeRef& x) { return node(in, Op::variable, {x}, ir::LeafAttr{in.next_leaf_id()}); };
  const NodeRef x = data(in, kFloat32, {3});
  const NodeRef v = variable(x), w = variable(x);
  EXPECT_NE(v, w);
  EXPECT_FALSE(x->differentiable());
  EXPECT_TRUE(v->differentiable());
  EXPECT_TRUE(node(in, Op::add, {x, v})->differentiable());
  EXPECT_TRUE(node(in, Op::floor, {v})->differentiable());
  EXPECT_TRUE(node(in, Op::softmax, {v}, CompositeAttr{{0}})->differentiable());
  EXPECT_FALSE(node(in, Op::lt, {x, v})->differentiable());
  EXPECT_FALSE(node(in, Op::argmax, {v}, AxesAttr{{0}})->differentiable());
  EXPECT_FALSE(node(in, Op::stop_gradient, {v})->differentiable());
  EXPECT_FALSE(node(in, Op::cast, {v}, ir::NoAttr{}, {}, kInt32)->differentiable());
  EXPECT_FALSE(variable(data(in, kInt32, {3}))->differentiable());
  const NodeRef y = node(in, Op::mul, {v, w});
  const Node *outputs[] = {y.get()}, *wrt[] = {v.get(), w.get()};
  const NodeRef ones[] = {data(in, kFloat32, {3})};
  const std::vector<NodeRef> g = vjp(in, outputs, ones, wrt);
  EXPECT_EQ(g[0], node(in, Op::mul, {ones[0], w}));
  EXPECT_EQ(g[1], node(in, Op::mul, {ones[0], v}));
}

/// cotangent of a + 10 b by two results, and what it was asked.
class TestRule : public ir::CustomRule {
 public:
  std::vector<NodeRef> vjp(Interner& in, std::span<const NodeRef> operands,
                           std::span<const NodeRef> cotangents) const override {
    ++calls;
    EXPECT_EQ(operands.size(), 2u);
    EXPECT_EQ(cotangents.size(), 3u);
    EXPECT_FALSE(cotangents[1]);
    const NodeRef ten = leaf(in, {2}, {10, 10});
    return {node(in, Op::add, {cotangents[0], node(in, Op::mul, {cotangents[2], ten})}), nullptr};
  }
  mutable int calls = 0;
};

TEST(GradientGraphs, CustomRulesSeeAllCotangentsOfACallAtOnce) {
  Interner in;
  const NodeRef x = leaf(in, {2}, {1, 2}), z = leaf(in, {2}, {3, 4});
  const auto rule = std::make_shared<TestRule>();
  const auto result = [&](const NodeRef& value, int64_t i) {
    return node(in, Op::custom_result, {value, x, z}, ir::CustomAttr{rule, i});
  };
  const NodeRef a = result(node(in, Op::exp, {x}), 0), unused = result(node(in, Op::exp2, {x}), 1);
  const NodeRef b = result(node(in, Op::sin, {z}), 2);
  const NodeRef y = node(in, Op::add, {node(in, Op::mul, {a, a}), b});
  const Node *outputs[] = {y.get(), unused.get()}, *wrt[] = {x.get(), z.get()};
  const NodeRef cotangents[] = {leaf(in, {2}, {1, 1}), nullptr};
  const std::vector<NodeRef> g = vjp(in, outputs, cotangents, wrt);
  EXPECT_EQ(rule->calls, 1);
  EXPECT_THAT(numbers(g[0]), ::testing::ElementsAre(2 * std::exp(1.0) + 10, 2 * std::exp(2.0) + 10));
  EXPECT_THAT(numbers(g[1]), ::testing::ElementsAre(0, 0));
  EXPECT_EQ(numbers(a), numbers(node(in, Op::exp, {x})));
  const NodeRef tangents[] = {x, z};
  EXPECT_THROW(jvp(in, wrt, tangents, outputs), Error);
}

TEST(GradientGraphs, NamesOfNodesMakeNoDifference) {
  Interner in;
  const NodeRef x = leaf(in, {2}, {1, 2});
  const auto rule = std::make_shared<TestRule>();
  const auto name = [&](const NodeRef& n) {
    return node(in, Op::custom_result, {data(in, kFloat64, {2}), n}, ir::CustomAttr{rule, 0});
  };
  std::vector<NodeRef> c;
  for (int i = 0; i < 4; ++i) c.push_back(data(in, kFloat64, {2}));
  const auto gradients = [&](const std::vector<NodeRef>& readers_of, const NodeRef& wanted, StandsFor stands_for) {
    NodeRef y = node(in, Op::mul, {readers_of[0], c[0]});
    for (size_t i = 1; i < c.size(); ++i) y = node(in, Op::add, {y, node(in, Op::mul, {readers_of[i], c[i]})});
    if (readers_of[1] != readers_of[0]) y = name(y);
    const Node *outputs[] = {y.get()}, *wrt[] = {x.get(), wanted.get()};
    return vjp(in, outputs, {{c[0]}}, wrt, stands_for);
  };
  const NodeRef s = node(in, Op::sin, {x}), once = name(s), twice = name(once);
  const auto want = gradients({s, s, s, s}, s, nullptr);
  const auto got = gradients({s, once, twice, once}, twice, [](const Node* n) { return n->input(1); });
  EXPECT_EQ(got, want);  // the very nodes
  EXPECT_EQ(rule->calls, 0);
}

TEST(GradientGraphs, BarriersAreDistinctAndStay) {
  Interner in;
  PassContext ctx{.interner = in, .observer = {}};
  const NodeRef x = data(in, kFloat32, {3});
  const auto barrier = [&] { return node(in, Op::barrier, {x}, ir::LeafAttr{in.next_leaf_id()}); };
  const NodeRef y = node(in, Op::add, {node(in, Op::sin, {barrier()}), node(in, Op::sin, {barrier()})});
  const auto count = [](const ir::Graph& g, Op op) {
    const auto order = ir::topological_order(g);
    return std::count_if(order.begin(), order.end(), [op](const Node* n) { return n->op() == op; });
  };
  const NodeRef variable = node(in, Op::variable, {y}, ir::LeafAttr{in.next_leaf_id()});
  const NodeRef result = node(in, Op::custom_result, {node(in, Op::stop_gradient, {variable})}, ir::CustomAttr{});
  const ir::Graph after = run_passes({{result}}, default_pipeline(), ctx);
  EXPECT_EQ(after.outputs[0], y);
  EXPECT_EQ(count(after, Op::sin), 2);
  EXPECT_EQ(count(after, Op::barrier), 2);
}

TEST(GradientGraphs, ReadBackFromText) {
  Interner in;
  PassContext ctx{.interner = in, .observer = {}};
  const NodeRef x = data(in, kFloat32, {3, 5});
  const NodeRef v = node(in, Op::variable, {x}, ir::LeafAttr{in.next_leaf_id()});
  const NodeRef b = node(in, Op::barrier, {node(in, Op::stop_gradient, {v})}, ir::LeafAttr{in.next_leaf_id()});
  const NodeRef y =
      node(in, Op::custom_result, {node(in, Op::mul, {node(in, Op::softmax, {v}, CompositeAttr{{1}}), b}), v},
           ir::CustomAttr{std::make_shared<TestRule>(), 3});
  const ir::Graph forward{{y}}, backward = vjp({{node(in, Op::prod, {node(in, Op::square, {v})}, AxesAttr{{0}})}}, ctx);
  for (const ir::Graph& g : {forward, backward}) {
    const ir::Graph again = ir::parse(ir::print(g), in);
    EXPECT_EQ(ir::print(again), ir::print(g));
    EXPECT_TRUE(ir::same_structure(again, g));
  }
  EXPECT_THAT(ir::print(forward), ::testing::HasSubstr("{result = 3} : float32[3, 5]"));
  // A graph from text has no rule to call.
  EXPECT_THROW(vjp(ir::parse(ir::print(forward), in), ctx), Error);
}

TEST(GradientGraphs, DeepAndWideGraphsOnASmallStack) {
  ir::testing::on_small_stack([] {
    Interner in;
    const NodeRef x = data(in, kFloat32, {});
    NodeRef chain = x, fan = x;
    for (int i = 0; i < 100000; ++i) chain = node(in, i % 2 == 0 ? Op::sin : Op::square, {chain});
    for (int i = 0; i < 60; ++i) fan = node(in, Op::add, {fan, fan});  // 2^60 paths
    size_t before = in.live_nodes();
    NodeRef g = gradient(in, chain, x);
    EXPECT_LT(in.live_nodes() - before, 300000u);
    const Node *outputs[] = {chain.get()}, *wrt[] = {x.get()};
    const NodeRef tangent[] = {x};
    EXPECT_TRUE(jvp(in, wrt, tangent, outputs)[0]);
    g = nullptr;
    before = in.live_nodes();
    g = gradient(in, fan, x);
    EXPECT_LT(in.live_nodes() - before, 100u);
  });
}

}  // namespace
}  // namespace lazuli::passes
