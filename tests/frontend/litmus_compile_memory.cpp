// Litmus programs of compiled functions: memory given away, writes in place, results that are arguments or share
// memory.
#include "lazuli/compile.h"
#include "lazuli/lazuli.h"
#include "tests/frontend/litmus.h"

namespace lazuli {
namespace {

using namespace litmus;
using testing::HasSubstr;

template <class F>
std::string error_of(const F& f) {
  try {
    f();
  } catch (const Error& e) {
    return e.what();
  }
  ADD_FAILURE() << "no error";
  return {};
}

TEST(LitmusCompileMemory, AMovedArgumentIsUsedAgain) {
  const auto step = compile([](Tensor p, Tensor g) { return p - g * 0.5; }, {.donate = {0}});
  Tensor p = counting({1000}), g = counting({1000});
  p = step(std::move(p), g);
  const void* at = p.const_data_ptr();
  Watch w;
  for (int i = 0; i < 3; ++i) p = step(std::move(p), g);
  EXPECT_EQ(p.const_data_ptr(), at);
  EXPECT_EQ(w.buffers(), 0);
  EXPECT_EQ(w.programs(), 3);
  EXPECT_EQ(values(p)[10], 10 - 4 * 5);
  EXPECT_EQ(values(g)[10], 10);
  EXPECT_EQ(step.report().programs, 1);
}

TEST(LitmusCompileMemory, AnArgumentThatIsStillHeldIsKept) {
  const auto step = compile([](Tensor p) { return p + 1; }, {.donate = {0}});
  Tensor p = floats({1, 2}), view = p[0], other = p;
  const Tensor reader = p * 10;
  EXPECT_THAT(values(step(p)), ElementsAre(2, 3));
  EXPECT_THAT(values(step(std::move(other))), ElementsAre(2, 3));
  EXPECT_THAT(values(p), ElementsAre(1, 2));
  EXPECT_THAT(values(step(std::move(p))), ElementsAre(2, 3));
  EXPECT_THAT(values(view.reshape({1})), ElementsAre(1));
  EXPECT_THAT(values(reader), ElementsAre(10, 20));

  Tensor q = floats({1, 2});
  const Tensor later = q * 10;  // pending: reads the old value
  EXPECT_THAT(values(step(std::move(q))), ElementsAre(2, 3));
  EXPECT_THAT(values(later), ElementsAre(10, 20));

  float mine[] = {1, 2};
  EXPECT_THAT(values(step(from_blob(mine, {2}))), ElementsAre(2, 3));
  EXPECT_EQ(mine[0], 1);
}

TEST(LitmusCompileMemory, WhatWasGivenAwayIsComputedAgain) {
  const auto step = compile([](Tensor p) { return p * 100; }, {.donate = {0}});
  const Tensor a = floats({1, 2}), b = floats({10, 20});
  Tensor sum = a + b;
  const Tensor reader = (a + b) * 2;  // pending, and knows where the sum is
  eval(sum);
  Watch w;
  const Tensor out = step(std::move(sum));
  EXPECT_EQ(w.buffers(), 0);
  EXPECT_THAT(values(reader), ElementsAre(22, 44));
  EXPECT_THAT(values(out), ElementsAre(1100, 2200));
}

TEST(LitmusCompileMemory, AMovedArgumentThatIsReturnedStaysAsItIs) {
  const auto f = compile([](Tensor p) { return std::pair(p, p + 1); }, {.donate = {0}});
  auto [same, next] = f(floats({1, 2}));
  EXPECT_THAT(values(same), ElementsAre(1, 2));
  EXPECT_THAT(values(next), ElementsAre(2, 3));
}

TEST(LitmusCompileMemory, AFailedCallChangesNothing) {
  const auto f = compile([](Tensor p, Tensor q) { return std::pair(p + 1, floor_divide(p, q)); }, {.donate = {0}});
  Tensor p = integers({4, 6}), zero = integers({1, 0});
  EXPECT_THAT(f(integers({4, 6}), integers({2, 3})).second.to_vector<int64_t>(), ElementsAre(2, 2));
  EXPECT_THAT(error_of([&] { f(p, zero); }), HasSubstr("division by zero"));
  EXPECT_THAT(p.to_vector<int64_t>(), ElementsAre(4, 6));
  EXPECT_THAT(f(p, integers({2, 3})).first.to_vector<int64_t>(), ElementsAre(5, 7));

  const auto in_place = compile([](Tensor a, Tensor b) { a += floor_divide(a, b); });
  EXPECT_THAT(error_of([&] { in_place(p, zero); }), HasSubstr("division by zero"));
  EXPECT_THAT(p.to_vector<int64_t>(), ElementsAre(4, 6));
  in_place(p, integers({2, 3}));
  EXPECT_THAT(p.to_vector<int64_t>(), ElementsAre(6, 8));
}

TEST(LitmusCompileMemory, ResultsMayBeArguments) {
  const auto f = compile([](Tensor x, Tensor y) { return std::tuple(x, x.t(), x[1], y + 1, x); });
  Tensor x = counting({2, 3});
  const Tensor y = floats({1});
  Watch w;
  auto [same, turned, row, next, again] = f(x, y);
  EXPECT_TRUE(same.is_same(x));
  EXPECT_TRUE(again.is_same(x));
  EXPECT_TRUE(turned.is_alias_of(x));
  EXPECT_EQ(w.buffers(), 1);
  row.fill_(7);
  EXPECT_THAT(values(x), ElementsAre(0, 1, 2, 7, 7, 7));
  EXPECT_THAT(values(turned), ElementsAre(0, 7, 1, 7, 2, 7));
  EXPECT_THAT(values(next), ElementsAre(2));
  // Of an argument that is a view itself.
  const auto g = compile([](Tensor v) { return std::pair(v.reshape({3}), v); });
  auto [flat, view] = g(x(Slice(1, 2), All));
  flat.zero_();
  EXPECT_THAT(values(x), ElementsAre(0, 1, 2, 0, 0, 0));
  auto [column, whole] = g(x(All, Slice(0, 1)).expand({2, 1})(Slice(0, 1)).expand({3, 1}));
  EXPECT_THAT(values(column), ElementsAre(0, 0, 0));
}

TEST(LitmusCompileMemory, ResultsThatShareMemoryShareIt) {
  const auto f = compile([](Tensor x) {
    Tensor y = x * 2;
    return std::tuple(y, y[0], y.t(), y);
  });
  for (int i = 0; i < 2; ++i) {
    auto [y, row, turned, same] = f(counting({2, 2}));
    EXPECT_TRUE(same.is_same(y));
    row += 1;
    EXPECT_THAT(values(y), ElementsAre(1, 3, 4, 6));
    EXPECT_THAT(values(turned), ElementsAre(1, 4, 3, 6));
  }
  // Equal values of different tensors do not.
  const auto g = compile([](Tensor x) { return std::pair(x + 1, x + 1); });
  auto [a, b] = g(floats({1}));
  a += 5;
  EXPECT_THAT(values(a), ElementsAre(7));
  EXPECT_THAT(values(b), ElementsAre(2));
}

TEST(LitmusCompileMemory, WritesToArgumentsHappen) {
  const auto step = compile([](Tensor p, const Tensor& g) {
    p -= 0.5 * g;
    return p.sum();
  });
  Tensor p = counting({100}), g = counting({100});
  const void* at = p.const_data_ptr();
  step(p, g);
  Watch w;
  EXPECT_EQ(step(p, g).item<float>(), 0);
  EXPECT_EQ(p.const_data_ptr(), at);  // in place
  EXPECT_EQ(w.buffers(), 1);          // the sum
  EXPECT_EQ(w.programs(), 1);
  EXPECT_EQ(values(g)[3], 3);
  const Tensor reader = g * 2;
  step(g, p);
  EXPECT_EQ(values(reader)[3], 6);  // pending before the call: the old value
  EXPECT_EQ(step.report().traces, 1);
}

TEST(LitmusCompileMemory, WritesThroughViewsAndToEscapedMemory) {
  const auto zero = compile([](Tensor v) { v.fill_(-1); });
  Tensor x = counting({3, 3});
  zero(x[1]);
  EXPECT_THAT(values(x), ElementsAre(0, 1, 2, -1, -1, -1, 6, 7, 8));
  zero(x(All, Slice(0, 1)));
  EXPECT_THAT(values(x), ElementsAre(-1, 1, 2, -1, -1, -1, -1, 7, 8));
  const auto top = compile([](Tensor t) { t[0] += 10; });
  top(x.t());
  EXPECT_THAT(values(x), ElementsAre(9, 1, 2, 9, -1, -1, 9, 7, 8));
  float mine[] = {1, 2, 3};
  Tensor shared = from_blob(mine, {3});
  zero(shared);
  EXPECT_EQ(mine[2], -1);
}

TEST(LitmusCompileMemory, WritesToCapturedTensorsHappenAtEachCall) {
  Tensor count = zeros({}), history = zeros({2, 2});
  const auto f = compile([=](Tensor x) mutable {
    count += 1;
    history[0] = x;
    return x * count;
  });
  EXPECT_THAT(values(f(floats({1, 2}))), ElementsAre(1, 2));
  EXPECT_EQ(count.item<float>(), 1);
  EXPECT_THAT(values(f(floats({3, 4}))), ElementsAre(6, 8));
  EXPECT_EQ(count.item<float>(), 2);
  EXPECT_THAT(values(history), ElementsAre(3, 4, 0, 0));
  EXPECT_EQ(f.report().traces, 1);
  EXPECT_THAT(error_of([&] { f(history[1]); }),
              HasSubstr("writes to a tensor that it is given as an argument and also uses from outside"));
}

TEST(LitmusCompileMemory, WritesAreSeenThroughArgumentsThatShareMemory) {
  const auto f = [](Tensor a, Tensor b) {
    a += 1;
    return b * 2;
  };
  const auto compiled = compile(f);
  Tensor x = counting({2, 2});
  EXPECT_THAT(values(compiled(x, counting({2}))), ElementsAre(0, 2));
  EXPECT_THAT(values(compiled(x, x[0])), ElementsAre(4, 6));
  EXPECT_THAT(values(x), ElementsAre(2, 3, 4, 5));
  EXPECT_THAT(values(compiled(x[1], x)), ElementsAre(4, 6, 10, 12));
  EXPECT_THAT(values(x), ElementsAre(2, 3, 5, 6));
  EXPECT_THAT(values(compiled(x, x)), ElementsAre(6, 8, 12, 14));

  const auto first = compile(f);  // the very first call shares
  Tensor y = floats({1, 2});
  EXPECT_THAT(values(first(y, y)), ElementsAre(4, 6));
  EXPECT_THAT(values(y), ElementsAre(2, 3));
  EXPECT_EQ(first.report().traces, 1);
}

}  // namespace
}  // namespace lazuli
