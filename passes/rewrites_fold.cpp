// Folding: what is known when the graph is built is computed there, by the reference interpreter.
#include <bit>

#include "ir/interpret.h"
#include "lazuli/base/half.h"
#include "passes/rewrites.h"

namespace lazuli::passes {

using ir::Node;
using ir::NodeRef;
using ir::Op;

std::optional<uint64_t> uniform_bits(const Node* n) {
  constexpr int kMaxViews = 64;  // longer chains are merged first; walking them from every user would be quadratic
  for (int i = 0; i < kMaxViews; ++i) {
    switch (n->op()) {
      case Op::constant:
        return n->attr_as<ir::ConstantAttr>().bits;
      case Op::expand:
      case Op::reshape:
      case Op::permute:
      case Op::slice:
      case Op::flip:
      case Op::windows:
        n = n->input(0);
        break;
      default:
        return std::nullopt;
    }
  }
  return std::nullopt;
}

uint64_t number_bits(DType dtype, double v) {
  switch (dtype) {
    case kFloat16:
      return float_to_half_bits(static_cast<float>(v));
    case kBFloat16:
      return float_to_bfloat16_bits(static_cast<float>(v));
    case kFloat32:
      return std::bit_cast<uint32_t>(static_cast<float>(v));
    case kFloat64:
      return std::bit_cast<uint64_t>(v);
    case kBool:
      return v != 0;
    default:
      break;
  }
  const uint64_t bits = static_cast<uint64_t>(static_cast<int64_t>(v));
  const size_t width = 8 * itemsize(dtype);
  return width == 64 ? bits : bits & ((uint64_t{1} << width) - 1);
}

bool is_uniform(const Node* n, double v) {
  const std::optional<uint64_t> bits = uniform_bits(n);
  return bits && *bits == number_bits(n->dtype(), v);
}

double float_value(DType dtype, uint64_t bits) {
  switch (dtype) {
    case kFloat16:
      return half_bits_to_float(static_cast<uint16_t>(bits));
    case kBFloat16:
      return bfloat16_bits_to_float(static_cast<uint16_t>(bits));
    case kFloat32:
      return std::bit_cast<float>(static_cast<uint32_t>(bits));
    default:
      return std::bit_cast<double>(bits);
  }
}

const Node* beside(const Node* n, double v) {
  if (is_uniform(n->input(1), v)) return n->input(0);
  if (is_uniform(n->input(0), v)) return n->input(1);
  return nullptr;
}

namespace {

/// A value without elements needs no computation, whatever it is.
NodeRef empty(const Node* n, Rewriter& r) {
  return n->numel() == 0 ? r.full(n->dtype(), 0, n->shape()) : nullptr;
}

/// f(c, d, ...) on uniform constants; left alone where a check fails, so that the error stays one of evaluation.
NodeRef fold_uniform(const Node* n, Rewriter& r) {
  std::vector<NodeRef> scalars;
  std::vector<ir::HostArray> values;
  for (const Node* input : n->inputs()) {
    const std::optional<uint64_t> bits = uniform_bits(input);
    if (!bits) return nullptr;
    scalars.push_back(r.constant(input->dtype(), *bits));
    ir::HostArray& value = values.emplace_back();
    value.dtype = input->dtype();
    value.bytes.resize(itemsize(value.dtype));
    value.set_bits(0, *bits);
  }
  std::vector<const ir::HostArray*> operands;
  for (const ir::HostArray& value : values) operands.push_back(&value);
  const NodeRef scalar = n->op() == Op::cast ? r.cast(scalars[0].get(), n->dtype()) : r.rebuild(n, scalars);
  try {
    return r.full(n->dtype(), ir::interpret_node(scalar.get(), operands).bits(0), n->shape());
  } catch (const Error& e) {
    if (ir::is_failed_check(e)) return nullptr;
    throw;
  }
}

/// f(expand a, expand b) = expand f(a, b), where the operands' sources broadcast to something smaller than the result.
/// Ops that may fail stay: the error names an element of the result.
NodeRef compute_before_expand(const Node* n, Rewriter& r) {
  if (n->op() != Op::cast && (ir::info(n->op()).flags & ir::kChecked) && !is_floating(n->dtype())) return nullptr;
  ir::Shape small;
  for (const Node* input : n->inputs()) {
    if (input->op() == Op::expand) {
      const std::optional<ir::Shape> both = ir::broadcast(small, input->input(0)->shape());
      if (!both) return nullptr;
      small = *both;
    } else if (input->rank() > 0) {
      return nullptr;
    }
  }
  if (ir::numel(small) >= n->numel()) return nullptr;
  std::vector<NodeRef> inputs;
  for (const Node* input : n->inputs())
    inputs.push_back(r.expand(input->op() == Op::expand ? input->input(0) : input, small));
  const NodeRef inner = n->op() == Op::cast ? r.cast(inputs[0].get(), n->dtype()) : r.rebuild(n, inputs);
  return r.expand(inner.get(), n->shape());
}

template <class Keep>
std::vector<Rule> rules_for(Keep keep,
                            std::initializer_list<std::pair<std::string_view, decltype(Rule::apply)>> rules) {
  std::vector<Rule> table;
  for (int i = 0; i < ir::op_count(); ++i)
    if (keep(static_cast<Op>(i)))
      for (const auto& [name, apply] : rules) table.push_back({name, static_cast<Op>(i), apply});
  return table;
}

}  // namespace

std::span<const Rule> empty_rules() {
  static const std::vector<Rule> rules =
      rules_for([](Op op) { return op != Op::constant && op != Op::data && op != Op::argument; }, {{"empty", empty}});
  return rules;
}

std::span<const Rule> fold_rules() {
  static const std::vector<Rule> rules =
      rules_for([](Op op) { return (ir::is_elementwise(op) && op != Op::barrier) || op == Op::cast; },
                {{"fold-uniform", fold_uniform}, {"compute-before-expand", compute_before_expand}});
  return rules;
}

}  // namespace lazuli::passes
