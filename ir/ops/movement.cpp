// Rules of movement ops: they rearrange elements and compute nothing.
#include <fmt/format.h>

#include "ir/ops/rules.h"

namespace lazuli::ir {
namespace {

void check_rank(const NodeSpec& spec, std::string_view what, size_t got, size_t rank) {
  if (got != rank)
    reject(spec, ErrorKind::Shape, fmt::format("{} has {} entries for {}", what, got, describe(spec.inputs[0])),
           fmt::format("one entry per axis, so {}", rank));
}

Shape reshape_shape(const NodeSpec& spec) {
  check_shape(spec, spec.inputs[0]->dtype(), spec.shape);
  if (numel(spec.shape) != spec.inputs[0]->numel())
    reject(spec, ErrorKind::Shape,
           fmt::format("{} has {} elements, shape {} has {}", describe(spec.inputs[0]), spec.inputs[0]->numel(),
                       str(spec.shape), numel(spec.shape)));
  return spec.shape;
}

Shape permute_shape(const NodeSpec& spec) {
  const Dims& axes = std::get<AxesAttr>(spec.attr).axes;
  const Shape& in = spec.inputs[0]->shape();
  check_rank(spec, "the permutation", axes.size(), in.size());
  uint64_t seen = 0;
  Shape out;
  for (int64_t a : axes) {
    if (a < 0 || a >= static_cast<int64_t>(in.size()) || (seen >> a & 1) != 0)
      reject(
          spec, ErrorKind::Shape,
          fmt::format("{} is not a permutation of the {} axes of {}", str(axes), in.size(), describe(spec.inputs[0])));
    seen |= uint64_t{1} << a;
    out.push_back(in[static_cast<size_t>(a)]);
  }
  return out;
}

Shape expand_shape(const NodeSpec& spec) {
  check_shape(spec, spec.inputs[0]->dtype(), spec.shape);
  const Shape& in = spec.inputs[0]->shape();
  bool fits = spec.shape.size() >= in.size();
  for (size_t i = 0; fits && i < in.size(); ++i)
    fits = in[i] == 1 || in[i] == spec.shape[spec.shape.size() - in.size() + i];
  if (!fits)
    reject(spec, ErrorKind::Shape, fmt::format("{} does not expand to {}", describe(spec.inputs[0]), str(spec.shape)),
           "aligned at the last axis, every size must be 1 or equal");
  return spec.shape;
}

/// Every element of the slice lies inside the operand.
void check_slice(const NodeSpec& spec, const Shape& sizes) {
  const SliceAttr& slice = std::get<SliceAttr>(spec.attr);
  const Shape& in = spec.inputs[0]->shape();
  check_rank(spec, "start", slice.start.size(), in.size());
  check_rank(spec, "step", slice.step.size(), in.size());
  check_rank(spec, "the slice's shape", sizes.size(), in.size());
  for (size_t d = 0; d < in.size(); ++d) {
    if (slice.step[d] < 1)
      reject(spec, ErrorKind::Value, fmt::format("step {} on axis {} is not positive", slice.step[d], d),
             "use flip to go backwards");
    if (sizes[d] < 0) reject(spec, ErrorKind::Shape, fmt::format("size {} on axis {} is negative", sizes[d], d));
    int64_t last = 0;
    bool inside = slice.start[d] >= 0 && slice.start[d] <= in[d];
    if (inside && sizes[d] > 0)
      inside = !__builtin_mul_overflow(sizes[d] - 1, slice.step[d], &last) &&
               !__builtin_add_overflow(last, slice.start[d], &last) && last < in[d];
    if (!inside)
      reject(spec, ErrorKind::Index,
             fmt::format("{} elements from {} by {} leave axis {} of {}", sizes[d], slice.start[d], slice.step[d], d,
                         describe(spec.inputs[0])));
  }
}

Shape pad_shape(const NodeSpec& spec) {
  const PadAttr& pad = std::get<PadAttr>(spec.attr);
  const Node *x = spec.inputs[0], *value = spec.inputs[1];
  if (value->rank() != 0 || value->dtype() != x->dtype())
    reject(spec, ErrorKind::DType,
           fmt::format("the padding of {} is {}[], not {}", describe(x), name(x->dtype()), describe(value)));
  check_rank(spec, "low", pad.low.size(), x->rank());
  check_rank(spec, "high", pad.high.size(), x->rank());
  Shape out = x->shape();
  for (size_t d = 0; d < out.size(); ++d) {
    if (pad.low[d] < 0 || pad.high[d] < 0)
      reject(spec, ErrorKind::Value,
             fmt::format("padding {} before and {} after axis {} is negative", pad.low[d], pad.high[d], d),
             "use slice to cut elements off");
    if (__builtin_add_overflow(out[d], pad.low[d], &out[d]) || __builtin_add_overflow(out[d], pad.high[d], &out[d]))
      reject(spec, ErrorKind::Shape, fmt::format("axis {} of {} grows beyond 2^63 - 1", d, describe(x)));
  }
  return out;
}

Shape concat_shape(const NodeSpec& spec) {
  const Dims& axes = std::get<AxesAttr>(spec.attr).axes;
  if (axes.size() != 1) reject(spec, ErrorKind::Shape, fmt::format("takes one axis, not {}", axes.size()));
  check_axes(spec, axes, spec.inputs[0]->rank());
  const size_t axis = static_cast<size_t>(axes[0]);
  Shape out = spec.inputs[0]->shape();
  for (size_t i = 1; i < spec.inputs.size(); ++i) {
    const Node* x = spec.inputs[i];
    if (x->dtype() != spec.inputs[0]->dtype())
      reject(spec, ErrorKind::DType,
             fmt::format("operand {} is {}, operand 0 is {}", i, describe(x), describe(spec.inputs[0])),
             "cast them to one type");
    bool fits = x->rank() == out.size();
    for (size_t d = 0; fits && d < out.size(); ++d) fits = d == axis || x->shape()[d] == out[d];
    if (!fits)
      reject(spec, ErrorKind::Shape,
             fmt::format("operand {} is {}, operand 0 is {}", i, describe(x), describe(spec.inputs[0])),
             fmt::format("only axis {} may differ", axis));
    if (__builtin_add_overflow(out[axis], x->shape()[axis], &out[axis]))
      reject(spec, ErrorKind::Shape, fmt::format("axis {} grows beyond 2^63 - 1", axis));
  }
  return out;
}

Shape slice_update_shape(const NodeSpec& spec) {
  if (spec.inputs[0]->dtype() != spec.inputs[1]->dtype())
    reject(spec, ErrorKind::DType, fmt::format("operands {} differ in type", describe_operands(spec)),
           "cast the update first");
  check_slice(spec, spec.inputs[1]->shape());
  return spec.inputs[0]->shape();
}

Shape flip_shape(const NodeSpec& spec) {
  check_axes(spec, std::get<AxesAttr>(spec.attr).axes, spec.inputs[0]->rank());
  return spec.inputs[0]->shape();
}

Shape slice_shape(const NodeSpec& spec) {
  check_slice(spec, spec.shape);
  return spec.shape;
}

Shape result_shape(const NodeSpec& spec) {
  switch (spec.op) {
    case Op::reshape:
      return reshape_shape(spec);
    case Op::permute:
      return permute_shape(spec);
    case Op::expand:
      return expand_shape(spec);
    case Op::slice:
      return slice_shape(spec);
    case Op::flip:
      return flip_shape(spec);
    case Op::pad:
      return pad_shape(spec);
    case Op::concat:
      return concat_shape(spec);
    case Op::slice_update:
      return slice_update_shape(spec);
    default:
      reject(spec, ErrorKind::Internal, "has no shape rule");
  }
}

}  // namespace

Inferred infer_movement(const NodeSpec& spec) {
  if (spec.op == Op::windows) return infer_window(spec);
  return {spec.inputs[0]->dtype(), result_shape(spec), spec.inputs[0]->device()};
}

}  // namespace lazuli::ir
