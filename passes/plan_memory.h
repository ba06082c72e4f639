// Where every value of a program lives: one arena for intermediates with reuse by liveness, in-place updates where the
// region allows it, donation of dead inputs. A function of sizes, order and aliasing facts alone.
//
// A program runs its regions in `order`, each after the copies that go before it, and then its other copies in their
// order. What always holds:
//   - Memory of a leaf is written only if the leaf is donated or somebody's target, and only when its old contents are
//     needed no more.
//   - All or nothing: regions write to leaves only after the last region that may fail a check has run.
//   - Two values that are needed at the same time never overlap; a region's output overlaps one of its inputs only
//     when they are a pair of Region::may_alias and start at the same byte.
//   - The output of an Update is where its base is, or the base is copied there before.
//
// Left to the runtime: a node that is several graph outputs has one slot, the other outputs are copies or shares of it;
// an output that is a data leaf has no region, and its memory is copied or shared (it is kept intact, unless it is a
// target, in which case a planned copy takes it to Place::Output first); an output that is an argument, constant or
// other leaf without a region is written by the runtime.
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
  /// A leaf is the target of one output; an output may have several targets.
  std::vector<std::pair<const ir::Node*, const ir::Node*>> targets;
};

enum class Place : uint8_t {
  Input,   // memory of data leaf `index`: data leaves in order of first appearance in the topological order of the
           // graph, then those that only `targets` name, in their order
  Output,  // fresh memory of graph output `index`, handed to its storage; before, it may hold what is not larger
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
  const ir::Node* from;     // the value that is copied
  const ir::Node* to_leaf;  // the leaf whose memory receives it; null when a leaf is saved before it is overwritten
  Slot source, target;      // where it is read and written; both name `from`
};

struct MemoryPlan {
  std::vector<Slot> slots;  // one per data leaf, in their order, then one per stored node (region outputs)
  int64_t arena_bytes = 0;
  std::vector<uint32_t>
      order;  // execution order of the partition's regions (readers of a buffer before its overwriter)
  std::vector<PlannedCopy> copies;  // after all regions, in this order
  /// The bases of updates that are not done in place, by the position in `order` before which they are copied.
  std::vector<std::pair<uint32_t, PlannedCopy>> base_copies;
  std::string str() const;
};

/// Alignment of every arena slot and buffer.
inline constexpr int64_t kBufferAlignment = 128;

MemoryPlan plan_memory(const ir::Graph& g, const ir::Partition& p, const MemoryFacts& facts);

/// Runs the plan symbolically: throws Error(Internal) when a value would be read after it was overwritten, when an
/// output or target does not hold its value at the end, or when one of the promises above is broken.
void verify_plan(const ir::Graph& g, const ir::Partition& p, const MemoryFacts& facts, const MemoryPlan& plan);

}  // namespace lazuli::passes
