#include "runtime/cuda/tensor_maps.h"

#include <fmt/format.h>

#include "lazuli/base/error.h"

namespace lazuli::runtime::cuda {

namespace {

/// CUtensorMapDataType, CUtensorMapSwizzle, CUtensorMapL2promotion.
enum class Element : int { Bytes = 0, Float16 = 6, Float32 = 7, BFloat16 = 9 };
constexpr int kNoInterleave = 0, kSwizzle128 = 3, kLines128 = 2, kZerosOutside = 0;
constexpr unsigned kRank = 3, kBoxBytes = 128, kBoxTurned = 64;

Element element(DType t) {
  switch (t) {
    case kInt8:
      return Element::Bytes;
    case kFloat16:
      return Element::Float16;
    case kBFloat16:
      return Element::BFloat16;
    case kFloat32:
      return Element::Float32;
    default:
      throw Error(ErrorKind::Internal, fmt::format("no boxes of {} are copied", lazuli::name(t)));
  }
}

}  // namespace

EncodedMap encode(const Driver& driver, const codegen::TensorMap& map, std::span<const int64_t> sizes, void* buffer,
                  const std::string& kernel) {
  const auto size = [&](size_t n) { return static_cast<uint64_t>(sizes[map.first_size + n]); };
  const uint64_t bytes = itemsize(map.dtype), rows = size(3), depth = size(4), batches = size(5);
  const uint64_t extents[kRank] = {map.along_depth ? depth : rows, map.along_depth ? rows : depth, batches};
  const uint64_t strides[kRank - 1] = {size(1) * bytes, size(2) * bytes};
  const unsigned step = kBoxBytes / static_cast<unsigned>(bytes);
  const unsigned box[kRank] = {map.along_depth ? step : kBoxTurned, map.along_depth ? map.box : step, 1};
  constexpr unsigned kSteps[kRank] = {1, 1, 1};
  EncodedMap out;
  const int refused = driver.tensor_map_encode(out.words.data(), static_cast<int>(element(map.dtype)), kRank,
                                               static_cast<char*>(buffer) + size(0) * bytes, extents, strides, box,
                                               kSteps, kNoInterleave, kSwizzle128, kLines128, kZerosOutside);
  if (refused != 0)
    driver.check(refused, fmt::format("describing operand {} of kernel {} to the copy engine", map.buffer, kernel));
  return out;
}

}  // namespace lazuli::runtime::cuda
