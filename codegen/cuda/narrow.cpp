#include "codegen/cuda/narrow.h"

namespace lazuli::codegen {

namespace {

/// Whether the low bits of the result depend on those of the operands alone.
bool keeps_low_bits(const Inst& i) {
  if (i.op != KOp::Prim) return false;
  switch (i.prim) {
    case Prim::add:
    case Prim::sub:
    case Prim::mul:
    case Prim::neg:
    case Prim::shl:
    case Prim::select:
      return true;
    default:
      return false;
  }
}

}  // namespace

std::vector<bool> narrow_values(const Kernel& k, bool all_buffers) {
  std::vector<bool> wide(k.values.size()), narrow(k.values.size());
  for (const Block& b : k.blocks)
    for (ValueId v : b.yields) wide[v] = true;
  // Users stand behind what they use.
  for (size_t n = k.insts.size(); n-- > 0;) {
    const Inst& i = k.insts[n];
    if (keeps_low_bits(i) && k.values[i.results[0]].dtype == kInt64 && !wide[i.results[0]]) {
      narrow[i.results[0]] = true;
      continue;
    }
    const bool access = i.op == KOp::Load || i.op == KOp::Store;
    const bool fits =
        access && (all_buffers || k.buffers[i.imm].role == Role::Shared || k.buffers[i.imm].role == Role::Thread);
    for (size_t o = 0; o < i.operands.size(); ++o)
      if (!(fits && o == 0)) wide[i.operands[o]] = true;
  }
  return narrow;
}

}  // namespace lazuli::codegen
