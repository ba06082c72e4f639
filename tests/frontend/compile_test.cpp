// compile(): errors and what is reported.
#include "lazuli/compile.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "lazuli/lazuli.h"

namespace lazuli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;

struct Failure {
  std::string text;
  uint32_t line = 0;
};
template <class F>
Failure failure(const F& f) {
  try {
    f();
  } catch (const Error& e) {
    return {e.what(), e.where().line()};
  }
  ADD_FAILURE() << "no error";
  return {};
}

TEST(Compile, ObservationNamesItsLine) {
  const Tensor x = ones({1});
  uint32_t line = 0;
  const auto expect = [&](const char* what, const auto& fn) {
    const auto f = compile(fn);
    const Failure e = failure([&] { f(x); });
    EXPECT_THAT(e.text, HasSubstr(std::string(what) + " would read the value of a tensor inside a compiled function"));
    EXPECT_THAT(e.text, HasSubstr("choose between values with where(), or return the value"));
    EXPECT_EQ(e.line, line) << what;
    EXPECT_EQ(f.report().traces, 0);
  };
  expect("item", [&](Tensor t) { return line = __LINE__, t.item<float>(); });
  expect("to_vector", [&](Tensor t) { return line = __LINE__, t.to_vector<float>().size(); });
  expect("data_ptr", [&](Tensor t) { return line = __LINE__, *t.data_ptr<float>(); });
  expect("const_data_ptr", [&](Tensor t) { return line = __LINE__, *t.const_data_ptr<float>(); });
  expect("conversion to bool", [&](Tensor t) { return line = __LINE__, t > 0 ? t : -t; });
  expect("printing", [&](Tensor t) { return line = __LINE__, str(t * 2).size(); });
  expect("evaluation", [&](Tensor t) {
    line = __LINE__ + 1;
    t = t * 2;
    eval(t);
  });
  // A captured tensor's value is one of this call only.
  expect("item", [&](Tensor t) { return line = __LINE__, t * x.item<float>(); });
  EXPECT_EQ(x.item<float>(), 1);
}

TEST(Compile, ShapesAreKnownInside) {
  const auto f = compile([](Tensor x) {
    EXPECT_EQ(state(x), State::Pending);
    EXPECT_THAT(describe(x * 2), HasSubstr("float32[2, 3] cpu pending: mul"));
    EXPECT_THAT(dump(x * 2), HasSubstr("mul"));
    return x.reshape({x.numel()}) + static_cast<double>(x.size(1));
  });
  EXPECT_THAT(f(zeros({2, 3})).to_vector<float>(), ElementsAre(3, 3, 3, 3, 3, 3));
}

TEST(Compile, ErrorsOfTheFunctionLeaveEverythingAsItWas) {
  bool fail = true;
  const auto f = compile([&](Tensor x) {
    if (fail) throw std::runtime_error("mine");
    return x + 1;
  });
  EXPECT_THROW(f(ones({2})), std::runtime_error);
  EXPECT_EQ(f.report().calls, 0);
  fail = false;
  EXPECT_THAT(f(ones({2})).to_vector<float>(), ElementsAre(2, 2));
  const Tensor y = ones({2}) + 1;  // nothing of the trace is left behind
  EXPECT_THAT(y.to_vector<float>(), ElementsAre(2, 2));

  const auto shapes = compile([](Tensor a, Tensor b) { return a + b; });
  const Failure e = failure([&] { shapes(ones({2}), ones({3})); });
  EXPECT_THAT(e.text, HasSubstr("The size of tensor a (2) must match the size of tensor b (3)"));
  EXPECT_THAT(e.text, HasSubstr("compile_test.cpp"));
}

TEST(Compile, TensorsOfATraceDoNotLeaveIt) {
  Tensor leaked;
  const auto f = compile([&](Tensor x) {
    leaked = x * 2;
    return x;
  });
  f(ones({2}));
  const char* text = "was made while a compiled function was traced is used outside of that trace";
  EXPECT_THAT(failure([&] { (void)(leaked + 1); }).text, HasSubstr(text));
  EXPECT_THAT(failure([&] { leaked.item(); }).text, HasSubstr("a Tensor with 2 elements"));
  EXPECT_THAT(failure([&] { leaked.to_vector<float>(); }).text, HasSubstr(text));
  EXPECT_THAT(failure([&] { leaked += 1; }).text, HasSubstr(text));
  const auto g = compile([&](Tensor x) { return x + leaked; });
  EXPECT_THAT(failure([&] { g(ones({2})); }).text, HasSubstr(text));
}

TEST(Compile, RefusesWhatHasNoMeaning) {
  EXPECT_THAT(failure([] { compile([](Tensor x) { return x; }, {.donate = {1}}); }).text,
              HasSubstr("compile: donate names argument 1 of a function of 1"));
  EXPECT_THAT(failure([] {
                const auto f =
                    compile([](Tensor x) { return x * static_cast<double>(default_generator().position()); });
                f(ones({1}));
              }).text,
              HasSubstr("the position of a random stream is read inside a compiled function"));
  EXPECT_THAT(failure([] {
                float mine[] = {1};
                const auto f = compile([&](Tensor x) { from_blob(mine, {1}).copy_(x); });
                f(ones({1}));
              }).text,
              HasSubstr("writes into memory that it took over with from_blob itself"));
}

TEST(Compile, SaysWhatItDoes) {
  const auto f = compile([](Tensor x) { return softmax(x * 2, 1); });
  EXPECT_THAT(failure([&] { f.dump(); }).text, HasSubstr("no graph before its first call"));
  f(ones({2, 8}));
  EXPECT_THAT(f.dump(), HasSubstr("softmax"));
  EXPECT_THAT(f.dump("passes"), HasSubstr("after expand"));
  EXPECT_THAT(f.dump("llvm"), HasSubstr("define"));
  EXPECT_THAT(f.explain(), HasSubstr("row"));
  f(ones({4, 8}));
  const std::string text = f.report().str();
  EXPECT_THAT(text, HasSubstr("2 calls: 2 traces, 0 rebuilds"));
  EXPECT_THAT(text, HasSubstr("traced again: argument 0: float32[2, 8] became float32[4, 8]"));
  EXPECT_THAT(text, HasSubstr("row"));
  EXPECT_EQ(f.report().last.kernels[0].milliseconds, 0);

  const auto measured = compile([](Tensor x) { return x + 1; }, {.eval = {.profile = true}});
  measured(ones({1000}));
  measured(ones({1000}));
  EXPECT_GT(measured.report().last.kernels[0].milliseconds, 0);
  EXPECT_TRUE(measured.report().last.kernels[0].cache_hit);
}

TEST(Compile, KeepsAFewTraces) {
  int runs = 0;
  const auto f = compile(
      [&](Tensor x) {
        ++runs;
        return x + 1;
      },
      {.max_traces = 2});
  for (const int64_t n : {1, 2, 1, 3, 1, 2}) f(ones({n}));
  EXPECT_EQ(runs, 4);  // 1, 2, 3, and 2 again
}

TEST(Compile, EagerModeAndInterpretation) {
  const auto f = compile([](Tensor x) { return x.sum().item<double>(); });
  set_eager(true);
  EXPECT_EQ(f(ones({4})), 4);
  set_eager(false);
  EXPECT_EQ(f.report().calls, 0);
  const auto g = compile([](Tensor x, double k) { return sqrt(x) * k + rand({2}); }, {.eval = {.interpret = true}});
  manual_seed(1);
  const auto want = (sqrt(full({2}, 4.0)) * 3 + rand({2})).to_vector<float>();
  manual_seed(1);
  EXPECT_EQ(g(full({2}, 4.0), 3).to_vector<float>(), want);
  const auto checked = compile([](Tensor x) { return log(x) + 1; }, {.eval = {.check_nan = true}});
  EXPECT_THAT(failure([&] { checked(full({2}, -1.0)); }).text, HasSubstr("log made a NaN"));
}

/// Runs in a process of its own, because the environment is read once.
template <class F>
void with_environment(const char* name, const char* value, const F& f) {
  setenv(name, value, 1);
  try {
    f();
  } catch (const Error& e) {
    std::fprintf(stderr, "%s", e.what());
  }
  std::fflush(stderr);
  std::_Exit(0);
}

TEST(CompileDeathTest, EnvironmentHoldsForEveryEvaluation) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const auto log_of_minus_one = [] { eval(log(full({2}, -1.0))); };
  EXPECT_EXIT(with_environment("LAZULI_CHECK_NAN", "1", log_of_minus_one), testing::ExitedWithCode(0),
              "log made a NaN at linear index 0");
  const auto compiled = [] { compile([](Tensor x) { return log(x); })(full({2}, -1.0)); };
  EXPECT_EXIT(with_environment("LAZULI_CHECK_NAN", "1", compiled), testing::ExitedWithCode(0), "log made a NaN");
  const auto kernels = [] {
    const Tensor x = ones({4});
    eval(x);
    const auto f = compile([](Tensor t) { return exp(t) * 2 + 1; });
    f(x);
    std::fprintf(stderr, "%zu and %zu", profile(exp(x) * 2 + 1).kernels.size(), f.report().last.kernels.size());
  };
  EXPECT_EXIT(with_environment("LAZULI_FUSE", "0", kernels), testing::ExitedWithCode(0),
              "5 and 5");  // expanding a number is an op too
  EXPECT_EXIT(with_environment("LAZULI_VERIFY", "1", kernels), testing::ExitedWithCode(0), "1 and 1");
}

}  // namespace
}  // namespace lazuli
