// Rows that are picked into memory that exists: indices are checked before anything is written, and nothing is copied.
#include <gmock/gmock.h>

#include "lazuli/base/error.h"
#include "runtime/prepared.h"
#include "tests/runtime/build.h"

namespace lazuli::runtime {
namespace {

using namespace testing;

struct Picking {
  Runtime r;
  NodeRef table = r.numbers({50, 64}, 1), old = r.numbers({10, 64}, 2), last;
  std::vector<float> before = values<float>(*buffer_of(old));

  /// Twice the rows of the table at these places.
  NodeRef pick(std::vector<int64_t> places) {
    const auto count = static_cast<int64_t>(places.size());
    last = r.data<int64_t>({count}, places);
    const NodeRef rows = r.make(Op::gather, {table, last}, ir::AxesAttr{{0}});
    return r.make(Op::add, {rows, rows});
  }
  Prepared program(const NodeRef& y, const NodeRef& target) {
    return prepare(r.context, {.graph = {{y}}, .donated = {}, .targets = {buffer_of(target)}, .options = {}});
  }
};

TEST(CheckFirst, PicksStraightIntoTheTarget) {
  Picking p;
  const NodeRef y = p.pick({4, 0, 49, 7, 7, 1, 2, 3, 40, 30});
  const Prepared prepared = p.program(y, p.old);
  EXPECT_TRUE(prepared.program->copies.empty());
  EXPECT_EQ(prepared.program->launches.size(), 2u);
  const auto result = p.r.run({y}, {}, {}, {buffer_of(p.old)});
  EXPECT_EQ(result.buffers[0], buffer_of(p.old));
  expect_interpreted({y}, result);
}

TEST(CheckFirst, LosesNothingWhenACheckFails) {
  for (const int64_t wrong : {-1, 50}) {
    Picking p;
    const NodeRef y = p.pick({4, 0, 49, 7, 7, 1, 2, 3, 40, wrong});
    std::string message, expected;
    try {
      ir::interpret({{y}});
    } catch (const Error& e) {
      expected = e.what();
    }
    try {
      p.r.run({y}, {}, {}, {buffer_of(p.old)});
      ADD_FAILURE() << "index " << wrong << " passed";
    } catch (const Error& e) {
      EXPECT_EQ(e.kind(), ErrorKind::Index);
      message = e.what();
    }
    EXPECT_EQ(message, expected);
    EXPECT_THAT(message, ::testing::HasSubstr("is out of bounds for dimension 0 with size 50"));
    EXPECT_EQ(values<float>(*buffer_of(p.old)), p.before);
  }
}

TEST(CheckFirst, ReadsWhatItOverwritesBefore) {
  Picking p;
  const NodeRef places = p.r.data<int64_t>({10}, {9, 8, 7, 6, 5, 4, 3, 2, 1, 0});
  const NodeRef y = p.r.make(Op::gather, {p.old, places}, ir::AxesAttr{{0}});  // rows of the target itself
  const auto want = ir::interpret({{y}});
  const auto result = p.r.run({y}, {}, {}, {buffer_of(p.old)});
  EXPECT_EQ(std::memcmp(result.buffers[0]->data(), want[0].bytes.data(), want[0].bytes.size()), 0);
}

/// A row that nobody needs is not looked at, wherever the result goes.
TEST(CheckFirst, RefusesNoIndexThatIsNotNeeded) {
  Picking p;
  const NodeRef places = p.r.data<int64_t>({11}, {1000, 0, 49, 7, 7, 1, 2, 3, 40, 30, 5});
  const NodeRef rows = p.r.make(Op::gather, {p.table, places}, ir::AxesAttr{{0}});
  const NodeRef y = p.r.make(Op::slice, {rows}, ir::SliceAttr{{1, 0}, {1, 1}}, {10, 64});
  for (const bool exists : {true, false})
    EXPECT_NO_THROW(
        p.r.run({y}, {}, {}, exists ? std::vector{buffer_of(p.old)} : std::vector<std::shared_ptr<Buffer>>{}));
}

TEST(CheckFirst, OnlyWhereIndicesAreSmallAndMemoryExists) {
  Picking p;
  const NodeRef column = p.r.numbers({50}), few = p.r.numbers({10}, 3);
  const NodeRef y =
      p.r.make(Op::gather, {column, p.r.data<int64_t>({10}, {4, 0, 49, 7, 7, 1, 2, 3, 40, 30})}, ir::AxesAttr{{0}});
  const Prepared single = p.program(y, few);  // an index for every element
  EXPECT_EQ(single.program->launches.size(), 1u);
  EXPECT_EQ(single.program->copies.size(), 1u);
  const Prepared fresh =
      prepare(p.r.context, {.graph = {{p.pick({1, 2})}}, .donated = {}, .targets = {}, .options = {}});
  EXPECT_EQ(fresh.program->launches.size(), 1u);
  EXPECT_TRUE(fresh.program->copies.empty());
}

}  // namespace
}  // namespace lazuli::runtime
