// Spells kernel IR as CUDA C++ for NVRTC: one kernel function per phase, no headers, the prelude included. Like the
// LLVM emitter it makes no decisions; values have one lane, parallelism comes from tasks (blocks) and Thread loops
// (threads).
//
// Execution of a phase with tasks [begin, end): block b runs tasks begin + b, begin + b + gridDim.x, ... Iterations of
// a Thread loop are spread over threadIdx.x. Outside Thread loops every thread computes the same values; stores there
// are done by thread 0. Threads meet at Barrier instructions and nowhere else. Hints for caches (Prefetch, Fence,
// flags) have no counterpart and are left out.
//
// A kernel function takes one parameter, a structure of 8-byte fields in this order:
//   buffers[] (one pointer per Kernel::buffers; null for Shared ones, which stand in the block's dynamic shared memory,
//   one behind the other, aligned to 16 bytes), scratch elements per block[] (one per Scratch buffer), sizes[],
//   scalars[] (bit patterns, zero-extended), begin, end, status (pointer to int32, set to 1 by a failed check).
// Needs nvrtc's --fmad=false: nothing contracts.
#pragma once
#include <string>
#include <vector>

#include "codegen/kernel.h"
#include "codegen/schedule.h"

namespace lazuli::codegen {

struct CudaSource {
  std::string text;
  std::vector<std::string> entry_points;  // by phase
  int64_t shared_bytes = 0;               // dynamic shared memory of a block
};

/// For the schedule's threads and registers. Throws Error(Internal) when a value has more than one lane.
CudaSource emit_cuda(const Kernel& kernel, const Schedule& schedule);

/// What every source starts with: types and the functions that prims.def names. It also compiles as ordinary C++, with
/// blockIdx and its kin supplied by the includer, so that tests run kernels without a GPU.
extern const char* const kCudaPrelude;
/// What stands behind it where a kernel uses matrix units: copies into shared memory that run beside the threads, and
/// products of tiles. The includer that is no GPU's compiler supplies lz_copy_async, lz_copy_commit, lz_copy_wait,
/// lz_load_matrices and lz_multiply_add.
extern const char* const kCudaMatrixPrelude;

}  // namespace lazuli::codegen
