// Printing: the texts of format_cases.inc were made by the algorithm of torch/_tensor_str.py in Python.
#include "frontend/format.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "lazuli/base/half.h"

namespace lazuli {
namespace {

struct Case {
  const char* name;
  DType dtype;
  std::vector<int64_t> sizes;
  std::vector<double> values;
  Device device;
  std::vector<std::string> extra;
  PrintOptions options;
  const char* text;
};

std::vector<double> sequence(int n, double start, double step) {
  std::vector<double> v;
  for (int i = 0; i < n; ++i) v.push_back(start + step * i);
  return v;
}

template <class T>
void put(std::vector<std::byte>& out, T v) {
  const auto* p = reinterpret_cast<const std::byte*>(&v);
  out.insert(out.end(), p, p + sizeof(T));
}

std::vector<std::byte> encode(DType t, const std::vector<double>& values) {
  std::vector<std::byte> out;
  for (double v : values) switch (t) {
      case DType::Bool:
        put<uint8_t>(out, v != 0);
        break;
      case DType::UInt8:
        put<uint8_t>(out, static_cast<uint8_t>(v));
        break;
      case DType::Int8:
        put<int8_t>(out, static_cast<int8_t>(v));
        break;
      case DType::Int16:
        put<int16_t>(out, static_cast<int16_t>(v));
        break;
      case DType::Int32:
        put<int32_t>(out, static_cast<int32_t>(v));
        break;
      case DType::Int64:
        put<int64_t>(out, static_cast<int64_t>(v));
        break;
      case DType::Float16:
        put<uint16_t>(out, float_to_half_bits(static_cast<float>(v)));
        break;
      case DType::BFloat16:
        put<uint16_t>(out, float_to_bfloat16_bits(static_cast<float>(v)));
        break;
      case DType::Float32:
        put<float>(out, static_cast<float>(v));
        break;
      default:
        put<double>(out, v);
        break;
    }
  return out;
}

std::vector<int64_t> row_major(const std::vector<int64_t>& sizes) {
  std::vector<int64_t> strides(sizes.size(), 1);
  for (size_t i = sizes.size(); i-- > 1;) strides[i - 1] = strides[i] * sizes[i];
  return strides;
}

TEST(Format, MatchesTorch) {
  const Case cases[] = {
#include "format_cases.inc"
  };
  for (const Case& c : cases) {
    const std::vector<std::byte> bytes = encode(c.dtype, c.values);
    const std::vector<int64_t> strides = row_major(c.sizes);
    EXPECT_EQ(format_array({c.dtype, c.sizes, strides, bytes.data()}, c.device, c.extra, c.options), c.text) << c.name;
  }
}

TEST(Format, PrefixOfDTypes) {
  const int64_t sizes[] = {2}, strides[] = {1};
  const double values[] = {1, 2};
  EXPECT_EQ(format_array({kFloat64, sizes, strides, values}, kCPU, {}, {}), "tensor([1., 2.], dtype=lazuli.float64)");
  EXPECT_EQ(str(kFloat32), "lazuli.float32");
  EXPECT_EQ(str(kFloat32, {.torch_compatible = true}), "torch.float32");
  EXPECT_EQ(str_size(sizes), "lazuli.Size([2])");
  EXPECT_EQ(str_size({}, {.torch_compatible = true}), "torch.Size([])");
}

TEST(Format, StridesAreFollowed) {
  const int64_t sizes[] = {3, 2}, strides[] = {1, 3};
  const int64_t values[] = {0, 1, 2, 3, 4, 5};
  EXPECT_EQ(format_array({kInt64, sizes, strides, values}, kCPU, {}, {}),
            "tensor([[0, 3],\n        [1, 4],\n        [2, 5]])");
}

TEST(Format, IntegerExtremes) {
  const int64_t sizes[] = {2}, strides[] = {1};
  const int64_t values[] = {INT64_MIN, INT64_MAX};
  EXPECT_EQ(format_array({kInt64, sizes, strides, values}, kCPU, {}, {}),
            "tensor([-9223372036854775808,  9223372036854775807])");
}

TEST(Format, NegativeNanHasNoSign) {
  const int64_t sizes[] = {1}, strides[] = {1};
  const double values[] = {-NAN};
  EXPECT_EQ(format_array({kFloat64, sizes, strides, values}, kCPU, {}, {.torch_compatible = true}),
            "tensor([nan], dtype=torch.float64)");
}

TEST(Format, OneElementAsPythonShowsIt) {
  const auto text = [](double v) { return format_element(kFloat64, &v); };
  EXPECT_EQ(text(168), "168.0");
  EXPECT_EQ(text(0.1), "0.1");
  EXPECT_EQ(text(-0.0), "-0.0");
  EXPECT_EQ(text(1e16), "1e+16");
  EXPECT_EQ(text(1e15), "1000000000000000.0");
  EXPECT_EQ(text(1e-5), "1e-05");
  EXPECT_EQ(text(1e-4), "0.0001");
  EXPECT_EQ(text(22.494443893432617), "22.494443893432617");
  EXPECT_EQ(text(-INFINITY), "-inf");
  EXPECT_EQ(text(-NAN), "nan");
  const float f = 0.1f;
  EXPECT_EQ(format_element(kFloat32, &f), "0.10000000149011612");
  const bool b = true;
  EXPECT_EQ(format_element(kBool, &b), "True");
  const int8_t i = -3;
  EXPECT_EQ(format_element(kInt8, &i), "-3");
}

}  // namespace
}  // namespace lazuli
