// Rule of dot_general.
#include <fmt/format.h>

#include "ir/ops/rules.h"

namespace lazuli::ir {
namespace {

/// Marks the axes in `used`; refuses axes outside the operand and axes named twice.
void take_axes(const NodeSpec& spec, const Dims& axes, const Node* operand, uint64_t& used) {
  for (int64_t a : axes) {
    if (a < 0 || a >= static_cast<int64_t>(operand->rank()))
      reject(spec, ErrorKind::Shape, fmt::format("axis {} is not an axis of {}", a, describe(operand)));
    if ((used >> a & 1) != 0)
      reject(spec, ErrorKind::Shape, fmt::format("axis {} of {} is named twice", a, describe(operand)));
    used |= uint64_t{1} << a;
  }
}

void match_sizes(const NodeSpec& spec, std::string_view kind, const Dims& left, const Dims& right) {
  if (left.size() != right.size())
    reject(spec, ErrorKind::Shape,
           fmt::format("{} {} axes on the left, {} on the right", left.size(), kind, right.size()));
  for (size_t i = 0; i < left.size(); ++i) {
    const int64_t l = spec.inputs[0]->shape()[static_cast<size_t>(left[i])];
    const int64_t r = spec.inputs[1]->shape()[static_cast<size_t>(right[i])];
    if (l != r)
      reject(spec, ErrorKind::Shape,
             fmt::format("{} axes {} and {} of {} differ in size: {} and {}", kind, left[i], right[i],
                         describe_operands(spec), l, r));
  }
}

}  // namespace

Inferred infer_contract(const NodeSpec& spec) {
  const Node *lhs = spec.inputs[0], *rhs = spec.inputs[1];
  const std::shared_ptr<const DotDims>& boxed = std::get<DotAttr>(spec.attr).dims;
  if (!boxed) reject(spec, ErrorKind::Internal, "has no axes");
  const DotDims& dims = *boxed;
  if (lhs->dtype() != rhs->dtype())
    reject(spec, ErrorKind::DType, fmt::format("operands {} differ in type", describe_operands(spec)),
           "cast them to one type");
  if (is_bool(lhs->dtype()))
    reject(spec, ErrorKind::DType, fmt::format("takes integers and floats, not {}", describe_operands(spec)),
           "cast the operands first");
  uint64_t lhs_used = 0, rhs_used = 0;
  take_axes(spec, dims.lhs_batch, lhs, lhs_used);
  take_axes(spec, dims.lhs_contract, lhs, lhs_used);
  take_axes(spec, dims.rhs_batch, rhs, rhs_used);
  take_axes(spec, dims.rhs_contract, rhs, rhs_used);
  match_sizes(spec, "batch", dims.lhs_batch, dims.rhs_batch);
  match_sizes(spec, "contracting", dims.lhs_contract, dims.rhs_contract);

  Shape out;
  for (int64_t a : dims.lhs_batch) out.push_back(lhs->shape()[static_cast<size_t>(a)]);
  for (size_t d = 0; d < lhs->rank(); ++d)
    if ((lhs_used >> d & 1) == 0) out.push_back(lhs->shape()[d]);
  for (size_t d = 0; d < rhs->rank(); ++d)
    if ((rhs_used >> d & 1) == 0) out.push_back(rhs->shape()[d]);
  return {lhs->dtype(), std::move(out), lhs->device()};
}

}  // namespace lazuli::ir
