// Small programs as users have them: a step of a simulation, of a clustering, of an optimiser.
#include <cmath>

#include "cases/case.h"

namespace bench {
namespace {

/// Bodies that attract one another, softened: positions, velocities, masses; both after one step. Every pair costs 20
/// operations: three differences, three products and sums, a reciprocal square root, its cube, three products and sums.
void add_nbody(std::vector<Case>& cases, const Extent& extent) {
  constexpr double kStep = 0.01, kSoftening = 0.01;
  const int64_t n = extent.rows;
  Case c{.name = "e2e/nbody",
         .size = extent.label,
         .inputs = {{"position", Type::F32, {n, 3}}, {"velocity", Type::F32, {n, 3}}, {"mass", Type::F32, {n}, 0, 1}},
         .outputs = {{"position", Type::F32, {n, 3}}, {"velocity", Type::F32, {n, 3}}},
         .limit = Limit::Fma,
         .amount = static_cast<double>(20 * n * n),
         .judge = {}};
  c.judge = [c, n](const Memory& in) {
    std::vector<Expected> e(2, Expected(3 * n));
    const float *p = in.f32(0), *v = in.f32(1), *m = in.f32(2);
    for (int64_t i = 0; i < n; ++i) {
      double force[3] = {}, size[3] = {};
      for (int64_t j = 0; j < n; ++j) {
        double d[3], square = kSoftening;
        for (int k = 0; k < 3; ++k) {
          d[k] = static_cast<double>(p[3 * j + k]) - p[3 * i + k];
          square += d[k] * d[k];
        }
        const double w = m[j] / (square * std::sqrt(square));
        for (int k = 0; k < 3; ++k) {
          force[k] += w * d[k];
          size[k] += std::abs(w * d[k]);
        }
      }
      for (int k = 0; k < 3; ++k) {
        const double velocity = v[3 * i + k] + kStep * force[k], scale = std::abs(v[3 * i + k]) + kStep * size[k];
        e[1].set(3 * i + k, velocity, scale);
        e[0].set(3 * i + k, p[3 * i + k] + kStep * velocity, std::abs(p[3 * i + k]) + kStep * scale);
      }
    }
    return near(c, std::move(e), 4e-6);
  };
  cases.push_back(std::move(c));
}

/// Eight steps of heat in a plate whose edge keeps its temperature.
void add_heat(std::vector<Case>& cases, const Extent& extent) {
  constexpr int kSteps = 8;
  const int64_t rows = extent.rows, columns = extent.columns, n = rows * columns;
  Case c{.name = "e2e/heat2d",
         .size = extent.label,
         .inputs = {{"u", Type::F32, {rows, columns}, 0, 1}},
         .outputs = {{"u", Type::F32, {rows, columns}}},
         .limit = Limit::Copy,
         .amount = static_cast<double>(kSteps * 2 * n * 4),
         .judge = {}};
  c.judge = [c, rows, columns, n](const Memory& in) {
    std::vector<double> now(in.f32(0), in.f32(0) + n), next = now;
    for (int step = 0; step < kSteps; ++step, now.swap(next))
      for (int64_t i = 1; i + 1 < rows; ++i)
        for (int64_t j = 1; j + 1 < columns; ++j) {
          const double* u = now.data() + i * columns + j;
          next[static_cast<size_t>(i * columns + j)] =
              u[0] + 0.2 * (u[-columns] + u[columns] + u[-1] + u[1] - 4 * u[0]);
        }
    Expected e(n);
    for (int64_t i = 0; i < n; ++i) e.set(i, now[static_cast<size_t>(i)], 1);
    return near(c, std::move(e), 1e-5);
  };
  cases.push_back(std::move(c));
}

/// Points go to their nearest centre, centres to the mean of their points.
void add_kmeans(std::vector<Case>& cases, const Extent& extent) {
  constexpr int64_t kWidth = 16;
  const int64_t n = extent.rows * extent.columns / kWidth, k = std::min<int64_t>(64, n / 16);
  Case c{.name = "e2e/kmeans_step",
         .size = extent.label,
         .inputs = {{"x", Type::F32, {n, kWidth}}, {"centres", Type::F32, {k, kWidth}}},
         .outputs = {{"centres", Type::F32, {k, kWidth}}},
         .limit = Limit::Fma,
         .amount = static_cast<double>(2 * n * k * kWidth),
         .judge = {}};
  c.judge = [c, n, k](const Memory& in) {
    const float *x = in.f32(0), *centres = in.f32(1);
    Expected e(k * kWidth);
    std::vector<double> points(static_cast<size_t>(k));
    for (int64_t i = 0; i < n; ++i) {
      int64_t nearest = 0;
      double least = INFINITY;
      for (int64_t j = 0; j < k; ++j) {
        double distance = 0;
        for (int64_t w = 0; w < kWidth; ++w) {
          const double d = static_cast<double>(x[i * kWidth + w]) - centres[j * kWidth + w];
          distance += d * d;
        }
        if (distance < least) {
          least = distance;
          nearest = j;
        }
      }
      points[static_cast<size_t>(nearest)] += 1;
      for (int64_t w = 0; w < kWidth; ++w) e.value[static_cast<size_t>(nearest * kWidth + w)] += x[i * kWidth + w];
    }
    // A point halfway between two centres may go to either: the mean of m points then moves by 1 / m.
    for (int64_t j = 0; j < k; ++j)
      for (int64_t w = 0; w < kWidth; ++w) {
        const double m = std::max(points[static_cast<size_t>(j)], 1.0);
        const int64_t at = j * kWidth + w;
        e.set(at, e.value[static_cast<size_t>(at)] / m, 1e-5 + (n > 10000 ? 4 / m : 0));
      }
    return near(c, std::move(e), 1);
  };
  cases.push_back(std::move(c));
}

/// The tenth step of Adam on a hundred tensors: parameter, gradient and both moments of each.
void add_adam(std::vector<Case>& cases, const Extent& extent) {
  constexpr int64_t kTensors = 100;
  const int64_t n = extent.rows * extent.columns / kTensors;
  Case c{.name = "e2e/adam_100_tensors",
         .size = extent.label,
         .inputs = {},
         .outputs = {},
         .limit = Limit::Copy,
         .amount = static_cast<double>(kTensors * 7 * n * 4),
         .judge = {}};
  for (int64_t t = 0; t < kTensors; ++t) {
    const std::string number = std::to_string(t);
    c.inputs.insert(c.inputs.end(), {{"p" + number, Type::F32, {n}},
                                     {"g" + number, Type::F32, {n}},
                                     {"m" + number, Type::F32, {n}},
                                     {"v" + number, Type::F32, {n}, 0, 1}});
    c.outputs.insert(c.outputs.end(),
                     {{"p" + number, Type::F32, {n}}, {"m" + number, Type::F32, {n}}, {"v" + number, Type::F32, {n}}});
  }
  c.judge = [c, n](const Memory& in) {
    std::vector<Expected> e(3 * kTensors, Expected(n));
    const double c1 = 1 - std::pow(0.9, 10), c2 = 1 - std::pow(0.999, 10);
    for (size_t t = 0; t < kTensors; ++t)
      for (int64_t i = 0; i < n; ++i) {
        const double p = in.f32(4 * t)[i], g = in.f32(4 * t + 1)[i];
        const double m = 0.9 * in.f32(4 * t + 2)[i] + 0.1 * g, v = 0.999 * in.f32(4 * t + 3)[i] + 0.001 * g * g;
        // The first moment may cancel where it is divided by a small root.
        const double root = std::sqrt(v / c2) + 1e-8, scale = 1 + 1e-3 / c1 / root;
        e[3 * t].set(i, p - 1e-3 * m / c1 / root, scale);
        e[3 * t + 1].set(i, m, 1);
        e[3 * t + 2].set(i, v, 1);
      }
    return near(c, std::move(e), 2e-6);
  };
  cases.push_back(std::move(c));
}

}  // namespace

void add_whole_cases(std::vector<Case>& cases) {
  for (const Extent& extent : kExtents) {
    add_nbody(cases, extent);
    add_heat(cases, extent);
    add_kmeans(cases, extent);
    add_adam(cases, extent);
  }
}

}  // namespace bench
