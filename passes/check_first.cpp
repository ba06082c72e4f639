#include "passes/check_first.h"

#include <algorithm>
#include <optional>
#include <unordered_map>
#include <unordered_set>

#include "passes/memory_rules.h"

namespace lazuli::passes {
namespace {

using namespace ir;

// Checked indices are written once and read once more than before; a copy reads and writes every result.
constexpr int64_t kWorth = 4;

/// The axes that the indices of a gather go along, one per operand after the first.
std::span<const int64_t> gathered_axes(const Node* gather) {
  return gather->attr_as<AxesAttr>().axes;
}

/// The number that every element of `n` has, if it is a constant.
std::optional<int64_t> uniform(const Node* n) {
  while (n->op() == Op::expand) n = n->input(0);
  if (n->op() != Op::constant || n->dtype() != kInt64) return std::nullopt;
  return static_cast<int64_t>(n->attr_as<ConstantAttr>().bits);
}

bool worth_checking(const Node* gather) {
  int64_t indices = 0;
  for (const Node* index : gather->inputs().subspan(1)) indices += index->nbytes();
  return gather->nbytes() >= kWorth * indices;
}

/// The gathers of a region that may fail for nothing else than their indices; none where checking first gains nothing.
std::vector<const Node*> gathers_to_free(const Region& region) {
  if (region.kind != RegionKind::Map || !region.parts.empty()) return {};
  std::vector<const Node*> gathers;
  for (const Node* n : region.nodes) {
    if (n->op() == Op::gather && !indices_are_checked(region, n)) {
      if (!worth_checking(n)) return {};
      gathers.push_back(n);
    } else if (is_indexed(n->op()) || may_refuse(n) || n->op() == Op::slice || has_pieces(n->op())) {
      return {};  // the last two: some index may be of an element that nobody needs
    }
  }
  return gathers;
}

NodeRef checked_index(const NodeRef& index, int64_t size, Interner& interner) {
  const NodeRef bound = interner.make({.op = Op::constant,
                                       .attr = ConstantAttr{static_cast<uint64_t>(size)},
                                       .dtype = kInt64,
                                       .device = index->device(),
                                       .origin = index->origin()});
  const NodeRef bounds = interner.make({.op = Op::expand,
                                        .inputs = {bound.get()},
                                        .shape = index->shape(),
                                        .device = index->device(),
                                        .origin = index->origin()});
  return interner.make({.op = Op::check_index,
                        .inputs = {index.get(), index->rank() ? bounds.get() : bound.get()},
                        .device = index->device(),
                        .origin = index->origin()});
}

}  // namespace

bool indices_are_checked(const Region& region, const Node* gather) {
  const std::span<const int64_t> axes = gathered_axes(gather);
  for (size_t k = 1; k < gather->input_count(); ++k) {
    const Node* index = gather->input(k);
    if (index->op() != Op::check_index ||
        std::find(region.inputs.begin(), region.inputs.end(), index) == region.inputs.end() ||
        uniform(index->input(1)) != gather->input(0)->shape()[static_cast<size_t>(axes[k - 1])])
      return false;
  }
  return true;
}

void check_first(Graph& graph, Partition& partition, std::span<const size_t> direct, PassContext& ctx) {
  std::unordered_set<const Node*> wanted, gathers;
  for (const size_t i : direct) wanted.insert(graph.outputs[i].get());
  for (const Region& region : partition.regions) {
    if (std::none_of(region.outputs.begin(), region.outputs.end(), [&](const Node* n) { return wanted.contains(n); }))
      continue;
    for (const Node* n : gathers_to_free(region)) gathers.insert(n);
  }
  if (gathers.empty()) return;
  const auto checked = [&](const Node* n, std::span<const NodeRef> inputs) -> NodeRef {
    if (!gathers.contains(n)) return nullptr;
    std::vector<NodeRef> operands{inputs[0]};
    for (size_t k = 1; k < inputs.size(); ++k) {
      const int64_t size = inputs[0]->shape()[static_cast<size_t>(gathered_axes(n)[k - 1])];
      operands.push_back(checked_index(inputs[k], size, ctx.interner));
      ctx.stored.insert(operands.back().get());
    }
    return rebuild(n, operands, ctx.interner);
  };
  graph = rewrite(graph, ctx.interner, checked);
  partition = passes::partition(graph, ctx);
}

}  // namespace lazuli::passes
