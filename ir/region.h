// What partition decides and codegen lowers: which nodes are computed together in one kernel.
// A region computes its outputs; every other node between its inputs and outputs is virtual: evaluated where it is
// needed, at the index at which it is needed, and never stored.
#pragma once
#include <string>
#include <vector>

#include "ir/graph.h"
#include "ir/index_expr.h"

namespace lazuli::ir {

enum class RegionKind : uint8_t {
  Map,        // every output over one index space, no reduction
  Row,        // reductions over the same axes of one space, with elementwise work before, between and after
  Contract,   // one dot_general, with movement and elementwise work before and elementwise work after
  Sort,       // one argsort of a stored operand; the space is the result's
  Scan,       // one scan, with elementwise work before; the scanned axis counts as reduced
  Attention,  // one attention op over stored operands, or attention and attention_lse over the same; the space is the
              // first result's
  Scatter,    // one scatter, with elementwise work before; the space is the result's, then that of the indices
  Update,     // one slice_update over the memory of its base; the space is that of the part, and only it is stored
};
std::string_view name(RegionKind k);

struct Region {
  RegionKind kind = RegionKind::Map;
  /// The full index space, and the axes of it that are reduced (Row), contracted (Contract) or those of the
  /// indices (Scatter), ascending. Map: none.
  Shape space;
  Dims reduced;
  /// The loop variable of each axis of the space (the constant 0 for size 1), in this arena.
  std::shared_ptr<IndexArena> arena;
  std::vector<IndexId> axes;
  /// Computed here, producers before consumers. Leaves without storage (constant, iota) are among them.
  std::vector<const Node*> nodes;
  /// Read here: data and argument leaves, and outputs of earlier regions.
  std::vector<const Node*> inputs;
  /// Stored here, each at its index: one element per point of the space, or of its axes that are not reduced. Of an
  /// Update the other elements are those of the base, which stand in the same memory when the region runs.
  std::vector<const Node*> outputs;
  std::vector<IndexVec> output_index;
  /// Pairs (index into outputs, index into inputs) that may share one buffer: the input is read only at the element
  /// that is written, by the task that writes it.
  std::vector<std::pair<uint32_t, uint32_t>> may_alias;
  /// Not empty: a Map of several maps over spaces of their own, independent of each other, that are one launch. Nodes,
  /// inputs, outputs and may_alias are those of all parts together; space, arena, axes and output_index are unused.
  std::vector<Region> parts;
};

/// Bytes of an input that the region reads at least: of what it reads at indices or in slices only, not more than it
/// takes.
int64_t bytes_read(const Region& region, const Node* input);
/// Bytes of an output that it writes: of an update those of the part.
int64_t bytes_written(const Region& region, const Node* output);

/// Why a producer and a consumer are in different kernels.
enum class Unfused : uint8_t {
  GraphOutput,       // fused, and stored as well because the user asked for it
  Recompute,         // several users at different indices; computing it again would cost more than storing it
  ReducedElsewhere,  // the producer's reduction runs over other axes or another space
  Contraction,       // operand of a contraction that is better computed once, or its result needed in other places
  SpaceMismatch,     // the index spaces do not line up
  Indexed,           // read at places that are known only when the kernel runs, or added to at such places
  OpLimit,           // the kernel would exceed the limit on operations
  BufferLimit,       // the kernel would exceed the limit on buffers
  Cycle,             // fusing would make two kernels wait for each other
  Updated,           // a part of it is overwritten where it stands
  Disabled,          // fusion is switched off
};
std::string_view name(Unfused r);

struct UnfusedEdge {
  const Node* producer;
  const Node* consumer;
  Unfused reason;
  int64_t bytes;  // what fusing this edge alone would have saved: the load, and the store where nobody else needs it
};

struct Partition {
  std::vector<Region> regions;  // in an order that respects dependences
  std::vector<UnfusedEdge> unfused;
};

}  // namespace lazuli::ir
