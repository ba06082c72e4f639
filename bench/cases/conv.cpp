// Convolutions: the 3x3 layers of a ResNet at their three sizes, and a depthwise one.
#include <algorithm>
#include <cmath>

#include "cases/case.h"

namespace bench {
namespace {

/// 3x3 windows one step apart over an image that zeros surround; as many channels out as in.
struct Layer {
  int64_t batch, channels, size, groups;
};

/// A check of some results, which says enough: every kernel computes all alike. Corners and edges are among them.
Check check_places(const Layer& l, const Memory& in) {
  const int64_t plane = l.size * l.size, all = l.batch * l.channels * plane, of_group = l.channels / l.groups;
  std::vector<int64_t> places;
  const auto add_plane = [&](int64_t number) {
    for (int64_t i = 0; i < plane; ++i) places.push_back(number * plane + i);
  };
  add_plane(0);
  add_plane(l.batch * l.channels - 1);
  for (int64_t i = 0; i < all; i += all / 997) places.push_back(i);
  std::vector<double> value, scale;
  for (const int64_t at : places) {
    const int64_t x = at % l.size, y = at / l.size % l.size, out = at / plane % l.channels;
    const int64_t image = at / plane / l.channels, first = out / of_group * of_group;
    double sum = 0, sizes = 1;
    for (int64_t c = 0; c < of_group; ++c)
      for (int64_t w = 0; w < 9; ++w) {
        const int64_t row = y + w / 3 - 1, column = x + w % 3 - 1;
        if (std::min(row, column) < 0 || std::max(row, column) >= l.size) continue;
        const double v = static_cast<double>(in.f32(1)[(out * of_group + c) * 9 + w]) *
                         in.f32(0)[((image * l.channels + first + c) * l.size + row) * l.size + column];
        sum += v;
        sizes += std::abs(v);
      }
    value.push_back(sum);
    scale.push_back(sizes);
  }
  return [=](const Memory& out) -> std::string {
    for (size_t i = 0; i < value.size(); ++i) {
      const double got = out.f32(0)[places[i]];
      if (!(std::abs(got - value[i]) <= 2e-6 * scale[i]))
        return "element " + std::to_string(places[i]) + " is " + std::to_string(got) + ", not " +
               std::to_string(value[i]);
    }
    return "";
  };
}

Case convolution(const char* name, std::string size, const Layer& l) {
  const Dims image{l.batch, l.channels, l.size, l.size};
  const int64_t met = (3 * l.size - 2) * (3 * l.size - 2);  // places of all windows that are not padding
  Case c{.name = name,
         .size = std::move(size),
         .inputs = {{"x", Type::F32, image}, {"w", Type::F32, {l.channels, l.channels / l.groups, 3, 3}}},
         .outputs = {{"y", Type::F32, image}},
         .limit = Limit::Fma,
         .amount = 2.0 * static_cast<double>(l.batch * l.channels * met * (l.channels / l.groups)),
         .judge = {}};
  if (l.groups > 1) {
    c.limit = Limit::Copy;
    c.amount = static_cast<double>(c.inputs[0].bytes() + c.outputs[0].bytes());
  }
  c.judge = [l](const Memory& in) { return check_places(l, in); };
  return c;
}

}  // namespace

void add_conv_cases(std::vector<Case>& cases) {
  cases.push_back(convolution("conv/resnet", "56", {8, 64, 56, 1}));
  cases.push_back(convolution("conv/resnet", "28", {8, 128, 28, 1}));
  cases.push_back(convolution("conv/resnet", "14", {8, 256, 14, 1}));
  cases.push_back(convolution("conv/depthwise", "8x128x56", {8, 128, 56, 128}));
}

}  // namespace bench
