// Running sums, products and extremes along an axis, and differences. Float results are sums of blocks of
// docs/numerics.md: the same bits for any number of threads.
#pragma once
#include <optional>
#include <utility>

#include "lazuli/reduce.h"

namespace lazuli {

/// Element i is the sum (product) of elements 0 to i. Integers and bools are collected in int64.
Tensor cumsum(const Tensor& x, int64_t dim, OptionalDType dtype = {}, Location loc = Location::current());
Tensor cumprod(const Tensor& x, int64_t dim, OptionalDType dtype = {}, Location loc = Location::current());
Tensor& cumsum_out(Tensor& out, const Tensor& x, int64_t dim, OptionalDType dtype = {},
                   Location loc = Location::current());
Tensor& cumprod_out(Tensor& out, const Tensor& x, int64_t dim, OptionalDType dtype = {},
                    Location loc = Location::current());
/// The largest (smallest) element up to i and its int64 index, the last one of equals; NaN wins.
std::pair<Tensor, Tensor> cummax(const Tensor& x, int64_t dim, Location loc = Location::current());
std::pair<Tensor, Tensor> cummin(const Tensor& x, int64_t dim, Location loc = Location::current());
/// log(cumsum(exp(x))), without overflow. Floats only.
Tensor logcumsumexp(const Tensor& x, int64_t dim, Location loc = Location::current());
/// Each element minus the one before, n times; of bools whether they differ.
Tensor diff(const Tensor& x, int64_t n = 1, int64_t dim = -1, const Tensor& prepend = {}, const Tensor& append = {},
            Location loc = Location::current());
/// The integral by trapezoids over equally spaced points, or over points x.
Tensor trapezoid(const Tensor& y, double dx = 1, int64_t dim = -1, Location loc = Location::current());
Tensor trapezoid(const Tensor& y, const Tensor& x, int64_t dim = -1, Location loc = Location::current());

}  // namespace lazuli
