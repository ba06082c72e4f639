// From regions to kernel plans: equal regions are lowered once, equal kernels compiled once. Winners of the tuner take
// the place of the cost model's choice; what they are is part of a plan's key.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "codegen/tuning.h"
#include "ir/node_numbers.h"
#include "lazuli/base/error.h"
#include "runtime/byte_writer.h"
#include "runtime/context.h"
#include "runtime/cuda/cublaslt.h"
#include "runtime/dump_files.h"
#include "runtime/region_plan.h"
#include "runtime/sha256.h"

namespace lazuli::runtime {
namespace {

using ir::Node;

int64_t aligned(int64_t bytes) {
  return (bytes + passes::kBufferAlignment - 1) / passes::kBufferAlignment * passes::kBufferAlignment;
}

/// The parts one after the other, and which inputs and outputs of the whole theirs are.
std::string parts_key(const ir::Region& region, const codegen::LoweringOptions& options) {
  ByteWriter key;
  key.put(~uint64_t{0});  // no vector width: the key of a region without parts begins with its target
  key.put(region.parts.size());
  codegen::LoweringOptions own = options;
  own.aliases.clear();
  const ir::NodeNumbers inputs(region.inputs);
  for (const ir::Region& part : region.parts) {
    key.put(std::string_view(region_key(part, own)));
    for (const Node* n : part.inputs) key.put(inputs[n]);
  }
  key.put(options.aliases.size());
  for (const auto& [output, input] : options.aliases) {
    key.put(output);
    key.put(input);
  }
  return key.take();
}

}  // namespace

/// Inputs first, then nodes.
std::string region_key(const ir::Region& region, const codegen::LoweringOptions& options) {
  if (!region.parts.empty()) return parts_key(region, options);
  ByteWriter key;
  key.reserve(64 + region.nodes.size() * 12);
  key.put(std::string_view(options.target.str()));
  key.put(options.far_results);
  key.put(std::string_view(options.gpu ? region.outputs[0]->device().str() + options.gpu->str() : ""));
  key.put(options.aliases.size());
  for (const auto& [output, input] : options.aliases) {
    key.put(output);
    key.put(input);
  }
  key.put(static_cast<uint64_t>(region.kind));
  key.put(std::span<const int64_t>(region.space));
  key.put(std::span<const int64_t>(region.reduced));
  std::vector<const Node*> all(region.inputs);
  all.insert(all.end(), region.nodes.begin(), region.nodes.end());
  const ir::NodeNumbers numbers(all);
  key.put(region.inputs.size());
  for (const Node* n : region.inputs) {
    key.put(n->op() == ir::Op::argument ? 1 : 0);
    key.put(static_cast<uint64_t>(n->dtype()));
    key.put(std::span<const int64_t>(n->shape()));
  }
  key.put(region.nodes.size());
  for (const Node* n : region.nodes) {
    key.put(*n);
    key.put(n->input_count());
    for (const Node* input : n->inputs()) {
      const uint32_t i = numbers.find(input);
      key.put(uint64_t{i});
      // An operand of which no element is needed still shifts the others.
      if (i == ir::NodeNumbers::kAbsent) key.put(std::span<const int64_t>(input->shape()));
    }
  }
  key.put(region.outputs.size());
  for (const Node* n : region.outputs) key.put(numbers[n]);
  key.put(region.may_alias.size());
  for (const auto& [output, input] : region.may_alias) {
    key.put(output);
    key.put(input);
  }
  return key.take();
}

codegen::Lowered lower_region(const ir::Region& region, const codegen::LoweringOptions& options,
                              const std::optional<codegen::Schedule>& tuned) {
  return tuned ? codegen::lower(region, *tuned, options) : codegen::lower(region, options);
}

std::string spell_schedule(const codegen::Schedule& schedule, bool tuned) {
  return schedule.str() + (tuned ? " tuned" : "");
}

namespace {

/// All but the code.
std::shared_ptr<KernelPlan> start_plan(const ir::Region& region, const codegen::LoweringOptions& options,
                                       const codegen::Lowered& lowered, bool tuned) {
  auto plan = std::make_shared<KernelPlan>();
  const auto position = [](const std::vector<const Node*>& list, const Node* n) {
    return static_cast<int64_t>(std::find(list.begin(), list.end(), n) - list.begin());
  };
  const auto& kernel = *lowered.kernel;
  for (size_t i = 0; i < kernel.buffers.size(); ++i) {
    const Node* n = lowered.buffers[i];
    KernelPlan::Argument a{};
    if (kernel.buffers[i].role == codegen::Role::Shared || kernel.buffers[i].role == codegen::Role::Thread) {
      a = {KernelPlan::Argument::Shared, 0};
    } else if (kernel.buffers[i].role == codegen::Role::Workspace) {
      a = {KernelPlan::Argument::Workspace, plan->workspace_bytes};
      plan->workspace_bytes += aligned(lowered.buffer_bytes[i]);
    } else if (kernel.buffers[i].role == codegen::Role::Scratch) {
      a = {KernelPlan::Argument::Scratch, plan->scratch_bytes,
           lowered.buffer_bytes[i] / static_cast<int64_t>(itemsize(kernel.buffers[i].dtype))};
      plan->scratch_bytes += aligned(lowered.buffer_bytes[i]);
    } else if (const int64_t o = position(region.outputs, n); o < static_cast<int64_t>(region.outputs.size())) {
      a = {KernelPlan::Argument::Output, o};
    } else {
      a = {KernelPlan::Argument::Input, position(region.inputs, n), 0, lowered.buffer_bytes[i]};
      if (a.index == static_cast<int64_t>(region.inputs.size()))
        throw Error(ErrorKind::Internal, "lowering of " + kernel.name + " reads a node that its region does not read");
    }
    plan->buffers.push_back(a);
  }
  for (const Node* n : lowered.scalars) plan->scalars.push_back(static_cast<uint32_t>(position(region.inputs, n)));
  plan->sizes = lowered.sizes;
  plan->phases = lowered.phases;
  plan->name = kernel.name;
  plan->kind = ir::name(region.kind);
  // What is added to, or written in part, stands in the memory of the result without being an operand.
  plan->repeatable =
      options.aliases.empty() && region.kind != ir::RegionKind::Scatter && region.kind != ir::RegionKind::Update;
  plan->schedule = spell_schedule(lowered.schedule, tuned);
  plan->fused_ops = static_cast<int>(std::count_if(
      region.nodes.begin(), region.nodes.end(), [](const Node* n) { return ir::family(n->op()) != ir::Family::Leaf; }));
  plan->bytes_read = lowered.bytes_read;
  plan->bytes_written = lowered.bytes_written;
  plan->flops = lowered.flops;
  plan->exact = !lowered.rounds_as_machine;
  return plan;
}

/// A plain product as a call of cuBLASLt; null where kernels are to do it.
std::shared_ptr<const KernelPlan> library_plan(Context& context, const ir::Region& region,
                                               const codegen::LoweringOptions& options) {
  // Who wants the CPU's bits has matrix units off, too.
  if (!context.settings().cuda_cublaslt || !options.gpu->matrix_units) return nullptr;
  const auto product = codegen::plain_product(region, options);
  if (!product) return nullptr;
  std::string why;
  const auto library = context.cuda().cublaslt(&why);
  const auto call =
      library ? cuda::LtProduct::make(library, context.cuda().gpu(region.outputs[0]->device()), *product, &why)
              : nullptr;
  if (!call) {
    context.log(LogLevel::Warning, fmt::format("LAZULI_CUDA_CUBLASLT: {}; a kernel multiplies instead", why));
    return nullptr;
  }
  auto plan = std::make_shared<KernelPlan>();
  plan->gpu.library = call;
  plan->buffers = {{KernelPlan::Argument::Output, 0},
                   {KernelPlan::Argument::Input, static_cast<int64_t>(product->left.input)},
                   {KernelPlan::Argument::Input, static_cast<int64_t>(product->right.input)}};
  if (call->workspace_bytes() > 0) {
    plan->buffers.push_back({KernelPlan::Argument::Workspace, 0});
    plan->workspace_bytes = aligned(call->workspace_bytes());
  }
  plan->name = "cublaslt_dot_general";
  plan->kind = ir::name(region.kind);
  plan->schedule = fmt::format("{} {}", library->version(), product->str());
  plan->fused_ops = 1;
  for (const Node* n : region.inputs) plan->bytes_read += n->nbytes();
  plan->bytes_written = region.outputs[0]->nbytes();
  plan->flops = 2.0 * static_cast<double>(product->batch * product->rows * product->columns) *
                static_cast<double>(product->depth);
  plan->exact = false;
  return plan;
}

}  // namespace

std::shared_ptr<const KernelPlan> plan_region(Context& context, const ir::Region& region,
                                              const codegen::LoweringOptions& options,
                                              const std::optional<codegen::Schedule>& tuned) {
  if (options.gpu && !tuned)
    if (auto plan = library_plan(context, region, options)) return plan;
  const codegen::Lowered lowered = lower_region(region, options, tuned);
  const auto plan = start_plan(region, options, lowered, tuned.has_value());
  if (options.gpu) {
    const auto keep_source = [&](const std::string& source) {
      return write_dump(context, context.settings().dump_directory, fmt::format("{}-{}.cu", getpid(), plan->name),
                        source);
    };
    plan->gpu = context.cuda().compile(context.cuda().gpu(region.outputs[0]->device()), lowered, keep_source);
    plan->miss = plan->gpu.found ? Miss::None : Miss::NewStructure;
    plan->compile_ms = plan->gpu.compile_ms;
    return plan;
  }
  const KernelCache::Result compiled = context.compile(*lowered.kernel, options.target);
  plan->code = compiled.code;
  plan->miss = compiled.miss;
  plan->compile_ms = compiled.miss == Miss::None ? 0 : compiled.code->compile_ms;
  if (plan->code->phases.size() != plan->phases.size())
    throw Error(ErrorKind::Internal, "kernel " + plan->name + " was compiled with another number of phases");
  return plan;
}

namespace {

int64_t plan_cost(const std::string& key, const KernelPlan& p) {
  return static_cast<int64_t>(sizeof(KernelPlan) + key.size() + p.sizes.size() * 8 +
                              p.buffers.size() * sizeof(KernelPlan::Argument) + p.scalars.size() * 4 +
                              p.phases.size() * 16 + p.name.size() + p.schedule.size()) +
         code_bytes(p);
}

}  // namespace

RegionOptions::RegionOptions(const Planned& planned, codegen::CpuTarget target)
    : target_(std::move(target)), slots_(index_slots(planned.memory)) {
  int64_t bytes = 0;
  for (const auto& n : planned.graph.outputs) bytes += n->nbytes();
  if (bytes <= target_.l3_bytes) return;
  for (const auto& n : planned.graph.outputs) far_.insert(n.get());
  for (const ir::Region& region : planned.partition.regions)
    for (const Node* n : region.inputs) far_.erase(n);
}

codegen::LoweringOptions RegionOptions::of(const ir::Region& region) const {
  codegen::LoweringOptions options{.target = target_, .aliases = {}};
  for (const auto& [output, input] : region.may_alias) {
    const auto o = slots_.find(region.outputs[output]), i = slots_.find(region.inputs[input]);
    if (o == slots_.end() || i == slots_.end() || o->second->bytes == 0) continue;
    if (o->second->place == i->second->place && o->second->index == i->second->index)
      options.aliases.emplace_back(output, input);
  }
  options.far_results =
      std::all_of(region.outputs.begin(), region.outputs.end(), [this](const Node* n) { return far_.count(n) > 0; });
  return options;
}

int most_threads(Context& context, const EvalOptions& options) {
  const int all = context.pool().num_threads();
  return options.num_threads > 0 ? std::min(all, options.num_threads) : all;
}

std::string tuning_key(const ir::Region& region, const codegen::LoweringOptions& options, int threads) {
  codegen::LoweringOptions apart = options;
  apart.aliases.clear();
  return fmt::format("{}-{}", sha256_hex(region_key(region, apart)), threads);
}

std::optional<codegen::Schedule> tuned_schedule(Context& context, const ir::Region& region,
                                                const codegen::LoweringOptions& options, int threads) {
  if (options.gpu || !region.parts.empty() || context.tuning().empty()) return std::nullopt;
  const auto winner = context.tuning().find(tuning_key(region, options, threads));
  if (!winner) return std::nullopt;
  const codegen::Tuning tuning(region, options);
  std::string why = "the cost model's choice is another one by now";
  std::optional<codegen::Schedule> s;
  if (winner->over == tuning.chosen().str()) s = tuning.with(winner->knobs, &why);
  if (!s) context.log(LogLevel::Info, fmt::format("a tuned schedule of {} is left out: {}", winner->kernel, why));
  return s;
}

SlotIndex index_slots(const passes::MemoryPlan& memory) {
  SlotIndex slots;
  slots.reserve(memory.slots.size());
  for (const passes::Slot& s : memory.slots) slots.emplace(s.node, &s);
  return slots;
}

void plan_kernels(Context& context, Planned& planned, const EvalOptions& eval) {
  const auto& regions = planned.partition.regions;
  planned.kernels.assign(regions.size(), nullptr);
  const RegionOptions options_of(planned, context.target(eval));
  const int threads = most_threads(context, eval);
  const bool winners = !context.tuning().empty();

  struct Job {
    size_t region;
    codegen::LoweringOptions options;
    std::string key;
    std::vector<size_t> same;  // regions that share the plan
  };
  std::vector<Job> jobs;
  std::unordered_map<std::string, size_t> job_of;
  for (size_t r = 0; r < regions.size(); ++r) {
    const auto& outputs = regions[r].outputs;
    if (std::all_of(outputs.begin(), outputs.end(), [](const Node* n) { return n->nbytes() == 0; })) continue;
    codegen::LoweringOptions options = options_of.of(regions[r]);
    if (const Device device = outputs[0]->device(); device.is_cuda()) {
      options.gpu = context.cuda().gpu(device).target();
      options.gpu->matrix_units &= !eval.verify_passes;  // which compares bits
    }
    std::string key = region_key(regions[r], options);
    if (winners && !options.gpu)
      if (const auto winner = context.tuning().find(tuning_key(regions[r], options, threads)))
        key += winner->over + winner->knobs;  // an outdated one, which is not used, is not what is found anew
    if (const auto it = job_of.find(key); it != job_of.end()) {
      jobs[it->second].same.push_back(r);
      continue;
    }
    if ((planned.kernels[r] = context.kernel_plans().find(key))) continue;
    job_of.emplace(key, jobs.size());
    jobs.push_back({r, std::move(options), std::move(key), {}});
  }
  const auto run = [&](size_t j) {
    Job& job = jobs[j];
    const ir::Region& region = regions[job.region];
    auto plan = plan_region(context, region, job.options, tuned_schedule(context, region, job.options, threads));
    planned.kernels[job.region] = plan;
    for (const size_t r : job.same) planned.kernels[r] = plan;
    const int64_t cost = plan_cost(job.key, *plan);
    context.kernel_plans().insert(std::move(job.key), std::move(plan), cost);
  };
  if (jobs.size() == 1) {
    run(0);
  } else {
    context.compile_pool().run_all(jobs.size(), run);
  }
  for (const Job& job : jobs) planned.fresh.insert(planned.kernels[job.region].get());
}

}  // namespace lazuli::runtime
