// Operators on tensors and host numbers. Division is true division, % has the sign of the divisor, comparisons give
// bool tensors, ! is logical_not. Compound assignment writes into the tensor, as add_ and the like do.
#pragma once
#include "lazuli/operand.h"
#include "lazuli/tensor.h"

namespace lazuli {

Tensor operator+(const Operand& a, const Operand& b);
Tensor operator-(const Operand& a, const Operand& b);
Tensor operator*(const Operand& a, const Operand& b);
Tensor operator/(const Operand& a, const Operand& b);
Tensor operator%(const Operand& a, const Operand& b);
Tensor operator-(const Operand& a);

Tensor operator==(const Operand& a, const Operand& b);
Tensor operator!=(const Operand& a, const Operand& b);
Tensor operator<(const Operand& a, const Operand& b);
Tensor operator<=(const Operand& a, const Operand& b);
Tensor operator>(const Operand& a, const Operand& b);
Tensor operator>=(const Operand& a, const Operand& b);

Tensor operator&(const Operand& a, const Operand& b);
Tensor operator|(const Operand& a, const Operand& b);
Tensor operator^(const Operand& a, const Operand& b);
Tensor operator<<(const Operand& a, const Operand& b);
Tensor operator>>(const Operand& a, const Operand& b);
Tensor operator~(const Operand& a);
/// Takes the tensor itself: through Operand it would be as good a match as !bool(a).
Tensor operator!(const Tensor& a);

Tensor& operator+=(Tensor& a, const Operand& b);
Tensor& operator-=(Tensor& a, const Operand& b);
Tensor& operator*=(Tensor& a, const Operand& b);
Tensor& operator/=(Tensor& a, const Operand& b);
Tensor& operator%=(Tensor& a, const Operand& b);
Tensor& operator&=(Tensor& a, const Operand& b);
Tensor& operator|=(Tensor& a, const Operand& b);
Tensor& operator^=(Tensor& a, const Operand& b);
Tensor& operator<<=(Tensor& a, const Operand& b);
Tensor& operator>>=(Tensor& a, const Operand& b);
// On a view that has no name: `x[1] += 1`.
Tensor operator+=(Tensor&& a, const Operand& b);
Tensor operator-=(Tensor&& a, const Operand& b);
Tensor operator*=(Tensor&& a, const Operand& b);
Tensor operator/=(Tensor&& a, const Operand& b);
Tensor operator%=(Tensor&& a, const Operand& b);
Tensor operator&=(Tensor&& a, const Operand& b);
Tensor operator|=(Tensor&& a, const Operand& b);
Tensor operator^=(Tensor&& a, const Operand& b);
Tensor operator<<=(Tensor&& a, const Operand& b);
Tensor operator>>=(Tensor&& a, const Operand& b);

}  // namespace lazuli
