// DLPack in both directions: shared memory, one call of the deleter whatever happens, and structures that lie.
#include "lazuli/dlpack.h"

#include <gmock/gmock.h>

#include <cstring>
#include <functional>
#include <limits>
#include <thread>

#include "frontend/dlpack_abi.h"
#include "tests/frontend/values.h"

namespace lazuli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

/// A producer: a managed tensor over its own memory that counts its deletions.
template <class Managed>
struct Producer {
  std::vector<float> memory{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};
  std::vector<int64_t> shape{3, 4}, strides{4, 1};
  int deleted = 0;
  Managed managed{};

  Producer() {
    DLTensor& t = managed.dl_tensor;
    t.data = memory.data();
    t.device = {kDLCPU, 0};
    t.ndim = 2;
    t.dtype = {kDLFloat, 32, 1};
    t.shape = shape.data();
    t.strides = strides.data();
    managed.manager_ctx = this;
    managed.deleter = [](Managed* self) {
      auto* producer = static_cast<Producer*>(self->manager_ctx);
      ++producer->deleted;
      // As if freed: whoever reads on finds nothing.
      producer->shape.assign(producer->shape.size(), -7);
      std::memset(static_cast<void*>(self), 0xee, sizeof *self);
    };
    if constexpr (requires { managed.version; }) managed.version = {1, 0};
  }
  Producer(const Producer&) = delete;
};
using Versioned = Producer<DLManagedTensorVersioned>;
using Old = Producer<DLManagedTensor>;

template <class T>
class DlpackImport : public ::testing::Test {};
using Producers = ::testing::Types<Versioned, Old>;
TYPED_TEST_SUITE(DlpackImport, Producers);

TYPED_TEST(DlpackImport, SharesMemoryAndDeletesOnce) {
  TypeParam p;
  {
    Tensor x = from_dlpack(&p.managed);
    EXPECT_EQ(x.dtype(), kFloat32);
    EXPECT_EQ(sizes(x), Dims({3, 4}));
    EXPECT_EQ(x.data_ptr<float>(), p.memory.data());
    p.memory[5] = 50;
    EXPECT_EQ(x[1][1].template item<float>(), 50);
    x[2] += 1;
    EXPECT_EQ(p.memory[8], 9);
    const Tensor other = x, row = x[0];
    x = Tensor();
    EXPECT_EQ(p.deleted, 0);
    EXPECT_THAT(values(row), ElementsAre(0, 1, 2, 3));
  }
  EXPECT_EQ(p.deleted, 1);
}

TYPED_TEST(DlpackImport, PendingReadersKeepTheMemory) {
  TypeParam p;
  Tensor y;
  {
    const Tensor x = from_dlpack(&p.managed);
    y = x + 1;
  }
  EXPECT_EQ(p.deleted, 0);
  EXPECT_EQ(values(y.sum()), Values({78}));
  y = Tensor();
  EXPECT_EQ(p.deleted, 1);
}

TYPED_TEST(DlpackImport, Layouts) {
  struct Case {
    std::vector<int64_t> shape, strides;
    uint64_t byte_offset;
    Values expected;
  };
  const Case cases[] = {
      {{4, 3}, {1, 4}, 0, {0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11}},  // transposed
      {{6}, {2}, 0, {0, 2, 4, 6, 8, 10}},
      {{2, 3}, {3, 1}, 24, {6, 7, 8, 9, 10, 11}},        // from an offset
      {{2, 3}, {0, 1}, 8, {2, 3, 4, 2, 3, 4}},           // repeated
      {{2, 3}, {5, 1}, 0, {0, 1, 2, 5, 6, 7}},           // padded rows
      {{3, 2}, {2, 1}, 8, {2, 3, 4, 5, 6, 7}},           // from the middle
      {{3, 3}, {1, 1}, 0, {0, 1, 2, 1, 2, 3, 2, 3, 4}},  // overlapping windows
      {{1, 3}, {-99, 4}, 4, {1, 5, 9}},                  // the stride of one element is never used
      {{}, {}, 12, {3}},
      {{0, 4}, {-5, -9}, 0, {}},
      {{2, 0, 3}, {}, 0, {}},
  };
  for (const Case& c : cases) {
    TypeParam p;
    p.shape = c.shape;
    p.strides = c.strides;
    DLTensor& t = p.managed.dl_tensor;
    t.shape = c.shape.empty() ? nullptr : p.shape.data();
    t.strides = c.strides.empty() ? nullptr : p.strides.data();
    t.ndim = static_cast<int32_t>(c.shape.size());
    t.byte_offset = c.byte_offset;
    if (c.expected.empty()) t.data = nullptr;
    {
      const Tensor x = from_dlpack(&p.managed);
      EXPECT_EQ(sizes(x), c.shape);
      EXPECT_EQ(values(x), c.expected);
    }
    EXPECT_EQ(p.deleted, 1);
  }
}

TYPED_TEST(DlpackImport, NullStridesAreRowMajor) {
  TypeParam p;
  p.managed.dl_tensor.strides = nullptr;
  EXPECT_EQ(values(from_dlpack(&p.managed).t()[1]), Values({1, 5, 9}));
  EXPECT_EQ(p.deleted, 1);
}

TYPED_TEST(DlpackImport, NullDeleterDeletesNothing) {
  TypeParam p;
  p.managed.deleter = nullptr;
  EXPECT_EQ(values(from_dlpack(&p.managed)[2]), Values({8, 9, 10, 11}));
  EXPECT_EQ(p.deleted, 0);
}

TYPED_TEST(DlpackImport, WritesThroughStridesReachNothingElse) {
  TypeParam p;
  p.shape = {5};
  p.strides = {2};
  p.managed.dl_tensor.ndim = 1;
  {
    Tensor x = from_dlpack(&p.managed);
    x += 100;
    x.zero_();
    x[1] = 7;
  }
  EXPECT_THAT(p.memory, ElementsAre(0, 1, 7, 3, 0, 5, 0, 7, 0, 9, 10, 11));
}

template <class T>
class DlpackHostile : public ::testing::Test {};
TYPED_TEST_SUITE(DlpackHostile, Producers);

TYPED_TEST(DlpackHostile, IsRefusedAndDeletedOnce) {
  constexpr int64_t huge = std::numeric_limits<int64_t>::max();
  struct Case {
    const char* name;
    std::function<void(TypeParam&)> lie;
    ErrorKind kind;
    const char* message;
  };
  const Case cases[] = {
      {"lanes", [](auto& p) { p.managed.dl_tensor.dtype.lanes = 4; }, ErrorKind::Unsupported, "type float32x4 is not"},
      {"no lanes", [](auto& p) { p.managed.dl_tensor.dtype.lanes = 0; }, ErrorKind::Unsupported, "float32x0"},
      {"type code", [](auto& p) { p.managed.dl_tensor.dtype.code = 255; }, ErrorKind::Unsupported, "type 255 of 32"},
      {"bits", [](auto& p) { p.managed.dl_tensor.dtype.bits = 24; }, ErrorKind::Unsupported, "float24"},
      {"no bits", [](auto& p) { p.managed.dl_tensor.dtype.bits = 0; }, ErrorKind::Unsupported, "float0"},
      {"uint64", [](auto& p) { p.managed.dl_tensor.dtype = {kDLUInt, 64, 1}; }, ErrorKind::Unsupported, "uint64"},
      {"complex", [](auto& p) { p.managed.dl_tensor.dtype = {kDLComplex, 64, 1}; }, ErrorKind::Unsupported,
       "complex64"},
      {"null data", [](auto& p) { p.managed.dl_tensor.data = nullptr; }, ErrorKind::Value, "null pointer"},
      {"null data and offset",
       [](auto& p) {
         p.managed.dl_tensor.data = nullptr;
         p.managed.dl_tensor.byte_offset = 64;
       },
       ErrorKind::Value, "null pointer"},
      {"null shape", [](auto& p) { p.managed.dl_tensor.shape = nullptr; }, ErrorKind::Value, "shape is a null"},
      {"negative rank", [](auto& p) { p.managed.dl_tensor.ndim = -1; }, ErrorKind::Shape, "axes, not -1"},
      {"rank", [](auto& p) { p.managed.dl_tensor.ndim = 1 << 30; }, ErrorKind::Shape, "axes, not 1073741824"},
      {"negative size", [](auto& p) { p.shape = {3, -4}; }, ErrorKind::Shape, "negative dimension -4"},
      {"many elements", [](auto& p) { p.shape = {int64_t{1} << 32, int64_t{1} << 32}; }, ErrorKind::Shape, "too large"},
      {"many bytes",
       [](auto& p) {
         p.shape = {huge / 2, 1};
         p.managed.dl_tensor.strides = nullptr;
       },
       ErrorKind::Shape, "too large"},
      {"far strides", [](auto& p) { p.strides = {huge, 1}; }, ErrorKind::Shape, "further than memory"},
      {"negative strides", [](auto& p) { p.strides = {-4, 1}; }, ErrorKind::Value, "Negative strides"},
      {"least stride", [](auto& p) { p.strides = {4, std::numeric_limits<int64_t>::min()}; }, ErrorKind::Value,
       "Negative strides"},
      {"beyond the address space",
       [](auto& p) {
         p.shape = {int64_t{1} << 20, 1};
         p.managed.dl_tensor.strides = nullptr;
         p.managed.dl_tensor.data = reinterpret_cast<void*>(UINTPTR_MAX - 255);
       },
       ErrorKind::Value, "do not fit behind"},
      {"unaligned", [](auto& p) { p.managed.dl_tensor.byte_offset = 2; }, ErrorKind::Value, "no multiple of 4"},
      {"far offset", [](auto& p) { p.managed.dl_tensor.byte_offset = UINT64_MAX - 3; }, ErrorKind::Value,
       "leads out of memory"},
      {"device", [](auto& p) { p.managed.dl_tensor.device.device_type = kDLROCM; }, ErrorKind::Unsupported,
       "device type 10"},
      {"no device", [](auto& p) { p.managed.dl_tensor.device = {static_cast<DLDeviceType>(-5), 0}; },
       ErrorKind::Unsupported, "device type -5"},
      {"CUDA device", [](auto& p) { p.managed.dl_tensor.device = {kDLCUDA, 9999}; }, ErrorKind::Device, "device 9999"},
      {"negative CUDA device", [](auto& p) { p.managed.dl_tensor.device = {kDLCUDA, -1}; }, ErrorKind::Device,
       "device -1"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    TypeParam p;
    c.lie(p);
    if (p.managed.dl_tensor.shape) p.managed.dl_tensor.shape = p.shape.data();
    if (p.managed.dl_tensor.strides) p.managed.dl_tensor.strides = p.strides.data();
    try {
      from_dlpack(&p.managed);
      ADD_FAILURE() << "taken";
    } catch (const Error& e) {
      EXPECT_EQ(e.kind(), c.kind) << e.what();
      EXPECT_THAT(e.message(), HasSubstr(c.message));
      EXPECT_NE(e.where().line(), 0u);
    }
    EXPECT_EQ(p.deleted, 1);
  }
}

TEST(Dlpack, AnotherMajorVersionIsDeletedUnread) {
  for (const uint32_t major : {0u, 2u, 0xffffffffu}) {
    Versioned p;
    p.managed.version = {major, 3};
    std::memset(static_cast<void*>(&p.managed.flags), 0xff, sizeof p.managed.flags + sizeof p.managed.dl_tensor);
    EXPECT_THAT(message_of([&] { from_dlpack(&p.managed); }), HasSubstr("1.x is understood"));
    EXPECT_EQ(p.deleted, 1);
  }
}

TEST(Dlpack, ALaterMinorVersionAndUnknownFlagsAreTaken) {
  Versioned p;
  p.managed.version = {1, 99};
  p.managed.flags = ~uint64_t{DLPACK_FLAG_BITMASK_READ_ONLY};
  Tensor x = from_dlpack(&p.managed);
  x.zero_();
  EXPECT_EQ(p.memory, std::vector<float>(12, 0));
}

TEST(Dlpack, NullPointers) {
  EXPECT_EQ(message_of([] { from_dlpack(static_cast<DLManagedTensor*>(nullptr)); }),
            "a null pointer is no DLPack tensor");
  EXPECT_EQ(message_of([] { from_dlpack(static_cast<DLManagedTensorVersioned*>(nullptr)); }),
            "a null pointer is no DLPack tensor");
}

TEST(Dlpack, ReadOnlyMemoryRefusesWrites) {
  Versioned p;
  p.managed.flags = DLPACK_FLAG_BITMASK_READ_ONLY;
  const std::vector<float> before = p.memory;
  {
    Tensor x = from_dlpack(&p.managed);
    EXPECT_EQ(values(x.sum()), Values({66}));
    EXPECT_EQ(x.const_data_ptr<float>(), p.memory.data());
    Tensor row = x[1], flat = x.view({-1});
    const std::vector<std::function<void()>> writes = {
        [&] { x += 1; },
        [&] { x.zero_(); },
        [&] { row.copy_(ones({4})); },
        [&] { flat(0) = 1; },
        [&] { x.index_put_({tensor({0, 2})}, 1); },
        [&] { add_out(x, x, x); },
        [&] { compile([&](Tensor y) { y += 1; })(x); },
        [&] { compile([&](Tensor y) { x.copy_(y); })(ones({3, 4})); },
    };
    for (const auto& write : writes) EXPECT_EQ(message_of(write), "a tensor over read-only memory is being written");
    EXPECT_THAT(message_of([&] { x.data_ptr<float>(); }), HasSubstr("read-only"));
    EXPECT_THAT(message_of([&] { to_dlpack(x, {.versioned = false}); }), HasSubstr("cannot say"));
    const DLPack again = to_dlpack(x);
    Tensor y = from_dlpack(again);
    EXPECT_EQ(message_of([&] { y += 1; }), "a tensor over read-only memory is being written");
    Tensor copy = from_dlpack(to_dlpack(x, {.copy = true}));
    copy += 1;
    EXPECT_EQ(values(copy.sum()), Values({78}));
    Tensor mine = x.clone();
    mine += 1;
    EXPECT_EQ(values(mine.sum()), Values({78}));
    const Tensor named = x + 1;
    EXPECT_EQ(values(named.sum()), Values({78}));
  }
  EXPECT_EQ(p.memory, before);
  EXPECT_EQ(p.deleted, 1);
}

TEST(Dlpack, ExportsMemoryWithoutCopying) {
  Tensor x = arange(12, kFloat32).reshape({3, 4});
  Tensor y = from_dlpack(to_dlpack(x));
  EXPECT_EQ(x.data_ptr(), y.data_ptr());
  y[0] = 9;
  EXPECT_EQ(values(x[0]), Values(4, 9));
  x.add_(1);
  EXPECT_EQ(values(y[1]), Values({5, 6, 7, 8}));
  x = Tensor();
  EXPECT_EQ(values(y[2]), Values({9, 10, 11, 12}));
}

TEST(Dlpack, ExportedStructure) {
  const Tensor x = arange(24, kInt16).reshape({2, 3, 4});
  const Tensor view = x.permute({2, 0, 1}).slice(1, 1, 2);
  const DLPack packed = to_dlpack(view);
  EXPECT_TRUE(packed.versioned());
  DLManagedTensorVersioned* m = packed.take_versioned();
  EXPECT_EQ(m->version.major, 1u);
  EXPECT_EQ(m->flags, 0u);
  const DLTensor t = m->dl_tensor;
  EXPECT_EQ(t.data, static_cast<const int16_t*>(x.const_data_ptr()) + 12);
  EXPECT_EQ(t.byte_offset, 0u);
  EXPECT_EQ(t.device.device_type, kDLCPU);
  EXPECT_EQ(t.device.device_id, 0);
  EXPECT_EQ(t.dtype.code, kDLInt);
  EXPECT_EQ(t.dtype.bits, 16);
  EXPECT_EQ(t.dtype.lanes, 1);
  EXPECT_THAT(std::vector<int64_t>(t.shape, t.shape + t.ndim), ElementsAre(4, 1, 3));
  EXPECT_THAT(std::vector<int64_t>(t.strides, t.strides + t.ndim), ElementsAre(1, 1, 4));
  m->deleter(m);

  DLManagedTensorVersioned* copy = to_dlpack(view, {.copy = true}).take_versioned();
  EXPECT_EQ(copy->flags, uint64_t{DLPACK_FLAG_BITMASK_IS_COPIED});
  EXPECT_NE(copy->dl_tensor.data, t.data);
  copy->deleter(copy);

  DLManagedTensor* old = to_dlpack(empty({0, 2}), {.versioned = false}).take();
  EXPECT_EQ(old->dl_tensor.data, nullptr);
  EXPECT_EQ(old->dl_tensor.ndim, 2);
  old->deleter(old);
}

TEST(Dlpack, EveryTypeMakesTheRoundTrip) {
  for (const DType t : {kBool, kUInt8, kInt8, kInt16, kInt32, kInt64, kFloat16, kBFloat16, kFloat32, kFloat64}) {
    const Tensor x = tensor({0, 1, 1, 0}).to(t);
    for (const bool versioned : {true, false}) {
      const Tensor y = from_dlpack(to_dlpack(x, {.versioned = versioned}));
      EXPECT_EQ(y.dtype(), t);
      EXPECT_EQ(values(y), Values({0, 1, 1, 0}));
    }
  }
}

TEST(Dlpack, ExpandedAndEmptyTensorsMakeTheRoundTrip) {
  for (const Tensor& x :
       {arange(3).expand({2, 3}), zeros({0}), zeros({2, 0, 3}), full({}, 5), arange(6).slice(0, 1, 6, 2)})
    for (const bool versioned : {true, false}) {
      const Tensor y = from_dlpack(to_dlpack(x, {.versioned = versioned}));
      EXPECT_EQ(sizes(y), sizes(x));
      EXPECT_EQ(values(y), values(x));
    }
  Tensor y = from_dlpack(to_dlpack(arange(3).expand({2, 3})));
  EXPECT_THAT(message_of([&] { y += 1; }), HasSubstr("refers to a single memory location"));
}

TEST(Dlpack, AStructureIsTakenOnce) {
  Versioned p;
  {
    const DLPack packed(&p.managed), copy = packed;
    EXPECT_FALSE(copy.used());
    const Tensor x = from_dlpack(copy);
    EXPECT_TRUE(packed.used());
    const std::string taken = "this DLPack tensor was taken before: its memory has another owner";
    EXPECT_EQ(message_of([&] { from_dlpack(packed); }), taken);
    EXPECT_EQ(message_of([&] { packed.take_versioned(); }), taken);
    EXPECT_EQ(p.deleted, 0);
    EXPECT_EQ(values(x[0]), Values({0, 1, 2, 3}));
  }
  EXPECT_EQ(p.deleted, 1);
}

TEST(Dlpack, AStructureThatNobodyTakesIsDeleted) {
  Versioned p;
  Old q;
  {
    const DLPack packed(&p.managed), copy = packed, old(&q.managed);
    EXPECT_THAT(message_of([&] { packed.take(); }), HasSubstr("not a DLManagedTensor"));
    EXPECT_THAT(message_of([&] { old.take_versioned(); }), HasSubstr("not a DLManagedTensorVersioned"));
  }
  EXPECT_EQ(p.deleted, 1);
  EXPECT_EQ(q.deleted, 1);
}

TEST(Dlpack, OneOfManyThreadsTakesIt) {
  for (int round = 0; round < 50; ++round) {
    Old p;
    std::atomic<int> taken = 0, refused = 0;
    {
      const DLPack packed(&p.managed);
      std::vector<std::thread> threads;
      for (int i = 0; i < 4; ++i)
        threads.emplace_back([&, packed] {
          try {
            from_dlpack(packed);
            ++taken;
          } catch (const Error&) {
            ++refused;
          }
        });
      for (auto& t : threads) t.join();
    }
    EXPECT_EQ(taken, 1);
    EXPECT_EQ(refused, 3);
    EXPECT_EQ(p.deleted, 1);
  }
}

TEST(Dlpack, TheExportLivesAsLongAsItsConsumer) {
  const int64_t before = memory_stats().live_bytes;
  DLManagedTensorVersioned* m = nullptr;
  {
    const Tensor x = ones({1000}) * 3;
    m = to_dlpack(x).take_versioned();
  }
  EXPECT_EQ(static_cast<const float*>(m->dl_tensor.data)[999], 3);
  EXPECT_GT(memory_stats().live_bytes, before);
  m->deleter(m);
  EXPECT_EQ(memory_stats().live_bytes, before);
}

TEST(Dlpack, WhatCannotBeExported) {
  EXPECT_EQ(message_of([] { to_dlpack(ones({2}, requires_grad())); }),
            "Can't export tensors that require gradient, use tensor.detach()");
  EXPECT_THAT(message_of([] { to_dlpack(Tensor()); }), HasSubstr("undefined"));
  EXPECT_THAT(message_of([] {
                compile([](Tensor x) {
                  to_dlpack(x);
                  return x;
                })(ones({2}));
              }),
              HasSubstr("inside a compiled function"));
  const Tensor x = ones({2}, requires_grad());
  EXPECT_EQ(values(from_dlpack(to_dlpack(x.detach()))), Values({1, 1}));
}

TEST(Dlpack, PendingReadersSeeTheOldValues) {
  Tensor x = arange(4, kFloat32);
  const Tensor later = x * 2;
  Tensor y = from_dlpack(to_dlpack(x));
  y.zero_();
  EXPECT_EQ(values(later), Values({0, 2, 4, 6}));
  EXPECT_EQ(values(x), Values(4, 0));
}

}  // namespace
}  // namespace lazuli
