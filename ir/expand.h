// Composite ops (mean, softmax, ...) as graphs of primitive nodes: the definition of what they compute.
#pragma once
#include <span>

#include "ir/node.h"

namespace lazuli::ir {

/// The primitive nodes that compute the composite node `n` over its own inputs. Half types are cast to float32 at entry
/// and back at exit. The result has the dtype and shape of `n`; its nodes carry the origin of `n`.
NodeRef expand_composite(const Node* n, Interner& interner);
/// The same for fold and convolution over `inputs`, in their type (ir/ops/expand_window.cpp).
NodeRef expand_window(const Node* n, std::span<const NodeRef> inputs, Interner& interner);

/// The ops of attention as primitives over all scores: what their derivatives are those of. Its roundings are others,
/// so it takes no node's place (ir/ops/expand_attention.cpp).
NodeRef expand_attention(const Node* n, Interner& interner);

}  // namespace lazuli::ir
