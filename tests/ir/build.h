// Short ways to make nodes in the tests of this folder.
#pragma once
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <pthread.h>

#include <cmath>

#include "ir/interpret.h"
#include "lazuli/base/half.h"

namespace lazuli::ir::testing {

inline NodeRef data(Interner& in, DType dtype, Shape shape) {
  return in.make({.op = Op::data, .attr = LeafAttr{in.next_leaf_id()}, .dtype = dtype, .shape = std::move(shape)});
}
inline NodeRef constant(Interner& in, float v) {
  return in.make({.op = Op::constant, .attr = ConstantAttr{std::bit_cast<uint32_t>(v)}, .dtype = kFloat32});
}
inline NodeRef unary(Interner& in, Op op, const NodeRef& x, Attr attr = NoAttr{}) {
  return in.make({.op = op, .inputs = {x.get()}, .attr = std::move(attr)});
}
inline NodeRef binary(Interner& in, Op op, const NodeRef& x, const NodeRef& y, Attr attr = NoAttr{}) {
  return in.make({.op = op, .inputs = {x.get(), y.get()}, .attr = std::move(attr)});
}
/// Ops whose shape is asked for: reshape, expand, slice.
inline NodeRef shaped(Interner& in, Op op, const NodeRef& x, Shape shape, Attr attr = NoAttr{}) {
  return in.make({.op = op, .inputs = {x.get()}, .attr = std::move(attr), .shape = std::move(shape)});
}

/// Elements of a leaf that a test owns.
class Elements : public Payload {
 public:
  explicit Elements(std::vector<std::byte> bytes) : bytes_(std::move(bytes)) {}
  const void* host_data() const override { return bytes_.data(); }

 private:
  std::vector<std::byte> bytes_;
};

template <class T>
constexpr DType dtype_of() {
  if constexpr (std::is_same_v<T, bool>) return kBool;
  if constexpr (std::is_same_v<T, uint8_t>) return kUInt8;
  if constexpr (std::is_same_v<T, int8_t>) return kInt8;
  if constexpr (std::is_same_v<T, int16_t>) return kInt16;
  if constexpr (std::is_same_v<T, int32_t>) return kInt32;
  if constexpr (std::is_same_v<T, int64_t>) return kInt64;
  if constexpr (std::is_same_v<T, Half>) return kFloat16;
  if constexpr (std::is_same_v<T, BFloat16>) return kBFloat16;
  if constexpr (std::is_same_v<T, double>) return kFloat64;
  return kFloat32;
}

/// A data leaf with these elements.
template <class T>
NodeRef tensor(Interner& in, Shape shape, const std::vector<T>& values) {
  std::vector<std::byte> bytes(values.size() * sizeof(T));
  for (size_t i = 0; i < values.size(); ++i) {
    const T v = values[i];
    std::memcpy(&bytes[i * sizeof(T)], &v, sizeof(T));
  }
  return in.make({.op = Op::data,
                  .attr = LeafAttr{in.next_leaf_id()},
                  .dtype = dtype_of<T>(),
                  .shape = std::move(shape),
                  .payload = std::make_shared<Elements>(std::move(bytes))});
}

/// The interpreter's value of one node.
template <class T>
std::vector<T> value_of(const NodeRef& n) {
  const HostArray v = interpret({{n}})[0];
  EXPECT_EQ(v.dtype, dtype_of<T>());
  EXPECT_EQ(v.shape, n->shape());
  const T* p = v.as<T>();
  return {p, p + numel(v.shape)};
}

/// Reproducible numbers that are uneven in exponent and sign.
inline std::vector<float> uneven(size_t n, uint64_t seed = 1) {
  std::vector<float> v(n);
  for (float& x : v) {
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    x = std::ldexp(static_cast<float>(static_cast<int32_t>(seed >> 32)), static_cast<int>(seed >> 20 & 15) - 38);
  }
  return v;
}

/// Runs `fn` on a thread whose stack has 64 KB.
template <class F>
void on_small_stack(F fn) {
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  ASSERT_EQ(pthread_attr_setstacksize(&attributes, 64 * 1024), 0);
  pthread_t thread;
  ASSERT_EQ(pthread_create(
                &thread, &attributes,
                [](void* f) -> void* {
                  (*static_cast<F*>(f))();
                  return nullptr;
                },
                &fn),
            0);
  pthread_join(thread, nullptr);
  pthread_attr_destroy(&attributes);
}

}  // namespace lazuli::ir::testing
