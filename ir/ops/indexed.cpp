// Rules of gather and the scatters, elements of one operand at places that int64 operands name; and of argsort.
#include <fmt/format.h>

#include "ir/ops/rules.h"

namespace lazuli::ir {
namespace {

/// The shape of values at places in `x`: that of the indices (from operand `first` on), then the axes of x that have
/// none.
Shape indexed_shape(const NodeSpec& spec, const Node* x, size_t first) {
  const Dims& axes = std::get<AxesAttr>(spec.attr).axes;
  check_axes(spec, axes, x->rank());
  if (axes.size() != spec.inputs.size() - first)
    reject(spec, ErrorKind::Shape,
           fmt::format("{} axes {} with {} index operands", axes.size(), str(axes), spec.inputs.size() - first),
           "one index operand per axis");
  const Shape& places = spec.inputs[first]->shape();
  for (size_t i = first; i < spec.inputs.size(); ++i) {
    const Node* index = spec.inputs[i];
    if (index->dtype() != kInt64)
      reject(spec, ErrorKind::DType, fmt::format("indices are int64, not {}", describe(index)), "cast them first");
    if (index->shape() != places)
      reject(spec, ErrorKind::Shape,
             fmt::format("indices {} and {} differ in shape", describe(spec.inputs[first]), describe(index)),
             "expand them to one shape");
  }
  Shape out = places;
  for (int64_t size : without_axes(x->shape(), axes)) out.push_back(size);
  return out;
}

}  // namespace

Inferred infer_indexed(const NodeSpec& spec) {
  const Node* x = spec.inputs[0];
  if (spec.op == Op::gather) return {x->dtype(), indexed_shape(spec, x, 1), x->device()};
  const Node* values = spec.inputs[1];
  if (values->dtype() != x->dtype())
    reject(spec, ErrorKind::DType, fmt::format("operands {} and {} differ in type", describe(x), describe(values)),
           "cast the values first");
  if (is_bool(x->dtype()) && spec.op != Op::scatter)
    reject(spec, ErrorKind::DType, fmt::format("takes integers and floats, not {}", describe(x)),
           "cast the operands first");
  const Shape wanted = indexed_shape(spec, x, 2);
  if (values->shape() != wanted)
    reject(spec, ErrorKind::Shape, fmt::format("the values are {}, not of shape {}", describe(values), str(wanted)),
           "the shape of the indices, then the axes of the first operand that have none");
  return {x->dtype(), x->shape(), x->device()};
}

Inferred infer_order(const NodeSpec& spec) {
  const Node* x = spec.inputs[0];
  if (x->rank() == 0)
    reject(spec, ErrorKind::Shape, fmt::format("orders along the last axis; {} has none", describe(x)),
           "reshape it to one axis");
  if (is_bool(x->dtype()) || is_half(x->dtype()))
    reject(spec, ErrorKind::DType, fmt::format("takes integers, float32 and float64, not {}", describe(x)),
           "cast it first");
  return {kInt64, x->shape(), x->device()};
}

}  // namespace lazuli::ir
