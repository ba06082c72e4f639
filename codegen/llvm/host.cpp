// The machine this process runs on, as a CpuTarget.
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <string>

#include "codegen/llvm/jit.h"
#include "codegen/llvm/llvm_compat.h"

namespace lazuli::codegen {

namespace {

/// The kernel's own table first: sysconf reports every socket's third level together on some virtual machines.
int64_t cache_bytes(int index, int name, int64_t fallback) {
  std::ifstream file("/sys/devices/system/cpu/cpu0/cache/index" + std::to_string(index) + "/size");
  int64_t n = 0;
  char unit = 0;
  if (file >> n >> unit && n > 0) return n << (unit == 'K' ? 10 : unit == 'M' ? 20 : 0);
  const long bytes = sysconf(name);
  return bytes > 0 ? static_cast<int64_t>(bytes) : fallback;
}

}  // namespace

CpuTarget host_target() {
  CpuTarget t;
  t.cpu = llvm::sys::getHostCPUName().str();
  const llvm::StringMap<bool> features = compat::host_features();
  std::vector<std::string> names;
  for (const auto& f : features) names.push_back((f.second ? "+" : "-") + f.first().str());
  std::sort(names.begin(), names.end());  // the order of a StringMap is not one
  for (const std::string& n : names) t.features += (t.features.empty() ? "" : ",") + n;
  const auto has = [&](const char* name) { return features.lookup(name); };
  t.vector_bits = has("avx512f") && has("avx512bw") && has("avx512dq") && has("avx512vl") ? 512
                  : has("avx2")                                                           ? 256
                                                                                          : 128;
  t.l1_bytes = cache_bytes(0, _SC_LEVEL1_DCACHE_SIZE, t.l1_bytes);
  t.l2_bytes = cache_bytes(2, _SC_LEVEL2_CACHE_SIZE, t.l2_bytes);
  t.l3_bytes = cache_bytes(3, _SC_LEVEL3_CACHE_SIZE, t.l3_bytes);
  if (const long n = sysconf(_SC_NPROCESSORS_ONLN); n > 0) t.cores = n;
  return t;
}

}  // namespace lazuli::codegen
