// Rules of elementwise ops and of cast. In the graph the operands have equal shapes and the types that the op's row
// names: whoever builds the graph has inserted expand and cast.
#include <fmt/format.h>

#include "ir/op_types.h"
#include "ir/ops/rules.h"

namespace lazuli::ir {
Inferred infer_elementwise(const NodeSpec& spec) {
  const OpInfo& op = info(spec.op);
  const Node* first = spec.inputs[0];
  for (const Node* input : spec.inputs)
    if (input->shape() != first->shape())
      reject(spec, ErrorKind::Shape, fmt::format("operands {} differ in shape", describe_operands(spec)),
             "expand them to one shape");

  size_t typed = 0;  // the first operand that the row's types speak of
  if (op.promote == Promote::Select) {
    if (!is_bool(first->dtype()))
      reject(spec, ErrorKind::DType, fmt::format("the condition is bool, not {}", describe(first)));
    typed = 1;
  }
  const Types types = op.promote == Promote::Logical   ? Types::BoolOnly
                      : op.promote == Promote::ToFloat ? Types::Float
                                                       : op.types;
  const DType dtype = spec.inputs[typed]->dtype();
  for (size_t i = typed; i < spec.inputs.size(); ++i) {
    const DType t = spec.inputs[i]->dtype();
    if (t != dtype)
      reject(spec, ErrorKind::DType, fmt::format("operands {} differ in type", describe_operands(spec)),
             "cast them to one type");
    if (!takes(types, t))
      reject(spec, ErrorKind::DType, fmt::format("takes {}, not {}", text(types), describe_operands(spec)),
             "cast the operands first");
  }
  const bool gives_bool = op.promote == Promote::Compare || op.promote == Promote::Logical;
  return {gives_bool ? kBool : dtype, first->shape(), first->device()};
}

Inferred infer_cast(const NodeSpec& spec) {
  const DType from = spec.inputs[0]->dtype();
  if (spec.op == Op::bitcast && itemsize(from) != itemsize(spec.dtype))
    reject(spec, ErrorKind::DType, fmt::format("{} and {} have different sizes", name(from), name(spec.dtype)));
  return {spec.dtype, spec.inputs[0]->shape(), spec.inputs[0]->device()};
}

}  // namespace lazuli::ir
