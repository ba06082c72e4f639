// Tensors on a CUDA device through the public API, on the emulated device: the same bits as on the CPU.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

#include "frontend/dlpack_abi.h"
#include "lazuli/lazuli.h"
#include "lazuli/tune.h"
#include "tests/cuda/emulated.h"

namespace lazuli::testing {
namespace {

using ::testing::HasSubstr;

const bool kEmulated = use_emulator();

template <class T>
void expect_same(const std::vector<T>& a, const std::vector<T>& b) {
  ASSERT_EQ(a.size(), b.size());
  for (size_t i = 0; i < a.size(); ++i) {
    const bool nan = a[i] != a[i] && b[i] != b[i];
    ASSERT_TRUE(nan || std::memcmp(&a[i], &b[i], sizeof(T)) == 0) << "element " << i << ": " << a[i] << ", " << b[i];
  }
}

/// The function's result on both devices, in every order of threads.
void expect_same_on_both(const std::vector<Tensor>& inputs,
                         const std::function<Tensor(const std::vector<Tensor>&)>& f) {
  const std::vector<float> expected = f(inputs).to_vector<float>();
  for (const int order : kOrders) {
    SCOPED_TRACE(order);
    const EmulatedOrder in(order);
    std::vector<Tensor> moved;
    for (const Tensor& t : inputs) moved.push_back(t.to("cuda"));
    const Tensor result = f(moved);
    EXPECT_EQ(result.device(), kCUDA);
    expect_same(expected, result.to("cpu").to_vector<float>());
  }
}

TEST(CudaDevice, SaysWhatThereIs) {
  EXPECT_TRUE(cuda::is_available());
  EXPECT_EQ(cuda::device_count(), 1);
  EXPECT_EQ(cuda::status(), "CUDA can be used: 1 device, the first is emulated GPU (sm_90a); driver 13.0, NVRTC 13.0");
  const cuda::DeviceProperties p = cuda::get_device_properties();
  EXPECT_EQ(p.name, "emulated GPU");
  EXPECT_EQ(p.major, 9);
  EXPECT_EQ(p.warp_size, 32);
  EXPECT_GT(p.total_memory, 0);
  try {
    cuda::get_device_properties("cuda:3");
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.kind(), ErrorKind::Device);
    EXPECT_EQ(e.message(), "there is no device cuda:3: 1 CUDA device was found");
  }
}

TEST(CudaDevice, SchedulesAreNotTuned) {
  const Tensor x = ones({8, 8}).to("cuda"), y = matmul(x, x);
  try {
    tune({&y, 1});
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.kind(), ErrorKind::Unsupported);
    EXPECT_EQ(e.message(), "tune: schedules of CUDA devices are not searched");
  }
}

TEST(CudaDevice, DlpackSharesDeviceMemory) {
  Tensor x = arange(10).to(kFloat32).to("cuda");
  DLManagedTensorVersioned* managed = to_dlpack(x).take_versioned();
  EXPECT_EQ(managed->dl_tensor.device.device_type, kDLCUDA);
  EXPECT_EQ(managed->dl_tensor.device.device_id, 0);
  EXPECT_EQ(managed->dl_tensor.data, x.data_ptr());
  Tensor y = from_dlpack(managed);
  EXPECT_EQ(y.device(), kCUDA);
  EXPECT_EQ(y.data_ptr(), x.data_ptr());
  y += 1;
  expect_same((arange(10).to(kFloat32) + 1).to_vector<float>(), x.to_vector<float>());
  x = Tensor();
  expect_same((arange(10).to(kFloat32) * 2 + 2).to_vector<float>(), (y * 2).to_vector<float>());
}

TEST(CudaDevice, MovesThereAndBack) {
  const Tensor x = arange(10).to(kFloat32);
  const Tensor there = x.to("cuda");
  EXPECT_EQ(there.device(), kCUDA);
  const Tensor back = there.to("cpu");
  EXPECT_EQ(back.device(), kCPU);
  expect_same(x.to_vector<float>(), back.to_vector<float>());
  EXPECT_EQ(there[3].item<float>(), 3.0f);
  expect_same(there.to_vector<float>(), x.to_vector<float>());
  EXPECT_THAT(str(there), HasSubstr("device='cuda:0'"));
}

TEST(CudaDevice, Maps) {
  const Tensor x = randn({37, 65}), y = randn({65});
  expect_same_on_both({x, y}, [](const auto& in) { return gelu(in[0] * in[1] + 0.5).sin(); });
  expect_same_on_both({x, y}, [](const auto& in) { return where(in[0] > 0, in[0], in[1]).t().contiguous(); });
}

TEST(CudaDevice, Rows) {
  const Tensor x = randn({5, 300}), wide = randn({3, 5000});
  expect_same_on_both({x}, [](const auto& in) { return softmax(in[0], 1); });
  expect_same_on_both({wide}, [](const auto& in) { return layer_norm(in[0], {5000}); });
  expect_same_on_both({wide}, [](const auto& in) { return in[0].sum(); });
  expect_same_on_both({wide}, [](const auto& in) { return in[0].sum(0); });
}

TEST(CudaDevice, BothDevicesInOneEvaluation) {
  const Tensor x = randn({64});
  const Tensor there = (x + 1).to("cuda") * 2;
  const Tensor back = there.to("cpu") + x;
  const std::vector<float> expected = ((x + 1) * 2 + x).to_vector<float>();
  eval(back, there);
  expect_same(expected, back.to_vector<float>());
}

TEST(CudaDevice, MadeThere) {
  const TensorOptions there = TensorOptions(kCUDA);
  EXPECT_EQ(zeros({3}, there).sum().item<float>(), 0.0f);
  expect_same(arange(7, there.dtype(kFloat32)).to_vector<float>(), arange(7, kFloat32).to_vector<float>());
  expect_same(tensor({1.5f, 2.5f}, there).to_vector<float>(), {1.5f, 2.5f});
  const Tensor ones_there = full({2, 2}, 3.0f, there);
  EXPECT_EQ((ones_there * ones_there).sum().item<float>(), 36.0f);
}

TEST(CudaDevice, WritesInPlace) {
  Tensor x = randn({100});
  Tensor there = x.to("cuda");
  eval(there);
  x.index_put_({Slice(10, 20)}, 7);
  there.index_put_({Slice(10, 20)}, 7);
  x.mul_(2);
  there.mul_(2);
  expect_same(x.to_vector<float>(), there.to_vector<float>());
}

TEST(CudaDevice, Gradients) {
  const Tensor x = randn({20, 30});
  const auto gradient = [&](Device device) {
    Tensor w = x.to(device).detach();
    w.requires_grad_();
    (softmax(w, 1) * w).sum().backward();
    return w.grad().to_vector<float>();
  };
  expect_same(gradient(kCPU), gradient(kCUDA));
  Tensor w = x.clone();
  w.requires_grad_();
  (w.to("cuda").exp().to("cpu") * 2).sum().backward();  // a gradient comes back over the same way
  expect_same((x.exp() * 2).to_vector<float>(), w.grad().to_vector<float>());
}

TEST(CudaDevice, CompiledFunctions) {
  auto f = compile([](const Tensor& a, const Tensor& b) { return (a * b).relu().sum(1); });
  const Tensor a = randn({9, 40}), b = randn({9, 40});
  const std::vector<float> expected = f(a, b).to_vector<float>();
  for (int i = 0; i < 2; ++i) expect_same(expected, f(a.to("cuda"), b.to("cuda")).to_vector<float>());
}

TEST(CudaDevice, RefusedElementsAreNamed) {
  const Tensor x = arange(6).to("cuda"), zero = (x - 4);
  try {
    (void)floor_divide(x, zero).to_vector<int64_t>();
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.kind(), ErrorKind::Value);
    EXPECT_THAT(e.message(), HasSubstr("4"));
  }
  EXPECT_EQ(x.sum().item<int64_t>(), 15);  // the device still works
}

TEST(CudaDevice, DevicesDoNotMix) {
  const Tensor x = ones({3}), there = ones({3}).to("cuda");
  EXPECT_THROW(x + there, Error);
}

TEST(CudaDevice, ProfilesItsKernels) {
  const Tensor x = randn({1000}).to("cuda");
  eval(x);
  const Report r = profile(x.exp());
  ASSERT_EQ(r.kernels.size(), 1u);
  EXPECT_EQ(r.kernels[0].kind, "map");
  EXPECT_THAT(r.kernels[0].schedule, HasSubstr("threads=256"));
  EXPECT_EQ(r.kernels[0].klass, "exact");
  EXPECT_GT(r.kernels[0].milliseconds, 0);
}

TEST(CudaDevice, SaysWhatMatrixUnitsMultiplied) {
  const auto klass = [](DType t) {
    const Tensor x = ones({64, 64}).to(t).to("cuda");
    eval(x);
    const Report r = profile(matmul(x, x));
    EXPECT_EQ(r.kernels.size(), 1u);
    return r.kernels.at(0).klass;
  };
  EXPECT_EQ(klass(kBFloat16), "matrix_unit");
  EXPECT_EQ(klass(kFloat32), "exact");
}

/// Who compares bits with the interpreter's multiplies as it does.
TEST(CudaDevice, VerifiesProductsWithoutMatrixUnits) {
  const Tensor x = rand({64, 96}).to(kBFloat16).to("cuda"), y = rand({96, 64}).to(kBFloat16).to("cuda");
  eval(x, y);
  EvalOptions options;
  options.verify_passes = true;
  const Tensor z = matmul(x, y);
  EXPECT_NO_THROW(eval(std::span(&z, 1), options));
}

TEST(CudaDevice, CountsItsMemory) {
  const cuda::MemoryStats before = cuda::memory_stats();
  {
    const Tensor x = ones({1000}).to("cuda");
    eval(x);
    EXPECT_GE(cuda::memory_stats().allocated, before.allocated + 4000);
  }
  EXPECT_EQ(cuda::memory_stats().allocated, before.allocated);
  cuda::synchronize();
}

}  // namespace
}  // namespace lazuli::testing
