// Reading and writing at places that integer tensors and masks name. Results are new tensors; the methods with _ write
// in place. An index out of bounds is an error of the evaluation, which names the call and the first such element.
// Where several values fall on one place they are combined in ascending order of the index: the last one stays, sums
// have the same bits for any number of threads.
#pragma once
#include <optional>
#include <string_view>
#include <vector>

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

/// x, with alpha times slice i of `source` added to slice index[i].
Tensor index_add(const Tensor& x, int64_t dim, const Tensor& index, const Tensor& source, Scalar alpha = 1,
                 Location loc = Location::current());
/// x, with slice i of `source` in place of slice index[i].
Tensor index_copy(const Tensor& x, int64_t dim, const Tensor& index, const Tensor& source,
                  Location loc = Location::current());
/// x, with the slices index[0], index[1] ... filled with one number.
Tensor index_fill(const Tensor& x, int64_t dim, const Tensor& index, Scalar value, Location loc = Location::current());
Tensor index_fill(const Tensor& x, int64_t dim, const Tensor& index, const Tensor& value,
                  Location loc = Location::current());
/// x.clone().index_put_(indices, value).
Tensor index_put(const Tensor& x, std::initializer_list<TensorIndex> indices, const Tensor& value,
                 bool accumulate = false, Location loc = Location::current());

/// x, with src[i, j, ...] (or a number) at element [index[i, j, ...], j, ...] for dim 0, and so on. `index` has the
/// rank of x and src and is no larger than either. reduce: "add" or "multiply".
Tensor scatter(const Tensor& x, int64_t dim, const Tensor& index, const Tensor& src,
               Location loc = Location::current());
Tensor scatter(const Tensor& x, int64_t dim, const Tensor& index, Scalar value, Location loc = Location::current());
Tensor scatter(const Tensor& x, int64_t dim, const Tensor& index, const Tensor& src, std::string_view reduce,
               Location loc = Location::current());
Tensor scatter(const Tensor& x, int64_t dim, const Tensor& index, Scalar value, std::string_view reduce,
               Location loc = Location::current());
/// The same, added.
Tensor scatter_add(const Tensor& x, int64_t dim, const Tensor& index, const Tensor& src,
                   Location loc = Location::current());
/// The same, combined: "sum", "prod", "mean", "amax" or "amin". Without include_self elements of x on which a value
/// falls do not count.
Tensor scatter_reduce(const Tensor& x, int64_t dim, const Tensor& index, const Tensor& src, std::string_view reduce,
                      bool include_self = true, Location loc = Location::current());

/// The same for whole slices: slice i of `source` falls on slice index[i]. "prod", "mean", "amax" or "amin".
Tensor index_reduce(const Tensor& x, int64_t dim, const Tensor& index, const Tensor& source, std::string_view reduce,
                    bool include_self = true, Location loc = Location::current());

/// The elements of the flattened tensor at `index`, in its shape. Negative indices count from the end.
Tensor take(const Tensor& x, const Tensor& index, Location loc = Location::current());
/// x with the elements of `source`, in order, at places of the flattened tensor.
Tensor put(const Tensor& x, const Tensor& index, const Tensor& source, bool accumulate = false,
           Location loc = Location::current());

// ---- Masks: bool tensors, broadcast with x. ----
/// x where the mask is false, else `value`.
Tensor masked_fill(const Tensor& x, const Tensor& mask, Scalar value, Location loc = Location::current());
Tensor masked_fill(const Tensor& x, const Tensor& mask, const Tensor& value, Location loc = Location::current());
/// x, with the elements of `source`, in order, where the mask is true. It is an error of the evaluation when `source`
/// has fewer of them.
Tensor masked_scatter(const Tensor& x, const Tensor& mask, const Tensor& source, Location loc = Location::current());

// ---- What the elements themselves decide the size of. These evaluate the mask; inside a function that compile()
// traces they are refused, and where() is the way. ----
/// The elements where the mask is true, 1-D.
Tensor masked_select(const Tensor& x, const Tensor& mask, Location loc = Location::current());
/// Indices of the elements that are not zero: int64[n, rank], row-major order.
Tensor nonzero(const Tensor& x, Location loc = Location::current());
Tensor argwhere(const Tensor& x, Location loc = Location::current());
/// The same as one index tensor per axis, which index() takes.
std::vector<Tensor> nonzero_numpy(const Tensor& x, Location loc = Location::current());
std::vector<Tensor> where(const Tensor& condition, Location loc = Location::current());

// ---- Views written in a copy. ----
/// x, with `src` in place of x.select(dim, index), of a slice, of a diagonal.
Tensor select_scatter(const Tensor& x, const Tensor& src, int64_t dim, int64_t index,
                      Location loc = Location::current());
Tensor slice_scatter(const Tensor& x, const Tensor& src, int64_t dim = 0, Slice::Bound start = None,
                     Slice::Bound stop = None, int64_t step = 1, Location loc = Location::current());
Tensor diagonal_scatter(const Tensor& x, const Tensor& src, int64_t offset = 0, int64_t dim1 = 0, int64_t dim2 = 1,
                        Location loc = Location::current());

}  // namespace lazuli
