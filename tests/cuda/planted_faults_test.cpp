// The emulated device as a judge: faults of the kind that code generation makes, each planted in the source of a kernel
// that is right otherwise (LAZULI_EMULATOR_FAULT). Every one must be seen: as other bits in some order of threads, or
// as a failed launch that names the kernel.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "ir/text.h"
#include "lazuli/base/error.h"
#include "tests/cuda/emulated.h"
#include "tests/cuda/made_graphs.h"
#include "tests/cuda/matrix_graphs.h"
#include "tests/cuda/on_device.h"
#include "tests/pipeline/harness.h"

namespace lazuli::testing {
namespace {

using namespace ir;

struct Fault {
  const char *name, *graph, *fault;  // "n pattern => text": match number n
};

std::string graph_of(const std::string& name) {
  const auto unary = [](const char* op, int m, int n) {
    return fmt::format(
        "graph {{\n%0 = data : float32[{1}, {2}]\n%1 = {0} %0 {{axis = 1}} : float32[{1}, {2}]\nreturn %1\n}}\n", op, m,
        n);
  };
  if (name == "map")
    return "graph {\n%0 = data : float32[4, 1025]\n%1 = data : float32[1025]\n%2 = expand %1 : float32[4, 1025]\n"
           "%3 = mul %0, %2 : float32[4, 1025]\nreturn %3\n}\n";
  if (name == "short rows") return unary("softmax", 7, 100);
  if (name == "rows") return unary("softmax", 3, 5000);
  if (name == "long rows")
    return "graph {\n%0 = data : float32[2, 20000]\n%1 = sum %0 {axes = [1]} : float32[2]\nreturn %1\n}\n";
  if (name == "transpose")
    return "graph {\n%0 = data : float32[70, 66]\n%1 = permute %0 {axes = [1, 0]} : float32[66, 70]\nreturn %1\n}\n";
  if (name == "columns")
    return "graph {\n%0 = data : float32[3000, 37]\n%1 = sum %0 {axes = [0]} : float32[37]\nreturn %1\n}\n";
  if (name == "product") return MatrixProduct{"float32", 33, 1100, 40, "nn"}.text();
  if (name == "matrix units") return MatrixProduct{"bfloat16", 70, 333, 66, "nn", true}.text();
  // Beyond what six stages hold, and more tiles than processors; turned on both sides.
  if (name == "stream") return MatrixProduct{"bfloat16", 264, 456, 264, "nt", true}.text();
  if (name == "turned stream") return MatrixProduct{"bfloat16", 136, 456, 136, "tn"}.text();
  if (name == "made operands") return cast_floats("bfloat16", 70, 200, 66, "nt").text();
  if (name == "made across") return cast_floats("bfloat16", 66, 70, 72, "nn").text();
  if (name == "few rows") return MatrixProduct{"bfloat16", 9, 1100, 140, "nt"}.text();
  throw std::runtime_error("no graph " + name);
}

constexpr Fault kFaults[] = {
    // Kernels whose code is made instruction by instruction.
    {"a loop that ends one later", "map", R"(0 (v\d+) < (v\d+); \1 \+= blockDim => $1 <= $2; $1 += blockDim)"},
    {"threads that stand too close", "map", R"(0 threadIdx\.x \* v\d+; => threadIdx.x * 2;)"},
    {"a task too few", "map", R"(0 < lz_args\.end => < lz_args.end - 1)"},
    {"a wrong distance between lanes", "short rows", R"(0 lz_lane_swap\((b\d+\[0\]), 16\) => lz_lane_swap($1, 8))"},
    {"lanes that are not exchanged", "short rows", R"(0 b\d+\[0\] = lz_lane_swap\(b\d+\[0\], 1\); => )"},
    {"a barrier lost before a merge", "rows", R"(1 lz_barrier\(\); => )"},
    {"a barrier lost between halves", "rows", R"(2 lz_barrier\(\); => )"},
    {"a barrier in a branch", "rows", R"(1 lz_barrier\(\); => if (threadIdx.x < 32) lz_barrier();)"},
    {"chunks of half the size", "rows", R"(0 \(i64\)0x800ull => (i64)0x400ull)"},
    {"lanes of another number", "long rows", R"(0 \(i64\)0x40ull => (i64)0x20ull)"},
    {"a barrier lost behind a tile", "transpose", R"(1 lz_barrier\(\); => )"},
    {"a tile that is turned once more", "transpose", R"(0 lz_lshr\((v\d+), (v\d+)\) => ($1 & 63))"},
    {"chunks of another size", "columns", R"(0 \(i64\)0x800ull => (i64)0x400ull)"},
    {"a barrier lost behind shared operands", "product", R"(1 lz_barrier\(\); => )"},
    {"a barrier lost before the next step", "product", R"(0 lz_barrier\(\); => )"},
    {"shared memory read that nobody wrote", "product", R"(0 b3\[v\d+\] = v\d+; => )"},
    {"rows of shared memory at a wrong stride", "product",
     R"(0 lz_mul\(\(i32\)(v\d+), \(i32\)(v\d+)\) => lz_mul((i32)$1, (i32)$2 + 1))"},
    {"no bounds of an operand", "product", R"(0 lz_min\((v\d+), (v\d+)\) => $2)"},
    {"chains of twice the length", "product", R"(0 \(i64\)0x1ffull => (i64)0x3ffull)"},
    // Matrix units.
    {"no bounds of results", "matrix units", R"(0 if \(v\d+\) \{ => if (true) {)"},
    {"a stage too few filled", "matrix units", R"(0 s < Stages - 1; => s < Stages - 2;)"},
    {"a stage too many under way", "matrix units", R"(0 lz_copy_wait<Stages - 2> => lz_copy_wait<Stages - 1>)"},
    {"no wait for copies", "matrix units", R"(0 lz_copy_wait<Stages - 2>\(\); => )"},
    {"copies that belong to no group", "matrix units", R"(1 lz_copy_commit\(\); => )"},
    {"a barrier lost in the pipeline", "matrix units", R"(1 lz_barrier\(\); => )"},
    {"a barrier lost before sums are stored", "matrix units", R"(2 lz_barrier\(\); => )"},
    {"a barrier lost behind sums", "matrix units", R"(3 lz_barrier\(\); => )"},
    {"a ring of another length", "matrix units", R"(0 now \+ 1 == Stages => now + 2 == Stages)"},
    {"pieces read where they are not", "matrix units",
     R"(0 lz_swizzle\(first \+ low \+ by_row \* 8, half \* 2 \+ by_depth\) => (first + low + by_row * 8) * 64 + (half * 2 + by_depth) * 16)"},
    {"halves of the depth exchanged", "matrix units", R"(0 low \+ by_depth \* 8 => low + (by_depth ^ 1) * 8)"},
    {"a row of an operand too many", "matrix units", R"(0 row < rows => row <= rows)"},
    {"sums stored at a wrong stride", "matrix units", R"(0 n \* 4\) \* pitch => n * 2) * pitch)"},
    {"a step of the depth too few", "matrix units", R"(0 k < depth; => k + L::depths < depth;)"},
    // The pipeline of sm_90a.
    {"boxes that nobody expects", "stream",
     R"(0 lz_phase_expect\(full \+ stage, bytes\) => lz_phase_arrive(full + stage))"},
    {"half of the bytes expected", "stream",
     R"(0 lz_phase_expect\(full \+ stage, bytes\) => lz_phase_expect(full + stage, left_bytes))"},
    {"more bytes expected than come", "stream",
     R"(0 lz_phase_expect\(full \+ stage, bytes\) => lz_phase_expect(full + stage, bytes + 16))"},
    {"no wait for an empty stage", "stream", R"(0 lz_phase_wait\(empty \+ stage, phase \^ 1\); => )"},
    {"no wait for a full stage", "stream", R"(0 lz_phase_wait\(full \+ stage, phase\); => )"},
    {"an empty stage's phase turned", "stream", R"(0 phase \^ 1\) => phase))"},
    {"a full stage's phase turned", "stream", R"(0 full \+ stage, phase\) => full + stage, phase ^ 1))"},
    {"a phase that does not turn", "stream", R"(0 phase \^= 1 => phase ^= 0)"},
    {"a stage too many", "stream", R"(0 \+\+stage == Stages => ++stage == Stages + 1)"},
    {"a stage left out", "stream", R"(1 advance\(\); => advance(); advance();)"},
    {"stages that are not given back", "stream", R"(0 if \(k > 0\) release\(before\); => )"},
    {"the last stage not given back", "stream", R"(1 release\(before\); => )"},
    {"a stage given back while it is read", "stream", R"(0 release\(before\); => release(stage);)"},
    {"a stage given back too early", "stream", R"(0 lz_multiply_wait<1>\(\); => )"},
    {"a wait that leaves one more", "stream", R"(0 lz_multiply_wait<1> => lz_multiply_wait<2>)"},
    {"sums read before they are there", "stream", R"(0 lz_multiply_wait<0>\(\); => )"},
    {"products of no group", "stream", R"(0 lz_multiply_commit\(\); => )"},
    {"no fence before products", "stream", R"(0 lz_multiply_fence\(\); => )"},
    {"arrivals of every thread", "stream", R"(0 if \(\(threadIdx.x & 31\) == 0\) lz_phase_arrive => lz_phase_arrive)"},
    {"arrivals of one group", "stream",
     R"(0 lz_phase_start\(empty \+ s, warps\) => lz_phase_start(empty + s, warps / 2))"},
    {"barriers that the engine has not seen", "stream", R"(0 lz_phases_started\(\); => )"},
    {"barriers that other threads have not seen", "stream", R"(0 lz_barrier\(\);\n  \} => })"},
    {"another swizzle", "stream", R"(0 \(u64\)1 << 62 => (u64)2 << 62)"},
    {"rows in other groups of eight", "stream", R"(0 \(u64\)64 << 32 => (u64)32 << 32)"},
    {"parts of the depth at a wrong distance", "stream", R"(0 part \* \(AlongDepth \? 32 => part * (AlongDepth ? 64)"},
    {"turned parts at a wrong distance", "turned stream", R"(0 32 : 2048 => 32 : 1024)"},
    {"boxes of a turned side at a wrong distance", "turned stream", R"(0 \? 1 : 512 => ? 1 : 256)"},
    {"boxes that fall on one another", "turned stream", R"(0 n \* 8192 => n * 4096)"},
    {"a box of other rows", "turned stream", R"(0 row \+ n \* 64 => row + n * 32)"},
    {"the other group's rows", "stream", R"(0 threadIdx\.x / 128 - 1\) \* \(64 => 2 - threadIdx.x / 128) * (64)"},
    {"the depth of another step", "stream", R"(0 \(i32\)k, \(i32\)left => (i32)k + step, (i32)left)"},
    {"pieces of another pitch", "stream", R"(0 8 \* pitch => 4 * pitch)"},
    {"pieces in another order", "stream", R"(0 n != m => n != (m ^ 1))"},
    {"a piece that is read too early", "stream", R"(0 lz_warp_barrier\(\);\n\s+float => float)"},
    {"a piece that is written too early", "stream", R"(0 lz_warp_barrier\(\);\n\s+\} => })"},
    {"warps that share a piece", "stream",
     R"(0 threadIdx\.x / 32 - 4\) \* \(piece_rows \* pitch => threadIdx.x / 64 - 2) * (piece_rows * pitch)"},
    {"results beyond the last row", "stream",
     R"(0 const bool (v\d+) = (v\d+) < (v\d+);\n\s+const bool => const bool $1 = $2 < $3 + 1; const bool)"},
    // Operands that are computed on the way there.
    {"elements put where others are multiplied", "made operands",
     R"(0 l\.put\(l_next, stages \+ ahead => l.put(l_next, stages + now)"},
    {"elements of another step", "made operands", R"(0 r\.fetch\(r_next, next\) => r.fetch(r_next, k))"},
    {"elements that nobody puts", "made operands", R"(0 r\.put\(r_next, stages[^;]*; => )"},
    {"elements of rows that there are not", "made operands", R"(0 p\.r < last_row \? p\.r : last_row => p.r)"},
    {"elements of depths that there are not", "made operands", R"(0 p\.k < last \? p\.k : last => p.k)"},
    {"no zeros behind the depth", "made operands", R"(0 p\.k < depth && p\.r < rows => p.r < rows)"},
    {"pieces put where they are not read", "made operands",
     R"(0 B::lz_swizzle\(p\.row, p\.piece\)\) = w => p.row * 64 + p.piece * 16) = w)"},
    {"a barrier lost behind what is put", "made operands", R"(1 lz_barrier\(\); => )"},
    {"a row of elements for another", "made across", R"(0 k \+ id / \(W / 8\)\} => k + id / (W / 8) + 1})"},
    // Tiles of few rows, parts of the depth.
    {"threads that copy beyond their tile", "few rows", R"(0 B::pieces % 256 != 0 && id >= B::pieces => false)"},
    {"warps that share rows out wrongly", "few rows",
     R"(0 Rows <= 32 \? 1 : Columns <= 16 => Rows <= 8 ? 1 : Columns <= 16)"},
    {"a part of the depth too few", "few rows", R"(1 < lz_args\.end; => < lz_args.end - 1;)"},
    {"parts of the depth that overlap", "few rows", R"(0 lz_min\(([^,]*), (v\d+)\) => lz_min($1, $2 + 1))"},
};

/// Numbers without NaN or infinities, so that a fault is not hidden by them.
LeafSource plain_numbers() {
  return [](const Node* n) {
    HostArray a{n->dtype(), n->shape(), std::vector<std::byte>(static_cast<size_t>(n->nbytes()))};
    uint64_t x = static_cast<uint64_t>(n->numel());
    for (int64_t i = 0; i < n->numel(); ++i) {
      x = x * 6364136223846793005u + 1442695040888963407u;
      const auto value = static_cast<float>(static_cast<int64_t>(x >> 32) - (int64_t{1} << 31)) * 0x1p-30f;
      const auto bits = std::bit_cast<uint32_t>(value);
      a.set_bits(i, n->dtype() == kFloat32 ? bits : bits >> 16);
    }
    return a;
  };
}

class CudaPlantedFaults : public ::testing::Test {
 protected:
  void TearDown() override { unsetenv("LAZULI_EMULATOR_FAULT"); }

  /// What the device gives, in one order.
  static std::vector<HostArray> run(const std::string& text, int order) {
    const EmulatedOrder in(order);
    const auto context = runtime::Context::from_environment();  // modules are compiled anew
    return run_on_device(*context, parse(text, context->interner()), plain_numbers());
  }

  /// How a fault shows; empty when it does not.
  static std::string seen(const std::string& text, const std::vector<HostArray>& right) {
    for (const int order : kOrders) {
      ::testing::internal::CaptureStderr();
      try {
        const std::vector<HostArray> got = run(text, order);
        ::testing::internal::GetCapturedStderr();
        if (!bitwise_equal(right[0], got[0])) return fmt::format("other bits in order {}", order);
      } catch (const Error& e) {
        const std::string report = ::testing::internal::GetCapturedStderr();
        forget_failure();
        if (e.kind() != ErrorKind::Device) throw;
        EXPECT_THAT(report, ::testing::HasSubstr("CUDA emulator: kernel lz_"));
        return report.substr(0, report.find('\n'));
      }
    }
    return {};
  }
};

TEST_F(CudaPlantedFaults, EveryOneIsSeen) {
  use_emulator();
  std::map<std::string, std::vector<HostArray>> right;
  size_t reported = 0;
  for (const Fault& f : kFaults) {
    SCOPED_TRACE(f.name);
    const std::string text = graph_of(f.graph);
    unsetenv("LAZULI_EMULATOR_FAULT");
    std::vector<HostArray>& want = right[f.graph];
    if (want.empty()) {
      want = run(text, 0);
      for (const int order : kOrders) ASSERT_TRUE(bitwise_equal(want[0], run(text, order)[0]));
    }
    setenv("LAZULI_EMULATOR_FAULT", f.fault, 1);
    std::string how;
    ASSERT_NO_THROW(how = seen(text, want));
    EXPECT_FALSE(how.empty()) << "nothing shows";
    reported += how.find("CUDA emulator") == 0;
    if (std::getenv("LAZULI_TEST_VERBOSE")) std::printf("%s: %s\n", f.name, how.c_str());
  }
  std::printf("%zu faults planted, %zu of them reported by the device itself\n", std::size(kFaults), reported);
}

TEST_F(CudaPlantedFaults, OneWithoutAPlaceIsRefused) {
  use_emulator();
  setenv("LAZULI_EMULATOR_FAULT", "0 no such text => nothing", 1);
  try {
    run(graph_of("map"), 0);
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.kind(), ErrorKind::Compile);
    EXPECT_THAT(e.message(), ::testing::HasSubstr("has no place in this source"));
  }
}

}  // namespace
}  // namespace lazuli::testing
