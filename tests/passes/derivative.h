// Checks derivatives of a graph over float64 leaves: vjp and jvp against each other and against central differences, to
// the second order, along random directions. By the interpreter, for tests and for the fuzzer.
#pragma once
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "ir/node.h"

namespace lazuli::testing {

/// Elements of data leaves, as double whatever their type.
using Values = std::unordered_map<const ir::Node*, std::vector<double>>;

/// A reproducible number in [lo, hi].
double uniform(uint64_t& state, double lo, double hi);
/// One for each element of `n`.
std::vector<double> uniforms(uint64_t& state, const ir::Node* n, double lo, double hi);

/// Elements of a float64 node. Leaves that are not in `values` have elements of their own.
std::vector<double> evaluate(const ir::NodeRef& n, const Values& values);

struct DerivativeOptions {
  int orders = 2;
  double tolerance = 1e-7;
  bool estimate = false;  // judge only as well as differences of two steps agree
};

/// What is wrong with the derivatives of `y` with respect to `leaves` (float64), if anything. `values` has the elements
/// of every leaf below `y`.
std::optional<std::string> check_derivatives(ir::Interner& interner, const ir::NodeRef& y,
                                             const std::vector<ir::NodeRef>& leaves, Values values, uint64_t seed,
                                             const DerivativeOptions& options = {});

}  // namespace lazuli::testing
