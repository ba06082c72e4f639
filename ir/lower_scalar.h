// From an elementwise op (or cast) to the scalar function of one element. The interpreter evaluates it, kernels inline
// it. Half operands are converted to float32, the body runs there, the result is rounded once.
#pragma once
#include "ir/node.h"
#include "ir/scalar/function.h"

namespace lazuli::ir {

/// `operands`: dtypes in memory; result type as the op's row says. Cached by (op, dtypes) by the caller if need be.
scalar::Function lower_elementwise(Op op, std::span<const DType> operands);
scalar::Function lower_cast(DType from, DType to);
/// The bits of one element as another dtype of the same size.
scalar::Function lower_bitcast(DType from, DType to);
/// The combining step of sum, prod, max, min, any, all: (accumulator, element) -> accumulator, in the accumulation
/// type.
scalar::Function lower_combine(Op reduce, DType accumulator);
/// The combining step of a scan and its neutral element, in the accumulation type.
scalar::Function lower_scan_step(Op scan, DType accumulator);
uint64_t scan_identity(Op scan, DType accumulator);
/// What becomes of an element when a scatter's value falls on it. Half types are expanded before.
scalar::Value scatter_step(scalar::Builder& s, Op scatter, scalar::Value element, scalar::Value value);
/// The same as a function of both.
scalar::Function lower_scatter_step(Op scatter, DType dtype);
/// Type in which a reduction accumulates (float32 for half types, else the operand's).
DType accumulator_type(Op reduce, DType operand);
/// The neutral element, bit pattern in the accumulation type: -0.0 for sum, 1 for prod, -inf for max ...
uint64_t reduce_identity(Op reduce, DType accumulator);

}  // namespace lazuli::ir
