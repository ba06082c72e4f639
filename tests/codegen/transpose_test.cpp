#include "codegen/transpose.h"

#include <gtest/gtest.h>

#include "lazuli/base/error.h"
#include "tests/codegen/run_both.h"

namespace lazuli::codegen {
namespace {

std::shared_ptr<const Kernel> square_kernel(DType t, uint16_t lanes) {
  KernelBuilder b("turn");
  const auto x = b.add_buffer(t, Role::Input), y = b.add_buffer(t, Role::Output);
  const int count = square_rows(t, lanes);
  b.phase("main", [&](ValueId task) {
    std::vector<ValueId> rows;
    for (int r = 0; r < count; ++r) rows.push_back(b.load(x, b.add(task, b.index(r * lanes)), lanes));
    rows = turn_squares(b, rows);
    for (int r = 0; r < lanes; ++r) b.store(y, b.index(r * count), rows[static_cast<size_t>(r)]);
  });
  return b.finish();
}

template <class T>
void check(DType t, uint16_t lanes) {
  const size_t rows = square_rows(t, lanes);
  std::vector<T> values(size_t{lanes} * rows);
  for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<T>(i);
  const Launch done =
      run_both(*square_kernel(t, lanes), {{bytes_of(values), bytes_of(std::vector<T>(values.size()))}, {}, {}}, 1);
  const std::vector<T> got = values_of<T>(done.buffers[1]);
  for (size_t r = 0; r < lanes; ++r)
    for (size_t c = 0; c < rows; ++c)
      ASSERT_EQ(got[r * rows + c], static_cast<T>(c * lanes + r)) << name(t) << " " << lanes << " " << r << " " << c;
}

TEST(Transpose, EverySquare) {
  for (const uint16_t lanes : {1, 2, 4, 8, 16}) {
    check<float>(kFloat32, lanes);
    check<uint8_t>(kUInt8, lanes);
    check<int16_t>(kInt16, lanes);
  }
  for (const uint16_t lanes : {1, 2, 4, 8}) check<double>(kFloat64, lanes);
}

TEST(Shuffle, TakesAnyLanesOfTwoValues) {
  KernelBuilder b("shuffle");
  const auto x = b.add_buffer(kInt32, Role::Input), y = b.add_buffer(kInt32, Role::Output);
  b.phase("main", [&](ValueId) {
    const ValueId first = b.load(x, b.index(0), 4), second = b.load(x, b.index(4), 4);
    b.store(y, b.index(0), b.shuffle(first, second, {7, 0, 3, 3, 4, 1, 6, 2}));
  });
  const auto kernel = b.finish();
  const Launch done = run_both(
      *kernel,
      {{bytes_of(std::vector<int32_t>{10, 11, 12, 13, 14, 15, 16, 17}), bytes_of(std::vector<int32_t>(8))}, {}, {}}, 1);
  EXPECT_EQ(values_of<int32_t>(done.buffers[1]), (std::vector<int32_t>{17, 10, 13, 13, 14, 11, 16, 12}));
  EXPECT_NE(print_kernel(*kernel).find("shuffle %2, %4 [7 0 3 3 4 1 6 2]"), std::string::npos) << print_kernel(*kernel);

  Kernel broken = *kernel;
  broken.shuffles[0][0] = 8;
  EXPECT_THROW(verify_kernel(broken), Error);
  broken.shuffles[0] = {0, 1};
  EXPECT_THROW(verify_kernel(broken), Error);
}

TEST(Shuffle, PicksArePartOfTheKey) {
  const auto key = [](std::vector<uint8_t> picks) {
    KernelBuilder b("shuffle");
    const auto x = b.add_buffer(kInt32, Role::Input), y = b.add_buffer(kInt32, Role::Output);
    b.phase("main", [&](ValueId) {
      const ValueId v = b.load(x, b.index(0), 2), w = b.load(x, b.index(2), 2);
      b.store(y, b.index(0), b.shuffle(v, w, picks));
    });
    return structural_key(*b.finish());
  };
  EXPECT_NE(key({0, 2}), key({0, 3}));
  EXPECT_EQ(key({1, 2}), key({1, 2}));
}

}  // namespace
}  // namespace lazuli::codegen
