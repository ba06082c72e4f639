// What the builder makes of a kernel, as printed text: placement, merging, folding, dropping.
// Compilers evaluate arguments in different orders, and values are numbered as they are made: what is made inside an
// argument list here is either alone there or exists already.
#include "codegen/kernel_builder.h"

#include <gmock/gmock.h>

#include <chrono>
#include <cstdio>

#include "lazuli/base/error.h"

namespace lazuli::codegen {
namespace {

using testing::HasSubstr;

std::string text(KernelBuilder& b) {
  return print_kernel(*b.finish());
}

TEST(KernelBuilder, PlacesInvariantCodeOutsideLoops) {
  KernelBuilder b("scale");
  const auto x = b.add_buffer(kFloat32, Role::Input), s = b.add_buffer(kFloat32, Role::Input);
  const auto y = b.add_buffer(kFloat32, Role::Output);
  b.phase("main", [&](ValueId task) {
    const ValueId n = b.size_arg(), zero = b.index(0), eight = b.index(8);
    b.for_loop(zero, n, eight, {}, [&](ValueId i, const auto&) -> std::vector<ValueId> {
      const ValueId base = b.mul(task, n);  // leaves the loop
      const ValueId scale = b.load(s, task, 1);
      const ValueId at = b.add(base, i);
      const ValueId v = b.load(x, at, 8);
      b.store(y, at, b.mul(v, scale));
      return {};
    });
  });
  EXPECT_EQ(text(b),
            "kernel scale(b0: float32 input, b1: float32 input, b2: float32 output) scalars() sizes(1)\n"
            "phase main(%0: int64) {\n"
            "  %1: int64 = size 0\n"
            "  %2: int64 = 0\n"
            "  %3: int64 = 8\n"
            "  %4: int64 = mul %0, %1\n"
            "  %5: float32 = load b1[%0]\n"
            "  %6: float32x8 = splat %5\n"
            "  for %7: int64 = %2 to %1 step %3 {\n"
            "    %8: int64 = add %7, %4\n"
            "    %9: float32x8 = load b0[%8]\n"
            "    %10: float32x8 = mul %9, %6\n"
            "    store b2[%8], %10\n"
            "  }\n"
            "}\n");
}

TEST(KernelBuilder, BranchesKeepWhatOnlyTheyNeed) {
  KernelBuilder b("epilogue");
  const auto x = b.add_buffer(kFloat32, Role::Input), y = b.add_buffer(kFloat32, Role::Output);
  b.phase("main", [&](ValueId task) {
    const ValueId n = b.size_arg(), zero = b.index(0), one = b.index(1);
    b.for_loop(zero, n, one, {}, [&](ValueId i, const auto&) -> std::vector<ValueId> {
      const ValueId v = b.load(x, i, 1);
      b.if_then(b.lt(i, task), [&]() -> std::vector<ValueId> {
        const ValueId outside = b.add(task, n);      // no loop needs it: leaves loop and branch
        const ValueId guarded = b.load(x, task, 1);  // stays: the branch may guard it
        b.store(y, outside, b.mul(v, guarded));      // stays: on every iteration it would be wasted
        return {};
      });
      return {};
    });
  });
  EXPECT_EQ(text(b),
            "kernel epilogue(b0: float32 input, b1: float32 output) scalars() sizes(1)\n"
            "phase main(%0: int64) {\n"
            "  %1: int64 = size 0\n"
            "  %2: int64 = 0\n"
            "  %3: int64 = 1\n"
            "  %4: int64 = add %0, %1\n"
            "  for %5: int64 = %2 to %1 step %3 {\n"
            "    %6: float32 = load b0[%5]\n"
            "    %7: bool = lt %5, %0\n"
            "    if %7 {\n"
            "      %8: float32 = load b0[%0]\n"
            "      %9: float32 = mul %6, %8\n"
            "      store b1[%4], %9\n"
            "    }\n"
            "  }\n"
            "}\n");
}

TEST(KernelBuilder, MergesEqualValuesButNoLoadsAcrossStores) {
  KernelBuilder b("merge");
  const auto x = b.add_buffer(kInt32, Role::InOut);
  b.phase("main", [&](ValueId task) {
    const ValueId a = b.load(x, task, 1), again = b.load(x, task, 1);
    EXPECT_EQ(a, again);
    EXPECT_EQ(b.add(a, task == kNone ? a : again), b.add(again, a));
    const ValueId k = b.constant(kInt32, 3);
    EXPECT_EQ(b.mul(k, a), b.mul(a, k));
    b.store(x, task, b.mul(k, a));
    EXPECT_NE(b.load(x, task, 1), a);
  });
}

TEST(KernelBuilder, FoldsConstantsAndIntegerIdentities) {
  KernelBuilder b("fold");
  const auto y = b.add_buffer(kInt64, Role::Output);
  b.phase("main", [&](ValueId t) {
    EXPECT_EQ(b.add(b.index(2), b.index(3)), b.index(5));
    EXPECT_EQ(b.prim(Prim::idiv, kInt64, {b.index(7), b.index(0)}), b.index(0));
    EXPECT_EQ(b.add(t, b.index(0)), t);
    EXPECT_EQ(b.mul(b.index(1), t), t);
    EXPECT_EQ(b.mul(t, b.index(0)), b.index(0));
    EXPECT_EQ(b.select(b.constant(kBool, 1), t, b.index(0)), t);
    EXPECT_EQ(b.splat(b.constant(kFloat32, 2), 8), b.add(b.splat(b.constant(kFloat32, 1), 8), b.constant(kFloat32, 1)));
    EXPECT_EQ(b.extract(b.splat(t, 4), 2), t);
    EXPECT_EQ(b.type(b.low(b.splat(t, 4))).lanes, 2);
    EXPECT_EQ(b.lane_mask(b.index(9), 8), b.splat(b.constant(kBool, 1), 8));
    const ValueId f = b.prim(Prim::convert, kFloat32, {t}), zero = b.constant(kFloat32, 0);
    EXPECT_NE(b.add(f, zero), f) << "-0 + 0 is +0";
    EXPECT_NE(b.mul(f, zero), zero) << "inf * 0 is NaN";
    b.store(y, t, t);
  });
  EXPECT_EQ(text(b),
            "kernel fold(b0: int64 output) scalars() sizes(0)\n"
            "phase main(%0: int64) {\n"
            "  store b0[%0], %0\n"
            "}\n")
      << "what nobody uses is dropped";
}

TEST(KernelBuilder, ConstantControlFlowDisappears) {
  KernelBuilder b("flow");
  const auto y = b.add_buffer(kInt64, Role::Output);
  b.phase("main", [&](ValueId t) {
    const auto once = b.for_loop(b.index(3), b.index(4), b.index(1), {t},
                                 [&](ValueId i, const auto& c) { return std::vector<ValueId>{b.add(c[0], i)}; });
    const auto never = b.for_loop(b.index(4), b.index(4), b.index(1), once, [&](ValueId, const auto&) {
      ADD_FAILURE() << "an empty loop has no body";
      return std::vector<ValueId>{t};
    });
    const auto taken = b.if_then(b.constant(kBool, 0), [&] { return std::vector<ValueId>{t}; }, [&] { return never; });
    b.store(y, t, taken[0]);
  });
  EXPECT_EQ(text(b),
            "kernel flow(b0: int64 output) scalars() sizes(0)\n"
            "phase main(%0: int64) {\n"
            "  %1: int64 = 3\n"
            "  %2: int64 = add %0, %1\n"
            "  store b0[%0], %2\n"
            "}\n");
}

TEST(KernelBuilder, PrintsLoopsThatCarry) {
  KernelBuilder b("sum");
  const auto x = b.add_buffer(kFloat32, Role::Input), y = b.add_buffer(kFloat32, Role::Output);
  b.phase("main", [&](ValueId t) {
    const ValueId n = b.size_arg();
    const ValueId zero = b.splat(b.constant(kFloat32, 0), 4), from = b.index(0), four = b.index(4);
    const auto sum = b.for_loop(from, n, four, {zero}, [&](ValueId i, const auto& c) {
      return std::vector<ValueId>{b.add(c[0], b.load_masked(x, i, b.lane_mask(b.sub(n, i), 4), zero))};
    });
    const auto kept = b.if_then(b.lt(t, n), [&] { return sum; }, [&] { return std::vector<ValueId>{zero}; });
    b.store(y, t, b.extract(kept[0], 1));
    b.check(b.lt(t, n));
  });
  EXPECT_EQ(text(b),
            "kernel sum(b0: float32 input, b1: float32 output) scalars() sizes(1)\n"
            "phase main(%0: int64) {\n"
            "  %1: int64 = size 0\n"
            "  %2: float32x4 = 0\n"
            "  %3: int64 = 0\n"
            "  %4: int64 = 4\n"
            "  %5: float32x4 = for %6: int64 = %3 to %1 step %4 carry %7: float32x4 = %2 {\n"
            "    %8: int64 = sub %1, %6\n"
            "    %9: boolx4 = lanemask %8\n"
            "    %10: float32x4 = load b0[%6] where %9 else %2\n"
            "    %11: float32x4 = add %7, %10\n"
            "    yield %11\n"
            "  }\n"
            "  %12: bool = lt %0, %1\n"
            "  %13: float32x4 = if %12 {\n"
            "    yield %5\n"
            "  } else {\n"
            "    yield %2\n"
            "  }\n"
            "  %14: float32 = extract %13[1]\n"
            "  store b1[%0], %14\n"
            "  check %12\n"
            "}\n");
}

TEST(KernelBuilder, InlinesScalarFunctionsWithGuardedChecks) {
  scalar::Function f;  // x / y with a check, shifted by a constant
  f.params = {kInt32, kInt32};
  f.insts = {{Prim::constant, kInt32, {}, 0},
             {Prim::ne, kBool, {1, 2}, 0},
             {Prim::check, kBool, {3}, 1},
             {Prim::idiv, kInt32, {0, 1}, 0}};
  f.results = {5};
  KernelBuilder b("div");
  const auto x = b.add_buffer(kInt32, Role::Input), y = b.add_buffer(kInt32, Role::Output);
  const auto d = b.add_scalar(kInt32);
  b.phase("main", [&](ValueId t) {
    const ValueId mask = b.lane_mask(t, 4);
    const ValueId a = b.load_masked(x, t, mask, b.constant(kInt32, 0));
    const ValueId args[] = {a, b.scalar_arg(d)};
    b.store_masked(y, t, b.inline_function(f, args, mask)[0], mask);
  });
  const std::string s = text(b);
  EXPECT_THAT(s, HasSubstr(": bool = ne "));  // stays one lane
  EXPECT_THAT(s, HasSubstr("check"));
  EXPECT_THAT(s, HasSubstr("int32x4 = idiv"));
}

TEST(KernelBuilder, RefusesValuesOfClosedBlocks) {
  KernelBuilder b("escape");
  b.phase("main", [&](ValueId t) {
    ValueId inner = kNone;
    b.for_loop(b.index(0), t, b.index(1), {}, [&](ValueId i, const auto&) -> std::vector<ValueId> {
      inner = i;
      return {};
    });
    EXPECT_THROW(b.add(inner, t), Error);
  });
}

TEST(StructuralKey, DependsOnCodeAndNotOnNames) {
  const auto make = [](const char* name, const char* phase, double k, uint8_t flags, Role role) {
    KernelBuilder b(name);
    const auto y = b.add_buffer(kFloat32, role);
    b.phase(phase, [&](ValueId t) { b.store(y, t, b.splat(b.constant(kFloat32, k), 8), flags); });
    return structural_key(*b.finish());
  };
  const std::string base = make("a", "p", 1, 0, Role::Output);
  EXPECT_EQ(base, make("b", "q", 1, 0, Role::Output));
  EXPECT_NE(base, make("a", "p", 2, 0, Role::Output));
  EXPECT_NE(base, make("a", "p", 1, kAligned, Role::Output));
  EXPECT_NE(base, make("a", "p", 1, 0, Role::Workspace));
}

TEST(StructuralKey, DoesNotDependOnTheOrderOfUnusedWork) {
  const auto make = [](bool detour) {
    KernelBuilder b("k");
    const auto y = b.add_buffer(kInt64, Role::Output);
    b.phase("main", [&](ValueId t) {
      if (detour) b.mul(t, t);
      b.store(y, t, b.add(t, b.index(1)));
    });
    return structural_key(*b.finish());
  };
  EXPECT_EQ(make(false), make(true));
}

TEST(KernelBuilder, BuildsLargeKernelsQuickly) {
  const auto start = std::chrono::steady_clock::now();
  KernelBuilder b("big");
  const auto x = b.add_buffer(kFloat32, Role::Input), y = b.add_buffer(kFloat32, Role::Output);
  b.phase("main", [&](ValueId t) {
    ValueId v = b.load(x, t, 16);
    for (int n = 0; n < 500; ++n) v = b.prim(Prim::fma, kFloat32, {v, v, b.constant(kFloat32, n)});
    b.store(y, t, v);
  });
  const auto k = b.finish();
  const double us = std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - start).count();
  std::printf("building and verifying %zu instructions: %.0f us\n", k->insts.size(), us);
  EXPECT_EQ(k->insts.size(), 1002u);  // per step: a constant scalar is dropped, its splat and the fma stay
}

}  // namespace
}  // namespace lazuli::codegen
