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
//   maps[] (16 fields each, by CudaSource::maps; the whole is then padded to a multiple of 8 fields),
//   buffers[] (one pointer per Kernel::buffers; null for Shared ones, which stand in the block's dynamic shared memory,
//   one behind the other, aligned to 16 bytes), scratch elements per block[] (one per Scratch buffer), sizes[],
//   scalars[] (bit patterns, zero-extended), begin, end, status (pointer to int32, set to 1 by a failed check).
// Needs nvrtc's --fmad=false: nothing contracts.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "codegen/kernel.h"
#include "codegen/schedule.h"

namespace lazuli::codegen {

/// How the copy engine finds a buffer: what the driver encodes at launch, from the sizes that begin at `first_size`
/// (StreamProduct). Boxes are 128 bytes long and `box` rows high, or, turned, 64 elements long and as high as a step.
struct TensorMap {
  uint32_t buffer = 0, first_size = 0, box = 0;
  DType dtype = kFloat32;
  bool along_depth = true;
  bool operator==(const TensorMap&) const = default;
};

/// What a source begins with that one architecture alone can run: this, its name, the end of the line.
inline constexpr std::string_view kOnlyFor = "// only for ";

struct CudaSource {
  std::string text;
  std::vector<std::string> entry_points;  // by phase
  int64_t shared_bytes = 0;               // dynamic shared memory of a block
  std::vector<TensorMap> maps;            // that the kernel's argument begins with
  bool stays = false;                     // blocks are as many as processors, each taking task after task
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
/// The same for StreamTile, with the instruction for tiles of so many columns. The includer that is no GPU's compiler
/// supplies what stands in it for one (between #ifdef __CUDACC_RTC__ and #endif).
std::string cuda_stream_prelude(uint32_t columns, DType operands);

}  // namespace lazuli::codegen
