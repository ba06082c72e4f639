#include "passes/op_costs.h"

#include "ir/lower_scalar.h"

namespace lazuli::passes {

using namespace ir;

namespace {

// Of a division or square root of full vectors, on the processors that there are: 10 to 30 cycles instead of one or
// two.
constexpr double kSlow = 8;

double work_of(const scalar::Function& f) {
  double work = 0;
  for (const scalar::Inst& i : f.insts) {
    const bool slow = i.prim == scalar::Prim::div || i.prim == scalar::Prim::sqrt || i.prim == scalar::Prim::idiv ||
                      i.prim == scalar::Prim::irem;
    work += slow ? kSlow : 1;
  }
  return work;
}

}  // namespace

OpCosts::Known OpCosts::look_up(const Node* n) {
  if (n->op() == Op::random_bits) return {90, 90};  // ten Philox rounds
  if (n->op() == Op::bitcast) return {1, 1};
  if (!is_elementwise(n->op()) && n->op() != Op::cast) return {};
  SmallVec<DType, 4> types;
  for (const Node* in : n->inputs()) types.push_back(in->dtype());
  uint32_t key = static_cast<uint32_t>(n->op());
  for (DType t : types) key = key * 16 + static_cast<uint32_t>(t) + 1;
  key = key * 16 + static_cast<uint32_t>(n->dtype());
  auto [it, fresh] = known_.try_emplace(key);
  if (fresh) {
    const scalar::Function f =
        n->op() == Op::cast ? lower_cast(types[0], n->dtype()) : lower_elementwise(n->op(), types);
    it->second = {static_cast<double>(f.insts.size()), work_of(f)};
  }
  return it->second;
}

}  // namespace lazuli::passes
