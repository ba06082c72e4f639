// The text form of a graph: one line per node, parse(print(g)) == g.
//
//   graph {
//     %0 = data : float32[2, 3] @cpu            // "data", "argument": leaves, numbered in order of appearance
//     %1 = constant 0.5 : float32[]
//     %2 = expand %1 : float32[2, 3]
//     %3 = add %0, %2 : float32[2, 3]           // loc("main.cpp":12)
//     %4 = sum %3 {axes = [1]} : float32[2]
//     return %4
//   }
#pragma once
#include <string>
#include <string_view>

#include "ir/graph.h"

namespace lazuli::ir {

struct PrintOptions {
  bool locations = false;
};
std::string print(const Graph& g, const PrintOptions& options = {});
/// One line: "add %0, %1 : float32[2, 3]" with operands named by `name`.
std::string print_node(const Node* n, const std::function<std::string(const Node*)>& name);
/// Graphviz.
std::string print_dot(const Graph& g);

/// Throws Error(Parse) "line:column: ..." on malformed text; every op is checked as by make().
Graph parse(std::string_view text, Interner& interner);

}  // namespace lazuli::ir
