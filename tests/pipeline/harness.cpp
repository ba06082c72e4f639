#include "tests/pipeline/harness.h"

#include <fmt/format.h>

#include <chrono>
#include <cstring>
#include <map>
#include <random>

#include "lazuli/base/half.h"

namespace lazuli::testing {

using namespace ir;

HostArray random_array(DType t, const Shape& shape, uint64_t seed) {
  std::mt19937_64 rng(seed * 0x9e3779b97f4a7c15u + 1);
  HostArray a{t, shape, {}};
  a.bytes.resize(static_cast<size_t>(numel(shape)) * itemsize(t));
  const double odd[] = {0.0, -0.0, 1.0, -1.0, INFINITY, -INFINITY, NAN, 1e-41, 65504.0, -3.5};
  for (int64_t i = 0; i < numel(shape); ++i) {
    const uint64_t r = rng();
    double v = static_cast<double>(static_cast<int64_t>(r >> 20) % 100000) / 9973.0 - 5.0;
    if (r % 61 == 0) v = odd[(r >> 8) % 10];
    uint64_t bits = 0;
    switch (t) {
      case DType::Bool:
        bits = r >> 63;
        break;
      case DType::Float32: {
        const auto f = static_cast<float>(v);
        std::memcpy(&bits, &f, 4);
        break;
      }
      case DType::Float64:
        std::memcpy(&bits, &v, 8);
        break;
      case DType::Float16:
        bits = float_to_half_bits(static_cast<float>(v));
        break;
      case DType::BFloat16:
        bits = float_to_bfloat16_bits(static_cast<float>(v));
        break;
      default: {
        const int64_t small = static_cast<int64_t>(r >> 32) % 7 - 3;
        bits = r % 5 ? static_cast<uint64_t>(small) : r;
        if (itemsize(t) < 8) bits &= (uint64_t{1} << (8 * itemsize(t))) - 1;
      }
    }
    a.set_bits(i, bits);
  }
  return a;
}

LeafSource random_leaves(uint64_t seed) {
  auto ids = std::make_shared<std::map<const Node*, uint64_t>>();
  return [seed, ids](const Node* n) {
    const auto [it, fresh] = ids->try_emplace(n, ids->size());
    return random_array(n->dtype(), n->shape(), seed * 1000 + it->second);
  };
}

namespace {

int vector_bits(const RunOptions& o) {
  return o.vector_bits;
}

struct Memory {
  std::vector<std::byte> bytes;
  explicit Memory(int64_t n) : bytes(static_cast<size_t>(n) + 256, std::byte{0xA5}) {}
  void* aligned() {
    const auto p = reinterpret_cast<uintptr_t>(bytes.data());
    return reinterpret_cast<void*>((p + 127) / 128 * 128);
  }
  /// Whether nothing but the elements was written.
  bool intact() {
    const size_t start = static_cast<size_t>(static_cast<std::byte*>(aligned()) - bytes.data());
    const size_t end = start + bytes.size() - 256;
    for (size_t i = 0; i < bytes.size(); ++i)
      if ((i < start || i >= end) && bytes[i] != std::byte{0xA5}) return false;
    return true;
  }
};

}  // namespace

RunResult run_graph(const Graph& source, const LeafSource& leaves, const RunOptions& options) {
  RunResult result;
  Interner interner;
  passes::PassContext ctx{.interner = interner, .observer = {}};
  ctx.fuse = options.fuse;
  ctx.verify = true;
  if (options.task_elements) ctx.update_bytes = 0;
  const Graph g = options.passes ? passes::run_passes(source, passes::default_pipeline(), ctx) : source;
  const Partition partition = options.chooser ? passes::partition(g, ctx, *options.chooser) : passes::partition(g, ctx);
  codegen::LoweringOptions lowering;
  lowering.target = codegen::host_target();
  lowering.target.vector_bits = vector_bits(options);
  if (options.task_elements) lowering.target.task_elements = options.task_elements;
  if (options.cache_bytes) lowering.target.l2_bytes = lowering.target.l3_bytes = options.cache_bytes;
  lowering.target.cores = options.cores;
  codegen::LlvmJit jit(lowering.target);

  std::map<const Node*, std::unique_ptr<Memory>> memory;
  const auto memory_of = [&](const Node* n) {
    auto& m = memory[n];
    if (!m) {
      m = std::make_unique<Memory>(n->nbytes());
      if (n->op() == Op::data || n->op() == Op::argument) {
        const HostArray a = leaves(n);
        if (!a.bytes.empty()) std::memcpy(m->aligned(), a.bytes.data(), a.bytes.size());
      }
    }
    return m->aligned();
  };
  for (const Region& region : partition.regions) {
    const auto is_empty = [](const Node* n) { return n->numel() == 0; };
    if (std::all_of(region.outputs.begin(), region.outputs.end(), is_empty)) continue;
    const codegen::Schedule schedule =
        options.schedule ? options.schedule(region, lowering) : codegen::choose_schedule(region, lowering);
    const codegen::Lowered low = codegen::lower(region, schedule, lowering);
    result.schedules.push_back(schedule.str());
    result.kernels.push_back(low.kernel);
    std::vector<std::unique_ptr<Memory>> own;
    std::vector<void*> buffers, scratch;
    std::vector<int64_t> extents;
    for (size_t i = 0; i < low.buffers.size(); ++i) {
      const codegen::Buffer& buffer = low.kernel->buffers[i];
      extents.push_back(low.buffer_bytes[i] / static_cast<int64_t>(itemsize(buffer.dtype)));
      if (low.buffers[i]) {
        buffers.push_back(memory_of(low.buffers[i]));
        continue;
      }
      own.push_back(std::make_unique<Memory>(low.buffer_bytes[i]));
      buffers.push_back(own.back()->aligned());
      if (buffer.role == codegen::Role::Scratch) scratch.push_back(buffers.back());
    }
    if (region.kind == RegionKind::Update) {
      const Node* n = region.outputs[0];
      std::memcpy(memory_of(n), memory_of(n->input(0)), static_cast<size_t>(n->nbytes()));
    }
    std::vector<uint64_t> scalars;
    for (const Node* n : low.scalars) scalars.push_back(leaves(n).bits(0));
    std::shared_ptr<const codegen::CompiledKernel> code;
    if (options.machine) code = jit.compile(*low.kernel);
    const auto run_kernel = [&] {
      for (size_t p = 0; p < low.phases.size(); ++p) {
        const codegen::PhaseLaunch::Alone& alone = low.phases[p].alone;
        const bool is_alone = options.workers == 1 && alone.tasks > 0;
        std::vector<int64_t> sizes = low.sizes;
        if (is_alone) sizes[alone.size] = alone.value;
        const codegen::LaunchArgs args{buffers.data(), sizes.data(), scalars.data()};
        const int64_t tasks = is_alone ? alone.tasks : low.phases[p].tasks, workers = options.workers;
        for (int64_t w = workers; w-- > 0;) {
          const int64_t begin = tasks * w / workers, end = tasks * (w + 1) / workers;
          if (begin == end) continue;
          const int32_t status =
              code ? code->phases[p](&args, begin, end, scratch.data())
                   : codegen::interpret_phase(*low.kernel, p, args, begin, end, scratch.data(), &extents);
          result.failed |= status != 0;
        }
      }
    };
    double fastest = 0;
    for (int k = 0; k < std::max(1, options.timed); ++k) {
      const auto start = std::chrono::steady_clock::now();
      run_kernel();
      const double ns = std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now() - start).count();
      fastest = k == 0 ? ns : std::min(fastest, ns);
    }
    result.nanoseconds += fastest;
  }
  for (const auto& [n, m] : memory)
    if (!m->intact()) throw Error(ErrorKind::Internal, fmt::format("memory around {} was overwritten", name(n->op())));
  for (const NodeRef& o : g.outputs) {
    HostArray a{o->dtype(), o->shape(), {}};
    a.bytes.resize(static_cast<size_t>(o->nbytes()));
    if (o->nbytes()) std::memcpy(a.bytes.data(), memory_of(o.get()), a.bytes.size());
    result.outputs.push_back(std::move(a));
  }
  return result;
}

size_t count_kernels(const Graph& source) {
  Interner interner;
  passes::PassContext ctx{.interner = interner, .observer = {}};
  const Graph g = passes::run_passes(source, passes::default_pipeline(), ctx);
  return passes::partition(g, ctx).regions.size();
}

}  // namespace lazuli::testing
