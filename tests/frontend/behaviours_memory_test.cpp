// Behaviours 18 and 25 to 31 of the first course: writing through indices, what is in place, what aliases, and memory
// that is shared with the outside. Blocks of memory are counted where the course says that nothing is allocated.
#include "frontend/context.h"
#include "tests/frontend/litmus.h"
#include "tests/frontend/values.h"

namespace lazuli {
namespace {

/// Blocks of memory handed out since it was made: results and temporaries.
class Blocks {
 public:
  uint64_t taken() const { return context().allocator.stats().blocks - start_.blocks; }
  uint64_t from_system() const { return context().allocator.stats().system_allocations - start_.system_allocations; }

 private:
  runtime::AllocatorStats start_ = context().allocator.stats();
};

Tensor x34() {
  return arange(12, kFloat32).reshape({3, 4}).clone();
}

TEST(Behaviour18BufferReuse, ALoopOfProductsAllocatesNothingAfterTheFirstRound) {
  Tensor prev = ones({64, 64}), w = eye(64) * 2;
  eval(prev, w);
  const auto round = [&] {
    Tensor tmp = empty_like(prev);
    matmul_out(tmp, prev, w);
    prev = tmp;
    eval(prev);
  };
  round();
  round();
  const Blocks blocks;
  const litmus::Watch watch;
  for (int i = 0; i < 10; ++i) round();
  EXPECT_EQ(blocks.from_system(), 0u);
  EXPECT_EQ(watch.programs(), 10);
  EXPECT_EQ(prev(3, 5).item<float>(), 4096);
}

TEST(Behaviour18BufferReuse, TwoBuffersTakeTurns) {
  Tensor a = ones({64, 64}), b = empty({64, 64}), w = eye(64) * 2;
  eval(a, b, w);
  const void *pa = a.data_ptr(), *pb = b.data_ptr();
  matmul_out(b, a, w);
  matmul_out(a, b, w);
  const Blocks blocks;
  for (int i = 0; i < 4; ++i) {
    matmul_out(b, a, w);
    matmul_out(a, b, w);
  }
  EXPECT_EQ(blocks.from_system(), 0u);
  EXPECT_EQ(a.data_ptr(), pa);
  EXPECT_EQ(b.data_ptr(), pb);
  EXPECT_EQ(a(0, 0).item<float>(), 1024);
}

TEST(Behaviour25Indexing, ReadsAndWritesAtAnyRank) {
  Tensor x = x34();
  EXPECT_EQ(values(x.index({Slice(1, 3)})), Values({4, 5, 6, 7, 8, 9, 10, 11}));
  EXPECT_EQ(values(x[-1]), Values({8, 9, 10, 11}));
  EXPECT_EQ(values(x(Slice(-2, -1), -1)), Values({7}));
  EXPECT_EQ(message_of([&] { x.index({Slice(None, None, -1)}); }), "step must be greater than zero");
  EXPECT_EQ(message_of([&] { x.index({3}); }), "index 3 is out of bounds for dimension 0 with size 3");
  EXPECT_EQ(message_of([&] { x.index({0, 0, 0}); }), "too many indices for tensor of dimension 2");
  x(1, 2) = 9;
  EXPECT_EQ(values(x[1]), Values({4, 5, 9, 7}));
  x(Slice(0, 2), All) = 12;
  EXPECT_EQ(values(x), Values({12, 12, 12, 12, 12, 12, 12, 12, 8, 9, 10, 11}));
  x(All, Slice(None, None, 2)) = tensor({{1.}, {2.}, {3.}});
  EXPECT_EQ(values(x), Values({1, 12, 1, 12, 2, 12, 2, 12, 3, 9, 3, 11}));
  x.index({x > 10}) = 0;
  EXPECT_EQ(values(x), Values({1, 0, 1, 0, 2, 0, 2, 0, 3, 9, 3, 0}));
  x.index({tensor({2, 0})}) = tensor({5., 6., 7., 8.});
  EXPECT_EQ(values(x), Values({5, 6, 7, 8, 2, 0, 2, 0, 5, 6, 7, 8}));
  EXPECT_EQ(values(x.index({tensor({1, 2}), tensor({0, 3})})), Values({2, 8}));
  Tensor cube = zeros({2, 2, 2});
  cube(Ellipsis, 1) = 3;
  cube(1, None, 0) = tensor({4., 5.});
  EXPECT_EQ(values(cube), Values({0, 3, 0, 3, 4, 5, 0, 3}));
  EXPECT_EQ(message_of([&] { cube(0) = zeros({3}); }).substr(0, 24), "The expanded size of the");
}

TEST(Behaviour26NewTensor, OtherHandlesKeepTheOldValueAndItsMemory) {
  Tensor x = ones({1000}), y = x * 2;
  eval(x, y);
  const Tensor old = y;
  const void* memory = old.const_data_ptr();
  y = y + x;
  eval(y);
  EXPECT_NE(y.const_data_ptr(), memory);
  EXPECT_EQ(old.const_data_ptr(), memory);
  EXPECT_EQ(old[999].item<float>(), 2);
  EXPECT_EQ(y[999].item<float>(), 3);
  // A view keeps the memory as well, and what it still shows is not overwritten by later results.
  const Tensor view = y.slice(0, 0, 10);
  y = y * 2;
  Tensor z = y + 1;
  eval(y, z);
  EXPECT_EQ(view[9].item<float>(), 3);
}

TEST(Behaviour27InPlace, TheSamePointerAndNoTemporary) {
  for (const bool escaped : {false, true}) {
    Tensor x = x34(), y = ones({3, 4}), z = empty({3, 4});
    eval(x, y, z);
    if (escaped) z.data_ptr();
    const void* memory = z.const_data_ptr();
    const std::vector<std::pair<const char*, std::function<void()>>> writes{
        {"z[:] = x + y", [&] { z.index({Slice()}) = x + y; }},
        {"add_out", [&] { add_out(z, x, y); }},
        {"z += x", [&] { z += x; }},
        {"z[:] = z + y", [&] { z.index({Slice()}) = z + y; }},
        {"z(All) = z * 2", [&] { z(All) = z * 2; }},
        {"mul_, sub_", [&] { z.mul_(2).sub_(x); }},
        {"a row", [&] { z[1] = x[2]; }},
        {"zero_", [&] { z.zero_(); }},
        {"fill_", [&] { z.fill_(7); }},
    };
    for (const auto& [text, write] : writes) {
      SCOPED_TRACE(std::string(text) + (escaped ? ", escaped" : ""));
      const Blocks blocks;
      write();
      eval(z);
      EXPECT_EQ(blocks.taken(), 0u);
      EXPECT_EQ(z.const_data_ptr(), memory);
    }
    EXPECT_EQ(values(z), Values(12, 7));
    // A copy shares memory until either is written, unless somebody knows where it stands.
    z.copy_(x);
    eval(z);
    EXPECT_EQ(z.const_data_ptr(), escaped ? memory : x.const_data_ptr());
    z += 1;
    EXPECT_EQ(values(x), values(x34()));
  }
}

TEST(Behaviour27InPlace, OverlappingCopiesAreAsIfCopied) {
  Tensor x = arange(6, kFloat32).clone();
  eval(x);
  const void* memory = x.const_data_ptr();
  x.index({Slice(1, None)}) = x.index({Slice(None, -1)});
  EXPECT_EQ(values(x), Values({0, 0, 1, 2, 3, 4}));
  x.slice(0, 0, 5).copy_(x.slice(0, 1, 6));
  EXPECT_EQ(values(x), Values({0, 1, 2, 3, 4, 4}));
  x.slice(0, 2, 6) += x.slice(0, 0, 4);
  EXPECT_EQ(values(x), Values({0, 1, 2, 4, 6, 7}));
  EXPECT_EQ(x.const_data_ptr(), memory);
  Tensor m = x34();
  m.slice(1, 0, 3).copy_(m.slice(0, 0, 3).t().slice(0, 0, 3).t());
  m.t().slice(0, 0, 3) = m.slice(1, 0, 3);
  EXPECT_EQ(values(m), Values({0, 4, 8, 3, 1, 5, 9, 7, 2, 6, 10, 11}));
}

TEST(Behaviour28InPlaceForms, AndTensorsThatGradientsNeed) {
  Tensor x = tensor({1., 2., 3.});
  x.add_(1).mul_(tensor({2., 2., 2.})).sub_(x).clamp_(0, 10);
  EXPECT_EQ(values(x), Values({0, 0, 0}));
  x.copy_(tensor({3, 2, 1})).sqrt_().pow_(2).round_();
  EXPECT_EQ(values(x), Values({3, 2, 1}));
  x.zero_();
  EXPECT_EQ(values(x), Values({0, 0, 0}));

  Tensor leaf = ones({2}).requires_grad_();
  EXPECT_EQ(message_of([&] { leaf.add_(1); }),
            "a leaf Variable that requires grad is being used in an in-place operation.");
  EXPECT_EQ(message_of([&] { leaf[0] = 1; }),
            "a view of a leaf Variable that requires grad is being used in an in-place operation.");
  // What a gradient needs is kept where PyTorch would refuse the backward pass.
  Tensor y = leaf * 3, z = y * y;
  y.zero_();
  z.sum().backward();
  EXPECT_EQ(values(leaf.grad()), Values({18, 18}));
}

TEST(Behaviour29Views, AliasTheirBaseAndEachOther) {
  Tensor x = zeros({3, 4});
  Tensor v = x[1], w = x.t(), first = v.slice(0, 0, 2);
  v += 1;
  EXPECT_EQ(values(x), Values({0, 0, 0, 0, 1, 1, 1, 1, 0, 0, 0, 0}));
  first.mul_(5);
  w[3] = tensor({7., 8., 9.});
  EXPECT_EQ(values(x), Values({0, 0, 0, 7, 5, 5, 1, 8, 0, 0, 0, 9}));
  EXPECT_EQ(values(v), Values({5, 5, 1, 8}));
  x.zero_();
  EXPECT_EQ(values(v), Values({0, 0, 0, 0}));
  EXPECT_EQ(values(first), Values({0, 0}));
  EXPECT_TRUE(first.is_alias_of(w));
  EXPECT_FALSE(x.clone().is_alias_of(x));
}

TEST(Behaviour30SharedMemory, WritesOnEitherSideAreSeenByTheOther) {
  std::vector<float> host{1, 2, 3, 4, 5, 6};
  Tensor x = from_blob(host.data(), {2, 3});
  Tensor row = x[1], doubled = x * 2;
  host[4] = 50;
  EXPECT_EQ(values(row), Values({4, 50, 6}));
  EXPECT_EQ(values(x + 0), Values({1, 2, 3, 4, 50, 6}));
  row.fill_(-1);
  EXPECT_EQ(host, (std::vector<float>{1, 2, 3, -1, -1, -1}));
  x(0, 1) = 9;
  x.t()[0] += 10;
  EXPECT_EQ(host, (std::vector<float>{11, 9, 3, 9, -1, -1}));
  x.unfold(1, 2, 1).select(2, 1).zero_();
  EXPECT_EQ(host, (std::vector<float>{11, 0, 0, 9, 0, 0}));
  x.view(kInt32)[1] = 0x3f800000;
  EXPECT_EQ(host, (std::vector<float>{11, 0, 0, 1, 1, 1}));
  EXPECT_EQ(x.data_ptr(), host.data());

  const std::vector<float> numbers{1, 2};
  Tensor copy = from_host(numbers.data(), {2}, kFloat32);  // copies, as tensor() does
  copy.zero_();
  EXPECT_EQ(numbers[0], 1);
}

TEST(Behaviour31Export, SeesLaterWrites) {
  Tensor x = ones({2, 3});
  float* p = x.data_ptr<float>();
  x += 1;
  EXPECT_EQ(p[5], 2);
  x[1] = tensor({7., 8., 9.});
  EXPECT_EQ(p[4], 8);
  x.slice(1, 1, 3) *= 2;
  EXPECT_EQ(p[4], 16);
  as_strided(x, {2}, {4}).fill_(-1);
  EXPECT_EQ(p[0], -1);
  EXPECT_EQ(p[4], -1);
  p[2] = 100;
  EXPECT_EQ(x(0, 2).item<float>(), 100);
  EXPECT_EQ(x[1].data_ptr(), p + 3);
  EXPECT_EQ(x.t().slice(0, 1, 2).data_ptr(), p + 1);
}

}  // namespace
}  // namespace lazuli
