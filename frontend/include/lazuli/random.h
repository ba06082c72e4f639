// Random tensors. Element i of a call is a function of (seed, position of the call, i): the same on every device and
// for any number of threads. The position advances when the call is made, not when the value is computed.
#pragma once
#include <concepts>

#include "lazuli/generator.h"
#include "lazuli/options.h"
#include "lazuli/tensor.h"

namespace lazuli {

/// Uniform in [0, 1): multiples of 2^-24 (2^-53 for float64, 2^-11 and 2^-8 for float16 and bfloat16).
Tensor rand(IntArrayRef sizes, TensorOptions options = {}, OptionalGenerator generator = {},
            Location loc = Location::current());
/// Normal with mean 0 and variance 1.
Tensor randn(IntArrayRef sizes, TensorOptions options = {}, OptionalGenerator generator = {},
             Location loc = Location::current());
/// Integers in [low, high), int64 unless the options name another type.
Tensor randint(int64_t high, IntArrayRef sizes, TensorOptions options = {}, OptionalGenerator generator = {},
               Location loc = Location::current());
Tensor randint(int64_t low, int64_t high, IntArrayRef sizes, TensorOptions options = {},
               OptionalGenerator generator = {}, Location loc = Location::current());

/// Throws DType for an integer x unless the options name a float type.
Tensor rand_like(const Tensor& x, TensorOptions options = {}, OptionalGenerator generator = {},
                 Location loc = Location::current());
Tensor randn_like(const Tensor& x, TensorOptions options = {}, OptionalGenerator generator = {},
                  Location loc = Location::current());
Tensor randint_like(const Tensor& x, int64_t high, TensorOptions options = {}, OptionalGenerator generator = {},
                    Location loc = Location::current());
Tensor randint_like(const Tensor& x, int64_t low, int64_t high, TensorOptions options = {},
                    OptionalGenerator generator = {}, Location loc = Location::current());

/// The numbers 0 to n - 1 in random order, int64 unless the options name another type.
Tensor randperm(int64_t n, TensorOptions options = {}, OptionalGenerator generator = {},
                Location loc = Location::current());
/// Column numbers drawn with the weights of each row (of the vector), which need not add up to 1. Evaluates x to refuse
/// what is no distribution, except inside a function that compile() traces.
Tensor multinomial(const Tensor& x, int64_t num_samples, bool replacement = false, OptionalGenerator generator = {},
                   Location loc = Location::current());
/// 1 with the probability that stands in x (or p), else 0, of x's type.
Tensor bernoulli(const Tensor& x, OptionalGenerator generator = {}, Location loc = Location::current());
Tensor bernoulli(const Tensor& x, double p, OptionalGenerator generator = {}, Location loc = Location::current());
/// Normal with these means and standard deviations.
Tensor normal(double mean, double std, IntArrayRef sizes, OptionalGenerator generator = {}, TensorOptions options = {},
              Location loc = Location::current());
Tensor normal(double mean, const Tensor& std, OptionalGenerator generator = {}, Location loc = Location::current());
Tensor normal(const Tensor& mean, double std = 1, OptionalGenerator generator = {}, Location loc = Location::current());
Tensor normal(const Tensor& mean, const Tensor& std, OptionalGenerator generator = {},
              Location loc = Location::current());

// ---- PyTorch's C++ order: the generator before the options. ----
template <class G>
concept GeneratorArgument =
    std::same_as<G, Generator> || std::same_as<G, OptionalGenerator> || std::same_as<G, std::nullopt_t>;

template <GeneratorArgument G>
Tensor rand(IntArrayRef sizes, const G& generator, TensorOptions options = {}, Location loc = Location::current()) {
  return rand(sizes, options, generator, loc);
}
template <GeneratorArgument G>
Tensor randn(IntArrayRef sizes, const G& generator, TensorOptions options = {}, Location loc = Location::current()) {
  return randn(sizes, options, generator, loc);
}
template <GeneratorArgument G>
Tensor randint(int64_t high, IntArrayRef sizes, const G& generator, TensorOptions options = {},
               Location loc = Location::current()) {
  return randint(high, sizes, options, generator, loc);
}
template <GeneratorArgument G>
Tensor randint(int64_t low, int64_t high, IntArrayRef sizes, const G& generator, TensorOptions options = {},
               Location loc = Location::current()) {
  return randint(low, high, sizes, options, generator, loc);
}
template <GeneratorArgument G>
Tensor randperm(int64_t n, const G& generator, TensorOptions options = {}, Location loc = Location::current()) {
  return randperm(n, options, generator, loc);
}

}  // namespace lazuli
