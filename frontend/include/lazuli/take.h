// Reading and adding at places that integer tensors name. Results are new tensors. An index out of bounds is an error
// of the evaluation, which names the call and the first such element.
#pragma once
#include <optional>

#include "lazuli/tensor.h"

namespace lazuli {

/// The slices index[0], index[1], ... of one axis, in that order. `index` is 1-D.
Tensor index_select(const Tensor& x, int64_t dim, const Tensor& index, Location loc = Location::current());
/// Element [i, j, ...] is x[index[i, j, ...], j, ...] for dim 0, and so on. `index` has the rank of x and is no larger
/// in the other axes.
Tensor gather(const Tensor& x, int64_t dim, const Tensor& index, Location loc = Location::current());
/// gather, with x and indices broadcast in the other axes; without dim both are flattened.
Tensor take_along_dim(const Tensor& x, const Tensor& indices, std::optional<int64_t> dim = {},
                      Location loc = Location::current());
/// Row indices[...] of a matrix.
Tensor embedding(const Tensor& weight, const Tensor& indices, Location loc = Location::current());

/// x, with alpha times slice i of `source` added to slice index[i], in ascending order of i: the same bits for any
/// number of threads.
Tensor index_add(const Tensor& x, int64_t dim, const Tensor& index, const Tensor& source, Scalar alpha = 1,
                 Location loc = Location::current());
/// x, with src[i, j, ...] added to element [index[i, j, ...], j, ...] for dim 0, and so on.
Tensor scatter_add(const Tensor& x, int64_t dim, const Tensor& index, const Tensor& src,
                   Location loc = Location::current());

}  // namespace lazuli
