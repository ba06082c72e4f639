// Litmus programs: writes while something is pending, reuse of memory, evaluation of part of a graph, failure, threads.
#include <thread>

#include "tests/frontend/litmus.h"

namespace lazuli {
namespace {

using namespace litmus;

TEST(LitmusPending, InPlaceKeepsTheMemory) {
  Tensor x = counting({4}), y = floats({10, 20, 30, 40});
  eval(x, y);
  const void* p = x.const_data_ptr();
  Watch w;
  x += y;
  x *= 2;
  EXPECT_EQ(state(x), State::Pending);
  eval(x);
  EXPECT_EQ(x.const_data_ptr(), p);
  EXPECT_EQ(w.programs(), 1);
  EXPECT_EQ(w.buffers(), 0);
  EXPECT_THAT(values(x), ElementsAre(20, 42, 64, 86));
}

TEST(LitmusPending, AssigningTheWholeViewKeepsTheMemory) {
  Tensor z = counting({4}), x = counting({4}), y = counting({4});
  const void* p = z.const_data_ptr();
  Watch w;
  z.index({All}) = x + y;
  eval(z);
  EXPECT_EQ(z.const_data_ptr(), p);
  EXPECT_EQ(w.buffers(), 0);
  EXPECT_EQ(w.programs(), 1);
  EXPECT_THAT(values(z), ElementsAre(0, 2, 4, 6));
}

TEST(LitmusPending, WritingThroughAViewKeepsTheMemory) {
  Tensor x = counting({2, 3});
  const void* p = x.const_data_ptr();
  Watch w;
  x[1] += 1;
  eval(x[0]);  // evaluates the base
  EXPECT_EQ(state(x), State::Ready);
  EXPECT_EQ(x.const_data_ptr(), p);
  EXPECT_EQ(w.buffers(), 0);
  EXPECT_THAT(values(x), ElementsAre(0, 1, 2, 4, 5, 6));
}

TEST(LitmusPending, APendingReaderSeesTheOldVersion) {
  Tensor x = counting({3});
  Tensor z = x * 2;
  x += 1;
  Watch w;
  eval(x);  // nobody has seen the address: fresh memory instead of a copy of the old
  EXPECT_EQ(w.programs(), 1);
  EXPECT_EQ(w.buffers(), 1);
  EXPECT_EQ(w.copies(), 0);
  EXPECT_EQ(state(z), State::Pending);
  EXPECT_THAT(values(x), ElementsAre(1, 2, 3));
  EXPECT_THAT(values(z), ElementsAre(0, 2, 4));
}

TEST(LitmusPending, ReaderAndWriterTogetherNeedNoCopy) {
  Tensor x = counting({3});
  const void* p = x.const_data_ptr();
  Tensor z = x * 2;
  x += 1;
  Watch w;
  eval(x, z);
  EXPECT_EQ(w.programs(), 1);
  EXPECT_EQ(w.buffers(), 1);  // z's own
  EXPECT_EQ(x.const_data_ptr(), p);
  EXPECT_THAT(values(x), ElementsAre(1, 2, 3));
  EXPECT_THAT(values(z), ElementsAre(0, 2, 4));
}

TEST(LitmusPending, AReaderThatDiedIsNoReader) {
  Tensor x = counting({3});
  const void* p = x.const_data_ptr();
  {
    Tensor z = x * 2;
  }
  x += 1;
  Watch w;
  eval(x);
  EXPECT_EQ(w.buffers(), 0);
  EXPECT_EQ(x.const_data_ptr(), p);
}

TEST(LitmusPending, ViewsReadTheVersionOfTheMoment) {
  Tensor x = counting({2, 2});
  Tensor v = x[0];
  Tensor before = v + 0;
  x += 10;
  Tensor after = v + 0;
  x += 10;
  EXPECT_THAT(values(before), ElementsAre(0, 1));
  EXPECT_THAT(values(after), ElementsAre(10, 11));
  EXPECT_THAT(values(v), ElementsAre(20, 21));
}

TEST(LitmusPending, ADeadInputLendsItsMemory) {
  Tensor x = counting({1024});
  const void* p = x.const_data_ptr();
  Tensor y = x + 1;
  x = Tensor();
  Watch w;
  eval(y);
  EXPECT_EQ(y.const_data_ptr(), p);
  EXPECT_EQ(w.buffers(), 0);
  EXPECT_EQ(values(y)[1023], 1024);
}

TEST(LitmusPending, ALiveInputDoesNot) {
  Tensor x = counting({4});
  Tensor row = x.slice(0, 0, 2);
  Tensor y = x + 1;
  x = Tensor();  // the view still holds the storage
  eval(y);
  EXPECT_THAT(values(row), ElementsAre(0, 1));
  EXPECT_THAT(values(y), ElementsAre(1, 2, 3, 4));
}

TEST(LitmusPending, WhatIsComputedIsNotComputedAgain) {
  Tensor x = counting({3});
  Tensor h = x * 2, a = h + 1, b = h + 2;
  eval(h);
  EXPECT_EQ(pending_nodes(), 2 + 2);  // two additions, each with its number broadcast
  Watch w;
  eval(a, b);
  EXPECT_EQ(w.programs(), 1);
  EXPECT_THAT(values(a), ElementsAre(1, 3, 5));
  EXPECT_THAT(values(b), ElementsAre(2, 4, 6));
}

TEST(LitmusPending, AnOverwrittenIntermediateIsComputedAgainForItsReaders) {
  Tensor x = counting({3});
  Tensor h = x * 2, a = h + 1;
  eval(h);
  h += 100;
  eval(h);  // the memory that held x * 2 is gone; a's graph is still whole
  EXPECT_THAT(values(h), ElementsAre(100, 102, 104));
  EXPECT_THAT(values(a), ElementsAre(1, 3, 5));
}

TEST(LitmusPending, ReassigningTheSameNameFreesTheOldMemory) {
  Tensor x = counting({256});
  eval(x);
  const int64_t before = retained_bytes();
  for (int i = 0; i < 20; ++i) {
    x = x + 1;
    eval(x);
  }
  EXPECT_EQ(retained_bytes(), before);
  EXPECT_EQ(values(x)[0], 20);
}

TEST(LitmusPending, EvaluatingNothingRunsNothing) {
  Tensor x = counting({3});
  eval(x, x);
  Watch w;
  eval(x, x, x[0]);
  EXPECT_EQ(w.programs(), 0);
  Tensor y = x + 1;
  eval(y, y, y[1]);
  EXPECT_EQ(w.programs(), 1);
  EXPECT_EQ(profile(y).kernels.size(), 0u);
  EXPECT_GE(profile(y + 1).kernels.size(), 1u);
}

TEST(LitmusPending, ASharedGraphIsComputedOnceByManyThreads) {
  Tensor y = counting({64}) * 3;
  Watch w;
  std::vector<std::thread> threads;
  std::vector<float> last(8);
  for (size_t i = 0; i < last.size(); ++i) threads.emplace_back([&, i] { last[i] = y[63].item<float>(); });
  for (auto& t : threads) t.join();
  EXPECT_EQ(w.programs(), 1);
  for (const float v : last) EXPECT_EQ(v, 189);
}

TEST(LitmusPending, ThreadsReadWhileOthersEvaluate) {
  Tensor x = counting({64});
  x += 1;  // pending, in place
  std::vector<std::thread> threads;
  std::vector<float> first(8);
  for (size_t i = 0; i < first.size(); ++i)
    threads.emplace_back([&, i] {
      Tensor mine = x * static_cast<double>(i);
      if (i % 2) eval(x);
      first[i] = mine[0].item<float>();
    });
  for (auto& t : threads) t.join();
  for (size_t i = 0; i < first.size(); ++i) EXPECT_EQ(first[i], static_cast<float>(i));
}

TEST(LitmusPending, EagerComputesAtTheCall) {
  set_eager(true);
  Tensor x = counting({3});
  Tensor y = x + 1;
  EXPECT_EQ(state(y), State::Ready);
  const void* p = y.const_data_ptr();
  y += 1;
  EXPECT_EQ(state(y), State::Ready);
  EXPECT_EQ(y.const_data_ptr(), p);
  y[0] = 9;
  set_eager(false);
  EXPECT_THAT(values(y), ElementsAre(9, 3, 4));
}

}  // namespace
}  // namespace lazuli
