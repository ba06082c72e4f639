// The vector widths that this machine can run, each with its JIT; tests of generated code go over all of them.
#pragma once
#include <cstdio>
#include <memory>
#include <vector>

#include "codegen/llvm/jit.h"

namespace lazuli::codegen {

inline std::vector<std::unique_ptr<LlvmJit>>& jits_of_all_widths() {
  static std::vector<std::unique_ptr<LlvmJit>> jits = [] {
    std::vector<std::unique_ptr<LlvmJit>> made;
    const CpuTarget host = host_target();
    for (int bits : {128, 256, 512}) {
      if (bits > host.vector_bits) {
        std::printf("this machine has no %d-bit vectors: that width is not tested\n", bits);
        continue;
      }
      CpuTarget t = host;
      t.vector_bits = bits;
      // Code for machines without AVX-512 is other code, not only narrower: 128 and 256 run as x86-64-v3.
      if (bits < 512) t.cpu = "x86-64-v3", t.features.clear();
      made.push_back(std::make_unique<LlvmJit>(t));
    }
    return made;
  }();
  return jits;
}

}  // namespace lazuli::codegen
