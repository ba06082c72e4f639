// torch.special's names. Every function is also there as special_NAME. Results are floats; integers count as the
// default float.
#pragma once
#include <optional>

#include "lazuli/dim_list.h"
#include "lazuli/tensor.h"

namespace lazuli {
namespace special {

/// Functions that also have a name of their own: erf, erfc, erfinv, exp2, expm1, log1p, sigmoid, lgamma, digamma,
/// round, sinc, xlogy, logit, logsumexp, softmax, log_softmax, polygamma, mvlgamma.
Tensor erf(const Tensor& x, Location loc = Location::current());
Tensor erfc(const Tensor& x, Location loc = Location::current());
Tensor erfinv(const Tensor& x, Location loc = Location::current());
Tensor exp2(const Tensor& x, Location loc = Location::current());
Tensor expm1(const Tensor& x, Location loc = Location::current());
Tensor log1p(const Tensor& x, Location loc = Location::current());
Tensor expit(const Tensor& x, Location loc = Location::current());
Tensor gammaln(const Tensor& x, Location loc = Location::current());
Tensor digamma(const Tensor& x, Location loc = Location::current());
Tensor psi(const Tensor& x, Location loc = Location::current());
Tensor round(const Tensor& x, int64_t decimals = 0, Location loc = Location::current());
Tensor sinc(const Tensor& x, Location loc = Location::current());
Tensor xlogy(const Tensor& x, const Tensor& y, Location loc = Location::current());
Tensor xlogy(const Tensor& x, Scalar y, Location loc = Location::current());
Tensor logit(const Tensor& x, std::optional<double> eps = {}, Location loc = Location::current());
Tensor logsumexp(const Tensor& x, DimList dim, bool keepdim = false, Location loc = Location::current());
Tensor softmax(const Tensor& x, int64_t dim, OptionalDType dtype = {}, Location loc = Location::current());
Tensor log_softmax(const Tensor& x, int64_t dim, OptionalDType dtype = {}, Location loc = Location::current());
Tensor polygamma(int64_t n, const Tensor& x, Location loc = Location::current());
Tensor multigammaln(const Tensor& x, int64_t p, Location loc = Location::current());

/// x * log1p(y), 0 where x is 0 and y is not NaN.
Tensor xlog1py(const Tensor& x, const Tensor& y, Location loc = Location::current());
Tensor xlog1py(const Tensor& x, Scalar y, Location loc = Location::current());
/// -x log(x), 0 at 0, -infinity below.
Tensor entr(const Tensor& x, Location loc = Location::current());
/// The normal distribution function, and its logarithm, accurate far below 0.
Tensor ndtr(const Tensor& x, Location loc = Location::current());
Tensor log_ndtr(const Tensor& x, Location loc = Location::current());
/// exp(x * x) * erfc(x), without overflow.
Tensor erfcx(const Tensor& x, Location loc = Location::current());
/// The sum of (q + k)^-x over k = 0, 1, 2 ...; infinite at x = 1, NaN for x < 1 or q <= 0 (infinite where q is whole).
Tensor zeta(const Tensor& x, const Tensor& q, Location loc = Location::current());
Tensor zeta(const Tensor& x, Scalar q, Location loc = Location::current());

}  // namespace special
}  // namespace lazuli
