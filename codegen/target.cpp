#include "codegen/target.h"

#include <fmt/format.h>

namespace lazuli::codegen {

std::string CpuTarget::str() const {
  return fmt::format("{} {} vectors={} l1={} l2={} l3={} cores={} task={}", cpu, features, vector_bits, l1_bytes,
                     l2_bytes, l3_bytes, cores, task_elements);
}

std::string GpuTarget::str() const {
  return fmt::format("{} processors={} shared={} l2={}{}{}{}", arch, processors, shared_bytes, l2_bytes,
                     matrix_units ? " matrix" : "", streams ? " streams" : "", tf32 ? " tf32" : "");
}

}  // namespace lazuli::codegen
