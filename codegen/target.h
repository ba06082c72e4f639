// What a schedule and an emitter need to know about the machine, as plain data: chosen, printed, forced by tests.
#pragma once
#include <cstdint>
#include <string>

namespace lazuli::codegen {

struct CpuTarget {
  std::string cpu = "x86-64-v3";  // LLVM's name
  std::string features;           // "+avx512f,..." as LLVM writes them
  int vector_bits = 256;          // width of the vectors that schedules use: 128, 256 or 512
  int64_t l1_bytes = 32 << 10, l2_bytes = 1 << 20, l3_bytes = 32 << 20;
  int64_t cores = 4;              // a hint: how far work is spread where spreading costs something
  int64_t task_elements = 32768;  // of one task: hides its overhead and still balances; tests make it small
  bool operator==(const CpuTarget&) const = default;
  /// Goes into kernel keys.
  std::string str() const;
};

/// A GPU as plain data: code for any of them is made, compiled and looked at on every machine.
struct GpuTarget {
  std::string arch = "sm_80";  // NVRTC's name
  int processors = 108;        // that run blocks side by side
  int64_t shared_bytes = 164 << 10, l2_bytes = int64_t{40} << 20;
  bool matrix_units = true;  // contractions of float16, bfloat16 and int8 may use them
  bool streams = false;      // they may copy boxes of tensors and multiply from shared memory (sm_90a alone)
  bool tf32 = false;         // contractions of float32 may use matrix units, which round operands
  bool operator==(const GpuTarget&) const = default;
  /// Goes into kernel keys.
  std::string str() const;

  static GpuTarget sm_80() { return {}; }
  static GpuTarget sm_90a() { return {"sm_90a", 132, 228 << 10, int64_t{50} << 20, true, true}; }
};

}  // namespace lazuli::codegen
