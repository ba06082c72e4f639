// Rules of composite ops. What they compute is their expansion into primitives (ir/expand.h). And of custom_result.
#include <fmt/format.h>

#include <cmath>

#include "ir/ops/rules.h"

namespace lazuli::ir {
namespace {

/// softmax and log_softmax: one axis.
void check_one_axis(const NodeSpec& spec, const Dims& axes) {
  if (axes.size() != 1) reject(spec, ErrorKind::Shape, fmt::format("takes one axis, not {}", axes.size()));
}

/// layer_norm: the axes are the last ones, weight and bias have their shape.
void check_layer_norm(const NodeSpec& spec, const Dims& axes) {
  const Node* x = spec.inputs[0];
  const size_t lead = x->rank() - axes.size();
  if (axes.empty() || axes[0] != static_cast<int64_t>(lead))
    reject(spec, ErrorKind::Shape, fmt::format("axes {} are not the last axes of {}", str(axes), describe(x)));
  const Shape row(std::span<const int64_t>(x->shape()).subspan(lead));
  for (size_t i = 1; i < spec.inputs.size(); ++i) {
    const Node* w = spec.inputs[i];
    if (w->shape() != row || w->dtype() != x->dtype())
      reject(
          spec, w->shape() != row ? ErrorKind::Shape : ErrorKind::DType,
          fmt::format("the {} is {}, not {}{}", i == 1 ? "weight" : "bias", describe(w), name(x->dtype()), str(row)));
  }
}

}  // namespace

Inferred infer_composite(const NodeSpec& spec) {
  const Node* x = spec.inputs[0];
  const CompositeAttr& attr = std::get<CompositeAttr>(spec.attr);
  check_axes(spec, attr.axes, x->rank());
  if (!is_floating(x->dtype()))
    reject(spec, ErrorKind::DType, fmt::format("takes floats, not {}", describe(x)), "cast to a float type first");
  if (!std::isfinite(attr.number))
    reject(spec, ErrorKind::Value, fmt::format("its number {} is not finite", attr.number));
  const bool numbered = spec.op == Op::var || spec.op == Op::layer_norm;
  if (!numbered && std::bit_cast<uint64_t>(attr.number) != 0)
    reject(spec, ErrorKind::Internal, "has a number that it does not take");
  Shape shape = x->shape();
  switch (spec.op) {
    case Op::mean:
    case Op::var:
    case Op::logsumexp:
    case Op::pick_max:
      shape = without_axes(shape, attr.axes);
      break;
    case Op::softmax:
    case Op::log_softmax:
      check_one_axis(spec, attr.axes);
      break;
    case Op::layer_norm:
      check_layer_norm(spec, attr.axes);
      break;
    default:
      reject(spec, ErrorKind::Internal, "has no rule");
  }
  return {x->dtype(), std::move(shape), x->device()};
}

Inferred infer_custom(const NodeSpec& spec) {
  if (std::get<CustomAttr>(spec.attr).result < 0)
    reject(spec, ErrorKind::Value,
           fmt::format("results are numbered from 0, not {}", std::get<CustomAttr>(spec.attr).result));
  const Node* value = spec.inputs[0];
  return {value->dtype(), value->shape(), value->device()};
}

}  // namespace lazuli::ir
