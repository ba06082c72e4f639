// A hot plate with cold edges cools. Each step is the five-point stencil written with slices, in place: one kernel,
// compiled at the first step. The last state becomes a picture.
#include <lazuli/lazuli.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "arguments.h"
#include "kernel_table.h"
#include "png.h"
#include "progress.h"

namespace lz = lazuli;
using lz::Slice, lz::Tensor;

namespace {

constexpr const char* kHelp = R"(heat2d: a plate cools, its picture is written as PNG

  --size=N       points along an edge (default: 256)
  --steps=N      steps in time (default: 1000)
  --out=FILE     the picture (default: heat2d.png)
  --device=NAME  where it cools: cpu, cuda, cuda:1 (default: cpu)
)";

/// One step in time: every inner point moves towards the mean of its neighbours. The edge stays as it is.
void step(Tensor& plate) {
  const Slice inner(1, -1);
  const Tensor centre = plate(inner, inner);
  const Tensor around = plate(Slice(lz::None, -2), inner) + plate(Slice(2), inner) + plate(inner, Slice(lz::None, -2)) +
                        plate(inner, Slice(2));
  plate(inner, inner) = centre + 0.2 * (around - 4 * centre);
}

/// Hot in the middle third and along two bars, cold elsewhere.
Tensor hot_plate(int64_t size) {
  Tensor plate = lz::zeros({size, size});
  const int64_t third = size / 3;
  plate(Slice(third, 2 * third), Slice(third, 2 * third)) = 1;
  plate(Slice(size / 8, size / 6), Slice(size / 8, size - size / 8)) = 1;
  plate(Slice(size - size / 6, size - size / 8), Slice(size / 8, size - size / 8)) = 1;
  return plate;
}

/// Black, red, yellow, white.
std::vector<uint8_t> colours(const std::vector<float>& heat) {
  std::vector<uint8_t> rgb;
  rgb.reserve(heat.size() * 3);
  for (const float h : heat)
    for (int channel = 0; channel < 3; ++channel)
      rgb.push_back(static_cast<uint8_t>(std::lround(255 * std::clamp(3 * h - static_cast<float>(channel), 0.f, 1.f))));
  return rgb;
}

int cool(const examples::Arguments& arguments) {
  const int64_t size = arguments.number("size", 16, 16384), steps = arguments.number("steps", 1, 100000000);
  const examples::Progress progress(steps, "steps");
  Tensor plate = hot_plate(size).to(lz::Device(arguments.text("device")));
  lz::eval(plate);
  const double before = plate.sum().item<double>();

  const auto start = std::chrono::steady_clock::now();
  for (int64_t i = 1; i < steps; ++i) {
    step(plate);
    lz::eval(plate);
    progress.show(i);
  }
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  step(plate);
  const lz::Report last = lz::profile(plate);
  progress.show(steps);

  const auto [coldest, hottest] = std::pair(plate.min().item<double>(), plate.max().item<double>());
  std::printf("heat left: %.1f %%, hottest point %.3f\n", 100 * plate.sum().item<double>() / before, hottest);
  if (!(coldest >= -1e-6 && hottest <= 1 + 1e-6)) throw std::runtime_error("heat came from nowhere");
  examples::write_png(arguments.text("out"), colours(plate.to_vector<float>()), static_cast<uint32_t>(size),
                      static_cast<uint32_t>(size));
  std::printf("picture: %s\n\n", arguments.text("out").c_str());
  examples::print_kernels(last.kernels);
  if (steps > 1)
    std::printf("\n%.1f million points per second\n",
                static_cast<double>(steps - 1) * static_cast<double>(size * size) / seconds.count() / 1e6);
  std::printf("kernels per step: %zu\n", last.kernels.size());
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  return examples::run("heat2d", [&] {
    const examples::Arguments arguments(argc, argv,
                                        {{"size", "256"}, {"steps", "1000"}, {"out", "heat2d.png"}, {"device", "cpu"}});
    if (arguments.help()) {
      std::fputs(kHelp, stdout);
      return 0;
    }
    return cool(arguments);
  });
}
