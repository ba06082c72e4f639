// Legality, dtype and shape of every op: called by Interner::make and by the verifier.
#pragma once
#include "ir/node.h"

namespace lazuli::ir {

struct Inferred {
  DType dtype;
  Shape shape;
  Device device;
};

/// Throws Error when the spec is not legal. Does not look at anything but the spec.
Inferred infer(const NodeSpec& spec);

}  // namespace lazuli::ir
