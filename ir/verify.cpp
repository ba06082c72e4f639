// verify(): recomputes every node with infer() and compares.
#include "ir/verify.h"

#include <fmt/format.h>

#include "ir/infer.h"
#include "ir/text.h"

namespace lazuli::ir {
namespace {

/// Operands are shown by op only: a broken graph is not walked again. An attribute of the wrong kind has no text.
std::string shown(const Node* n) {
  try {
    return print_node(n, [](const Node* input) { return std::string(name(input->op())); });
  } catch (const std::bad_variant_access&) {
    return std::string(name(n->op()));
  }
}

[[noreturn]] void fail(const Node* n, size_t position, const std::string& rule) {
  throw Error(ErrorKind::Internal, fmt::format("illegal graph: node {} ({}): {}", position, shown(n), rule), {},
              n->origin());
}

void verify_node(const Node* n, size_t position) {
  NodeSpec spec{.op = n->op(),
                .inputs = {},
                .attr = n->attr(),
                .dtype = n->dtype(),
                .shape = n->shape(),
                .device = n->device(),
                .payload = nullptr,
                .origin = n->origin()};
  for (const Node* input : n->inputs()) spec.inputs.push_back(input);
  Inferred type{};
  try {
    type = infer(spec);
  } catch (const Error& e) {
    fail(n, position, e.message());
  }
  if (type.dtype != n->dtype())
    fail(n, position, fmt::format("dtype is {}, inferred {}", name(n->dtype()), name(type.dtype)));
  if (type.shape != n->shape())
    fail(n, position, fmt::format("shape is {}, inferred {}", str(n->shape()), str(type.shape)));
  if (type.device != n->device())
    fail(n, position, fmt::format("device is {}, inferred {}", n->device().str(), type.device.str()));
  if (n->numel() != numel(n->shape()))
    fail(n, position, fmt::format("has {} elements by its shape, {} by its count", numel(n->shape()), n->numel()));
  if (n->use_count() == 0) fail(n, position, "is in a graph and has no references");
}

}  // namespace

void verify(const Graph& g) {
  const std::vector<const Node*> order = topological_order(g);
  for (size_t i = 0; i < order.size(); ++i) verify_node(order[i], i);
}

}  // namespace lazuli::ir
