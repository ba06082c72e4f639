// Writing a part of a tensor costs what the part does: the rest stays where it stands.
#include "frontend/context.h"
#include "tests/frontend/litmus.h"
#include "tests/frontend/values.h"

namespace lazuli {
namespace {

constexpr int64_t kSide = 1024;  // of a tensor of 4 MB

Tensor large() {
  Tensor x = zeros({kSide, kSide});
  eval(x);
  return x;
}

/// Bytes that the kernels of one evaluation read and write.
int64_t bytes_moved(const Tensor& x) {
  const Report report = profile(x);
  int64_t bytes = 0;
  for (const KernelReport& k : report.kernels) bytes += k.bytes;
  return bytes;
}

struct Write {
  const char* text;
  int64_t elements;
  std::function<void(Tensor&)> write;
};

const std::vector<Write>& writes() {
  static const std::vector<Write> all{
      {"x(1, 2) = 9", 1, [](Tensor& x) { x(1, 2) = 9; }},
      {"x[3] = row", kSide, [](Tensor& x) { x[3] = arange(kSide, kFloat32); }},
      {"x[3] += 1", kSide, [](Tensor& x) { x[3] += 1; }},
      {"column", kSide, [](Tensor& x) { x.select(1, 7).fill_(2); }},
      {"block", 64 * 32, [](Tensor& x) { x.slice(0, 8, 72).slice(1, 100, 132).add_(3); }},
      {"every other", 100, [](Tensor& x) { x(5, Slice(0, 200, 2)) = 4; }},
      {"transposed", 6, [](Tensor& x) { x.t().slice(0, 4, 6).slice(1, 9, 12) = ones({2, 3}); }},
      {"element of the flat view", 1, [](Tensor& x) { x.view({-1})[kSide + 5] = 8; }},
      {"mul_ through index", 10, [](Tensor& x) { x.index({2, Slice(0, 10)}).mul_(3); }},
  };
  return all;
}

TEST(PartialWrites, WriteThePartAlone) {
  for (const Write& w : writes()) {
    SCOPED_TRACE(w.text);
    Tensor x = large();
    const void* memory = x.const_data_ptr();
    const uint64_t blocks = context().allocator.stats().blocks;
    w.write(x);
    EXPECT_LE(bytes_moved(x), 4 * 3 * w.elements);
    EXPECT_EQ(context().allocator.stats().blocks, blocks);
    EXPECT_EQ(x.const_data_ptr(), memory);
  }
}

TEST(PartialWrites, ChainsOfThemAreInPlaceToo) {
  Tensor x = large();
  const void* memory = x.const_data_ptr();
  const uint64_t blocks = context().allocator.stats().blocks;
  int64_t elements = 0;
  for (const Write& w : writes()) {
    w.write(x);
    elements += w.elements;
  }
  EXPECT_LE(bytes_moved(x), 4 * 3 * elements);
  EXPECT_EQ(context().allocator.stats().blocks, blocks);
  EXPECT_EQ(x.const_data_ptr(), memory);
}

TEST(PartialWrites, GiveWhatWholeWritesGive) {
  for (const bool escaped : {false, true}) {
    Tensor x = arange(200 * 100, kFloat32).reshape({200, 100}).clone();
    eval(x);
    if (escaped) x.data_ptr();
    std::vector<double> want = values(x);
    for (int i = 0; i < 20; ++i) {
      const int64_t from = 3 * i, to = 5 * i + 40;
      x.slice(0, from, from + 30).slice(1, i, 50) += x.slice(0, to, to + 30).slice(1, 50, 100 - i);  // may overlap
      const std::vector<double> old = want;
      for (int64_t r = 0; r < 30; ++r)
        for (int64_t c = i; c < 50; ++c)
          want[static_cast<size_t>((from + r) * 100 + c)] += old[static_cast<size_t>((to + r) * 100 + 50 + c - i)];
      if (i % 3 == 0) eval(x);
    }
    EXPECT_EQ(values(x), want);
  }
}

TEST(PartialWrites, ReadersOfTheOldContentsKeepThem) {
  Tensor x = large(), old = x.clone(), sum = x.sum(), doubled = x * 2;
  x[0] = 1;
  Tensor later = x + 1;
  x[1] = 2;
  eval(x, later);
  EXPECT_EQ(old.sum().item<float>(), 0);
  EXPECT_EQ(sum.item<float>(), 0);
  EXPECT_EQ(doubled.sum().item<float>(), 0);
  EXPECT_EQ(later.sum().item<float>(), static_cast<float>(kSide * kSide + kSide));
  EXPECT_EQ(x.sum().item<float>(), static_cast<float>(3 * kSide));
}

TEST(PartialWrites, ShiftsWithinTheTensor) {
  Tensor x = arange(20000, kFloat32).clone();
  eval(x);
  const void* memory = x.const_data_ptr();
  x.slice(0, 1, 1001) = x.slice(0, 0, 1000);
  EXPECT_LE(bytes_moved(x), 4 * 4000);  // what is read is computed first
  EXPECT_EQ(x[1000].item<float>(), 999);
  EXPECT_EQ(x[1001].item<float>(), 1001);
  x.slice(0, 0, 1000).copy_(x.slice(0, 500, 1500).flip({0}));
  EXPECT_EQ(x[0].item<float>(), 1499);
  EXPECT_EQ(x[999].item<float>(), 499);
  EXPECT_EQ(x.const_data_ptr(), memory);
}

TEST(PartialWrites, AFailingWriteLeavesTheTensor) {
  Tensor x = ones({64, 128}, kInt32);
  eval(x);
  x[1] = 5;
  x[2].floor_divide_(zeros({128}, kInt32));
  EXPECT_THROW(eval(x), Error);
  x.copy_(ones({64, 128}, kInt32));
  EXPECT_EQ(x.sum().item<int64_t>(), 64 * 128);
}

TEST(PartialWrites, NumbersAreWrittenAtTheCallWhereNobodyReads) {
  Tensor x = large();
  litmus::Watch watch;
  const Tensor row = x[5];
  for (int64_t i = 0; i < kSide; ++i) {
    x(i, i) = i;
    row[i] = 0.5;
  }
  EXPECT_EQ(watch.programs(), 0);
  EXPECT_EQ(state(x), State::Ready);
  EXPECT_EQ(values(row), Values(kSide, 0.5));
  EXPECT_EQ(x.diagonal().sum().item<float>(), static_cast<float>(kSide * (kSide - 1) / 2 - 5) + 0.5f);

  // Readers, other tensors of the same value and unfinished writes see what they saw.
  const Tensor copy = x.clone(), sum = x.sum();
  const float before = copy.sum().item<float>();
  x(0, 1) = 1000;
  x[0].slice(0, 2, 4).zero_();
  EXPECT_EQ(sum.item<float>(), before);
  EXPECT_EQ(copy(0, 1).item<float>(), 0);
  EXPECT_EQ(x(0, 1).item<float>(), 1000);
  const Tensor shared = zeros({kSide, kSide});
  eval(shared);
  Tensor same = shared.clone();
  eval(same);
  same(3, 3) = 1;
  EXPECT_EQ(shared(3, 3).item<float>(), 0);
  EXPECT_EQ(zeros({kSide, kSide}).sum().item<float>(), 0);  // no value that was computed is remembered wrongly

  Tensor leaf = large().requires_grad_();
  EXPECT_EQ(message_of([&] { leaf(0, 0) = 1; }),
            "a view of a leaf Variable that requires grad is being used in an in-place operation.");
  Tensor y = leaf * 2;
  eval(y);
  y(0, 0) = 7;
  (y * y).sum().backward();
  EXPECT_EQ(leaf.grad()(0, 0).item<float>(), 0);
  EXPECT_EQ(message_of([&] { x(kSide, 0) = 1; }), "index 1024 is out of bounds for dimension 0 with size 1024");
}

TEST(PartialWrites, InsideCompiledFunctions) {
  auto append = compile([](Tensor cache, const Tensor& row) {
    cache[3] = row;
    cache.slice(1, 0, 2).fill_(-1);
    return cache.slice(0, 2, 5).sum();
  });
  Tensor cache = large();
  const void* memory = cache.const_data_ptr();
  for (int i = 1; i < 4; ++i)
    EXPECT_EQ(append(cache, full({kSide}, i)).item<float>(), static_cast<float>(i * (kSide - 2) - 6));
  EXPECT_EQ(cache.const_data_ptr(), memory);
}

}  // namespace
}  // namespace lazuli
