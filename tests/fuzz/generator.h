// Random typed graphs over the whole op table: every elementwise row, casts, views, joins, reductions, contractions and
// composites, with the sizes around which kernels change course (0, 1, vector widths, a chunk and one more).
// Operands are shared, several nodes are outputs. A graph is a function of its seed alone; leaves have no payload.
#pragma once
#include "ir/graph.h"

namespace lazuli::fuzz {

/// Elements of the largest node, so that the interpreter needs milliseconds.
inline constexpr int64_t kMostElements = 20000;

ir::Graph generate(uint64_t seed, ir::Interner& interner);

/// Attention with any options, between what makes its operands and what reads its result.
ir::Graph generate_attention(uint64_t seed, ir::Interner& interner);

}  // namespace lazuli::fuzz
