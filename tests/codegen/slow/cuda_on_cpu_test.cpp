// CUDA source run without a GPU: compiled as C++ by the host's compiler, one thread at a time, every primitive against
// the evaluator bit for bit. And every primitive through NVRTC, where there is one: no GPU is needed to compile.
#include <dlfcn.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>

#include "../every_prim.h"
#include "codegen/cuda/emit.h"
#include "codegen/cuda/nvrtc.h"

namespace lazuli::codegen {
namespace {

// What CUDA gives a source: keywords, the place in the grid, and the intrinsics that prims.def names.
constexpr const char* kHost = R"(
#define __device__
#define __forceinline__ inline
#define __global__
#define __launch_bounds__(...)
struct Index { long long x; };
extern "C" { Index lz_block, lz_thread, lz_grid{1}, lz_threads{1}; }
#define blockIdx lz_block
#define threadIdx lz_thread
#define gridDim lz_grid
#define blockDim lz_threads
#define M(f) __builtin_##f
inline float __fdiv_rn(float a, float b) { return a / b; }
inline double __ddiv_rn(double a, double b) { return a / b; }
inline float __fmaf_rn(float a, float b, float c) { return M(fmaf)(a, b, c); }
inline double __fma_rn(double a, double b, double c) { return M(fma)(a, b, c); }
inline unsigned __shfl_down_sync(unsigned, unsigned word, unsigned) { return word; }
inline float __fsqrt_rn(float a) { return M(sqrtf)(a); }
inline double __dsqrt_rn(double a) { return M(sqrt)(a); }
extern "C" { float fabsf(float); double fabs(double); float floorf(float); double floor(double); float ceilf(float);
double ceil(double); float truncf(float); double trunc(double); float rintf(float); double rint(double); }
)";

Schedule block() {
  Schedule s;
  s.threads = 256;
  s.registers = 128;
  return s;
}

class CudaOnCpu : public testing::TestWithParam<DType> {};

TEST_P(CudaOnCpu, AgreesWithTheEvaluator) {
  PrimTable table(GetParam());
  const CudaSource source = emit_cuda(*table.kernel(1, LoopKind::Thread), block());
  char folder[] = "/tmp/lazuli-cuda-XXXXXX";
  ASSERT_NE(mkdtemp(folder), nullptr);
  const std::string base = std::string(folder) + "/kernel";
  std::ofstream(base + ".cpp") << kHost << source.text;
  const char* compiler = std::getenv("CXX");
  const std::string command = std::string(compiler ? compiler : "c++") +
                              " -std=c++17 -O1 -march=native -ffp-contract=off -fPIC -shared -w " + base + ".cpp -o " +
                              base + ".so";
  ASSERT_EQ(std::system(command.c_str()), 0) << command;
  void* library = dlopen((base + ".so").c_str(), RTLD_NOW | RTLD_LOCAL);
  ASSERT_NE(library, nullptr) << dlerror();

  // The parameter: buffers, begin, end, status; no sizes, no scalars.
  constexpr size_t kMost = 64;
  struct Parameter {
    uint64_t fields[kMost];
  } parameter{};
  size_t n = 0;
  for (void* p : table.buffers()) parameter.fields[n++] = reinterpret_cast<uint64_t>(p);
  ASSERT_LE(n + 3, kMost);
  int32_t status = 0;
  parameter.fields[n++] = 0;
  parameter.fields[n++] = kElements;
  parameter.fields[n++] = reinterpret_cast<uint64_t>(&status);
  for (size_t r = 0; r < table.rows.size(); ++r) {
    // A structure this large is passed in memory, where a larger one starts the same way.
    auto* kernel = reinterpret_cast<void (*)(Parameter)>(dlsym(library, source.entry_points[r].c_str()));
    ASSERT_NE(kernel, nullptr);
    kernel(parameter);
    table.expect_row(r, "as CUDA");
  }
  dlclose(library);
  for (const char* suffix : {".cpp", ".so"}) unlink((base + suffix).c_str());
  rmdir(folder);
}

INSTANTIATE_TEST_SUITE_P(Types, CudaOnCpu, testing::ValuesIn(kEveryType),
                         [](const auto& p) { return std::string(name(p.param)); });

TEST(Nvrtc, CompilesEveryPrimitiveWithoutAGpu) {
  std::string why;
  const char* path = std::getenv("LAZULI_NVRTC");
  const auto nvrtc = Nvrtc::open(path ? path : "", &why);
  if (!nvrtc) GTEST_SKIP() << "SKIPPED: " << why;
  for (DType t : kEveryType) {
    const CudaSource s = emit_cuda(*PrimTable(t).kernel(1, LoopKind::Thread), block());
    EXPECT_EQ(nvrtc->compile(s.text, "prims", "sm_80").substr(1, 3), "ELF") << name(t);
  }
}

}  // namespace
}  // namespace lazuli::codegen
