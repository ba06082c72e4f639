// Facts about the types of kernel values that the builder, the verifier, the interpreter and the emitters share.
#pragma once
#include "codegen/kernel.h"

namespace lazuli::codegen {

/// Bits of one lane: 1 for Bool.
constexpr int bit_width(DType t) {
  return is_bool(t) ? 1 : static_cast<int>(itemsize(t)) * 8;
}
constexpr uint64_t bit_mask(DType t) {
  return ~uint64_t{0} >> (64 - bit_width(t));
}

}  // namespace lazuli::codegen
