// DLPack 1.x: tensors to and from other libraries in the process, without copying. The C structures are those of
// <dlpack/dlpack.h>, which is needed to look inside them, and not to pass them on.
#pragma once
#include <memory>

#include "lazuli/tensor.h"

struct DLManagedTensor;
struct DLManagedTensorVersioned;

namespace lazuli {

/// Owns a managed tensor until somebody takes it: a structure that nobody took is deleted with the last handle. Copies
/// are handles on one structure, which can be taken once. Thread-safe.
class DLPack {
 public:
  /// Takes ownership, whatever becomes of it. Throws Error(Value) for a null pointer.
  DLPack(DLManagedTensorVersioned* managed, Location loc = Location::current());
  DLPack(DLManagedTensor* managed, Location loc = Location::current());

  /// Whether it is a DLManagedTensorVersioned.
  bool versioned() const;
  /// Whether it was taken.
  bool used() const;
  /// The structure, for a consumer that calls its deleter. Throws Error(Value) when it was taken before, or is of the
  /// other kind.
  DLManagedTensorVersioned* take_versioned(Location loc = Location::current()) const;
  DLManagedTensor* take(Location loc = Location::current()) const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

struct DLPackExport {
  /// DLManagedTensorVersioned, or the structure from before DLPack 1.0.
  bool versioned = true;
  /// Memory of its own (the flag IS_COPIED) instead of the tensor's.
  bool copy = false;
};

/// The tensor's memory for others. Evaluates; CUDA memory is complete when the call returns. Writes on either side are
/// seen by the other: the memory counts as escaped, as after data_ptr(). Views keep their strides. Throws Value for
/// tensors that require gradients, and for read-only ones where the structure cannot say so.
DLPack to_dlpack(const Tensor& x, DLPackExport options = {}, Location loc = Location::current());

/// A tensor over the memory of another library, as from_blob: shared, and let go of when no tensor needs it. Memory
/// that is marked read-only refuses writes. The structure is used up, also when an error is thrown: Value for
/// structures that are no tensors (another major version, null data, unaligned data), Shape for impossible sizes,
/// Unsupported for element types and devices that Lazuli does not have, Device where CUDA cannot be used.
Tensor from_dlpack(const DLPack& packed, Location loc = Location::current());

}  // namespace lazuli
