// Reductions. Without axes they reduce everything to a 0-d tensor; `keepdim` leaves the reduced axes with size 1.
// Sums and products of integers and bools are int64. Float results follow the trees of docs/numerics.md: the same bits
// for any number of threads.
#pragma once
#include <concepts>
#include <optional>
#include <utility>

#include "lazuli/dim_list.h"
#include "lazuli/tensor.h"

namespace lazuli {

/// The sum of all elements, or along axes; 0 of none.
Tensor sum(const Tensor& x, OptionalDType dtype = {}, Location loc = Location::current());
Tensor sum(const Tensor& x, DimList dim, bool keepdim = false, OptionalDType dtype = {},
           Location loc = Location::current());
Tensor prod(const Tensor& x, OptionalDType dtype = {}, Location loc = Location::current());
Tensor prod(const Tensor& x, int64_t dim, bool keepdim = false, OptionalDType dtype = {},
            Location loc = Location::current());
/// Over several axes.
Tensor prod(const Tensor& x, DimList dim, bool keepdim = false, OptionalDType dtype = {},
            Location loc = Location::current());
/// Floats only, unless dtype names a float type.
Tensor mean(const Tensor& x, OptionalDType dtype = {}, Location loc = Location::current());
Tensor mean(const Tensor& x, DimList dim, bool keepdim = false, OptionalDType dtype = {},
            Location loc = Location::current());

/// Variance with divisor n - correction (1: unbiased), in two passes.
Tensor var(const Tensor& x, Location loc = Location::current());
Tensor var(const Tensor& x, std::same_as<bool> auto unbiased, Location loc = Location::current());
Tensor var(const Tensor& x, DimList dim, double correction = 1, bool keepdim = false,
           Location loc = Location::current());
Tensor var(const Tensor& x, DimList dim, std::same_as<bool> auto unbiased, bool keepdim = false,
           Location loc = Location::current());
/// The square root of var.
Tensor std(const Tensor& x, Location loc = Location::current());
Tensor std(const Tensor& x, std::same_as<bool> auto unbiased, Location loc = Location::current());
Tensor std(const Tensor& x, DimList dim, double correction = 1, bool keepdim = false,
           Location loc = Location::current());
Tensor std(const Tensor& x, DimList dim, std::same_as<bool> auto unbiased, bool keepdim = false,
           Location loc = Location::current());

/// Largest and smallest element; NaN wins. No axis may be empty.
Tensor amax(const Tensor& x, DimList dim = {}, bool keepdim = false, Location loc = Location::current());
Tensor amin(const Tensor& x, DimList dim = {}, bool keepdim = false, Location loc = Location::current());
Tensor max(const Tensor& x, Location loc = Location::current());
Tensor min(const Tensor& x, Location loc = Location::current());
/// Values and int64 indices along one axis (the first one on ties).
std::pair<Tensor, Tensor> max(const Tensor& x, int64_t dim, bool keepdim = false, Location loc = Location::current());
std::pair<Tensor, Tensor> min(const Tensor& x, int64_t dim, bool keepdim = false, Location loc = Location::current());
/// Element by element, as maximum and minimum.
Tensor max(const Tensor& x, const Tensor& y, Location loc = Location::current());
Tensor min(const Tensor& x, const Tensor& y, Location loc = Location::current());
/// int64 index of the first largest (smallest) element, of the flattened tensor unless an axis is named.
Tensor argmax(const Tensor& x, std::optional<int64_t> dim = {}, bool keepdim = false,
              Location loc = Location::current());
Tensor argmin(const Tensor& x, std::optional<int64_t> dim = {}, bool keepdim = false,
              Location loc = Location::current());

/// Both at once, of all elements or along one axis.
std::pair<Tensor, Tensor> aminmax(const Tensor& x, std::optional<int64_t> dim = {}, bool keepdim = false,
                                  Location loc = Location::current());
/// Sum and mean of the elements that are numbers.
Tensor nansum(const Tensor& x, DimList dim = {}, bool keepdim = false, OptionalDType dtype = {},
              Location loc = Location::current());
Tensor nanmean(const Tensor& x, DimList dim = {}, bool keepdim = false, OptionalDType dtype = {},
               Location loc = Location::current());
/// Variance (standard deviation) and mean.
std::pair<Tensor, Tensor> var_mean(const Tensor& x, DimList dim = {}, double correction = 1, bool keepdim = false,
                                   Location loc = Location::current());
std::pair<Tensor, Tensor> std_mean(const Tensor& x, DimList dim = {}, double correction = 1, bool keepdim = false,
                                   Location loc = Location::current());

/// Whether any (every) element is not zero.
Tensor any(const Tensor& x, DimList dim = {}, bool keepdim = false, Location loc = Location::current());
Tensor all(const Tensor& x, DimList dim = {}, bool keepdim = false, Location loc = Location::current());

/// (sum of |x|^p)^(1/p); p may be 0 (count of nonzero elements) and infinite. Floats only.
Tensor norm(const Tensor& x, Scalar p = 2, Location loc = Location::current());
Tensor norm(const Tensor& x, Scalar p, DimList dim, bool keepdim = false, Location loc = Location::current());
/// Computed and returned in `dtype`.
Tensor norm(const Tensor& x, Scalar p, DimList dim, bool keepdim, DType dtype, Location loc = Location::current());
/// norm(x - y, p).
Tensor dist(const Tensor& x, const Tensor& y, Scalar p = 2, Location loc = Location::current());
/// log(sum(exp(x))), without overflow.
Tensor logsumexp(const Tensor& x, DimList dim, bool keepdim = false, Location loc = Location::current());
Tensor count_nonzero(const Tensor& x, DimList dim = {}, Location loc = Location::current());

// ---- The forms with a bool: var(x, false) is the biased variance; var(x, 1) is over axis 1. ----
Tensor var(const Tensor& x, std::same_as<bool> auto unbiased, Location loc) {
  return var(x, DimList(IntArrayRef()), unbiased ? 1.0 : 0.0, false, loc);
}
Tensor var(const Tensor& x, DimList dim, std::same_as<bool> auto unbiased, bool keepdim, Location loc) {
  return var(x, dim, unbiased ? 1.0 : 0.0, keepdim, loc);
}
Tensor std(const Tensor& x, std::same_as<bool> auto unbiased, Location loc) {
  return lazuli::std(x, DimList(IntArrayRef()), unbiased ? 1.0 : 0.0, false, loc);
}
Tensor std(const Tensor& x, DimList dim, std::same_as<bool> auto unbiased, bool keepdim, Location loc) {
  return lazuli::std(x, dim, unbiased ? 1.0 : 0.0, keepdim, loc);
}

}  // namespace lazuli
