// Short ways to make graphs with data and to run them, for the tests of this folder.
#pragma once
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "ir/interpret.h"
#include "runtime/context.h"
#include "runtime/executor.h"

namespace lazuli::runtime::testing {

using ir::NodeRef;
using ir::Op;

template <class T>
constexpr DType dtype_of() {
  if constexpr (std::is_same_v<T, bool>) return kBool;
  if constexpr (std::is_same_v<T, int32_t>) return kInt32;
  if constexpr (std::is_same_v<T, int64_t>) return kInt64;
  if constexpr (std::is_same_v<T, double>) return kFloat64;
  return kFloat32;
}

/// A context of its own, with its warnings kept.
struct Runtime {
  explicit Runtime(Settings settings = {})
      : context(std::move(settings), [this](LogLevel, std::string_view text) { logged += std::string(text) + "\n"; }) {}

  std::string logged;
  Context context;

  NodeRef make(Op op, std::initializer_list<NodeRef> inputs, ir::Attr attr = ir::NoAttr{}, ir::Shape shape = {},
               DType dtype = kFloat32, Location origin = Location::current()) {
    ir::NodeSpec spec{.op = op, .attr = std::move(attr), .dtype = dtype, .shape = std::move(shape), .origin = origin};
    for (const NodeRef& input : inputs) spec.inputs.push_back(input.get());
    return context.interner().make(std::move(spec));
  }
  NodeRef leaf(DType dtype, ir::Shape shape, std::shared_ptr<Buffer> buffer) {
    return context.interner().make({.op = Op::data,
                                    .attr = ir::LeafAttr{context.interner().next_leaf_id()},
                                    .dtype = dtype,
                                    .shape = std::move(shape),
                                    .payload = std::move(buffer)});
  }
  template <class T>
  NodeRef data(ir::Shape shape, const std::vector<T>& values) {
    auto buffer = context.allocator().allocate(static_cast<int64_t>(values.size() * sizeof(T)));
    if (!values.empty()) std::memcpy(buffer->data(), values.data(), values.size() * sizeof(T));
    return leaf(dtype_of<T>(), std::move(shape), std::move(buffer));
  }
  /// Uneven numbers in [-2, 2).
  NodeRef numbers(ir::Shape shape, uint32_t seed = 1) {
    std::vector<float> v(static_cast<size_t>(ir::numel(shape)));
    for (float& x : v) x = static_cast<float>(static_cast<int32_t>(seed = seed * 1664525u + 1013904223u)) * 0x1p-30f;
    return data<float>(std::move(shape), v);
  }
  NodeRef argument(float v) {
    return context.interner().make({.op = Op::argument,
                                    .attr = ir::LeafAttr{context.interner().next_leaf_id()},
                                    .dtype = kFloat32,
                                    .payload = std::make_shared<ScalarPayload>(std::bit_cast<uint32_t>(v))});
  }
  NodeRef constant(float v) { return make(Op::constant, {}, ir::ConstantAttr{std::bit_cast<uint32_t>(v)}); }
  NodeRef expand(const NodeRef& x, ir::Shape shape) { return make(Op::expand, {x}, ir::NoAttr{}, std::move(shape)); }

  EvalResult run(std::vector<NodeRef> outputs, EvalOptions options = {}, std::vector<const ir::Node*> donated = {},
                 std::vector<std::shared_ptr<Buffer>> targets = {}) {
    return evaluate(context, {.graph = {std::move(outputs)},
                              .donated = std::move(donated),
                              .targets = std::move(targets),
                              .options = std::move(options)});
  }
  uint64_t compiled() { return context.kernels().stats().compiled; }
};

inline std::shared_ptr<Buffer> buffer_of(const NodeRef& leaf) {
  return std::dynamic_pointer_cast<Buffer>(leaf->payload());
}

template <class T>
std::vector<T> values(const Buffer& b, int64_t count = -1) {
  const T* p = static_cast<const T*>(b.data());
  return {p, p + (count >= 0 ? count : b.bytes() / static_cast<int64_t>(sizeof(T)))};
}

/// Expects that the results are those of the interpreter, bit for bit.
inline void expect_interpreted(const std::vector<NodeRef>& outputs, const EvalResult& result) {
  const auto want = ir::interpret({outputs});
  ASSERT_EQ(result.buffers.size(), want.size());
  for (size_t i = 0; i < want.size(); ++i) {
    ir::HostArray got{.dtype = want[i].dtype, .shape = want[i].shape, .bytes = {}};
    got.bytes.resize(want[i].bytes.size());
    ASSERT_GE(result.buffers[i]->bytes(), static_cast<int64_t>(got.bytes.size()));
    if (!got.bytes.empty()) std::memcpy(got.bytes.data(), result.buffers[i]->data(), got.bytes.size());
    int64_t at = -1;
    EXPECT_TRUE(ir::bitwise_equal(want[i], got, &at)) << "output " << i << " differs at " << at;
  }
}

}  // namespace lazuli::runtime::testing
