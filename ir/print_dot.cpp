// Graph -> Graphviz: nodes as boxes with op and type, operands as edges, outputs doubly framed.
#include <fmt/format.h>

#include <set>

#include "ir/text.h"

namespace lazuli::ir {
namespace {

std::string escaped(std::string_view text) {
  std::string out;
  for (char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out;
}

}  // namespace

std::string print_dot(const Graph& g) {
  const std::vector<const Node*> order = topological_order(g);
  const NodeIndex index = index_of(order);
  std::set<const Node*> outputs;
  for (const NodeRef& output : g.outputs) outputs.insert(output.get());
  fmt::memory_buffer out;
  const auto put = std::back_inserter(out);
  fmt::format_to(put, "digraph lazuli {{\n  node [shape=box, fontname=monospace];\n");
  for (const Node* n : order) {
    std::string line = print_node(n, [&](const Node* input) { return fmt::format("%{}", index.at(input)); });
    fmt::format_to(put, "  n{0} [label=\"%{0} = {1}\"{2}];\n", index.at(n), escaped(line),
                   outputs.count(n) ? ", peripheries=2" : "");
    for (const Node* input : n->inputs()) fmt::format_to(put, "  n{} -> n{};\n", index.at(input), index.at(n));
  }
  fmt::format_to(put, "}}\n");
  return fmt::to_string(out);
}

}  // namespace lazuli::ir
