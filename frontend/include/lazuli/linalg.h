// torch.linalg's names for what needs no factorization of a matrix. Every function is also there as linalg_NAME.
#pragma once
#include <optional>
#include <string_view>

#include "lazuli/dim_list.h"
#include "lazuli/tensor_list.h"

namespace lazuli {
namespace linalg {

/// (sum of |x|^ord)^(1/ord) over the axes (all: of the flattened tensor). Computed and returned in dtype.
Tensor vector_norm(const Tensor& x, Scalar ord = 2, DimList dim = {}, bool keepdim = false, OptionalDType dtype = {},
                   Location loc = Location::current());
/// Of matrices over two axes: 1 and -1 are the largest and the smallest sum of a column's magnitudes, infinity and
/// -infinity of a row's. 2 and -2 need singular values, which are not offered.
Tensor matrix_norm(const Tensor& x, Scalar ord, IntArrayRef dim = {-2, -1}, bool keepdim = false,
                   OptionalDType dtype = {}, Location loc = Location::current());
/// "fro": the root of the sum of squares. ("nuc" needs singular values.)
Tensor matrix_norm(const Tensor& x, std::string_view ord = "fro", IntArrayRef dim = {-2, -1}, bool keepdim = false,
                   OptionalDType dtype = {}, Location loc = Location::current());
/// Without an order the 2-norm of the flattened tensor or over the axes; else that of vectors over one axis or of
/// matrices over two.
Tensor norm(const Tensor& x, std::optional<Scalar> ord = {}, DimList dim = {}, bool keepdim = false,
            OptionalDType dtype = {}, Location loc = Location::current());
Tensor norm(const Tensor& x, std::string_view ord, DimList dim = {}, bool keepdim = false, OptionalDType dtype = {},
            Location loc = Location::current());

/// The vector product along an axis of size 3.
Tensor cross(const Tensor& a, const Tensor& b, int64_t dim = -1, Location loc = Location::current());
Tensor matmul(const Tensor& a, const Tensor& b, Location loc = Location::current());
/// The product of two or more matrices in the order that costs least; the first and the last may be vectors.
Tensor multi_dot(TensorList tensors, Location loc = Location::current());
Tensor matrix_power(const Tensor& x, int64_t n, Location loc = Location::current());
/// The sum of products along an axis; the others broadcast.
Tensor vecdot(const Tensor& a, const Tensor& b, int64_t dim = -1, Location loc = Location::current());
/// A view of the diagonals of matrices.
Tensor diagonal(const Tensor& x, int64_t offset = 0, int64_t dim1 = -2, int64_t dim2 = -1,
                Location loc = Location::current());
Tensor vander(const Tensor& x, std::optional<int64_t> columns = {}, Location loc = Location::current());

}  // namespace linalg
}  // namespace lazuli
