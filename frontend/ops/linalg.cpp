// linalg:: over the products and norms there are.
#include "lazuli/linalg.h"

#include <fmt/format.h>

#include <cmath>

#include "frontend/apply.h"
#include "frontend/promote.h"
#include "lazuli/creation.h"
#include "lazuli/generated/ops.h"
#include "lazuli/join.h"
#include "lazuli/matmul.h"
#include "lazuli/reduce.h"
#include "lazuli/scan.h"
#include "lazuli/shape.h"

namespace lazuli::linalg {
namespace {

/// x in the type that a norm is computed in.
Tensor typed(const char* op, const Tensor& x, OptionalDType dtype, const Location& loc) {
  if (!is_floating(x.dtype()))
    throw Error(ErrorKind::DType,
                fmt::format("linalg.{}: Expected a floating point or complex tensor as input. Got {}", op,
                            torch_name(x.dtype())),
                "convert the input with to(kFloat32)", loc);
  if (!dtype) return x;
  if (!is_floating(*dtype))
    throw Error(ErrorKind::DType,
                fmt::format("linalg.{}: dtype should be floating point or complex. Got {}", op, torch_name(*dtype)), {},
                loc);
  if (promote_types(*dtype, x.dtype()) != *dtype)
    throw Error(ErrorKind::DType,
                fmt::format("linalg.{}: the dtype of the input ({}) should be convertible without narrowing to the "
                            "specified dtype ({})",
                            op, torch_name(x.dtype()), torch_name(*dtype)),
                {}, loc);
  return x.to(*dtype, loc);
}

struct Axes {
  int64_t row, column;
};

Axes matrix_axes(const Tensor& x, IntArrayRef dim, const Location& loc) {
  if (x.dim() < 2)
    throw Error(ErrorKind::Shape, "linalg.matrix_norm: The input tensor A must have at least 2 dimensions.", {}, loc);
  if (dim.size() != 2)
    throw Error(
        ErrorKind::Shape,
        fmt::format("linalg.matrix_norm: dim must be a 2-tuple. Got {}", fmt::join(dim.begin(), dim.end(), " ")), {},
        loc);
  const Axes a{wrap_dim(dim[0], x.dim(), loc), wrap_dim(dim[1], x.dim(), loc)};
  if (a.row == a.column)
    throw Error(ErrorKind::Shape,
                fmt::format("linalg.matrix_norm: dims must be different. Got ({}, {})", dim[0], dim[1]), {}, loc);
  return a;
}

}  // namespace

Tensor vector_norm(const Tensor& x, Scalar ord, DimList dim, bool keepdim, OptionalDType dtype, Location loc) {
  return lazuli::norm(typed("vector_norm", x, dtype, loc), ord, dim, keepdim, loc);
}

Tensor matrix_norm(const Tensor& given, Scalar ord, IntArrayRef dim, bool keepdim, OptionalDType dtype, Location loc) {
  const Axes axes = matrix_axes(given, dim, loc);
  const double p = ord.to_double();
  if (std::abs(p) == 2)
    throw Error(ErrorKind::Unsupported, "linalg.matrix_norm: the orders 2 and -2 need singular values",
                "factorizations of matrices are not offered; \"fro\", 1, -1, infinity and -infinity are", loc);
  if (std::abs(p) != 1 && !std::isinf(p))
    throw Error(ErrorKind::Value, fmt::format("linalg.matrix_norm: Order {} not supported.", p), {}, loc);
  const Tensor x = typed("matrix_norm", given, dtype, loc);
  // Sums along columns for 1, along rows for infinity; then the extreme one.
  const bool columns = std::abs(p) == 1;
  const Tensor sums = sum(x.abs(loc), columns ? axes.row : axes.column, true, {}, loc);
  const int64_t rest = columns ? axes.column : axes.row;
  const Tensor extreme = p > 0 ? amax(sums, rest, true, loc) : amin(sums, rest, true, loc);
  if (keepdim) return extreme;
  return extreme.squeeze(std::max(axes.row, axes.column), loc).squeeze(std::min(axes.row, axes.column), loc);
}
Tensor matrix_norm(const Tensor& x, std::string_view ord, IntArrayRef dim, bool keepdim, OptionalDType dtype,
                   Location loc) {
  const Axes axes = matrix_axes(x, dim, loc);
  if (ord == "nuc")
    throw Error(ErrorKind::Unsupported, "linalg.matrix_norm: the order nuc needs singular values",
                "factorizations of matrices are not offered; \"fro\", 1, -1, infinity and -infinity are", loc);
  if (ord != "fro")
    throw Error(ErrorKind::Value, fmt::format("linalg.matrix_norm: Order {} not supported.", ord), {}, loc);
  return vector_norm(x, 2, {axes.row, axes.column}, keepdim, dtype, loc);
}

Tensor norm(const Tensor& x, std::optional<Scalar> ord, DimList dim, bool keepdim, OptionalDType dtype, Location loc) {
  if (!ord) return vector_norm(x, 2, dim, keepdim, dtype, loc);
  if (!dim.empty() && dim.size() > 2)
    throw Error(
        ErrorKind::Shape,
        fmt::format("linalg.norm: If dim is specified, it must be of length 1 or 2. Got {}", ir::str(IntArrayRef(dim))),
        {}, loc);
  if (dim.empty() && x.dim() != 1 && x.dim() != 2)
    throw Error(
        ErrorKind::Shape,
        fmt::format("linalg.norm: If dim is not specified but ord is, the input must be 1D or 2D. Got {}D.", x.dim()),
        {}, loc);
  if (dim.empty() ? x.dim() == 2 : dim.size() == 2)
    return matrix_norm(x, *ord, dim.empty() ? IntArrayRef({-2, -1}).vec() : IntArrayRef(dim).vec(), keepdim, dtype,
                       loc);
  return vector_norm(x, *ord, dim, keepdim, dtype, loc);
}
Tensor norm(const Tensor& x, std::string_view ord, DimList dim, bool keepdim, OptionalDType dtype, Location loc) {
  if (dim.empty() && x.dim() != 2)
    throw Error(
        ErrorKind::Shape,
        fmt::format("linalg.norm: If dim is not specified but ord is, the input must be 1D or 2D. Got {}D.", x.dim()),
        {}, loc);
  return matrix_norm(x, ord, dim.empty() ? IntArrayRef({-2, -1}).vec() : IntArrayRef(dim).vec(), keepdim, dtype, loc);
}

Tensor cross(const Tensor& a, const Tensor& b, int64_t dim, Location loc) {
  if (a.dim() != b.dim())
    throw Error(ErrorKind::Shape, "linalg.cross: inputs must have the same number of dimensions.",
                fmt::format("they have {} and {}", a.dim(), b.dim()), loc);
  return lazuli::cross(a, b, dim, loc);
}
Tensor matmul(const Tensor& a, const Tensor& b, Location loc) {
  return lazuli::matmul(a, b, loc);
}

Tensor multi_dot(TensorList tensors, Location loc) {
  const size_t n = tensors.size();
  if (n < 2)
    throw Error(ErrorKind::Value, fmt::format("multi_dot(): expected at least 2 tensors but got {}", n), {}, loc);
  std::vector<Tensor> all(tensors.begin(), tensors.end());
  const auto check_end = [&](size_t i, const char* which) {
    if (all[i].dim() != 1 && all[i].dim() != 2)
      throw Error(ErrorKind::Shape,
                  fmt::format("multi_dot(): the {} tensor must be 1D or 2D but got {}D", which, all[i].dim()), {}, loc);
  };
  check_end(0, "first");
  check_end(n - 1, "last");
  for (size_t i = 1; i + 1 < n; ++i)
    if (all[i].dim() != 2)
      throw Error(ErrorKind::Shape, fmt::format("multi_dot(): tensor {} must be 2D but got {}D", i, all[i].dim()), {},
                  loc);
  const bool row = all[0].dim() == 1, column = all[n - 1].dim() == 1;
  if (row) all[0] = all[0].unsqueeze(0, loc);
  if (column) all[n - 1] = all[n - 1].unsqueeze(1, loc);
  for (size_t i = 0; i + 1 < n; ++i)
    if (all[i].size(1) != all[i + 1].size(0))
      throw Error(ErrorKind::Shape,
                  fmt::format("multi_dot(): tensors {} and {} with shapes {} and {} cannot be multiplied", i, i + 1,
                              ir::str(tensors[i].sizes()), ir::str(tensors[i + 1].sizes())),
                  {}, loc);
  Tensor product = chain_matmul(all, loc);
  if (column) product = product.squeeze(1, loc);
  return row ? product.squeeze(0, loc) : product;
}

Tensor matrix_power(const Tensor& x, int64_t n, Location loc) {
  return lazuli::matrix_power(x, n, loc);
}
Tensor vecdot(const Tensor& a, const Tensor& b, int64_t dim, Location loc) {
  return sum(typed("vecdot", a, {}, loc).mul(b, loc), dim, false, {}, loc);
}
Tensor diagonal(const Tensor& x, int64_t offset, int64_t dim1, int64_t dim2, Location loc) {
  return lazuli::diagonal(x, offset, dim1, dim2, loc);
}
Tensor vander(const Tensor& x, std::optional<int64_t> columns, Location loc) {
  // Unlike its namesake: batches of vectors, ascending powers.
  const int64_t n = columns.value_or(x.dim() == 0 ? 0 : x.size(-1));
  if (n <= 1) throw Error(ErrorKind::Value, "N must be greater than 1.", {}, loc);
  const TensorOptions options = TensorOptions(is_floating(x.dtype()) ? x.dtype() : kInt64).device(x.device());
  std::vector<int64_t> sizes = x.sizes().vec();
  sizes.push_back(1);
  const Tensor first = ones(sizes, options, loc);
  sizes.back() = n - 1;
  const Tensor factors = x.to(options, loc).unsqueeze(-1, loc).expand(sizes, loc);
  return cat({first, cumprod(factors, -1, {}, loc)}, -1, loc);
}

}  // namespace lazuli::linalg
