// Counting, covariances and distances.
#pragma once
#include <optional>

#include "lazuli/tensor.h"

namespace lazuli {

/// How many elements lie in each of `bins` intervals of equal width between min and max (both 0: the least and the
/// largest element), of x's type; what lies outside, and NaN, is not counted. Floats only.
Tensor histc(const Tensor& x, int64_t bins = 100, Scalar min = 0, Scalar max = 0, Location loc = Location::current());
/// Covariances of the rows of x (variables) over its columns (observations), with divisor n - correction. fweights:
/// how often each column counts (integers); aweights: how much (floats). bool is refused.
Tensor cov(const Tensor& x, int64_t correction = 1, const Tensor& fweights = {}, const Tensor& aweights = {},
           Location loc = Location::current());
/// Correlations of the rows of x, in [-1, 1].
Tensor corrcoef(const Tensor& x, Location loc = Location::current());

/// Distances of order p between the rows of a [..., m, k] and those of b [..., n, k]: [..., m, n].
Tensor cdist(const Tensor& a, const Tensor& b, double p = 2, Location loc = Location::current());
/// Those between the rows of one matrix, each pair once: (0, 1), (0, 2) ... 1-D.
Tensor pdist(const Tensor& x, double p = 2, Location loc = Location::current());
/// norm(x - y + eps, p) over the last axis.
Tensor pairwise_distance(const Tensor& x, const Tensor& y, double p = 2, double eps = 1e-6, bool keepdim = false,
                         Location loc = Location::current());
/// The cosine of the angle between x and y along an axis; norms count as eps at least.
Tensor cosine_similarity(const Tensor& x, const Tensor& y, int64_t dim = 1, double eps = 1e-8,
                         Location loc = Location::current());
/// x with every slice along `dim` whose norm of order p is above maxnorm scaled down to it.
Tensor renorm(const Tensor& x, Scalar p, int64_t dim, Scalar maxnorm, Location loc = Location::current());

}  // namespace lazuli
