// Litmus programs of compiled functions: when they are traced, what they read, what they compute and launch.
#include <map>
#include <thread>

#include "lazuli/compile.h"
#include "lazuli/lazuli.h"
#include "tests/frontend/litmus.h"

namespace lazuli {
namespace {

using namespace litmus;
using testing::HasSubstr;
using testing::SizeIs;

struct Layer {
  Tensor w, b;
};
struct Model {
  std::vector<Layer> layers;
  double scale = 1;
};

Tensor twice(const Tensor& x) {
  return x * 2;
}

TEST(LitmusCompile, TracesOnceAndRunsOneProgram) {
  int runs = 0;
  const auto f = compile([&](Tensor x, Tensor y) {
    ++runs;
    return relu(x * y + 1);
  });
  Tensor x = floats({-1, 2, 3}), y = floats({4, 5, 6});
  EXPECT_THAT(values(f(x, y)), ElementsAre(0, 11, 19));
  Tensor x2 = floats({1, 1, 1});
  Watch w;
  const Tensor z = f(x2, y);
  EXPECT_EQ(state(z), State::Ready);
  EXPECT_EQ(w.programs(), 1);
  EXPECT_EQ(w.buffers(), 1);
  EXPECT_THAT(values(z), ElementsAre(5, 6, 7));
  EXPECT_EQ(w.programs(), 1);
  EXPECT_EQ(runs, 1);
  EXPECT_EQ(f.report().traces, 1);
  EXPECT_EQ(f.report().calls, 2);
  EXPECT_EQ(f.report().programs, 1);
  EXPECT_THAT(f.report().last.kernels, SizeIs(1));
}

TEST(LitmusCompile, TakesAndReturnsTrees) {
  const auto f = compile([](const Model& m, Tensor x) {
    for (const Layer& l : m.layers) x = relu(x * l.w + l.b);
    return std::pair(tree_map([](const Tensor& t) { return t * 2; }, m),
                     std::map<std::string, Tensor>{{"x", x * m.scale}});
  });
  const Model m{{{floats({1, 2}), floats({0, 1})}, {floats({3, -1}), floats({1, 1})}}, 0.5};
  for (int i = 0; i < 2; ++i) {
    const auto [twice, out] = f(m, floats({1, 1}));
    EXPECT_THAT(values(twice.layers[1].w), ElementsAre(6, -2));
    EXPECT_THAT(values(twice.layers[0].b), ElementsAre(0, 2));
    EXPECT_EQ(twice.scale, 0.5);
    EXPECT_THAT(values(out.at("x")), ElementsAre(2, 0));
  }
  EXPECT_EQ(f.report().traces, 1);
  f(Model{{m.layers[0]}, 0.5}, floats({1, 1}));
  ASSERT_THAT(f.report().retraces, SizeIs(1));
  EXPECT_EQ(f.report().retraces[0],
            "argument 0: {layers: [{w: *, b: *}, {w: *, b: *}], scale: float64} became {layers: [{w: *, b: *}], scale: "
            "float64}");
}

TEST(LitmusCompile, OtherSizesCompileNoKernels) {
  const auto f = compile([](Tensor x) { return softmax(x * 2, 1); });
  f(counting({8, 64}));
  const int64_t kernels = f.report().kernels;
  f(counting({16, 64}));
  f(counting({40, 64}));
  const CompileReport r = f.report();
  EXPECT_EQ(r.traces, 3);
  EXPECT_EQ(r.kernels, kernels);
  EXPECT_THAT(r.retraces, ElementsAre("argument 0: float32[8, 64] became float32[16, 64]",
                                      "argument 0: float32[16, 64] became float32[40, 64]"));
  f(counting({8, 64}));
  EXPECT_EQ(f.report().traces, 3);
  f(counting({8, 64}).to(kFloat64));
  EXPECT_EQ(f.report().retraces.back(), "argument 0: float32[8, 64] became float64[8, 64]");
}

TEST(LitmusCompile, AnotherNumberRebuildsAndCompilesNothing) {
  int runs = 0;
  const auto f = compile([&](Tensor p, Tensor g, double rate) {
    ++runs;
    return p - rate * g;
  });
  Tensor p = floats({1, 2}), g = floats({1, 1});
  for (int i = 0; i < 10; ++i)
    EXPECT_FLOAT_EQ(values(f(p, g, 0.1 * (i + 1)))[0], static_cast<float>(1 - 0.1 * (i + 1)));
  EXPECT_EQ(runs, 10);
  CompileReport r = f.report();
  EXPECT_EQ(r.traces, 1);
  EXPECT_EQ(r.rebuilds, 9);
  EXPECT_EQ(r.programs, 1);
  // A few values that alternate are remembered.
  for (int i = 0; i < 20; ++i) f(p, g, i % 2 ? 0.25 : 0.5);
  EXPECT_EQ(runs, 12);
  EXPECT_EQ(f.report().programs, 1);
}

TEST(LitmusCompile, AScalarArgumentIsFree) {
  int runs = 0;
  const auto f = compile([&](Tensor p, Scalar rate, Scalar steps) {
    ++runs;
    return where(p > steps, p - rate * p, p) + full({2}, rate);
  });
  for (int i = 1; i <= 5; ++i) {
    const float rate = 0.125f * static_cast<float>(i);
    EXPECT_THAT(values(f(floats({1, 4}), rate, 2)), ElementsAre(1 + rate, 4 - rate * 4 + rate));
  }
  EXPECT_EQ(runs, 1);
  EXPECT_EQ(f.report().rebuilds, 0);
  EXPECT_EQ(f.report().programs, 1);
  f(floats({1, 4}), 1, 2);  // an integer promotes in another way
  EXPECT_EQ(runs, 2);
}

TEST(LitmusCompile, AScalarWhoseNumberIsReadIsPartOfTheTrace) {
  int runs = 0;
  const auto f = compile([&](Tensor x, Scalar exponent, Scalar factor) {
    ++runs;
    return pow(x, exponent) * factor;  // special cases by the number
  });
  EXPECT_THAT(values(f(floats({3}), 2.0, 1.0)), ElementsAre(9));
  EXPECT_EQ(runs, 2);
  EXPECT_THAT(values(f(floats({3}), 2.0, 2.0)), ElementsAre(18));
  EXPECT_EQ(runs, 2);
  EXPECT_THAT(values(f(floats({4}), 0.5, 2.0)), ElementsAre(4));
  EXPECT_EQ(runs, 3);
  EXPECT_EQ(f.report().rebuilds, 1);
}

TEST(LitmusCompile, NumbersThatChangeTheGraphMakeAnotherProgram) {
  const auto f = compile([](Tensor x, int times, bool negate) {
    for (int i = 0; i < times; ++i) x = x * 2;
    return negate ? -x : x;
  });
  EXPECT_THAT(values(f(floats({1}), 3, false)), ElementsAre(8));
  EXPECT_THAT(values(f(floats({1}), 2, true)), ElementsAre(-4));
  EXPECT_THAT(values(f(floats({1}), 3, false)), ElementsAre(8));
  EXPECT_EQ(f.report().rebuilds, 1);
  EXPECT_EQ(f.report().programs, 2);
}

TEST(LitmusCompile, CapturedTensorsAreReadAtEachCall) {
  Tensor w = floats({1, 2}), pending = floats({1, 1}) * 3;
  const auto f = compile([&](Tensor x) { return x * w + pending; });
  EXPECT_THAT(values(f(floats({1, 1}))), ElementsAre(4, 5));
  EXPECT_EQ(state(pending), State::Ready);
  w += 1;  // pending when it is read
  pending.zero_();
  EXPECT_THAT(values(f(floats({1, 1}))), ElementsAre(2, 3));
  w.data_ptr<float>()[0] = 10;  // from outside
  EXPECT_THAT(values(f(floats({1, 1}))), ElementsAre(10, 3));
  EXPECT_EQ(f.report().traces, 1);
}

TEST(LitmusCompile, CapturedViewsFollowTheirBase) {
  Tensor base = counting({2, 3});
  Tensor row = base[1];
  const auto f = compile([=](Tensor x) { return x + row + base[0]; });
  EXPECT_THAT(values(f(floats({0, 0, 0}))), ElementsAre(3, 5, 7));
  base[0] = floats({10, 10, 10});
  EXPECT_THAT(values(f(floats({0, 0, 0}))), ElementsAre(13, 14, 15));
}

TEST(LitmusCompile, RandomNumbersGoOn) {
  const auto noisy = [](Tensor x) { return x + rand({3}) + randn({3}, kFloat64).to(kFloat32); };
  const auto f = compile(noisy);
  const Tensor x = floats({0, 0, 0});
  manual_seed(7);
  const auto a = values(noisy(x)), b = values(noisy(x)), c = values(rand({2}));
  manual_seed(7);
  const auto p = values(f(x)), q = values(f(x)), r = values(rand({2}));
  EXPECT_EQ(a, p);
  EXPECT_EQ(b, q);
  EXPECT_EQ(c, r);
  EXPECT_NE(p, q);
  EXPECT_EQ(f.report().traces, 1);
}

TEST(LitmusCompile, GeneratorsInsideAndOutside) {
  Generator outside(3);
  auto draws = [=](Tensor x) mutable {
    Generator inside(5);
    const Tensor a = rand({2}, {}, inside), b = rand({2}, {}, outside);
    outside.manual_seed(9);
    return std::array{x + a, x + b, x + rand({2}, {}, outside)};
  };
  const auto f = compile(draws);
  const Tensor x = floats({0, 0});
  std::vector<std::vector<float>> want, got;
  for (int i = 0; i < 2; ++i)
    for (const Tensor& t : draws(x)) want.push_back(values(t));
  outside.manual_seed(3);
  for (int i = 0; i < 2; ++i)
    for (const Tensor& t : f(x)) got.push_back(values(t));
  EXPECT_EQ(want, got);
  EXPECT_EQ(want[0], want[3]);  // made inside: begins anew
  EXPECT_EQ(f.report().traces, 1);
}

TEST(LitmusCompile, PendingArgumentsAreEvaluatedOnce) {
  const auto f = compile([](Tensor x, Tensor y) { return x + y; });
  Tensor x = counting({3}) * 2, y = x + 1;
  Watch w;
  EXPECT_THAT(values(f(x, y)), ElementsAre(1, 5, 9));
  EXPECT_EQ(w.programs(), 2);  // the arguments together, the function
  EXPECT_EQ(state(x), State::Ready);
}

TEST(LitmusCompile, ViewsAreReadWhereTheyStand) {
  const auto f = compile([](Tensor x) { return x * 2; });
  Tensor base = counting({4, 3});
  Watch w;
  for (int64_t i = 0; i < 4; ++i) {
    const float first = 6.0f * static_cast<float>(i);
    EXPECT_THAT(values(f(base[i])), ElementsAre(first, first + 2, first + 4));
  }
  EXPECT_EQ(f.report().traces, 1);
  EXPECT_EQ(w.programs(), 4);
  EXPECT_EQ(w.buffers(), 4);
  w.mark();
  EXPECT_THAT(values(f(base.t())), ElementsAre(0, 6, 12, 18, 2, 8, 14, 20, 4, 10, 16, 22));  // no copy
  EXPECT_EQ(w.programs(), 1);
  EXPECT_EQ(w.buffers(), 1);
  EXPECT_THAT(values(f(base(All, Slice(1, 2)))), ElementsAre(2, 8, 14, 20));  // a copy
  EXPECT_THAT(values(f(base(All, Slice(2, 3)))), ElementsAre(4, 10, 16, 22));
  EXPECT_EQ(f.report().traces, 3);
}

TEST(LitmusCompile, SameTensorTwice) {
  const auto f = compile([](Tensor x, Tensor y) { return x * 2 + y; });
  const Tensor a = floats({1, 2}), b = floats({10, 20});
  EXPECT_THAT(values(f(a, b)), ElementsAre(12, 24));
  EXPECT_THAT(values(f(a, a)), ElementsAre(3, 6));
  EXPECT_EQ(f.report().traces, 1);
}

TEST(LitmusCompile, WithoutArgumentsOrResults) {
  const auto constant = compile([] { return arange(3) + 1; });
  EXPECT_THAT(constant().to_vector<int64_t>(), ElementsAre(1, 2, 3));
  const auto filled = compile([] { return std::pair(full({2}, 3.0), tensor({1.0f, 2.0f})); });
  for (int i = 0; i < 2; ++i) {
    auto [a, b] = filled();
    EXPECT_THAT(values(a), ElementsAre(3, 3));
    EXPECT_THAT(values(b), ElementsAre(1, 2));
    a += 1;
    b += 1;
  }
  const auto nothing = compile([](double) {});
  nothing(1.0);
  nothing(2.0);
  EXPECT_EQ(nothing.report().calls, 2);
  const auto host = compile([](int n) { return n + 1; });
  EXPECT_EQ(host(3), 4);
  EXPECT_EQ(host(5), 6);
}

TEST(LitmusCompile, InsideAnotherCompiledFunction) {
  const auto inner = compile([](Tensor x) { return x + 1; });
  const auto outer = compile([&](Tensor x) { return inner(x) * inner(x * 2); });
  EXPECT_THAT(values(outer(floats({1, 2}))), ElementsAre(6, 15));
  Watch w;
  EXPECT_THAT(values(outer(floats({1, 2}))), ElementsAre(6, 15));
  EXPECT_EQ(w.programs(), 1);
  EXPECT_EQ(inner.report().calls, 0);
  EXPECT_THAT(values(inner(floats({1}))), ElementsAre(2));
}

TEST(LitmusCompile, GenericFunctionsAndPointers) {
  const auto f = compile(
      [](const auto& tree, auto... rest) { return tree_map([&](const Tensor& t) { return (t + ... + rest); }, tree); });
  EXPECT_THAT(values(f(floats({1}))), ElementsAre(1));
  EXPECT_THAT(values(f(floats({1}), 2)), ElementsAre(3));
  EXPECT_THAT(values(f(Layer{floats({1}), floats({2})}, floats({5})).b), ElementsAre(7));
  EXPECT_EQ(f.report().traces, 3);
  const auto g = compile(twice);
  EXPECT_THAT(values(g(floats({3}))), ElementsAre(6));
}

TEST(LitmusCompile, ManyThreads) {
  const auto f = compile([](Tensor x, double k) { return softmax(x * k, 0); });
  const Tensor x = counting({64});
  std::vector<std::vector<float>> want;
  for (int k = 0; k < 3; ++k) want.push_back(values(softmax(x * k, 0)));
  std::vector<std::thread> threads;
  std::atomic<int> wrong{0};
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      for (int i = 0; i < 25; ++i) {
        const int k = (i + t) % 3;
        if (values(f(x, k)) != want[static_cast<size_t>(k)]) ++wrong;
      }
    });
  for (auto& t : threads) t.join();
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(f.report().calls, 100);
  EXPECT_LE(f.report().programs, 1);
}

}  // namespace
}  // namespace lazuli
