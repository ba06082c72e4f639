#include "runtime/cuda/devices.h"

#include <fmt/format.h>

#include <chrono>
#include <filesystem>
#include <fstream>

#include "codegen/cuda/emit.h"
#include "lazuli/base/error.h"
#include "runtime/cuda/cublaslt.h"
#include "runtime/sha256.h"

namespace lazuli::runtime::cuda {

void Devices::open() {
  std::call_once(opened_, [&] {
    driver_ = Driver::open(options_.driver_path, &why_not_);
    if (driver_) gpus_.resize(static_cast<size_t>(driver_->devices));
    nvrtc_ = codegen::Nvrtc::open(options_.nvrtc_path, &why_no_compiler_);
    compiler_ = nvrtc_ ? nvrtc_->version() : cubins_.compiler();
  });
}

std::string Devices::status() {
  open();
  return !driver_ ? why_not_ : compiler_.empty() ? why_no_compiler_ : "";
}

int Devices::count() {
  open();
  return driver_ && !compiler_.empty() ? driver_->devices : 0;
}

Gpu& Devices::gpu(Device device) {
  open();
  if (!driver_)
    throw Error(ErrorKind::Device, fmt::format("{} cannot be used: {}", device.str(), why_not_),
                "cuda::status() says what is missing");
  if (!device.is_cuda() || device.index() < 0 || device.index() >= driver_->devices)
    throw Error(ErrorKind::Device, fmt::format("there is no device {}: {} CUDA device{} found", device.str(),
                                               driver_->devices, driver_->devices == 1 ? " was" : "s were"));
  const std::lock_guard lock(mutex_);
  auto& gpu = gpus_[static_cast<size_t>(device.index())];
  if (!gpu) gpu = std::make_unique<Gpu>(driver_, device.index(), options_.gpus);
  return *gpu;
}

const std::string& Devices::compiler() {
  open();
  return compiler_;
}

const codegen::Nvrtc& Devices::nvrtc() {
  open();
  if (!nvrtc_)
    throw Error(ErrorKind::Device, fmt::format("no CUDA code can be compiled: {}", why_no_compiler_),
                "set LAZULI_NVRTC to the path of libnvrtc.so");
  return *nvrtc_;
}

CompiledKernel Devices::compile(Gpu& gpu, const codegen::Lowered& lowered,
                                const std::function<std::string(const std::string&)>& keep_source) {
  const codegen::CudaSource source = codegen::emit_cuda(*lowered.kernel, lowered.schedule);
  CompiledKernel result{.module = nullptr,
                        .library = nullptr,
                        .threads = lowered.schedule.threads,
                        .has_checks = lowered.kernel->has_checks,
                        .stays = source.stays,
                        .maps = source.maps,
                        .found = true,
                        .compile_ms = 0};
  const std::string key = fmt::format("{}\n{}\n{}\n{}", gpu.device().str(), gpu.target().arch, compiler_, source.text);
  {
    const std::lock_guard lock(mutex_);
    if (const auto* found = modules_.find(key)) {
      result.module = *found;
      return result;
    }
  }
  const auto start = std::chrono::steady_clock::now();
  const auto loaded = [&](std::shared_ptr<const Module> module) {
    result.module = std::move(module);
    result.found = false;
    result.compile_ms = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
    const std::lock_guard lock(mutex_);
    const int64_t cost = static_cast<int64_t>(key.size()) + result.module->code_bytes();
    modules_.insert(key, result.module, cost, [](std::string_view) {});
    return result;
  };
  const std::string& name = lowered.kernel->name;
  record(name, source.text);
  const std::string stored = CubinCache::key(source.text, gpu.target().arch, compiler_);
  if (const auto code = cubins_.find(stored)) {
    try {
      return loaded(std::make_shared<Module>(gpu, *code, source.entry_points, source.shared_bytes, name));
    } catch (const Error&) {
      if (!nvrtc_) throw;  // the driver's reason, not that nothing compiles
      // What the driver refuses is compiled again.
    }
  }
  std::string cubin;
  try {
    cubin = nvrtc().compile(source.text, name, gpu.target().arch);
  } catch (const Error& e) {
    if (e.kind() != ErrorKind::Compile) throw;
    const std::string path = keep_source(source.text);
    throw Error(e.kind(), e.message(), path.empty() ? "" : "the source is in " + path);
  }
  if (cubins_.insert(stored, cubin)) cubins_.note_compiler(compiler_);
  return loaded(std::make_shared<Module>(gpu, cubin, source.entry_points, source.shared_bytes, name));
}

void Devices::record(const std::string& name, const std::string& source) const {
  if (options_.record_folder.empty()) return;
  std::error_code error;
  std::filesystem::create_directories(options_.record_folder, error);
  std::ofstream(fmt::format("{}/{}-{}.cu", options_.record_folder, name, sha256_hex(source).substr(0, 16))) << source;
}

std::shared_ptr<const CublasLt> Devices::cublaslt(std::string* why) {
  std::call_once(looked_for_cublaslt_, [&] { cublaslt_ = CublasLt::open(options_.cublaslt_path, &why_no_cublaslt_); });
  if (!cublaslt_) *why = why_no_cublaslt_;
  return cublaslt_;
}

void Devices::clear_cache() {
  const std::lock_guard lock(mutex_);
  modules_.clear();
}

}  // namespace lazuli::runtime::cuda
