// The five cases and who computes them. All contestants read the same row-major float32 inputs, write memory that
// exists already, and use one thread.
#pragma once
#include <cstdint>

namespace bench {

struct Operands {
  const float* x;  // [rows, columns]
  const float* w;  // [columns]
  const float* b;  // [columns]
  float* y;        // [rows, columns], [columns] or one element, as the case says
  int64_t rows, columns;
};

/// What one contestant can compute.
struct Peer {
  using Run = void (*)(const Operands&);
  Run relu_bias;  // y = max(x * w + b, 0)
  Run gelu_tanh;  // y = gelu(x * w + b), the form with tanh
  Run softmax;    // y = exp(x - max) / sum, by row
  Run sum_all;    // y[0] = sum of x
  Run sum_axis0;  // y[j] = sum over rows of x[i, j]
};

/// Eigen's array expressions, and loops as one would write them for the compiler to vectorise. Both are compiled with
/// -O3 -march=native -ffp-contract=off.
extern const Peer kEigen, kLoop;
/// In float64, by the plainest loops; `y` and the scale of its rounding errors are float64.
struct Reference {
  using Run = void (*)(const Operands&, double* y, double* scale);
  Run relu_bias, gelu_tanh, softmax, sum_all, sum_axis0;
};
extern const Reference kReference;

/// What the machine allows: copying with stores that bypass the caches, and reading (returns a sum of what it read so
/// that no read is left out). The widest vectors that the processor has. `n` is a multiple of 256, memory is aligned to
/// 64 bytes.
void copy_around_caches(const float* from, float* to, int64_t n);
float read_all(const float* from, int64_t n);
const char* limits_vectors();
/// Independent chains of fused multiply-adds in registers alone; returns how many operations (two per fma) it did.
double multiply_add(int64_t rounds);

}  // namespace bench
