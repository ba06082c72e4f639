// The table behind ir/op.h: one entry per row of ir/ops/*.def, and the lookup by name.
#include "ir/op.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

#include "ir/ops/gradients.h"
#include "ir/scalar/math.h"

namespace lazuli::ir {
namespace {

using scalar::Builder;
using scalar::Value;
using namespace gradient;

// The words of the gradient column.
#define NO_GRAD \
  Gradient {}
#define STOP_GRAD        \
  Gradient {             \
    Gradient::Kind::Stop \
  }
#define ZERO_GRAD        \
  Gradient {             \
    Gradient::Kind::Zero \
  }
#define BY_EXPANSION          \
  Gradient {                  \
    Gradient::Kind::Expansion \
  }
#define BY_RULE            \
  Gradient {               \
    Gradient::Kind::Custom \
  }
#define LINEAR(vjp)                                  \
  Gradient {                                         \
    Gradient::Kind::Rule, -1, vjp, tangent_of_linear \
  }
#define RULE(vjp, jvp)                 \
  Gradient {                           \
    Gradient::Kind::Rule, -1, vjp, jvp \
  }
// GRAD(a, b, c): the expression for operand 0, 1, 2, over g, x, y, z and out.
#define GRAD(...) LAZULI_COUNT(__VA_ARGS__, LAZULI_GRAD_3, LAZULI_GRAD_2, LAZULI_GRAD_1, )(__VA_ARGS__)
#define LAZULI_COUNT(a, b, c, chosen, ...) chosen
#define LAZULI_GRAD_1(a) LAZULI_GRAD(1, a, zero, zero)
#define LAZULI_GRAD_2(a, b) LAZULI_GRAD(2, a, b, zero)
#define LAZULI_GRAD_3(a, b, c) LAZULI_GRAD(3, a, b, c)
#define LAZULI_GRAD(count, a, b, c)                                                                              \
  Gradient {                                                                                                     \
    Gradient::Kind::Rule, count,                                                                                 \
        [](const Expr& g, const Node* n, size_t operand) -> Expr {                                               \
          [[maybe_unused]] const Expr x = operand_of(g, n, 0), y = operand_of(g, n, 1), z = operand_of(g, n, 2), \
                                      out(g.at(), NodeRef(n)), zero;                                             \
          return operand == 0 ? Expr(a) : operand == 1 ? Expr(b) : Expr(c);                                      \
        },                                                                                                       \
        tangent_of_elementwise                                                                                   \
  }

constexpr OpInfo kOps[] = {
#define LAZULI_STRUCTURAL(name, family, min_arity, max_arity, doc, gradient) \
  {#name, Family::family, min_arity, max_arity, Types::Any, Promote::Same, kNone, doc, nullptr, gradient},
#define LAZULI_ELEMENTWISE(name, arity, types, promote, flags, doc, body, gradient)                                \
  {#name,                                                                                                          \
   Family::Elementwise,                                                                                            \
   arity,                                                                                                          \
   arity,                                                                                                          \
   Types::types,                                                                                                   \
   Promote::promote,                                                                                               \
   (flags),                                                                                                        \
   doc,                                                                                                            \
   []([[maybe_unused]] Builder& s, [[maybe_unused]] Value x, [[maybe_unused]] Value y, [[maybe_unused]] Value z) { \
     return body;                                                                                                  \
   },                                                                                                              \
   gradient},
#include "ir/ops/all.def"
#undef LAZULI_STRUCTURAL
#undef LAZULI_ELEMENTWISE
};
constexpr int kOpCount = sizeof(kOps) / sizeof(kOps[0]);

constexpr auto kByName = [] {
  std::array<uint16_t, kOpCount> order{};
  std::iota(order.begin(), order.end(), uint16_t{0});
  std::sort(order.begin(), order.end(), [](uint16_t a, uint16_t b) { return kOps[a].name < kOps[b].name; });
  return order;
}();

constexpr bool names_are_unique() {
  for (int i = 1; i < kOpCount; ++i) {
    if (kOps[kByName[i - 1]].name == kOps[kByName[i]].name) return false;
  }
  return true;
}
static_assert(names_are_unique(), "two rows of ir/ops have one name");

constexpr bool gradients_are_complete() {
  for (const OpInfo& op : kOps)
    if (op.gradient.operands >= 0 && op.gradient.operands != op.max_arity) return false;
  return true;
}
static_assert(gradients_are_complete(), "a row of ir/ops has GRAD with more or fewer expressions than operands");

}  // namespace

const OpInfo& info(Op op) {
  return kOps[static_cast<int>(op)];
}
int op_count() {
  return kOpCount;
}

bool find_op(std::string_view name, Op* op) {
  const auto it = std::lower_bound(kByName.begin(), kByName.end(), name,
                                   [](uint16_t i, std::string_view n) { return kOps[i].name < n; });
  if (it == kByName.end() || kOps[*it].name != name) return false;
  *op = static_cast<Op>(*it);
  return true;
}

}  // namespace lazuli::ir
