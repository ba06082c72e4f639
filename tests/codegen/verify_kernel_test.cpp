// Each rule of the verifier refuses a kernel that breaks it, and says which.
#include <gmock/gmock.h>

#include <functional>

#include "codegen/kernel_builder.h"
#include "lazuli/base/error.h"

namespace lazuli::codegen {
namespace {

using testing::HasSubstr;

/// y[t] = load(x, t, 4) + 1 in a loop, under a branch: something of everything to break.
Kernel sound() {
  KernelBuilder b("k");
  const auto x = b.add_buffer(kFloat32, Role::Input), y = b.add_buffer(kFloat32, Role::Output);
  b.phase("main", [&](ValueId t) {
    const ValueId n = b.size_arg();
    const auto sum = b.for_loop(b.index(0), n, b.index(4), {t}, [&](ValueId i, const auto& c) {
      const ValueId v = b.load(x, i, 4);
      b.if_then(b.lt(i, t), [&]() -> std::vector<ValueId> {
        b.store(y, i, b.add(v, b.constant(kFloat32, 1)));
        return {};
      });
      return std::vector<ValueId>{b.add(c[0], i)};
    });
    b.check(b.lt(sum[0], n));
  });
  return *b.finish();
}

Inst& find(Kernel& k, KOp op, Prim p = Prim::constant) {
  for (Inst& i : k.insts)
    if (i.op == op && (op != KOp::Prim || i.prim == p)) return i;
  throw std::logic_error("no such instruction");
}

struct Case {
  const char* rule;
  std::function<void(Kernel&)> damage;
};

class VerifyKernel : public testing::TestWithParam<Case> {};

TEST_P(VerifyKernel, Refuses) {
  Kernel k = sound();
  ASSERT_NO_THROW(verify_kernel(k));
  GetParam().damage(k);
  try {
    verify_kernel(k);
    FAIL() << "accepted";
  } catch (const Error& e) {
    EXPECT_EQ(e.kind(), ErrorKind::Internal);
    EXPECT_THAT(e.message(), HasSubstr(GetParam().rule));
    EXPECT_THAT(e.message(), HasSubstr("kernel k is malformed"));
  }
}

INSTANTIATE_TEST_SUITE_P(
    Rules, VerifyKernel,
    testing::Values(
        Case{"operands are defined before",
             [](Kernel& k) { find(k, KOp::Load).operands[0] = find(k, KOp::Load).results[0]; }},
        Case{"operands are defined before",
             [](Kernel& k) { find(k, KOp::Prim, Prim::check).operands[0] = find(k, KOp::Prim, Prim::lt).results[0]; }},
        Case{"operands are defined before", [](Kernel& k) { find(k, KOp::Load).operands[0] = 9999; }},
        Case{"lanes of operands", [](Kernel& k) { k.values[find(k, KOp::Load).results[0]].lanes = 8; }},
        Case{"holds the buffer's dtype", [](Kernel& k) { k.values[find(k, KOp::Load).results[0]].dtype = kInt32; }},
        Case{"inputs are not written", [](Kernel& k) { find(k, KOp::Store).imm = 0; }},
        Case{"the buffer exists", [](Kernel& k) { find(k, KOp::Store).imm = 7; }},
        Case{"only stores are non-temporal", [](Kernel& k) { find(k, KOp::Load).flags = kNonTemporal; }},
        Case{"a size argument exists", [](Kernel& k) { k.size_args = 0; }},
        Case{"takes this dtype", [](Kernel& k) { find(k, KOp::Prim, Prim::lt).prim = Prim::div; }},
        Case{"the result is bool", [](Kernel& k) { k.values[find(k, KOp::Prim, Prim::lt).results[0]].dtype = kInt64; }},
        Case{"number of operands", [](Kernel& k) { find(k, KOp::Prim, Prim::add).operands.pop_back(); }},
        Case{"yields the carried values", [](Kernel& k) { k.blocks[find(k, KOp::For).blocks[0]].yields.clear(); }},
        Case{"number of results", [](Kernel& k) { find(k, KOp::For).results.clear(); }},
        Case{"carries nothing", [](Kernel& k) { find(k, KOp::For).loop = LoopKind::Thread; }},
        Case{"the condition is one bool",
             [](Kernel& k) { find(k, KOp::If).operands[0] = find(k, KOp::SizeArg).results[0]; }},
        Case{"has one owner", [](Kernel& k) { find(k, KOp::If).blocks[1] = find(k, KOp::If).blocks[0]; }},
        Case{"knows its parent", [](Kernel& k) { k.blocks[find(k, KOp::If).blocks[0]].parent = kNone; }},
        Case{"bits fit its type",
             [](Kernel& k) {
               find(k, KOp::Prim, Prim::constant).imm = 1;
               k.values[find(k, KOp::Prim, Prim::constant).results[0]].dtype = kBool;
               find(k, KOp::Prim, Prim::constant).imm = 2;
             }},
        Case{"has_checks", [](Kernel& k) { k.has_checks = false; }},
        Case{"a kernel has a phase", [](Kernel& k) { k.phases.clear(); }}));

}  // namespace
}  // namespace lazuli::codegen
