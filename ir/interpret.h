// The reference interpreter: the meaning of the IR. Slow, simple, node by node; no fusion, no vectors, no threads.
#pragma once
#include <memory>
#include <vector>

#include "ir/graph.h"

namespace lazuli::ir {

/// Row-major elements of one tensor on the host.
struct HostArray {
  DType dtype = kFloat32;
  Shape shape;
  std::vector<std::byte> bytes;

  template <class T>
  const T* as() const {
    return reinterpret_cast<const T*>(bytes.data());
  }
  template <class T>
  T* as() {
    return reinterpret_cast<T*>(bytes.data());
  }
  /// Bit pattern of element i, zero-extended.
  uint64_t bits(int64_t i) const;
  void set_bits(int64_t i, uint64_t v);
};

/// Bitwise equal as docs/numerics.md defines it: any NaN matches any NaN.
bool bitwise_equal(const HostArray& a, const HostArray& b, int64_t* first_difference = nullptr);

/// Supplies the elements of a leaf. The default reads Node::payload().
using LeafSource = std::function<HostArray(const Node*)>;

/// Values of the outputs. Throws Error that names the op, its origin and the smallest linear index when an
/// element is refused (integer division by zero: Value; an index out of bounds: Index); Error(Memory) when a value does
/// not fit.
std::vector<HostArray> interpret(const Graph& g, const LeafSource& leaves = {});
/// Value of one node from the values of its inputs.
HostArray interpret_node(const Node* n, std::span<const HostArray* const> inputs);
/// Whether an error of the two above is about the values of elements: a check that failed.
inline bool is_failed_check(const Error& e) {
  return e.kind() == ErrorKind::Value || e.kind() == ErrorKind::Index;
}

}  // namespace lazuli::ir
