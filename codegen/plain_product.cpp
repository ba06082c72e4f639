#include "codegen/plain_product.h"

#include <fmt/format.h>

#include <algorithm>

#include "codegen/contract_plan.h"

namespace lazuli::codegen {
namespace {

std::optional<PlainProduct::Side> side(const RegionEmitter& e, const ContractPlan& p, ItemId id,
                                       const std::vector<size_t>& free, int64_t count) {
  const Item& item = e.graph.items[id];
  if (item.kind != ItemKind::Load || item.inside != ir::IndexArena::kAlways) return std::nullopt;
  const auto across = flat_stride(e, item.position, free), along = flat_stride(e, item.position, p.depth_groups);
  const auto batch = flat_stride(e, item.position, p.batch_groups);
  const auto at = std::find(e.region.inputs.begin(), e.region.inputs.end(), item.node);
  if (!across || !along || !batch || *batch < 0 || at == e.region.inputs.end()) return std::nullopt;
  PlainProduct::Side s{.input = static_cast<size_t>(at - e.region.inputs.begin()),
                       .offset = e.region.arena->expr(item.position).offset,
                       .batch_stride = *batch};
  s.along_depth = *along == 1;
  if (!s.along_depth && *across != 1) return std::nullopt;
  s.stride = s.along_depth ? *across : *along;
  return s.stride >= (s.along_depth ? p.depth : count) ? std::optional(s) : std::nullopt;
}

}  // namespace

std::optional<PlainProduct> plain_product(const ir::Region& region, const LoweringOptions& options) {
  if (region.kind != ir::RegionKind::Contract || !region.parts.empty() || region.outputs.size() != 1) return {};
  const RegionEmitter e(region, options);
  if (e.graph.reductions.size() != 1 || !e.graph.reductions[0].is_dot()) return {};
  const Item& output = e.graph.items[e.graph.outputs[0]];
  const ContractPlan p(e);
  const DType type = region.outputs[0]->dtype();
  if (output.kind != ItemKind::Reduction || p.batch * p.rows * p.columns * p.depth == 0) return {};
  if (type != kFloat32 && type != kFloat16 && type != kBFloat16) return {};
  for (const ItemId operand : e.graph.reductions[0].operands)
    if (e.graph.items[operand].dtype != type) return {};
  const auto left = side(e, p, p.row_item, p.row_groups, p.rows);
  const auto right = side(e, p, p.column_item, p.column_groups, p.columns);
  const ir::IndexId to = e.graph.output_position[0];
  const auto down = flat_stride(e, to, p.row_groups), across = flat_stride(e, to, p.column_groups);
  const auto batch = flat_stride(e, to, p.batch_groups);
  if (!left || !right || !down || !batch || across != 1 || *down < p.columns) return {};
  return PlainProduct{.type = type,
                      .batch = p.batch,
                      .rows = p.rows,
                      .columns = p.columns,
                      .depth = p.depth,
                      .left = *left,
                      .right = *right,
                      .result_offset = region.arena->expr(to).offset,
                      .result_stride = *down,
                      .result_batch_stride = *batch};
}

std::string PlainProduct::str() const {
  return fmt::format("{} {}{}x{}x{} {}{}", name(type), batch > 1 ? fmt::format("{}x", batch) : "", rows, depth, columns,
                     left.along_depth ? 'n' : 't', right.along_depth ? 't' : 'n');
}

}  // namespace lazuli::codegen
