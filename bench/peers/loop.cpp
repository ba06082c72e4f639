// Loops as one would write them by hand for a compiler that vectorises: no intrinsics, no libraries.
#include "loop_math.h"
#include "peer.h"

namespace bench {
namespace {

constexpr int64_t kLanes = 64;  // independent chains, which the compiler may not make by itself

/// Rows are read in whole groups of lanes where they are long enough.
template <class F, class G>
float fold(const float* __restrict x, int64_t n, float start, F f, G join) {
  float lanes[kLanes];
  std::fill_n(lanes, kLanes, start);
  int64_t j = 0;
  for (; j + kLanes <= n; j += kLanes)
    for (int64_t k = 0; k < kLanes; ++k) lanes[k] = f(lanes[k], x[j + k]);
  for (; j < n; ++j) lanes[0] = f(lanes[0], x[j]);
  float all = start;
  for (const float lane : lanes) all = join(all, lane);
  return all;
}
float largest(const float* x, int64_t n) {
  const auto larger = [](float a, float b) { return b > a ? b : a; };
  return fold(x, n, x[0], larger, larger);
}
constexpr auto kPlus = [](float a, float b) { return a + b; };
float total(const float* x, int64_t n) {
  return fold(x, n, 0, kPlus, kPlus);
}

template <class F>
void affine(const Arguments& a, F f) {
  const float* __restrict w = a.f32(1), * __restrict b = a.f32(2);
  each_row(a, [&](int64_t i) {
    const float* __restrict x = a.f32(0) + i * a.columns;
    float* __restrict y = a.result() + i * a.columns;
    for (int64_t j = 0; j < a.columns; ++j) y[j] = f(x[j] * w[j] + b[j]);
  });
}

void relu_bias(const Arguments& a) {
  affine(a, [](float v) { return v > 0 ? v : 0; });
}
void gelu_bias(const Arguments& a) {
  affine(a, [](float v) { return v * phi_near(v); });
}
void gelu_tanh_bias(const Arguments& a) {
  affine(a, [](float v) { return v / (1.f + exp_near(-1.5957691216f * (v + 0.044715f * v * v * v))); });
}

void black_scholes(const Arguments& a) {
  each_row(a, [&](int64_t i) {
    const int64_t at = i * a.columns;
    const float* __restrict s = a.f32(0) + at, * __restrict k = a.f32(1) + at, * __restrict t = a.f32(2) + at;
    float* __restrict y = a.result() + at;
    for (int64_t j = 0; j < a.columns; ++j) {
      const float root = 0.3f * std::sqrt(t[j]);
      const float d1 = (log_near(s[j] / k[j]) + 0.065f * t[j]) / root, d2 = d1 - root;
      y[j] = s[j] * phi_near(d1) - k[j] * exp_near(-0.02f * t[j]) * phi_near(d2);
    }
  });
}

void where_chain(const Arguments& a) {
  each_row(a, [&](int64_t i) {
    const float* __restrict x = a.f32(0) + i * a.columns, * __restrict y = a.f32(1) + i * a.columns;
    float* __restrict z = a.result() + i * a.columns;
    for (int64_t j = 0; j < a.columns; ++j) {
      const float v = x[j] > 0 ? x[j] * y[j] : (y[j] > 0 ? x[j] + y[j] : x[j] - y[j]);
      z[j] = std::min(std::max(v, -1.f), 1.f);
    }
  });
}

void cast_f32_bf16(const Arguments& a) {
  each_row(a, [&](int64_t i) {
    const float* __restrict x = a.f32(0) + i * a.columns;
    uint16_t* __restrict y = a.result<uint16_t>() + i * a.columns;
    for (int64_t j = 0; j < a.columns; ++j) {
      const auto bits = std::bit_cast<uint32_t>(x[j]);
      const auto rounded = static_cast<uint16_t>((bits + 0x7fffu + (bits >> 16 & 1)) >> 16);
      y[j] = x[j] != x[j] ? uint16_t{0x7fc0} : rounded;
    }
  });
}

constexpr int64_t kTile = 32;

void strided_sum3(const Arguments& a) {
  const int64_t rows = a.rows, columns = a.columns;
  split(a.threads, (rows + kTile - 1) / kTile, [&](int64_t begin, int64_t end) {
    for (int64_t i0 = begin * kTile; i0 < std::min(end * kTile, rows); i0 += kTile)
      for (int64_t j0 = 0; j0 < columns; j0 += kTile)
        for (int64_t i = i0; i < std::min(i0 + kTile, rows); ++i) {
          const float *x = a.f32(0) + i * columns, *z = a.f32(2) + i * columns + columns - 1;
          float* __restrict y = a.result() + i * columns;
          for (int64_t j = j0; j < std::min(j0 + kTile, columns); ++j) y[j] = x[j] + a.f32(1)[j * rows + i] + z[-j];
        }
  });
}

void int_mix(const Arguments& a) {
  each_row(a, [&](int64_t i) {
    const int32_t* __restrict x = a.i32(0) + i * a.columns, * __restrict y = a.i32(1) + i * a.columns;
    int32_t* __restrict z = a.result<int32_t>() + i * a.columns;
    for (int64_t j = 0; j < a.columns; ++j) {
      uint32_t h = (static_cast<uint32_t>(x[j]) ^ (static_cast<uint32_t>(y[j]) << 13)) * 2654435761u;
      h ^= static_cast<uint32_t>(static_cast<int32_t>(h) >> 16);
      z[j] = static_cast<int32_t>(h + static_cast<uint32_t>(y[j]));
    }
  });
}

void softmax(const Arguments& a) {
  each_row(a, [&](int64_t i) {
    const float* __restrict x = a.f32(0) + i * a.columns;
    float* __restrict y = a.result() + i * a.columns;
    const float most = largest(x, a.columns);
    for (int64_t j = 0; j < a.columns; ++j) y[j] = exp_near(x[j] - most);
    const float scale = 1.f / total(y, a.columns);
    for (int64_t j = 0; j < a.columns; ++j) y[j] *= scale;
  });
}

void log_softmax_backward(const Arguments& a) {
  each_row(a, [&](int64_t i) {
    const float* __restrict y = a.f32(0) + i * a.columns, * __restrict g = a.f32(1) + i * a.columns;
    float* __restrict d = a.result() + i * a.columns;
    const float sum = total(g, a.columns);
    for (int64_t j = 0; j < a.columns; ++j) d[j] = g[j] - exp_near(y[j]) * sum;
  });
}

struct Statistics {
  float mean, reciprocal;
};
Statistics statistics(const float* x, int64_t n) {
  const float mean = total(x, n) / static_cast<float>(n);
  const auto add_square = [mean](float sum, float v) { return sum + (v - mean) * (v - mean); };
  const float squares = fold(x, n, 0, add_square, kPlus);
  return {mean, 1.f / std::sqrt(squares / static_cast<float>(n) + 1e-5f)};
}

void layer_norm(const Arguments& a) {
  const float* __restrict w = a.f32(1), * __restrict b = a.f32(2);
  each_row(a, [&](int64_t i) {
    const float* __restrict x = a.f32(0) + i * a.columns;
    float* __restrict y = a.result() + i * a.columns;
    const Statistics s = statistics(x, a.columns);
    for (int64_t j = 0; j < a.columns; ++j) y[j] = (x[j] - s.mean) * s.reciprocal * w[j] + b[j];
  });
}

void sum_all(const Arguments& a) {
  std::vector<float> sums(static_cast<size_t>(a.threads) * 16);
  split(a.threads, a.threads, [&](int64_t begin, int64_t end) {
    for (int64_t t = begin; t < end; ++t) {
      const int64_t n = a.rows * a.columns, from = n * t / a.threads, to = n * (t + 1) / a.threads;
      sums[static_cast<size_t>(t) * 16] = total(a.f32(0) + from, to - from);
    }
  });
  float sum = 0;
  for (int t = 0; t < a.threads; ++t) sum += sums[static_cast<size_t>(t) * 16];
  a.result()[0] = sum;
}

void sum_axis0(const Arguments& a) {
  split(a.threads, a.columns, [&](int64_t begin, int64_t end) {
    float* __restrict y = a.result();
    std::fill(y + begin, y + end, 0.f);
    for (int64_t i = 0; i < a.rows; ++i) {
      const float* __restrict x = a.f32(0) + i * a.columns;
      for (int64_t j = begin; j < end; ++j) y[j] += x[j];
    }
  });
}

void sum_axis1(const Arguments& a) {
  each_row(a, [&](int64_t i) { a.result()[i] = total(a.f32(0) + i * a.columns, a.columns); });
}

void argmax_axis1(const Arguments& a) {
  each_row(a, [&](int64_t i) {
    const float* x = a.f32(0) + i * a.columns;
    const float most = largest(x, a.columns);
    a.result<int64_t>()[i] = std::find(x, x + a.columns, most) - x;
  });
}

void transpose(const Arguments& a) {
  split(a.threads, (a.columns + kTile - 1) / kTile, [&](int64_t begin, int64_t end) {
    for (int64_t j0 = begin * kTile; j0 < std::min(end * kTile, a.columns); j0 += kTile)
      for (int64_t i0 = 0; i0 < a.rows; i0 += kTile)
        for (int64_t j = j0; j < std::min(j0 + kTile, a.columns); ++j)
          for (int64_t i = i0; i < std::min(i0 + kTile, a.rows); ++i)
            a.result()[j * a.rows + i] = a.f32(0)[i * a.columns + j];
  });
}

void cat(const Arguments& a) {
  each_row(a, [&](int64_t i) {
    float* y = a.result() + 2 * i * a.columns;
    std::copy_n(a.f32(0) + i * a.columns, a.columns, y);
    std::copy_n(a.f32(1) + i * a.columns, a.columns, y + a.columns);
  });
}

void flip(const Arguments& a) {
  each_row(a, [&](int64_t i) {
    const float* __restrict x = a.f32(0) + (i + 1) * a.columns - 1;
    float* __restrict y = a.result() + i * a.columns;
    for (int64_t j = 0; j < a.columns; ++j) y[j] = x[-j];
  });
}

void gather_rows(const Arguments& a) {
  each_row(a,
           [&](int64_t i) { std::copy_n(a.f32(0) + a.i64(1)[i] * a.columns, a.columns, a.result() + i * a.columns); });
}

void cumsum(const Arguments& a) {
  each_row(a, [&](int64_t i) {
    const float* x = a.f32(0) + i * a.columns;
    float *y = a.result() + i * a.columns, sum = 0;
    for (int64_t j = 0; j < a.columns; ++j) y[j] = sum += x[j];
  });
}

constexpr NamedKernel kKernels[] = {
    {"map/relu_bias", relu_bias},
    {"map/gelu_bias", gelu_bias},
    {"map/gelu_tanh_bias", gelu_tanh_bias},
    {"map/black_scholes", black_scholes},
    {"map/where_chain", where_chain},
    {"map/cast_f32_bf16", cast_f32_bf16},
    {"map/strided_sum3", strided_sum3},
    {"map/int_mix", int_mix},
    {"row/softmax", softmax},
    {"row/softmax_100k", softmax},
    {"row/log_softmax_backward", log_softmax_backward},
    {"row/layer_norm", layer_norm},
    {"reduce/sum_all", sum_all},
    {"reduce/sum_axis0", sum_axis0},
    {"reduce/sum_axis1", sum_axis1},
    {"reduce/argmax_axis1", argmax_axis1},
    {"scan/cumsum", cumsum},
    {"move/transpose", transpose},
    {"move/cat", cat},
    {"move/flip", flip},
    {"gather/rows", gather_rows},
};

}  // namespace
}  // namespace bench

int main(int argc, char** argv) {
  bench::TablePeer peer(LOOP_COMPILER, bench::kKernels);
  return bench::serve(peer, argc, argv);
}
