// The order of regions that needs least memory.
#include "passes/memory_order.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace lazuli::passes {
namespace {

using testing::ElementsAre;

/// Values as (region, bytes, readers).
struct Values {
  struct Value {
    uint32_t region;
    int64_t bytes;
    std::vector<uint32_t> readers;
  };
  explicit Values(std::vector<Value> v) : own(std::move(v)) {
    for (const Value& x : own) stored.push_back({x.region, x.readers, x.bytes});
  }
  std::vector<Value> own;
  std::vector<StoredValue> stored;
};

TEST(MemoryOrder, KeepsTheGivenOrderWhereNothingIsGained) {
  const Values chain({{0, 8, {1}}, {1, 8, {2}}, {2, 8, {3}}});
  EXPECT_THAT(memory_order(4, chain.stored), ElementsAre(0, 1, 2, 3));
  EXPECT_EQ(peak_of(std::vector<uint32_t>{0, 1, 2, 3}, chain.stored), 16);
}

TEST(MemoryOrder, ReducesEachBeforeTheNextIsMade) {
  // 0, 1, 2 make large values, 3, 4, 5 reduce them, 6 adds.
  const Values wide({{0, 100, {3}}, {1, 100, {4}}, {2, 100, {5}}, {3, 1, {6}}, {4, 1, {6}}, {5, 1, {6}}});
  const auto order = memory_order(7, wide.stored);
  EXPECT_LE(peak_of(order, wide.stored), 103);
  EXPECT_EQ(order.back(), 6u);
}

TEST(MemoryOrder, GradientsOfWeightsFollowTheirCotangents) {
  // Forward 0, 1, 2; backward 3, 4, 5 (each reads the one before); weights 6, 7, 8 read a cotangent each.
  const Values deep(
      {{0, 10, {1, 5, 8}}, {1, 10, {2, 4, 7}}, {2, 10, {3, 6}}, {3, 10, {4, 6}}, {4, 10, {5, 7}}, {5, 10, {8}}});
  const std::vector<uint32_t> given = {0, 1, 2, 3, 4, 5, 6, 7, 8};
  EXPECT_EQ(peak_of(given, deep.stored), 60);
  EXPECT_EQ(peak_of(memory_order(9, deep.stored), deep.stored), 40);
}

TEST(MemoryOrder, WhatIsComputedAgainComesLate) {
  // 0 keeps a value, 1 uses it; 2 computes from leaves what only 4 reads; 3 stands between.
  const Values late({{0, 10, {1}}, {2, 50, {4}}, {1, 40, {3}}, {3, 10, {4}}});
  const std::vector<uint32_t> given = {0, 2, 1, 3, 4};
  const auto order = memory_order(5, late.stored);
  EXPECT_EQ(peak_of(order, late.stored), 60);
  EXPECT_GT(peak_of(given, late.stored), 60);
}

TEST(MemoryOrder, RespectsEveryReader) {
  const Values mesh({{0, 4, {2, 3}}, {1, 64, {3, 4}}, {2, 8, {5}}, {3, 16, {5, 6}}, {4, 2, {6}}, {5, 0, {6}}});
  const auto order = memory_order(7, mesh.stored);
  ASSERT_EQ(order.size(), 7u);
  std::vector<size_t> position(7);
  for (size_t i = 0; i < 7; ++i) position[order[i]] = i;
  for (const auto& v : mesh.own)
    for (const uint32_t r : v.readers) EXPECT_LT(position[v.region], position[r]);
}

}  // namespace
}  // namespace lazuli::passes
