// The vocabulary of every layer that has code: errors, device names; and the arithmetic on shapes.
#include "ir/shape.h"
#include "lazuli/base/device.h"
#include "lazuli/base/error.h"
#include "tests/ir/build.h"

namespace lazuli {
namespace {

TEST(Error, PutsPlaceAndHintBelowTheSentence) {
  const Error bare(ErrorKind::Value, "add: no.");
  EXPECT_STREQ(bare.what(), "add: no.");
  EXPECT_EQ(bare.where().line(), 0u);
  EXPECT_STREQ(Error(ErrorKind::Value, "add: no.", "try sub").what(), "add: no.\n  hint: try sub");
  const Location here = Location::current();
  const Error full(ErrorKind::Shape, "add: no.", "try sub", here);
  EXPECT_EQ(full.what(), "add: no.\n  at " + std::string(here.file_name()) + ":" + std::to_string(here.line()) +
                             "\n  hint: try sub");
  EXPECT_EQ(full.kind(), ErrorKind::Shape);
  EXPECT_EQ(full.message(), "add: no.");
}

TEST(Device, NamesRoundTrip) {
  EXPECT_EQ(Device("cpu"), kCPU);
  EXPECT_EQ(Device("cuda"), kCUDA);
  EXPECT_EQ(Device("cuda:0"), kCUDA);
  EXPECT_EQ(Device("cuda:127"), Device(DeviceKind::CUDA, 127));
  for (Device d : {kCPU, kCUDA, Device(DeviceKind::CUDA, 3)}) EXPECT_EQ(Device(d.str()), d);
}

TEST(Device, OtherNamesAreErrors) {
  for (const char* text : {"", "CPU", "cpu:0", "cuda:", "cuda:-1", "cuda:128", "cuda:1x", "cuda 1", "cuda:+1",
                           "cuda:99999999999999999999", "tpu"}) {
    try {
      Device{text};
      ADD_FAILURE() << text;
    } catch (const Error& e) {
      EXPECT_EQ(e.kind(), ErrorKind::Value);
      EXPECT_EQ(e.message(), "device \"" + std::string(text) + "\" is not known");
    }
  }
}

}  // namespace

namespace ir {
namespace {

TEST(Shape, ProductsAreChecked) {
  EXPECT_EQ(checked_numel(Dims{}), 1);
  EXPECT_EQ(checked_numel(Dims{2, 3, 4}), 24);
  EXPECT_EQ(checked_numel(Dims{INT64_MAX, 1}), INT64_MAX);
  EXPECT_EQ(checked_numel(Dims{INT64_MAX, 2}), std::nullopt);
  EXPECT_EQ(checked_numel(Dims{INT64_MAX, INT64_MAX, 0}), 0);
  EXPECT_EQ(contiguous_strides(Dims{2, 3, 4}), (Dims{12, 4, 1}));
  EXPECT_EQ(contiguous_strides(Dims{INT64_MAX, 0, INT64_MAX}), (Dims{0, 0, 0}));
}

TEST(Shape, BroadcastFollowsTheTrailingAxes) {
  struct Case {
    Dims a, b;
    std::optional<Shape> result;
  };
  const Case cases[] = {
      {{}, {}, Shape{}},          {{2, 3}, {}, Shape{2, 3}}, {{3, 1}, {1, 2}, Shape{3, 2}},
      {{4}, {2, 1}, Shape{2, 4}}, {{0}, {1}, Shape{0}},      {{5, 1, 0}, {3, 1}, Shape{5, 3, 0}},
      {{2}, {3}, std::nullopt},   {{0}, {2}, std::nullopt},  {{2, 3}, {2, 1, 2}, std::nullopt},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(broadcast(c.a, c.b), c.result) << str(c.a) << str(c.b);
    EXPECT_EQ(broadcast(c.b, c.a), c.result) << str(c.a) << str(c.b);
  }
}

TEST(SmallVec, GrowsBeyondItsInlinePart) {
  Dims d;
  for (int64_t i = 0; i < 40; ++i) d.push_back(i);
  d.insert(1, 99);
  d.erase(0);
  EXPECT_EQ(d.size(), 40u);
  EXPECT_EQ(d[0], 99);
  EXPECT_EQ(d.back(), 39);
  Dims copy = d, moved = std::move(d);
  EXPECT_EQ(copy, moved);
  EXPECT_TRUE(d.empty());  // NOLINT: a moved-from SmallVec is empty
  d = {1, 2};
  EXPECT_EQ(d, (Dims{1, 2}));
  EXPECT_NE(d, copy);
}

}  // namespace
}  // namespace ir
}  // namespace lazuli
