// infer(): what every op has in common, then the rule of its family.
#include "ir/infer.h"

#include <fmt/format.h>

#include "ir/ops/rules.h"

namespace lazuli::ir {
namespace {

/// Position in the variant of the attribute that the op carries.
size_t attr_index(Op op) {
  switch (op) {
    case Op::constant:
      return Attr(ConstantAttr{}).index();
    case Op::data:
    case Op::argument:
    case Op::variable:
    case Op::barrier:
      return Attr(LeafAttr{}).index();
    case Op::iota:
    case Op::permute:
    case Op::flip:
    case Op::concat:
      return Attr(AxesAttr{}).index();
    case Op::slice:
    case Op::slice_update:
      return Attr(SliceAttr{}).index();
    case Op::pad:
      return Attr(PadAttr{}).index();
    case Op::dot_general:
      return Attr(DotAttr{}).index();
    case Op::windows:
    case Op::fold:
    case Op::convolution:
      return Attr(WindowAttr{}).index();
    default:
      break;
  }
  switch (family(op)) {
    case Family::Indexed:
    case Family::Scan:
    case Family::Reduce:
      return Attr(AxesAttr{}).index();
    case Family::Attention:
    case Family::Composite:
      return Attr(CompositeAttr{}).index();
    case Family::Custom:
      return Attr(CustomAttr{}).index();
    default:
      return Attr(NoAttr{}).index();
  }
}

void check_arity(const NodeSpec& spec) {
  const OpInfo& op = info(spec.op);
  const int count = static_cast<int>(spec.inputs.size());
  if (count >= op.min_arity && (op.max_arity < 0 || count <= op.max_arity)) return;
  std::string wanted = fmt::format("{}", op.min_arity);
  if (op.max_arity < 0)
    wanted += " or more";
  else if (op.max_arity != op.min_arity)
    wanted += fmt::format(" to {}", op.max_arity);
  reject(spec, ErrorKind::Value, fmt::format("takes {} operand{}, not {}", wanted, wanted == "1" ? "" : "s", count));
}

Inferred infer_family(const NodeSpec& spec) {
  switch (family(spec.op)) {
    case Family::Leaf:
      return infer_leaf(spec);
    case Family::Elementwise:
      return infer_elementwise(spec);
    case Family::Cast:
      return infer_cast(spec);
    case Family::Movement:
      return infer_movement(spec);
    case Family::Indexed:
      return infer_indexed(spec);
    case Family::Order:
      return infer_order(spec);
    case Family::Scan:
      return infer_scan(spec);
    case Family::Reduce:
      return infer_reduce(spec);
    case Family::Contract:
      return infer_contract(spec);
    case Family::Attention:
      return infer_attention(spec);
    case Family::Composite:
      if (spec.op == Op::fold || spec.op == Op::convolution) return infer_window(spec);
      return infer_composite(spec);
    case Family::Custom:
      return infer_custom(spec);
    case Family::Transfer:
      return {spec.inputs[0]->dtype(), spec.inputs[0]->shape(), spec.device};
  }
  reject(spec, ErrorKind::Internal, "has no family");
}

}  // namespace

Inferred infer(const NodeSpec& spec) {
  for (const Node* input : spec.inputs)
    if (!input) reject(spec, ErrorKind::Internal, "has a null operand");
  check_arity(spec);
  if (spec.attr.index() != attr_index(spec.op)) reject(spec, ErrorKind::Internal, "has the wrong kind of attribute");
  for (const Node* input : spec.inputs)
    if (input->device() != spec.inputs[0]->device())
      reject(spec, ErrorKind::Device,
             fmt::format("operands are on {} and {}", spec.inputs[0]->device().str(), input->device().str()),
             "move one of them with to()");
  Inferred result = infer_family(spec);
  if (!is_supported(result.dtype))
    reject(spec, ErrorKind::Unsupported, fmt::format("element type {} is not supported", name(result.dtype)));
  result.device =
      family(spec.op) == Family::Leaf || family(spec.op) == Family::Transfer ? spec.device : spec.inputs[0]->device();
  check_shape(spec, result.dtype, result.shape);
  return result;
}

void reject(const NodeSpec& spec, ErrorKind kind, const std::string& text, std::string hint) {
  throw Error(kind, fmt::format("{}: {}", name(spec.op), text), std::move(hint), spec.origin);
}

std::string describe(const Node* n) {
  return fmt::format("{}{}", name(n->dtype()), str(n->shape()));
}

std::string describe_operands(const NodeSpec& spec) {
  std::string text;
  for (size_t i = 0; i < spec.inputs.size(); ++i) {
    if (i != 0) text += i + 1 == spec.inputs.size() ? " and " : ", ";
    text += describe(spec.inputs[i]);
  }
  return text;
}

void check_shape(const NodeSpec& spec, DType dtype, const Shape& shape) {
  if (shape.size() > kMaxRank)
    reject(spec, ErrorKind::Shape, fmt::format("a tensor has at most {} axes, not {}", kMaxRank, shape.size()));
  for (int64_t d : shape)
    if (d < 0) reject(spec, ErrorKind::Shape, fmt::format("shape {} has a negative size", str(shape)));
  const std::optional<int64_t> count = checked_numel(shape);
  int64_t bytes = 0;
  if (!count || __builtin_mul_overflow(*count, static_cast<int64_t>(itemsize(dtype)), &bytes))
    reject(spec, ErrorKind::Shape, fmt::format("{}{} has more than 2^63 - 1 bytes", name(dtype), str(shape)));
}

void check_axes(const NodeSpec& spec, const Dims& axes, size_t rank) {
  for (size_t i = 0; i < axes.size(); ++i) {
    if (axes[i] < 0 || axes[i] >= static_cast<int64_t>(rank))
      reject(spec, ErrorKind::Shape,
             fmt::format("axis {} is not an axis of {}", axes[i],
                         spec.inputs.empty() ? str(spec.shape) : describe(spec.inputs[0])),
             fmt::format("axes go from 0 to {}", static_cast<int64_t>(rank) - 1));
    if (i != 0 && axes[i] <= axes[i - 1])
      reject(spec, ErrorKind::Shape, fmt::format("axes {} are not ascending and distinct", str(axes)));
  }
}

Shape without_axes(const Shape& shape, const Dims& axes) {
  Shape rest;
  for (size_t i = 0; i < shape.size(); ++i)
    if (std::find(axes.begin(), axes.end(), static_cast<int64_t>(i)) == axes.end()) rest.push_back(shape[i]);
  return rest;
}

}  // namespace lazuli::ir
