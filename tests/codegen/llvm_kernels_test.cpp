// Memory, lanes, control flow and status of generated code, against the kernel interpreter.
#include <gmock/gmock.h>

#include "codegen/fast_div.h"
#include "codegen/kernel_builder.h"
#include "lazuli/base/error.h"
#include "run_both.h"

namespace lazuli::codegen {
namespace {

using testing::ElementsAre;

constexpr DType kTypes[] = {kBool, kUInt8, kInt8, kInt16, kInt32, kInt64, kFloat16, kBFloat16, kFloat32, kFloat64};

class Memory : public testing::TestWithParam<std::tuple<DType, int>> {};

TEST_P(Memory, MaskedAccessesTouchNothingElse) {
  const auto [t, count] = GetParam();
  const auto lanes = static_cast<uint16_t>(count);
  KernelBuilder b("masked");
  const auto x = b.add_buffer(t, Role::Input), y = b.add_buffer(t, Role::Output);
  b.phase("main", [&](ValueId task) {  // task t copies t elements to its own row
    const ValueId row = b.mul(task, b.index(lanes)), mask = b.lane_mask(task, lanes);
    const ValueId other = b.splat(b.constant(t, 1), lanes);
    const ValueId v = b.load_masked(x, row, mask, other);
    b.store_masked(y, row, v, mask);
    b.store(y, b.add(row, b.index(lanes * (lanes + 2))), v);  // shows `other`
  });
  const auto k = b.finish();
  // The input ends with the last element that the masks allow.
  const size_t used = static_cast<size_t>(lanes) * (lanes + 1);
  run_both(*k, {{pattern(t, used), pattern(t, 2 * static_cast<size_t>(lanes) * (lanes + 2), 5)}, {}, {}}, lanes + 1);
}

TEST_P(Memory, GathersAndScatters) {
  const auto [t, count] = GetParam();
  const auto lanes = static_cast<uint16_t>(count);
  KernelBuilder b("gather");
  const auto x = b.add_buffer(t, Role::Input), y = b.add_buffer(t, Role::Output);
  b.phase("main", [&](ValueId task) {
    const ValueId stride = b.size_arg();
    const ValueId at = b.add(b.mul(b.iota(lanes), stride), b.splat(task, lanes));
    const ValueId v = b.load(x, at, lanes);
    b.store(y, at, v);
    const ValueId mask = b.lt(b.iota(lanes), b.splat(task, lanes));
    const ValueId w = b.load_masked(x, b.add(at, b.splat(stride, lanes)), mask, v);
    b.store_masked(y, b.add(at, b.index(200)), w, mask);
  });
  const auto k = b.finish();
  run_both(*k, {{pattern(t, 200), pattern(t, 400, 9)}, {7}, {}}, 7);
}

TEST_P(Memory, LanesMove) {
  const auto [t, count] = GetParam();
  const auto lanes = static_cast<uint16_t>(count);
  KernelBuilder b("lanes");
  const auto x = b.add_buffer(t, Role::Input), y = b.add_buffer(t, Role::Output), s = b.add_buffer(t, Role::Scratch);
  const auto scalar = b.add_scalar(t);
  b.phase("main", [&](ValueId task) {
    const ValueId at = b.mul(task, b.index(lanes)), zero = b.index(0), half = b.index(lanes / 2);
    const ValueId v = b.load(x, at, lanes);
    if (lanes > 1) {
      b.store(s, half, b.low(v));  // the halves change places, by way of scratch
      b.store(s, zero, b.high(v));
      b.store(y, at, b.load(s, zero, lanes));
    }
    const ValueId row = b.add(at, b.index(1000));
    b.store(y, row, b.splat(b.extract(v, lanes - 1), lanes));
    b.store(y, row, b.scalar_arg(scalar));
  });
  const auto k = b.finish();
  run_both(*k, {{pattern(t, 200), pattern(t, 1200, 3), pattern(t, lanes)}, {}, {~uint64_t{0} >> 3}}, 5);
}

INSTANTIATE_TEST_SUITE_P(Types, Memory, testing::Combine(testing::ValuesIn(kTypes), testing::Values(1, 2, 8, 16)),
                         [](const auto& p) {
                           return std::string(name(std::get<0>(p.param))) + "x" + std::to_string(std::get<1>(p.param));
                         });

TEST(Control, LoopsCarryAndPermute) {
  KernelBuilder b("fib");
  const auto y = b.add_buffer(kInt64, Role::Output);
  b.phase("main", [&](ValueId task) {  // task n writes fib(n) and fib(n + 1)
    const ValueId zero = b.index(0), one = b.index(1);
    const auto f = b.for_loop(zero, task, one, {zero, one},
                              [&](ValueId, const auto& c) { return std::vector<ValueId>{c[1], b.add(c[0], c[1])}; });
    const ValueId at = b.mul(task, b.index(2));
    b.store(y, at, f[0]);
    b.store(y, b.add(at, one), f[1]);
  });
  const Launch r = run_both(*b.finish(), {{pattern(kInt64, 12)}, {}, {}}, 6);
  EXPECT_THAT(values_of<int64_t>(r.buffers[0]), ElementsAre(0, 1, 1, 1, 1, 2, 2, 3, 3, 5, 5, 8));
}

TEST(Control, NestedLoopsAndBranchesYield) {
  KernelBuilder b("nest");
  const auto y = b.add_buffer(kInt64, Role::InOut);
  b.phase("main", [&](ValueId task) {
    const ValueId n = b.size_arg(), zero = b.index(0), one = b.index(1), two = b.index(2);
    const auto total = b.for_loop(zero, n, two, {zero, task}, [&](ValueId i, const auto& c) {
      const auto inner = b.for_loop(i, n, one, {c[0]}, [&](ValueId j, const auto& d) {
        const ValueId odd = b.prim(Prim::irem, kInt64, {j, two});
        const ValueId is_odd = b.prim(Prim::eq, kBool, {odd, one});
        return b.if_then(
            is_odd, [&] { return std::vector<ValueId>{b.add(d[0], b.mul(i, j))}; },
            [&] {
              const ValueId at = b.add(task, zero);
              const ValueId was = b.load(y, at, 1);
              b.store(y, at, b.add(was, one));
              return std::vector<ValueId>{d[0]};
            });
      });
      return std::vector<ValueId>{inner[0], b.add(c[1], inner[0])};
    });
    const ValueId chosen = b.if_then(
        b.lt(task, two), [&] { return std::vector<ValueId>{total[0]}; },
        [&] { return std::vector<ValueId>{total[1]}; })[0];
    const ValueId was = b.load(y, task, 1);
    b.store(y, task, b.add(was, chosen));
  });
  const auto k = b.finish();
  for (int64_t n : {0, 1, 2, 7}) run_both(*k, {{pattern(kInt64, 4)}, {n}, {}}, 4);
}

TEST(Control, PhasesShareAWorkspaceAndTasksARange) {
  KernelBuilder b("two phases");
  const auto x = b.add_buffer(kInt32, Role::Input), w = b.add_buffer(kInt32, Role::Workspace);
  const auto y = b.add_buffer(kInt32, Role::Output);
  const uint32_t size = b.add_size();
  b.phase("double", [&](ValueId t) {
    const ValueId v = b.load(x, t, 1);
    b.store(w, t, b.add(v, v));
  });
  b.phase("shift", [&](ValueId t) { b.store(y, t, b.load(w, b.add(t, b.size_arg(size)), 1)); });
  const auto k = b.finish();
  const Launch r =
      run_both(*k, {{bytes_of<int32_t>({1, 2, 3, 4}), pattern(kInt32, 8), pattern(kInt32, 4)}, {0}, {}}, 4);
  EXPECT_THAT(values_of<int32_t>(r.buffers[2]), ElementsAre(2, 4, 6, 8));
  const auto code = jits_of_all_widths()[0]->compile(*k);
  ASSERT_EQ(code->phases.size(), 2u);
  std::vector<int32_t> in{1, 2, 3, 4}, work(4, -1);
  void* buffers[] = {in.data(), work.data(), nullptr};
  const int64_t sizes[] = {0};
  const LaunchArgs args{buffers, sizes, nullptr};
  code->phases[0](&args, 1, 3, nullptr);
  EXPECT_THAT(work, ElementsAre(-1, 4, 6, -1)) << "only the tasks asked for";
  code->phases[0](&args, 3, 3, nullptr);
  EXPECT_THAT(work, ElementsAre(-1, 4, 6, -1)) << "no task is no work";
}

TEST(Control, FastDivisionIsExact) {
  const int64_t divisors[] = {1, 2, 3, 7, 641, 65536, 1000003, (int64_t{1} << 31) - 1};
  for (int64_t d : divisors) {
    KernelBuilder b("fastdiv");
    const auto x = b.add_buffer(kInt64, Role::Input), y = b.add_buffer(kInt64, Role::Output);
    b.phase("main", [&](ValueId t) {
      const ValueId m = b.size_arg(), s = b.size_arg();
      const ValueId at = b.mul(t, b.index(8));
      b.store(y, at, b.fast_div(b.load(x, at, 8), m, s));
    });
    std::vector<int64_t> values;
    for (int64_t v : {int64_t{0}, int64_t{1}, d - 1, d, d + 1, 2 * d - 1, 2 * d, (int64_t{1} << 31) - 1})
      values.push_back(std::min(v, (int64_t{1} << 31) - 1));
    const FastDivisor f = fast_divisor(d);
    const Launch r = run_both(*b.finish(), {{bytes_of(values), pattern(kInt64, 8)}, {f.multiplier, f.shift}, {}}, 1);
    const auto got = values_of<int64_t>(r.buffers[1]);
    for (size_t i = 0; i < values.size(); ++i) EXPECT_EQ(got[i], values[i] / d) << values[i] << " / " << d;
  }
}

TEST(Control, ChecksRaiseTheStatusAndChangeNothing) {
  KernelBuilder b("check");
  const auto x = b.add_buffer(kInt32, Role::Input), y = b.add_buffer(kInt32, Role::Output);
  b.phase("main", [&](ValueId t) {
    const ValueId at = b.mul(t, b.index(8));
    const ValueId v = b.load(x, at, 8);
    b.check(b.prim(Prim::ne, kBool, {v, b.constant(kInt32, 0)}));
    b.check(b.lt(t, b.index(100)));
    b.store(y, at, b.add(v, v));
  });
  const auto k = b.finish();
  EXPECT_TRUE(k->has_checks);
  std::vector<int32_t> values(32, 5);
  int32_t status = 0;
  run_both(*k, {{bytes_of(values), pattern(kInt32, 32)}, {}, {}}, 4, &status);
  EXPECT_EQ(status, 0);
  values[13] = 0;
  run_both(*k, {{bytes_of(values), pattern(kInt32, 32)}, {}, {}}, 4, &status);
  EXPECT_NE(status, 0);
}

TEST(Control, StreamsAndPrefetches) {
  KernelBuilder b("stream");
  const auto x = b.add_buffer(kFloat32, Role::Input), y = b.add_buffer(kFloat32, Role::Output);
  b.phase("main", [&](ValueId t) {
    const ValueId at = b.mul(t, b.index(16));
    b.prefetch(x, b.add(at, b.index(1024)));
    b.store(y, at, b.load(x, at, 16, kAligned), kAligned | kNonTemporal);
    b.fence();
  });
  const auto k = b.finish();
  for (const auto& jit : jits_of_all_widths()) {
    const std::string code = jit->assembly(*k);
    EXPECT_THAT(code, testing::HasSubstr("vmovntps"));
    EXPECT_THAT(code, testing::HasSubstr("prefetcht0"));
    EXPECT_THAT(code, testing::HasSubstr("sfence"));
    EXPECT_EQ(code.find("%zmm") != std::string::npos, jit->target().vector_bits == 512);
  }
}

TEST(InterpretKernel, FindsAccessesOutsideABuffer) {
  KernelBuilder b("bounds");
  const auto x = b.add_buffer(kInt32, Role::Input), y = b.add_buffer(kInt32, Role::Output);
  b.phase("main", [&](ValueId t) { b.store(y, t, b.load(x, t, 4)); });
  const auto k = b.finish();
  std::vector<int32_t> in(7), out(8);
  void* buffers[] = {in.data(), out.data()};
  const LaunchArgs args{buffers, nullptr, nullptr};
  const std::vector<int64_t> extents = {7, 8};
  EXPECT_EQ(interpret_phase(*k, 0, args, 0, 4, nullptr, &extents), 0);
  try {
    interpret_phase(*k, 0, args, 4, 5, nullptr, &extents);
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.message(), "kernel bounds: load of element 7 of buffer 0, which has 7");
  }
}

}  // namespace
}  // namespace lazuli::codegen
