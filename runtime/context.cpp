#include "runtime/context.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>

#include "runtime/program.h"

#if defined(__x86_64__) || defined(_M_X64)
#include <cpuid.h>
#endif

namespace lazuli::runtime {
namespace {

/// Lines for perf: where each phase of a kernel starts. Sizes are those of the whole kernel, split evenly.
void append_perf_map(const codegen::Kernel& kernel, const codegen::CompiledKernel& code) {
  std::FILE* file = std::fopen(fmt::format("/tmp/perf-{}.map", getpid()).c_str(), "a");
  if (!file) return;
  const size_t size = code.code_bytes / std::max<size_t>(1, code.phases.size());
  for (size_t i = 0; i < code.phases.size(); ++i)
    fmt::print(file, "{:x} {:x} lazuli::{}.{}\n", reinterpret_cast<uintptr_t>(code.phases[i]),
               std::max<size_t>(1, size), kernel.name, kernel.phases[i].name);
  std::fclose(file);
}

/// What the processor calls itself. /proc/cpuinfo would say it too, after waiting for every core's frequency.
std::string processor_name() {
  std::string text;
#if defined(__x86_64__) || defined(_M_X64)
  for (unsigned leaf = 0x80000002; leaf <= 0x80000004; ++leaf) {
    unsigned words[4] = {};
    if (!__get_cpuid(leaf, &words[0], &words[1], &words[2], &words[3])) return text;
    text.append(reinterpret_cast<const char*>(words), sizeof words);
  }
#endif
  while (!text.empty() && (text.back() == '\0' || text.back() == ' ')) text.pop_back();
  return text;
}

/// Everything that winners of the tuner depend on beside the kernel.
std::string machine_text(const codegen::CpuTarget& host) {
  return fmt::format("lazuli {}; {}; {}", LAZULI_VERSION, processor_name(), host.str());
}

}  // namespace

Context::Context(Settings settings, LogSink sink)
    : settings_(std::move(settings)),
      sink_(std::move(sink)),
      pool_(settings_.num_threads),
      host_(codegen::host_target()),
      cuda_({.driver_path = settings_.cuda_driver,
             .nvrtc_path = settings_.nvrtc,
             .cublaslt_path = settings_.cublaslt,
             .gpus = {.exact_blocks = settings_.cuda_exact_blocks,
                      .matrix_units = settings_.cuda_matrix_units,
                      .streams = settings_.cuda_stream_matrix,
                      .tf32 = settings_.cuda_tf32},
             .cache_folder = settings_.cuda_cache,
             .record_folder = settings_.cuda_record,
             .module_cache_bytes = settings_.kernel_cache_bytes}),
      kernels_(settings_.kernel_cache_bytes),
      kernel_plans_(settings_.program_cache_bytes / 4),
      programs_(settings_.program_cache_bytes),
      tuning_(settings_.tuned, settings_.tuned.empty() ? "" : machine_text(host_),
              [this](const std::string& text) { log(LogLevel::Warning, "tuned schedules: " + text); }) {
  allocator_.set_memory_limit(settings_.memory_limit);
}

Context::~Context() = default;

std::unique_ptr<Context> Context::from_environment() {
  std::vector<std::string> warnings;
  auto context = std::make_unique<Context>(read_settings(&process_environment, &warnings));
  for (const std::string& w : warnings) context->log(LogLevel::Warning, w);
  return context;
}

void Context::clear_caches() {
  programs_.clear();
  first_tier_.clear();
  kernel_plans_.clear();
  kernels_.clear();
  cuda_.clear_cache();
}

Allocator& Context::allocator(Device device) {
  return device.is_cpu() ? allocator_ : cuda_.gpu(device).allocator();
}

void Context::upload(Buffer& to, const void* from, int64_t bytes) {
  if (bytes == 0) return;
  if (to.device().is_cuda()) return cuda_.gpu(to.device()).upload(to.data(), from, bytes);
  std::memmove(to.data(), from, static_cast<size_t>(bytes));
}

void Context::download(void* to, const Buffer& from, int64_t bytes, int64_t offset) {
  if (bytes == 0) return;
  const std::byte* at = static_cast<const std::byte*>(from.data()) + offset;
  if (from.device().is_cuda()) return cuda_.gpu(from.device()).download(to, at, bytes);
  std::memcpy(to, at, static_cast<size_t>(bytes));
}

void Context::copy(Buffer& to, const Buffer& from, int64_t bytes) {
  if (from.device().is_cpu()) return upload(to, from.data(), bytes);
  if (to.device().is_cpu()) return download(to.data(), from, bytes);
  if (to.device() == from.device()) return cuda_.gpu(to.device()).copy(to.data(), from.data(), bytes);
  const Allocator::Block staging = allocator_.block(bytes);  // between two GPUs by way of the host
  download(staging.data(), from, bytes);
  upload(to, staging.data(), bytes);
}

codegen::CpuTarget Context::target(const EvalOptions& options) const {
  codegen::CpuTarget t = host_;
  const int bits = options.vector_bits ? options.vector_bits : settings_.eval.vector_bits;
  if (bits) t.vector_bits = bits;
  if (settings_.task_elements) t.task_elements = settings_.task_elements;
  return t;
}

codegen::LlvmJit& Context::jit(const codegen::CpuTarget& target) {
  const std::lock_guard lock(jit_mutex_);
  auto& jit = jits_[target.str()];
  if (!jit) jit = std::make_unique<codegen::LlvmJit>(target);
  return *jit;
}

KernelCache::Result Context::compile(const codegen::Kernel& kernel, const codegen::CpuTarget& target) {
  return kernels_.get(codegen::structural_key(kernel), target.str(), [&] {
    auto code = jit(target).compile(kernel);
    if (settings_.perf_map) append_perf_map(kernel, *code);
    return code;
  });
}

MachineLimits Context::limits(int threads) {
  const std::lock_guard lock(limits_mutex_);
  const auto it = limits_.find(threads);
  if (it != limits_.end()) return it->second;
  return limits_.emplace(threads, measure_limits(pool_, threads, host_.l2_bytes, host_.l3_bytes)).first->second;
}

void Context::set_log_sink(LogSink sink) {
  const std::lock_guard lock(log_mutex_);
  sink_ = std::move(sink);
}

void Context::log(LogLevel level, std::string_view text) const {
  const std::lock_guard lock(log_mutex_);
  if (sink_) {
    sink_(level, text);
  } else if (level >= LogLevel::Warning) {
    fmt::print(stderr, "lazuli: {}: {}\n", level == LogLevel::Warning ? "warning" : "error", text);
  }
}

}  // namespace lazuli::runtime
