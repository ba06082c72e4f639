// Litmus programs: memory that others may read and write at any time.
#include "tests/frontend/litmus.h"

namespace lazuli {
namespace {

using namespace litmus;

TEST(LitmusEscape, FromBlobShares) {
  float memory[] = {1, 2, 3, 4};
  Tensor x = from_blob(memory, {2, 2});
  Tensor y = x * 10;
  memory[0] = 5;  // reads happen at evaluation
  EXPECT_THAT(values(y), ElementsAre(50, 20, 30, 40));
  x[1] += 1;  // writes at the call
  EXPECT_THAT(memory, ElementsAre(5, 2, 4, 5));
  EXPECT_EQ(x.data_ptr(), memory);
  EXPECT_EQ(x[1].data_ptr<float>(), memory + 2);
}

TEST(LitmusEscape, WritesLandAtTheCallWithoutTemporaries) {
  alignas(128) float memory[] = {1, 2, 3};  // as kernels want it: other memory takes a temporary
  Tensor x = from_blob(memory, {3}), y = counting({3});
  Watch w;
  x += y;
  EXPECT_THAT(memory, ElementsAre(1, 3, 5));
  EXPECT_EQ(w.programs(), 1);
  EXPECT_EQ(w.buffers(), 0);
  EXPECT_EQ(w.copies(), 0);
}

TEST(LitmusEscape, DataPtrKeepsItsAddressThroughWrites) {
  Tensor x = counting({3}), y = counting({3});
  float* p = x.data_ptr<float>();
  Watch w;
  x += y;
  x.index({All}) = x + y;
  x *= 3;
  EXPECT_EQ(p[2], 18);
  EXPECT_EQ(x.data_ptr<float>(), p);
  EXPECT_EQ(w.copies(), 0);
  EXPECT_EQ(w.buffers(), 0);
}

TEST(LitmusEscape, PendingReadersAreComputedBeforeMemoryIsHandedOut) {
  Tensor x = counting({3});
  Tensor z = x * 2;
  Watch w;
  float* p = x.data_ptr<float>();
  EXPECT_EQ(state(z), State::Ready);
  EXPECT_EQ(w.programs(), 1);
  p[0] = 100;
  EXPECT_THAT(values(z), ElementsAre(0, 2, 4));
  EXPECT_THAT(values(x), ElementsAre(100, 1, 2));
  Tensor again = x * 2;  // after the write: a value of its own, though it is the same expression
  EXPECT_THAT(values(again), ElementsAre(200, 2, 4));
}

TEST(LitmusEscape, ReadsAfterEscapeHappenAtEvaluation) {
  Tensor x = counting({3});
  float* p = x.data_ptr<float>();
  Tensor z = x + 0, kept = z * 1;
  p[1] = 7;
  EXPECT_THAT(values(z), ElementsAre(0, 7, 2));
  p[1] = 8;
  Tensor later = x + 0;
  EXPECT_THAT(values(later), ElementsAre(0, 8, 2));
  (void)kept;
}

TEST(LitmusEscape, AWriteRunsPendingReadersInTheSameProgram) {
  alignas(128) float memory[] = {1, 2, 3};
  Tensor x = from_blob(memory, {3});
  Tensor z = x * 2;
  Watch w;
  x += 1;
  EXPECT_EQ(w.programs(), 1);
  EXPECT_EQ(w.copies(), 0);
  EXPECT_EQ(w.buffers(), 1);  // z's
  EXPECT_EQ(state(z), State::Ready);
  EXPECT_THAT(memory, ElementsAre(2, 3, 4));
  EXPECT_THAT(values(z), ElementsAre(2, 4, 6));
}

TEST(LitmusEscape, ManyReadersGetTheOldVersionCopiedOutOnce) {
  float memory[] = {1, 2, 3};
  Tensor x = from_blob(memory, {3});
  std::vector<Tensor> readers;
  for (int i = 0; i < 40; ++i) readers.push_back(x * i);
  Watch w;
  x += 1;
  EXPECT_EQ(w.copies(), 1);
  EXPECT_EQ(w.programs(), 1);
  EXPECT_THAT(memory, ElementsAre(2, 3, 4));
  for (int i = 0; i < 40; ++i) EXPECT_EQ(readers[static_cast<size_t>(i)][2].item<int>(), 3 * i);
  EXPECT_EQ(x.data_ptr(), memory);
}

TEST(LitmusEscape, ACopyOfSharedMemoryIsOfTheMoment) {
  float memory[] = {1, 2};
  Tensor x = from_blob(memory, {2});
  Tensor y = x.clone();
  memory[0] = 9;
  EXPECT_THAT(values(y), ElementsAre(1, 2));
  Tensor z = counting({2});
  z.copy_(x);
  memory[0] = 11;
  x += 1;
  memory[1] = 0;
  EXPECT_THAT(values(z), ElementsAre(11, 2));  // read at the latest before the write
}

TEST(LitmusEscape, EscapeEndsSharingWithEqualValues) {
  Tensor x = counting({3});
  Tensor y = x.clone();
  float* p = x.data_ptr<float>();
  p[0] = 50;
  EXPECT_THAT(values(y), ElementsAre(0, 1, 2));
  EXPECT_NE(y.const_data_ptr<float>(), p);
}

TEST(LitmusEscape, AccessorReadsAndWrites) {
  Tensor x = counting({2, 3});
  auto a = x.t().accessor<float, 2>();
  EXPECT_EQ(a[2][1], 5);
  a[0][1] = -1;
  EXPECT_THAT(values(x), ElementsAre(0, 1, 2, -1, 4, 5));
  EXPECT_EQ(a.size(0), 3);
}

TEST(LitmusEscape, TheDeleterRunsOnceWhenTheLastReaderIsGone) {
  float memory[] = {1, 2};
  int deleted = 0;
  Tensor x = from_blob(memory, {2}, [&](void*) { ++deleted; });
  Tensor y = x + 1;
  Tensor v = x[0];
  x = Tensor();
  EXPECT_EQ(deleted, 0);
  v = Tensor();
  EXPECT_EQ(deleted, 0);
  EXPECT_THAT(values(y), ElementsAre(2, 3));
  EXPECT_EQ(deleted, 1);
  y = Tensor();
  EXPECT_EQ(deleted, 1);
}

TEST(LitmusEscape, ExternalMemoryIsNeverTaken) {
  float memory[] = {1, 2};
  Tensor y;
  {
    Tensor x = from_blob(memory, {2});
    y = x + 1;
  }
  EXPECT_THAT(values(y), ElementsAre(2, 3));
  EXPECT_THAT(memory, ElementsAre(1, 2));
}

}  // namespace
}  // namespace lazuli
