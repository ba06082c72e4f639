#include "runtime/cuda/gpu.h"

#include <fmt/format.h>

namespace lazuli::runtime::cuda {
namespace {

DevicePtr device_address(const void* p) {
  return reinterpret_cast<DevicePtr>(p);
}

class DeviceMemory final : public MemorySource {
 public:
  DeviceMemory(std::shared_ptr<const Driver> driver, ContextHandle context, StreamHandle stream, Device device,
               int64_t total, bool exact)
      : driver_(std::move(driver)), context_(context), stream_(stream), device_(device), total_(total), exact_(exact) {}

  void* allocate(int64_t bytes) override {
    driver_->check(driver_->context_set(context_), "making the context current");
    DevicePtr p = 0;
    const Result r = driver_->memory_allocate(&p, static_cast<size_t>(bytes));
    if (r == kNoMemory) return nullptr;
    driver_->check(r, fmt::format("allocating {} bytes on {}", bytes, device_.str()));
    return reinterpret_cast<void*>(p);
  }
  void release(void* data, int64_t) noexcept override {
    // A failed driver has lost its memory already: there is nobody to tell.
    if (driver_->context_set(context_) != 0) return;
    driver_->stream_synchronize(stream_);
    driver_->memory_free(device_address(data));
  }
  int64_t class_bytes(int64_t bytes) const override {
    if (exact_) return std::max<int64_t>(16, (bytes + 15) / 16 * 16);
    return MemorySource::class_bytes(bytes);
  }
  int64_t retain_limit() const override { return exact_ ? 0 : total_ / 2; }
  Device device() const override { return device_; }

 private:
  std::shared_ptr<const Driver> driver_;
  ContextHandle context_;
  StreamHandle stream_;
  Device device_;
  int64_t total_;
  bool exact_;
};

}  // namespace

Gpu::Gpu(std::shared_ptr<const Driver> driver, int index, const GpuOptions& options)
    : driver_(std::move(driver)), index_(index) {
  const Driver& d = *driver_;
  const std::string opening = fmt::format("opening {}", device().str());
  int handle = 0;
  d.check(d.device_get(&handle, index), opening);
  char name[256] = {};
  d.check(d.device_name(name, sizeof name, handle), opening);
  size_t memory = 0;
  d.check(d.device_memory(&memory, handle), opening);
  const auto attribute = [&](Attribute a) {
    int value = 0;
    d.check(d.device_attribute(&value, static_cast<int>(a), handle), opening);
    return value;
  };
  Properties& p = properties_;
  p.name = name;
  p.memory_bytes = static_cast<int64_t>(memory);
  p.major = attribute(Attribute::ComputeMajor);
  p.minor = attribute(Attribute::ComputeMinor);
  p.processors = attribute(Attribute::Processors);
  p.warp_size = attribute(Attribute::WarpSize);
  p.l2_bytes = attribute(Attribute::L2Bytes);
  p.shared_bytes_per_block = attribute(Attribute::SharedBytesPerBlock);
  p.shared_bytes_per_processor = attribute(Attribute::SharedBytesPerProcessor);
  // Instructions that belong to exactly one architecture are asked for with an `a`.
  target_.arch = fmt::format("sm_{}{}{}", p.major, p.minor, p.major == 9 ? "a" : "");
  target_.processors = p.processors;
  target_.shared_bytes = p.shared_bytes_per_processor;
  target_.l2_bytes = p.l2_bytes;
  target_.matrix_units = options.matrix_units && p.major >= 8;
  target_.streams = options.streams && p.major == 9 && p.minor == 0;
  target_.tf32 = options.tf32;

  d.check(d.context_retain(&context_, handle), opening);
  enter();
  constexpr unsigned kNonBlocking = 1;
  d.check(d.stream_create(&stream_, kNonBlocking), opening);
  allocator_ = std::make_unique<Allocator>(
      std::make_shared<DeviceMemory>(driver_, context_, stream_, device(), p.memory_bytes, options.exact_blocks));
  uploads_ = std::make_unique<Staging>(driver_, context_, stream_);
  downloads_ = std::make_unique<Staging>(driver_, context_, stream_);
}

void Gpu::enter() const {
  driver_->check(driver_->context_set(context_), "making the context current");
}

void Gpu::upload(void* to, const void* from, int64_t bytes) const {
  if (bytes == 0) return;
  enter();
  const auto size = static_cast<size_t>(bytes);
  const std::string what = fmt::format("copying {} bytes to {}", bytes, device().str());
  if (size >= Staging::kLeastBytes) return uploads_->upload(device_address(to), from, size, what);
  // Memory that is not pinned has been read when the call returns.
  driver_->check(driver_->upload(device_address(to), from, size, stream_), what);
}

void Gpu::download(void* to, const void* from, int64_t bytes) const {
  if (bytes == 0) return;
  enter();
  const auto size = static_cast<size_t>(bytes);
  const std::string what = fmt::format("copying {} bytes from {}", bytes, device().str());
  if (size >= Staging::kLeastBytes) return downloads_->download(to, device_address(from), size, what);
  driver_->check(driver_->download(to, device_address(from), size, stream_), what);
  synchronize();
}

void Gpu::copy(void* to, const void* from, int64_t bytes) const {
  if (bytes == 0) return;
  enter();
  driver_->check(driver_->copy(device_address(to), device_address(from), static_cast<size_t>(bytes), stream_),
                 fmt::format("copying {} bytes on {}", bytes, device().str()));
}

void Gpu::fill(void* to, unsigned char byte, int64_t bytes) const {
  if (bytes == 0) return;
  enter();
  driver_->check(driver_->fill(device_address(to), byte, static_cast<size_t>(bytes), stream_),
                 fmt::format("filling {} bytes on {}", bytes, device().str()));
}

void Gpu::synchronize() const {
  enter();
  driver_->check(driver_->stream_synchronize(stream_), fmt::format("waiting for {}", device().str()));
}

void Gpu::launch(FunctionHandle function, int64_t blocks, int threads, int64_t shared_bytes, const void* argument,
                 const std::string& name) const {
  if (blocks == 0) return;
  enter();
  void* arguments[] = {const_cast<void*>(argument)};
  driver_->check(driver_->launch(function, static_cast<unsigned>(blocks), 1, 1, static_cast<unsigned>(threads), 1, 1,
                                 static_cast<unsigned>(shared_bytes), stream_, arguments, nullptr),
                 fmt::format("launching kernel {} on {}", name, device().str()));
}

Module::Module(Gpu& gpu, const std::string& cubin, std::span<const std::string> entry_points, int64_t shared_bytes,
               const std::string& name)
    : gpu_(gpu), shared_bytes_(shared_bytes), code_bytes_(static_cast<int64_t>(cubin.size())) {
  const Driver& d = gpu.driver();
  gpu.enter();
  const std::string loading = fmt::format("loading kernel {} on {}", name, gpu.device().str());
  d.check(d.module_load(&module_, cubin.data()), loading);
  constexpr int64_t kWithoutConsent = 48 << 10;
  Result r = 0;
  for (const std::string& entry : entry_points) {
    functions_.push_back(nullptr);
    r = d.module_function(&functions_.back(), module_, entry.c_str());
    if (r == 0 && shared_bytes > kWithoutConsent)
      r = d.function_set_attribute(functions_.back(), static_cast<int>(FunctionAttribute::MaxDynamicSharedBytes),
                                   static_cast<int>(shared_bytes));
    if (r != 0) break;
  }
  if (r == 0) return;
  d.module_unload(module_);
  d.fail(r, loading);
}

Module::~Module() {
  const Driver& d = gpu_.driver();
  if (d.context_set(gpu_.context()) == 0 && d.stream_synchronize(gpu_.stream()) == 0) d.module_unload(module_);
}

}  // namespace lazuli::runtime::cuda
