// The table behind ir/op.h: one entry per row of ir/ops/*.def, and the lookup by name.
#include "ir/op.h"

#include <algorithm>
#include <array>
#include <numeric>

#include "ir/scalar/math.h"

namespace lazuli::ir {
namespace {

using scalar::Builder;
using scalar::Value;

constexpr OpInfo kOps[] = {
#define LAZULI_STRUCTURAL(name, family, min_arity, max_arity, doc) \
  {#name, Family::family, min_arity, max_arity, Types::Any, Promote::Same, kNone, doc, nullptr},
#define LAZULI_ELEMENTWISE(name, arity, types, promote, flags, doc, body)                                          \
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
   }},
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
