// Rules of leaves: nodes that read no tensor (random_bits reads its two host scalars).
#include <fmt/format.h>

#include "ir/ops/rules.h"

namespace lazuli::ir {
namespace {

void check_scalar_shape(const NodeSpec& spec) {
  if (!spec.shape.empty())
    reject(spec, ErrorKind::Shape, fmt::format("is 0-d, not of shape {}", str(spec.shape)),
           "use expand to give it a shape");
}

void check_constant(const NodeSpec& spec) {
  check_scalar_shape(spec);
  const uint64_t bits = std::get<ConstantAttr>(spec.attr).bits;
  const size_t width = is_bool(spec.dtype) ? 1 : 8 * itemsize(spec.dtype);
  if (width < 64 && bits >> width != 0)
    reject(spec, ErrorKind::Value, fmt::format("bits {:#x} do not fit {}", bits, name(spec.dtype)));
}

void check_iota(const NodeSpec& spec) {
  if (is_bool(spec.dtype)) reject(spec, ErrorKind::DType, "bool cannot count", "make it an integer and compare");
  const Dims& axes = std::get<AxesAttr>(spec.attr).axes;
  if (axes.size() != 1) reject(spec, ErrorKind::Shape, fmt::format("takes one axis, not {}", axes.size()));
  check_axes(spec, axes, spec.shape.size());
}

void check_random_bits(const NodeSpec& spec) {
  for (const Node* input : spec.inputs)
    if (input->rank() != 0 || input->dtype() != kInt64)
      reject(spec, ErrorKind::DType, fmt::format("seed and offset are int64[], not {}", describe_operands(spec)));
  if (spec.device != spec.inputs[0]->device())
    reject(spec, ErrorKind::Device,
           fmt::format("is on {}, its seed and offset on {}", spec.device.str(), spec.inputs[0]->device().str()));
}

}  // namespace

Inferred infer_leaf(const NodeSpec& spec) {
  if (!is_supported(spec.dtype))
    reject(spec, ErrorKind::Unsupported, fmt::format("element type {} is not supported", name(spec.dtype)));
  switch (spec.op) {
    case Op::argument:
      check_scalar_shape(spec);
      break;
    case Op::constant:
      check_constant(spec);
      break;
    case Op::iota:
      check_iota(spec);
      break;
    case Op::random_bits:
      check_random_bits(spec);
      return {kInt32, spec.shape, spec.device};
    default:
      break;
  }
  return {spec.dtype, spec.shape, spec.device};
}

}  // namespace lazuli::ir
