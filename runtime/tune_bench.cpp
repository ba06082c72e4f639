#include "runtime/tune_bench.h"

#include <algorithm>
#include <cstring>

#include "lazuli/base/half.h"
#include "runtime/context.h"

namespace lazuli::runtime {
namespace {

/// Elements that are repeated over an operand: an odd number, so that rows of common sizes differ.
constexpr int64_t kPeriod = 65521;

void put_element(DType t, uint64_t random, std::byte* at) {
  const auto unit = static_cast<float>(static_cast<double>(random >> 40) * 0x1p-23 - 1);  // [-1, 1)
  const auto put = [&](auto v) { std::memcpy(at, &v, sizeof v); };
  switch (t) {
    case DType::Float16:
      return put(Half(unit));
    case DType::BFloat16:
      return put(BFloat16(unit));
    case DType::Float32:
      return put(unit);
    case DType::Float64:
      return put(static_cast<double>(unit));
    case DType::Bool:
      return put(static_cast<uint8_t>(random >> 63));
    case DType::Int8:
    case DType::UInt8:
      return put(static_cast<uint8_t>(random >> 56));
    case DType::Int16:
      return put(static_cast<int16_t>(random >> 62));
    case DType::Int32:
      return put(static_cast<int32_t>(random >> 62));  // may be an index: small
    default:
      return put(static_cast<int64_t>(random >> 62));
  }
}

void fill_random(DType t, std::byte* data, int64_t bytes) {
  const auto size = static_cast<int64_t>(itemsize(t));
  uint64_t state = 0x9e3779b97f4a7c15 + static_cast<uint64_t>(bytes);
  const int64_t first = std::min(bytes, kPeriod * size);
  for (int64_t at = 0; at < first; at += size) {
    state = state * 6364136223846793005 + 1442695040888963407;
    put_element(t, state ^ state >> 29, data + at);
  }
  for (int64_t at = first; at < bytes; at += first)
    std::memcpy(data + at, data, static_cast<size_t>(std::min(first, bytes - at)));
}

}  // namespace

TuneBench::TuneBench(Context& context, const ir::Region& region, const codegen::LoweringOptions& options, int threads)
    : context_(context), region_(region), options_(options) {
  eval_.num_threads = threads;
  for (const ir::Node* n : region.inputs) {
    operands_.push_back(context.allocator().allocate(std::max<int64_t>(n->nbytes(), sizeof(uint64_t))));
    leaves_.push_back(operands_.back()->data());
  }
  fill(/*zeros=*/false);
}

void TuneBench::fill(bool zeros) {
  for (size_t i = 0; i < operands_.size(); ++i) {
    auto* data = static_cast<std::byte*>(operands_[i]->data());
    const int64_t bytes = region_.inputs[i]->nbytes();
    if (zeros)
      std::memset(data, 0, static_cast<size_t>(bytes));
    else
      fill_random(region_.inputs[i]->dtype(), data, bytes);
  }
}

TuneBench::Entrant TuneBench::compile(const codegen::Schedule& schedule) {
  auto program = std::make_shared<Program>();
  const auto plan = plan_region(context_, region_, options_, schedule);
  program->launches.push_back({plan, 0, 0});
  for (const KernelPlan::Argument& a : plan->buffers)
    program->bindings.push_back({a.kind == KernelPlan::Argument::Input       ? Binding::Leaf
                                 : a.kind == KernelPlan::Argument::Output    ? Binding::Output
                                 : a.kind == KernelPlan::Argument::Workspace ? Binding::Arena
                                                                             : Binding::Scratch,
                                 a.index});
  for (const uint32_t s : plan->scalars)
    program->scalars.push_back({s, static_cast<uint32_t>(itemsize(region_.inputs[s]->dtype()))});
  for (const ir::Node* n : region_.outputs)
    program->results.push_back({.kind = Program::Result::Fresh, .leaf = 0, .bytes = n->nbytes()});
  program->arena_bytes = plan->workspace_bytes;
  program->scratch_bytes = plan->scratch_bytes;
  program->max_bindings = plan->buffers.size();
  program->max_scalars = plan->scalars.size();
  return program;
}

std::vector<std::shared_ptr<Buffer>> TuneBench::run(const Entrant& entrant, int repeats, RunInfo& info) {
  const std::vector<std::shared_ptr<Buffer>> owners(leaves_.size());
  return run_program(context_, *entrant, CallMemory{.leaves = leaves_, .owners = owners}, eval_, info,
                     {.timed = true, .repeats = repeats, .observer = {}});
}

double TuneBench::time(const Entrant& entrant, int repeats) {
  RunInfo info;
  run(entrant, repeats, info);
  return std::max(1.0, info.nanoseconds.at(0));
}

bool TuneBench::set_results(const Entrant& first) {
  for (const bool zeros : {false, true}) {
    if (zeros) fill(true);  // indices that are inside, whatever they pick from
    RunInfo info;
    results_ = run(first, 1, info);
    if (!info.status) return true;
  }
  return false;
}

bool TuneBench::same_results(const Entrant& entrant) {
  RunInfo info;
  const auto results = run(entrant, 1, info);
  if (info.status) return false;
  for (size_t i = 0; i < results.size(); ++i)
    if (std::memcmp(results[i]->data(), results_[i]->data(), static_cast<size_t>(region_.outputs[i]->nbytes())) != 0)
      return false;
  return true;
}

}  // namespace lazuli::runtime
