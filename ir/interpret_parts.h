// Inside of ir/: the parts of the reference interpreter, one per family. Each fills `out`, which has its dtype, shape
// and bytes (all zero) already.
#pragma once
#include <cstring>

#include "ir/interpret.h"
#include "lazuli/base/half.h"

namespace lazuli::ir {

using Operands = std::span<const HostArray* const>;

/// Zeroed elements; throws Error(Memory) that names the node when they do not fit.
HostArray allocate(const Node* n, DType dtype, const Shape& shape);

void interpret_movement(const Node* n, Operands inputs, HostArray& out);
void interpret_indexed(const Node* n, Operands inputs, HostArray& out);
void interpret_order(const Node* n, Operands inputs, HostArray& out);
void interpret_scan(const Node* n, Operands inputs, HostArray& out);
void interpret_reduce(const Node* n, Operands inputs, HostArray& out);
void interpret_attention(const Node* n, Operands inputs, HostArray& out);
void interpret_contract(const Node* n, Operands inputs, HostArray& out);

/// Copies elements between two strided layouts of one shape; strides are in elements, the pointers stand at element 0.
void copy_strided(const Shape& shape, size_t item, std::byte* to, const Dims& to_strides, const std::byte* from,
                  const Dims& from_strides);
/// The elements with the axes in the order given, row-major.
HostArray transposed(const Node* n, const HostArray& x, const Dims& order);

/// Element i as the type that sums and products run in: float for half types, otherwise its own.
template <class T>
T load(const HostArray& x, int64_t i) {
  if constexpr (std::is_same_v<T, float>) {
    if (x.dtype == kFloat16) return half_bits_to_float(x.as<uint16_t>()[i]);
    if (x.dtype == kBFloat16) return bfloat16_bits_to_float(x.as<uint16_t>()[i]);
  }
  return x.as<T>()[i];
}
/// Rounds once to the array's type.
template <class T>
void store(HostArray& x, int64_t i, T v) {
  if constexpr (std::is_same_v<T, float>) {
    if (x.dtype == kFloat16) {
      x.as<uint16_t>()[i] = float_to_half_bits(v);
      return;
    }
    if (x.dtype == kBFloat16) {
      x.as<uint16_t>()[i] = float_to_bfloat16_bits(v);
      return;
    }
  }
  x.as<T>()[i] = v;
}

/// Calls f(T{}) with the C++ type that load() gives for a dtype.
template <class F>
void with_type(DType t, F f) {
  switch (t) {
    case kBool:
    case kUInt8:
      return f(uint8_t{});
    case kInt8:
      return f(int8_t{});
    case kInt16:
      return f(int16_t{});
    case kInt32:
      return f(int32_t{});
    case kInt64:
      return f(int64_t{});
    case kFloat16:
    case kBFloat16:
    case kFloat32:
      return f(float{});
    case kFloat64:
      return f(double{});
    default:
      throw Error(ErrorKind::Unsupported, "element type " + std::string(name(t)) + " is not supported");
  }
}

/// parts[0], parts[1] ... combined as a balanced tree of adjacent pairs, level by level; an odd one at the end of a
/// level passes up unchanged. `parts` is not empty and is overwritten.
template <class T, class Combine>
T combine_pairwise(std::vector<T>& parts, Combine combine) {
  size_t n = parts.size();
  while (n > 1) {
    for (size_t i = 0; i + 1 < n; i += 2) parts[i / 2] = combine(parts[i], parts[i + 1]);
    if (n % 2 != 0) parts[n / 2] = parts[n - 1];
    n = (n + 1) / 2;
  }
  return parts[0];
}

inline constexpr int64_t kReduceChunk = 2048;
inline constexpr int64_t kReduceLanes = 64;

/// The reduction tree of docs/numerics.md over elements 0 .. n-1, n > 0. first(i) starts a lane with element i,
/// next(lane, i) adds element i to it, combine joins two partial results.
template <class T, class First, class Next, class Combine>
T reduce_tree(int64_t n, First first, Next next, Combine combine) {
  std::vector<T> chunks;
  for (int64_t begin = 0; begin < n; begin += kReduceChunk) {
    const int64_t end = std::min(n, begin + kReduceChunk);
    const int64_t used = std::min(kReduceLanes, end - begin);  // the other lanes have no element and are skipped
    T lanes[kReduceLanes];
    for (int64_t l = 0; l < used; ++l) {
      lanes[l] = first(begin + l);
      for (int64_t i = begin + l + kReduceLanes; i < end; i += kReduceLanes) lanes[l] = next(lanes[l], i);
    }
    for (int64_t half = kReduceLanes / 2; half > 0; half /= 2)
      for (int64_t l = 0; l < half && l + half < used; ++l) lanes[l] = combine(lanes[l], lanes[l + half]);
    chunks.push_back(lanes[0]);
  }
  return combine_pairwise(chunks, combine);
}

}  // namespace lazuli::ir
