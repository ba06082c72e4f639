// Rules of reductions, whose axes leave the shape (the dtype is the operand's, int64 for argmax and argmin), and of
// scans, which keep both.
#include <fmt/format.h>

#include "ir/ops/rules.h"

namespace lazuli::ir {

Inferred infer_reduce(const NodeSpec& spec) {
  const Node* x = spec.inputs[0];
  const Dims& axes = std::get<AxesAttr>(spec.attr).axes;
  check_axes(spec, axes, x->rank());
  const auto refuse_empty = [&] {
    for (int64_t a : axes)
      if (x->shape()[static_cast<size_t>(a)] == 0)
        reject(spec, ErrorKind::Shape, fmt::format("axis {} of {} is empty and has no such element", a, describe(x)));
  };
  DType dtype = x->dtype();
  switch (spec.op) {
    case Op::sum:
    case Op::prod:
      if (is_bool(dtype))
        reject(spec, ErrorKind::DType, fmt::format("takes integers and floats, not {}", describe(x)),
               "cast to int64 first");
      break;
    case Op::any:
    case Op::all:
      if (!is_bool(dtype))
        reject(spec, ErrorKind::DType, fmt::format("takes bool, not {}", describe(x)), "cast to bool first");
      break;
    case Op::reduce_max:
    case Op::reduce_min:
      refuse_empty();
      break;
    case Op::argmax:
    case Op::argmin:
      refuse_empty();
      dtype = kInt64;
      break;
    default:
      reject(spec, ErrorKind::Internal, "has no rule");
  }
  return {dtype, without_axes(x->shape(), axes), x->device()};
}

Inferred infer_scan(const NodeSpec& spec) {
  const Node* x = spec.inputs[0];
  const Dims& axes = std::get<AxesAttr>(spec.attr).axes;
  check_axes(spec, axes, x->rank());
  if (axes.size() != 1) reject(spec, ErrorKind::Internal, "runs along one axis");
  if (spec.op == Op::logcumsumexp ? !is_floating(x->dtype()) : is_bool(x->dtype()))
    reject(spec, ErrorKind::DType,
           fmt::format("takes {}floats, not {}", spec.op == Op::logcumsumexp ? "" : "integers and ", describe(x)),
           "cast first");
  return {x->dtype(), x->shape(), x->device()};
}

}  // namespace lazuli::ir
