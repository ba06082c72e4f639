// Short ways to make graphs in the tests of this folder.
#pragma once
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ir/graph.h"

namespace lazuli::passes::testing {

inline ir::NodeRef data(ir::Interner& in, DType dtype, ir::Shape shape) {
  return in.make({.op = ir::Op::data,
                  .inputs = {},
                  .attr = ir::LeafAttr{in.next_leaf_id()},
                  .dtype = dtype,
                  .shape = std::move(shape),
                  .device = kCPU,
                  .payload = nullptr,
                  .origin = {}});
}
inline ir::NodeRef node(ir::Interner& in, ir::Op op, std::initializer_list<ir::NodeRef> inputs,
                        ir::Attr attr = ir::NoAttr{}, ir::Shape shape = {}, DType dtype = kFloat32) {
  ir::NodeSpec spec{.op = op,
                    .inputs = {},
                    .attr = std::move(attr),
                    .dtype = dtype,
                    .shape = std::move(shape),
                    .device = kCPU,
                    .payload = nullptr,
                    .origin = {}};
  for (const ir::NodeRef& input : inputs) spec.inputs.push_back(input.get());
  return in.make(std::move(spec));
}

}  // namespace lazuli::passes::testing
