// Dispatch from schedule to strategy, and the costs that reports and the executor read.
#include "codegen/lower.h"

#include <algorithm>

#include "codegen/strategies.h"

namespace lazuli::codegen {

using namespace ir;

double estimate_ns_per_point(const RegionEmitter& e) {
  // A core does about 3 vector primitives per nanosecond and moves about 25 bytes of memory, 50 of the shared cache and
  // 80 of its own.
  const int64_t points = std::max<int64_t>(1, e.nest.kept_extent() * e.nest.reduced_extent());
  double ops = 1;
  for (const Item& i : e.graph.items) {
    if (!i.function) continue;
    // What is broadcast is computed outside the loops over which it is.
    const double share = i.node ? std::min(1.0, static_cast<double>(i.node->numel()) / static_cast<double>(points)) : 1;
    ops += share * static_cast<double>(i.function->insts.size());
  }
  const codegen::CpuTarget& t = e.options.target;
  const double per_ns = e.bytes_moved <= t.l2_bytes ? 80 : e.bytes_moved <= t.l3_bytes ? 50 : 25;
  const double bytes = static_cast<double>(e.bytes_moved) / static_cast<double>(points);
  return std::max(ops / e.lanes / 3.0, bytes / per_ns) + 0.01;
}

void add_flops(RegionEmitter& e) {
  const int64_t kept = e.graph.scatter ? ScatterLoops(e).row_extent() : e.nest.kept_extent();
  const double points = static_cast<double>(kept) * static_cast<double>(e.nest.reduced_extent());
  for (const Item& i : e.graph.items) {
    const double times = i.inner || e.graph.reductions.empty() ? points : static_cast<double>(e.nest.kept_extent());
    if (i.function) e.lowered.flops += times * static_cast<double>(i.function->insts.size());
  }
  if (e.graph.scatter) e.lowered.flops += points;
  for (const Reduction& r : e.graph.reductions) e.lowered.flops += points * (r.is_dot() ? 2 : 1);
}

bool addresses_fit(const Lowered& lowered, const Kernel& kernel) {
  for (size_t n = 0; n < kernel.buffers.size(); ++n)
    if (lowered.buffer_bytes[n] / static_cast<int64_t>(itemsize(kernel.buffers[n].dtype)) > INT32_MAX) return false;
  return true;
}

namespace {

Lowered lower_with(RegionEmitter& e) {
  switch (e.schedule.strategy) {
    case Strategy::Map:
      lower_map(e);
      break;
    case Strategy::MapTiled:
      lower_map_tiled(e);
      break;
    case Strategy::RowInner:
      lower_row_inner(e);
      break;
    case Strategy::RowColumns:
      lower_row_columns(e);
      break;
    case Strategy::RowUnrolled:
      lower_row_unrolled(e);
      break;
    case Strategy::RowSplit:
      lower_row_split(e);
      break;
    case Strategy::Contract:
      lower_contract(e);
      break;
    case Strategy::Sort:
      lower_sort(e);
      break;
    case Strategy::Attention:
      lower_attention(e);
      break;
    case Strategy::AttentionRows:
      lower_attention_rows(e);
      break;
    case Strategy::ScanRows:
      lower_scan_rows(e);
      break;
    case Strategy::ScanSplit:
      lower_scan_split(e);
      break;
    case Strategy::ScanColumns:
      lower_scan_columns(e);
      break;
    case Strategy::Scatter:
      lower_scatter(e);
      break;
    case Strategy::WarpRows:
      lower_warp_rows(e);
      break;
    case Strategy::BlockRows:
      lower_block_rows(e);
      break;
    case Strategy::BlockSplit:
      lower_block_split(e);
      break;
    case Strategy::BlockColumns:
      lower_block_columns(e);
      break;
    case Strategy::BlockContract:
      lower_block_contract(e);
      break;
    case Strategy::BlockMatrix:
      lower_block_matrix(e);
      break;
    case Strategy::StreamMatrix:
      lower_stream_matrix(e);
      break;
    case Strategy::BlockSort:
      lower_block_sort(e);
      break;
    case Strategy::BlockScatter:
      lower_block_scatter(e);
      break;
  }
  add_flops(e);
  e.schedule.narrow = e.schedule.threads && addresses_fit(e.lowered, e.b.kernel());
  e.lowered.schedule = e.schedule;
  e.lowered.kernel = e.b.finish();
  return std::move(e.lowered);
}

}  // namespace

Lowered lower(const Region& region, const Schedule& schedule, const LoweringOptions& options) {
  if (!region.parts.empty()) return lower_parts(region, options);
  RegionEmitter e(region, options);
  e.use(schedule);
  return lower_with(e);
}

Lowered lower(const Region& region, const LoweringOptions& options) {
  if (!region.parts.empty()) return lower_parts(region, options);
  RegionEmitter e(region, options);
  e.use(choose_schedule(e));
  return lower_with(e);
}

}  // namespace lazuli::codegen
