// Every elementwise row with a gradient, against central differences. A new row is checked on the default domain, and
// fails there when it is not defined or has a kink; then it needs a line in kDomains.
#include <cmath>

#include "ir/op_types.h"
#include "passes/jvp.h"
#include "passes/vjp.h"
#include "tests/passes/build.h"
#include "tests/passes/derivative.h"

namespace lazuli::passes {
namespace {

using ir::Gradient;
using ir::Node;
using ir::NodeRef;
using ir::Op;
using ir::OpInfo;
using namespace testing;
using namespace lazuli::testing;

struct Interval {
  double lo, hi;
};
/// Where an op is smooth: intervals of x, y and z. Several lines where it has several branches.
struct Domain {
  const char* op;
  Interval x, y, z;
};
constexpr Domain kDefault = {"", {0.3, 0.9}, {1.1, 1.9}, {2.1, 2.9}};
constexpr Domain kDomains[] = {
    {"add", {-2, 2}, {-2, 2}, {}},
    {"sub", {-2, 2}, {-2, 2}, {}},
    {"mul", {-2, 2}, {-2, 2}, {}},
    {"div", {-2, 2}, {-2.5, -0.5}, {}},
    {"remainder", {7.1, 7.4}, {2.1, 2.3}, {}},
    {"remainder", {-7.4, -7.1}, {2.1, 2.3}, {}},
    {"fmod", {7.1, 7.4}, {2.1, 2.3}, {}},
    {"fmod", {-7.4, -7.1}, {2.1, 2.3}, {}},
    {"minimum", {-2, 0}, {0.1, 2}, {}},
    {"minimum", {0.1, 2}, {-2, 0}, {}},
    {"maximum", {-2, 0}, {0.1, 2}, {}},
    {"maximum", {0.1, 2}, {-2, 0}, {}},
    {"fmin", {-2, 0}, {0.1, 2}, {}},
    {"fmin", {0.1, 2}, {-2, 0}, {}},
    {"fmax", {-2, 0}, {0.1, 2}, {}},
    {"fmax", {0.1, 2}, {-2, 0}, {}},
    {"abs", {-2, -0.1}, {}, {}},
    {"abs", {0.1, 2}, {}, {}},
    {"square", {-2, 2}, {}, {}},
    {"reciprocal", {-2, -0.5}, {}, {}},
    {"cbrt", {-2, -0.5}, {}, {}},
    {"hypot", {-2, -0.5}, {-1, 1}, {}},
    {"lerp", {-2, 2}, {-2, 2}, {0.1, 0.4}},
    {"lerp", {-2, 2}, {-2, 2}, {0.6, 1.5}},
    {"addcmul", {-2, 2}, {-2, 2}, {-2, 2}},
    {"addcdiv", {-2, 2}, {-2, 2}, {0.5, 2}},
    {"logaddexp", {-3, 3}, {-3, 3}, {}},
    {"logaddexp", {-30, -20}, {20, 30}, {}},
    {"xlogy", {-2, 2}, {0.5, 2}, {}},
    {"pow", {0.5, 2}, {-3, 3}, {}},
    {"sin", {-4, 4}, {}, {}},
    {"cos", {-4, 4}, {}, {}},
    {"tan", {-1, 1}, {}, {}},
    {"asin", {-0.8, 0.8}, {}, {}},
    {"acos", {-0.8, 0.8}, {}, {}},
    {"atan", {-3, 3}, {}, {}},
    {"atan2", {-2, -0.3}, {-2, 2}, {}},
    {"atan2", {-2, 2}, {0.3, 2}, {}},
    {"sinh", {-2, 2}, {}, {}},
    {"cosh", {-2, 2}, {}, {}},
    {"tanh", {-2, 2}, {}, {}},
    {"asinh", {-2, 2}, {}, {}},
    {"acosh", {1.3, 3}, {}, {}},
    {"atanh", {-0.8, 0.8}, {}, {}},
    {"erf", {-2, 2}, {}, {}},
    {"erfc", {-2, 2}, {}, {}},
    {"erfinv", {-0.8, 0.8}, {}, {}},
    {"lgamma", {0.2, 5}, {}, {}},
    {"lgamma", {7, 12}, {}, {}},
    {"lgamma", {-2.8, -2.2}, {}, {}},
    {"sigmoid", {-3, 3}, {}, {}},
    {"relu", {-2, -0.1}, {}, {}},
    {"relu", {0.1, 2}, {}, {}},
    {"silu", {-3, 3}, {}, {}},
    {"gelu", {-3, 3}, {}, {}},
    {"gelu_tanh", {-3, 3}, {}, {}},
    {"softplus", {-3, 3}, {}, {}},
    {"frac", {-1.9, -1.1}, {}, {}},
    {"clamp", {-2, -1.1}, {-0.9, -0.1}, {0.1, 1}},
    {"clamp", {-0.9, 0.9}, {-2, -1}, {1, 2}},
    {"clamp", {1.1, 2}, {-0.9, -0.1}, {0.1, 1}},
    {"clamp", {-2, 2}, {0.1, 1}, {-1, -0.1}},
    {"clamp_min", {-2, 0}, {0.1, 2}, {}},
    {"clamp_min", {0.1, 2}, {-2, 0}, {}},
    {"clamp_max", {-2, 0}, {0.1, 2}, {}},
    {"clamp_max", {0.1, 2}, {-2, 0}, {}},
    {"copysign", {0.1, 2}, {-2, -0.1}, {}},
    {"copysign", {-2, -0.1}, {0.1, 2}, {}},
    {"heaviside", {-2, -0.1}, {-2, 2}, {}},
};
/// Rows whose gradient can be taken once, not twice.
bool once_only(Op op) {
  return op == Op::trigamma;
}

bool is_float_row(const OpInfo& row) {
  return row.family == ir::Family::Elementwise && ir::takes(row.types, kFloat64) &&
         row.promote != ir::Promote::Compare && row.promote != ir::Promote::Logical;
}

template <class F>
void for_each_float_row(F f) {
  for (int i = 0; i < ir::op_count(); ++i)
    if (const auto op = static_cast<Op>(i); is_float_row(ir::info(op))) f(op, ir::info(op));
}

/// The op over fresh leaves of a type (the condition of a selection is bool).
struct Call {
  Call(ir::Interner& in, Op op, DType dtype, int64_t count) {
    const OpInfo& row = ir::info(op);
    ir::NodeSpec spec{.op = op, .attr = ir::NoAttr{}};
    if (op == Op::variable || op == Op::barrier) spec.attr = ir::LeafAttr{in.next_leaf_id()};
    for (int i = 0; i < row.min_arity; ++i) {
      leaves.push_back(data(in, row.promote == ir::Promote::Select && i == 0 ? kBool : dtype, {count}));
      spec.inputs.push_back(leaves.back().get());
    }
    y = in.make(std::move(spec));
  }
  std::vector<NodeRef> leaves;
  NodeRef y;
};

void check_row(Op op, const Domain& domain) {
  ir::Interner in;
  const Call call(in, op, kFloat64, 9);
  uint64_t seed = static_cast<uint64_t>(op) + 17;
  Values values;
  const Interval intervals[] = {domain.x, domain.y, domain.z};
  std::vector<NodeRef> wrt;
  for (size_t i = 0; i < call.leaves.size(); ++i) {
    const Node* leaf = call.leaves[i].get();
    values[leaf] = uniforms(seed, leaf, intervals[i].lo, intervals[i].hi);
    if (is_bool(leaf->dtype())) {
      for (double& v : values[leaf]) v = v > 0.6;
    } else {
      wrt.push_back(call.leaves[i]);
    }
  }
  const auto wrong = check_derivatives(in, call.y, wrt, values, seed, {.orders = once_only(op) ? 1 : 2});
  EXPECT_FALSE(wrong) << ir::name(op) << " from x = " << domain.x.lo << ": " << *wrong;
}

TEST(GradientRows, AgreeWithCentralDifferences) {
  int rows = 0;
  for_each_float_row([&](Op op, const OpInfo& row) {
    if (row.gradient.kind != Gradient::Kind::Rule && row.gradient.kind != Gradient::Kind::Zero) return;
    bool listed = false;
    for (const Domain& d : kDomains) {
      if (row.name != d.op) continue;
      listed = true;
      check_row(op, d);
    }
    if (!listed) check_row(op, kDefault);
    ++rows;
  });
  EXPECT_GT(rows, 65);
}

TEST(GradientRows, DomainsNameRows) {
  for (const Domain& d : kDomains) {
    Op op;
    EXPECT_TRUE(ir::find_op(d.op, &op)) << d.op;
  }
}

// A float that comes without a gradient is a hole in the table, so the list of such rows stands here.
TEST(GradientRows, FloatsWithoutGradientRefuse) {
  std::vector<std::string> without;
  for_each_float_row([&](Op op, const OpInfo& row) {
    if (row.gradient.kind != Gradient::Kind::None) return;
    without.emplace_back(row.name);
    ir::Interner in;
    const Call call(in, op, kFloat64, 3);
    const Node *outputs[] = {call.y.get()}, *wrt[] = {call.leaves[0].get()};
    const NodeRef w[] = {data(in, kFloat64, {3})};
    try {
      vjp(in, outputs, w, wrt);
      FAIL() << row.name;
    } catch (const Error& e) {
      EXPECT_EQ(e.kind(), ErrorKind::Unsupported);
      EXPECT_EQ(e.message(), std::string(row.name) + ": has no gradient");
    }
    EXPECT_THROW(jvp(in, wrt, w, outputs), Error) << row.name;
  });
  EXPECT_EQ(without, std::vector<std::string>{"tetragamma"});
}

TEST(GradientRows, BoolsAndIntegersHaveNone) {
  for (int i = 0; i < ir::op_count(); ++i) {
    const auto op = static_cast<Op>(i);
    const OpInfo& row = ir::info(op);
    if (row.family != ir::Family::Elementwise) continue;
    for (const DType t : {kFloat64, kInt64, kBool}) {
      const DType operand = row.promote == ir::Promote::Logical ? kBool : t;
      if (!ir::takes(row.types, operand) || (row.promote == ir::Promote::ToFloat && !is_floating(t))) continue;
      ir::Interner in;
      const Call call(in, op, operand, 3);
      if (is_floating(call.y->dtype())) continue;
      const Node *outputs[] = {call.y.get()}, *wrt[] = {call.leaves[0].get()};
      const NodeRef tangent[] = {call.leaves[0]};
      EXPECT_FALSE(jvp(in, wrt, tangent, outputs)[0]) << row.name;
      EXPECT_FALSE(call.y->differentiable()) << row.name;
    }
  }
}

// Gradients have the operand's type, whatever constants a formula holds.
TEST(GradientRows, KeepTheType) {
  for_each_float_row([&](Op op, const OpInfo& row) {
    if (row.gradient.kind != Gradient::Kind::Rule) return;
    for (const DType t : {kFloat16, kBFloat16, kFloat32}) {
      ir::Interner in;
      const Call call(in, op, t, 3);
      std::vector<const Node*> wrt;
      for (const NodeRef& leaf : call.leaves)
        if (is_floating(leaf->dtype())) wrt.push_back(leaf.get());
      const Node* outputs[] = {call.y.get()};
      const NodeRef w[] = {data(in, t, {3})};
      for (const NodeRef& g : vjp(in, outputs, w, wrt)) {
        ASSERT_TRUE(g) << row.name;
        EXPECT_EQ(g->dtype(), t) << row.name;
        for (const Node* n : ir::topological_order({{g}})) EXPECT_TRUE(n->dtype() == t || is_bool(n->dtype()));
      }
    }
  });
}

// At kinks, ties, poles and NaN: what PyTorch gives.
struct Point {
  const char* op;
  std::vector<double> at, gradient;
};

TEST(GradientRows, AtSpecialPoints) {
  const double inf = INFINITY;
  const Point points[] = {
      {"maximum", {1, 1}, {0.5, 0.5}},
      {"minimum", {1, 1}, {0.5, 0.5}},
      {"maximum", {0, -0.0}, {0.5, 0.5}},
      {"maximum", {NAN, 1}, {1, 1}},
      {"fmax", {1, 1}, {1, 0}},
      {"fmin", {1, 1}, {1, 0}},
      {"fmax", {NAN, 1}, {0, 1}},
      {"fmax", {1, NAN}, {1, 0}},
      {"fmin", {NAN, 1}, {0, 1}},
      {"abs", {0}, {0}},
      {"abs", {-0.0}, {0}},
      {"relu", {0}, {0}},
      {"relu", {NAN}, {1}},
      {"clamp", {1, 1, 3}, {1, 0, 0}},
      {"clamp", {3, 1, 3}, {1, 0, 0}},
      {"clamp", {2, 3, 1}, {0, 0, 1}},
      {"clamp", {2, 2, 2}, {1, 0, 0}},
      {"clamp_min", {1, 1}, {1, 0}},
      {"clamp_max", {1, 1}, {1, 0}},
      {"pow", {0, 0}, {0, 0}},
      {"pow", {0, 1}, {1, 0}},
      {"pow", {0, 2}, {0, 0}},
      {"pow", {-2, 2}, {-4, NAN}},
      {"pow", {-2, 3}, {12, NAN}},
      {"pow", {NAN, 0}, {0, NAN}},
      {"pow", {0, -1}, {-inf, -inf}},
      {"xlogy", {0, 0}, {0, NAN}},
      {"xlogy", {0, 2}, {0, 0}},
      {"sqrt", {0}, {inf}},
      {"log", {0}, {inf}},
      {"hypot", {0, 0}, {NAN, NAN}},
      {"asin", {1}, {inf}},
      {"logit", {-1}, {NAN}},
      {"logit", {2}, {NAN}},
      {"nan_to_num", {NAN}, {0}},
      {"nan_to_num", {inf}, {0}},
      {"copysign", {0, -1}, {0, 0}},
      {"copysign", {2, -1}, {-1, 0}},
      {"gelu_tanh", {1e30}, {1}},
      {"gelu_tanh", {-1e30}, {0}},
      {"gelu", {1e30}, {1}},
      {"gelu", {-1e30}, {0}},
      {"silu", {1e30}, {1}},
      {"heaviside", {0, 3}, {0, 1}},
      {"remainder", {-7, 2}, {1, 4}},
      {"fmod", {-7, 2}, {1, 3}},
      {"floor", {1.5}, {0}},
  };
  for (const Point& p : points) {
    Op op;
    ASSERT_TRUE(ir::find_op(p.op, &op));
    ir::Interner in;
    const Call call(in, op, kFloat64, 1);
    Values values;
    std::vector<const Node*> wrt;
    for (size_t i = 0; i < p.at.size(); ++i) {
      values[call.leaves[i].get()] = {p.at[i]};
      wrt.push_back(call.leaves[i].get());
    }
    const NodeRef cotangents[] = {data(in, kFloat64, {1})};
    values[cotangents[0].get()] = {1};
    const Node* outputs[] = {call.y.get()};
    const std::vector<NodeRef> gradients = vjp(in, outputs, cotangents, wrt);
    for (size_t i = 0; i < wrt.size(); ++i) {
      const double got = gradients[i] ? evaluate(gradients[i], values)[0] : 0, want = p.gradient[i];
      EXPECT_TRUE(got == want || (std::isnan(got) && std::isnan(want)))
          << p.op << " at " << ::testing::PrintToString(p.at) << ", operand " << i << ": " << got << " instead of "
          << want;
    }
  }
}

}  // namespace
}  // namespace lazuli::passes
