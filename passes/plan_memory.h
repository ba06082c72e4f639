// Where every value of a program lives: one arena for intermediates with reuse by liveness, in-place updates where the
// region allows it, donation of dead inputs. A function of sizes, order and aliasing facts alone.
#pragma once
#include <string>
#include <vector>

#include "ir/region.h"

namespace lazuli::passes {

/// Facts about the program's boundary, by node.
struct MemoryFacts {
  /// Leaves whose memory may be overwritten once their last reader has run (nobody else needs the old contents).
  std::vector<const ir::Node*> donated;
  /// Outputs that must end up in the memory of a given leaf (in-place operations of a storage): (output, leaf).
  std::vector<std::pair<const ir::Node*, const ir::Node*>> targets;
};

enum class Place : uint8_t {
  Input,   // memory of leaf `index` (in order of first appearance in the topological order of the graph)
  Output,  // fresh memory of graph output `index`, handed to its storage
  Arena,   // offset `index` in the program's arena
};
struct Slot {
  const ir::Node* node;
  Place place;
  int64_t index;
  int64_t bytes;
};
/// A whole-buffer copy that the plan needs because a value could not be computed in place.
struct PlannedCopy {
  const ir::Node* from;
  const ir::Node* to_leaf;
};

struct MemoryPlan {
  std::vector<Slot> slots;          // one per stored node (region outputs) and per data leaf
  int64_t arena_bytes = 0;
  std::vector<uint32_t> order;      // execution order of the partition's regions (readers of a buffer before its overwriter)
  std::vector<PlannedCopy> copies;  // after all regions
  std::string str() const;
};

/// Alignment of every arena slot and buffer.
inline constexpr int64_t kBufferAlignment = 128;

MemoryPlan plan_memory(const ir::Graph& g, const ir::Partition& p, const MemoryFacts& facts);

}  // namespace lazuli::passes
