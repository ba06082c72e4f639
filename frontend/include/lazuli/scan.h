// Running sums, products and extremes along an axis, and differences. Float results are sums of blocks of
// docs/numerics.md: the same bits for any number of threads.
#pragma once
#include <optional>
#include <utility>
#include <vector>

#include "lazuli/reduce.h"

namespace lazuli {

/// Element i is the sum (product) of elements 0 to i. Integers and bools are collected in int64.
Tensor cumsum(const Tensor& x, int64_t dim, OptionalDType dtype = {}, Location loc = Location::current());
Tensor cumprod(const Tensor& x, int64_t dim, OptionalDType dtype = {}, Location loc = Location::current());
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
Tensor trapz(const Tensor& y, double dx = 1, int64_t dim = -1, Location loc = Location::current());
Tensor trapz(const Tensor& y, const Tensor& x, int64_t dim = -1, Location loc = Location::current());
/// The integrals from the first point to each of the others.
Tensor cumulative_trapezoid(const Tensor& y, double dx = 1, int64_t dim = -1, Location loc = Location::current());
Tensor cumulative_trapezoid(const Tensor& y, const Tensor& x, int64_t dim = -1, Location loc = Location::current());
/// Derivatives along each axis named (all), estimated from neighbours `spacing` apart: central differences, and at the
/// ends one-sided ones of order 1 or 2.
std::vector<Tensor> gradient(const Tensor& x, Scalar spacing = 1, DimList dim = {}, int64_t edge_order = 1,
                             Location loc = Location::current());

}  // namespace lazuli
