// lazuli-warm: fills a cache of CUDA machine code (LAZULI_CUDA_CACHE) without a GPU.
//
//   lazuli-warm --cache=DIR [--arch=sm_90a[,sm_80]] FILE.cu|DIR ...
//
// The sources are those that a process with LAZULI_CUDA_RECORD=DIR left, on the emulated device, say. NVRTC is found as
// always (LAZULI_NVRTC); kernels that only one architecture can run are compiled for that one. Exits with 1 when a
// source does not compile or an entry cannot be written.
#include <fmt/format.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "codegen/cuda/emit.h"
#include "codegen/cuda/nvrtc.h"
#include "lazuli/base/error.h"
#include "runtime/cuda/cubin_cache.h"

namespace {

using namespace lazuli;
namespace fs = std::filesystem;

std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> parts(1);
  for (const char c : text) c == ',' ? void(parts.emplace_back()) : parts.back().push_back(c);
  return parts;
}

int run(int argc, char** argv) {
  std::string cache, arch = "sm_90a";
  std::vector<fs::path> sources;
  for (int i = 1; i < argc; ++i) {
    const std::string arg = argv[i];
    if (arg.starts_with("--cache=")) {
      cache = arg.substr(8);
    } else if (arg.starts_with("--arch=")) {
      arch = arg.substr(7);
    } else if (arg.starts_with("--")) {
      throw Error(ErrorKind::Value, fmt::format("argument \"{}\" is not known", arg));
    } else if (fs::is_directory(arg)) {
      for (const auto& entry : fs::directory_iterator(arg))
        if (entry.path().extension() == ".cu") sources.push_back(entry.path());
    } else {
      sources.emplace_back(arg);
    }
  }
  if (cache.empty() || sources.empty())
    throw Error(ErrorKind::Value, "usage: lazuli-warm --cache=DIR [--arch=sm_90a[,sm_80]] FILE.cu|DIR ...");
  std::string why;
  const char* path = std::getenv("LAZULI_NVRTC");
  const auto nvrtc = codegen::Nvrtc::open(path ? path : "", &why);
  if (!nvrtc) throw Error(ErrorKind::Device, why);
  const runtime::cuda::CubinCache cubins(cache);
  size_t made = 0, kept = 0, bytes = 0;
  double slowest = 0, total = 0;
  for (const fs::path& file : sources) {
    std::ifstream in(file, std::ios::binary);
    if (!in) throw Error(ErrorKind::Value, fmt::format("{} cannot be read", file.string()));
    const std::string source{std::istreambuf_iterator<char>(in), {}};
    const bool bound = source.starts_with(codegen::kOnlyFor);
    const std::string only =
        bound ? source.substr(codegen::kOnlyFor.size(), source.find('\n') - codegen::kOnlyFor.size()) : "";
    for (const std::string& a : split(arch)) {
      if (bound && a != only) continue;
      const std::string key = runtime::cuda::CubinCache::key(source, a, nvrtc->version());
      if (cubins.find(key)) {
        ++kept;
        continue;
      }
      const auto start = std::chrono::steady_clock::now();
      const std::string cubin = nvrtc->compile(source, file.stem().string(), a);
      const double ms = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
      if (!cubins.insert(key, cubin))
        throw Error(ErrorKind::Value, fmt::format("{} cannot be written, or is open to others", cache));
      ++made;
      bytes += cubin.size();
      total += ms;
      slowest = std::max(slowest, ms);
    }
  }
  cubins.note_compiler(nvrtc->version());
  fmt::print("{}: {} kernels compiled ({} bytes, {:.0f} ms each, {:.0f} ms the slowest), {} were there\n",
             nvrtc->version(), made, bytes, made ? total / static_cast<double>(made) : 0, slowest, kept);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const std::exception& e) {
    fmt::print(stderr, "lazuli-warm: {}\n", e.what());
    return 1;
  }
}
