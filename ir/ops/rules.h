// Inside of ir/: the legality rules, one function per family, and what they share.
// A rule checks everything about a spec that infer() has not checked already (null inputs, operand counts, devices,
// supported dtypes, kind of attribute) and returns dtype and shape.
#pragma once
#include "ir/infer.h"

namespace lazuli::ir {

Inferred infer_leaf(const NodeSpec& spec);
Inferred infer_elementwise(const NodeSpec& spec);
Inferred infer_cast(const NodeSpec& spec);
Inferred infer_movement(const NodeSpec& spec);
Inferred infer_indexed(const NodeSpec& spec);
Inferred infer_order(const NodeSpec& spec);
Inferred infer_scan(const NodeSpec& spec);
Inferred infer_reduce(const NodeSpec& spec);
Inferred infer_contract(const NodeSpec& spec);
Inferred infer_attention(const NodeSpec& spec);
Inferred infer_composite(const NodeSpec& spec);
/// windows, fold, convolution.
Inferred infer_window(const NodeSpec& spec);
Inferred infer_custom(const NodeSpec& spec);

/// Throws an Error with the spec's origin. `text` continues the op's name: "sum: axis 3 ...".
[[noreturn]] void reject(const NodeSpec& spec, ErrorKind kind, const std::string& text, std::string hint = {});
/// "float32[2, 3]"
std::string describe(const Node* n);
/// "float32[2, 3] and int64[3]"
std::string describe_operands(const NodeSpec& spec);
/// Rank, sign of sizes, number of elements and bytes.
void check_shape(const NodeSpec& spec, DType dtype, const Shape& shape);
/// Axes are inside the rank, ascending and distinct.
void check_axes(const NodeSpec& spec, const Dims& axes, size_t rank);
/// `shape` without `axes` (ascending).
Shape without_axes(const Shape& shape, const Dims& axes);

}  // namespace lazuli::ir
