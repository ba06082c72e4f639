// What an op costs per element, in primitives: one measure for deciding on kernels and for what they are said to cost.
#pragma once
#include <unordered_map>

#include "ir/node.h"

namespace lazuli::passes {

/// Per op and dtypes, looked up once.
class OpCosts {
 public:
  /// Primitives per element: what is compiled.
  double of(const ir::Node* n) { return look_up(n).primitives; }
  /// The same in units of the time that a cheap primitive takes: divisions and roots take that of several.
  double work(const ir::Node* n) { return look_up(n).work; }

 private:
  struct Known {
    double primitives = 0, work = 0;
  };
  Known look_up(const ir::Node* n);

  std::unordered_map<uint32_t, Known> known_;
};

}  // namespace lazuli::passes
