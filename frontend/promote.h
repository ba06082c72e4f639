// PyTorch's type promotion. Operands have a category (bool < integer < float) and a weight: tensors with axes, then 0-d
// tensors, then host scalars. A lighter operand changes the result's type only by lifting it to a higher category.
#pragma once
#include <string_view>

#include "lazuli/base/dtype.h"
#include "lazuli/scalar.h"

namespace lazuli {

/// What a floating literal, a division of integers and zeros({2}) give.
inline constexpr DType kDefaultDType = kFloat32;

/// The smallest type that both convert to ("float16 and bfloat16" is float32, "uint8 and int8" is int16).
DType promote_types(DType a, DType b);

/// Whether a result of type `from` may be written to a tensor of type `to`: never float to integer, never to bool.
bool can_cast(DType from, DType to);

/// The name that PyTorch's messages use: "Long", "Float", ...
std::string_view torch_name(DType t);

/// Collects operands; order does not matter.
class ResultType {
 public:
  void add_tensor(DType t, bool zero_dim) { merge(zero_dim ? zero_dim_ : dim_, t); }
  void add_scalar(const Scalar& s);
  DType get() const;

 private:
  static constexpr DType kUndefined = DType::Float8E5M2;
  static void merge(DType& into, DType t);
  static DType combine(DType higher, DType lower);
  DType dim_ = kUndefined, zero_dim_ = kUndefined, scalar_ = kUndefined;
};

}  // namespace lazuli
