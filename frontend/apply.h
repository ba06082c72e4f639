// From the operands a user writes to one elementwise node: promotion, device agreement, casts, broadcasting, the node
// with its location. Every generated function and every operator calls one of these.
#pragma once
#include <initializer_list>
#include <span>
#include <string_view>

#include "frontend/tensor_impl.h"
#include "lazuli/operand.h"

namespace lazuli {

/// Errors: Shape (do not broadcast), DType (type not taken), Device (two devices), Value (number does not fit).
ir::NodeRef elementwise(ir::Op op, std::initializer_list<Operand> operands, const Location& loc);
Tensor apply(ir::Op op, std::initializer_list<Operand> operands, const Location& loc);
/// Writes the result into `out`, which takes the result's shape when it has no elements.
Tensor& apply_out(ir::Op op, Tensor& out, std::initializer_list<Operand> operands, const Location& loc);
/// operands[0] is `self`.
Tensor& apply_inplace(ir::Op op, Tensor& self, std::initializer_list<Operand> operands, const Location& loc);

/// What every out= form ends with: checks type, device and shape, converts, writes. Pass a temporary (see assign).
Tensor& write_out(Tensor& out, ir::NodeRef value, const Location& loc);

/// The same for a tensor that was made for it.
Tensor& write_out(Tensor& out, Tensor&& value, const Location& loc);
/// What every in-place form ends with: `op` names it in errors.
Tensor& write_in_place(Tensor& self, ir::NodeRef value, std::string_view op, const Location& loc);
Tensor& write_in_place(Tensor& self, Tensor&& value, std::string_view op, const Location& loc);

/// The shape both broadcast to, or PyTorch's error "The size of tensor a (3) must match ...".
ir::Shape broadcast_or_throw(std::string_view op, const ir::Shape& a, const ir::Shape& b, const Location& loc);
/// The type that operands promote to together (torch.result_type).
DType result_type(std::span<const Operand> operands);
/// A host number of an operand as a leaf; throws when an integer does not fit an integer type.
ir::NodeRef scalar_operand(const Scalar& v, DType dtype, const Location& loc);

}  // namespace lazuli
