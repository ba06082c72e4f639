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
  int64_t task_elements = 32768;  // of one task: hides its overhead and still balances; tests make it small
  bool operator==(const CpuTarget&) const = default;
  /// Goes into kernel keys.
  std::string str() const;
};

}  // namespace lazuli::codegen
