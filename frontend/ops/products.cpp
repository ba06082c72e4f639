// Products that are made of others: sums with products, traces, tensor and Kronecker products, chains, powers.
#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "frontend/apply.h"
#include "frontend/build.h"
#include "frontend/ops/axes.h"
#include "frontend/ops/contract.h"
#include "frontend/promote.h"
#include "lazuli/creation.h"
#include "lazuli/generated/ops.h"
#include "lazuli/join.h"
#include "lazuli/matmul.h"
#include "lazuli/reduce.h"
#include "lazuli/shape.h"

namespace lazuli {
namespace {

using ir::NodeRef;
using ir::Op;

/// beta * c + alpha * product, in the product's shape and type.
Tensor accumulate(std::string_view op, const Tensor& c, Tensor product, const Scalar& beta, const Scalar& alpha,
                  const Location& loc) {
  if (c.dtype() != product.dtype())
    throw Error(ErrorKind::DType,
                fmt::format("{}: expected self and the product to have the same dtype, but got {} and {}", op,
                            torch_name(c.dtype()), torch_name(product.dtype())),
                "convert one of them with to()", loc);
  const Tensor bias = c.expand(product.sizes(), loc);
  if (!(alpha == Scalar(1))) product = apply(Op::mul, {product, alpha}, loc);
  if (beta == Scalar(0)) return product;  // NaN in c does not reach the result, as in BLAS
  return apply(Op::add, {beta == Scalar(1) ? bias : apply(Op::mul, {bias, beta}, loc), product}, loc);
}

}  // namespace

Tensor addmm(const Tensor& c, const Tensor& a, const Tensor& b, Scalar beta, Scalar alpha, Location loc) {
  if (a.dim() != 2)
    throw Error(ErrorKind::Shape, fmt::format("mat1 must be a matrix, got {}-D tensor", a.dim()), {}, loc);
  if (b.dim() != 2)
    throw Error(ErrorKind::Shape, fmt::format("mat2 must be a matrix, got {}-D tensor", b.dim()), {}, loc);
  return accumulate("addmm", c, mm(a, b, loc), beta, alpha, loc);
}
Tensor baddbmm(const Tensor& c, const Tensor& a, const Tensor& b, Scalar beta, Scalar alpha, Location loc) {
  return accumulate("baddbmm", c, bmm(a, b, loc), beta, alpha, loc);
}
Tensor addbmm(const Tensor& c, const Tensor& a, const Tensor& b, Scalar beta, Scalar alpha, Location loc) {
  if (a.dim() != 3 || b.dim() != 3 || a.size(0) != b.size(0) || a.size(2) != b.size(1))
    return accumulate("addbmm", c, sum(bmm(a, b, loc), 0, false, {}, loc), beta, alpha, loc);  // says what is wrong
  // One product of matrices over the batch and the inner size together.
  const Tensor left = a.permute({1, 0, 2}, loc).reshape({a.size(1), a.size(0) * a.size(2)}, loc);
  const Tensor right = b.reshape({b.size(0) * b.size(1), b.size(2)}, loc);
  return accumulate("addbmm", c, mm(left, right, loc), beta, alpha, loc);
}
Tensor addmv(const Tensor& c, const Tensor& a, const Tensor& b, Scalar beta, Scalar alpha, Location loc) {
  if (a.dim() != 2 || b.dim() != 1)
    throw Error(ErrorKind::Shape,
                fmt::format("vector + matrix @ vector expected, got {}, {}, {}", c.dim(), a.dim(), b.dim()), {}, loc);
  const bool fits = c.dim() == 0 || (c.dim() == 1 && (c.size(0) == 1 || c.size(0) == a.size(0)));
  if (a.size(1) != b.size(0) || !fits)
    throw Error(ErrorKind::Shape,
                fmt::format("size mismatch, got input ({}), mat ({}x{}), vec ({})", c.dim() == 0 ? 1 : c.size(0),
                            a.size(0), a.size(1), b.size(0)),
                {}, loc);
  return accumulate("addmv", c, mv(a, b, loc), beta, alpha, loc);
}
Tensor addr(const Tensor& c, const Tensor& a, const Tensor& b, Scalar beta, Scalar alpha, Location loc) {
  if (a.dim() != 1 || b.dim() != 1)
    throw Error(ErrorKind::Shape,
                fmt::format("addr: Expected 1-D argument {}, but got {}-D", a.dim() != 1 ? "vec1" : "vec2",
                            a.dim() != 1 ? a.dim() : b.dim()),
                {}, loc);
  return accumulate("addr", c, outer(a, b, loc), beta, alpha, loc);
}
Tensor ger(const Tensor& a, const Tensor& b, Location loc) {
  return outer(a, b, loc);
}
Tensor vdot(const Tensor& a, const Tensor& b, Location loc) {
  return dot(a, b, loc);
}

Tensor inner(const Tensor& a, const Tensor& b, Location loc) {
  if (a.dim() == 0 || b.dim() == 0) return apply(Op::mul, {a, b}, loc);
  if (a.size(-1) != b.size(-1))
    throw Error(ErrorKind::Shape,
                fmt::format("inner() the last dimension must match on both input tensors but got shapes {} and {}",
                            ir::str(a.sizes()), ir::str(b.sizes())),
                {}, loc);
  return tensordot(a, b, {-1}, {-1}, loc);
}

Tensor trace(const Tensor& x, Location loc) {
  if (x.dim() != 2)
    throw Error(ErrorKind::Shape, fmt::format("trace: expected a matrix, but got tensor with dim {}", x.dim()), {},
                loc);
  return sum(diagonal(x, 0, 0, 1, loc), {}, loc);
}

Tensor tensordot(const Tensor& a, const Tensor& b, int64_t dims, Location loc) {
  if (dims < 0)
    throw Error(ErrorKind::Value, fmt::format("tensordot expects dims >= 0, but got dims={}", dims), {}, loc);
  if (dims > a.dim() || dims > b.dim())
    throw Error(
        ErrorKind::Shape,
        fmt::format("tensordot: {} axes cannot be contracted of tensors with {} and {}", dims, a.dim(), b.dim()), {},
        loc);
  std::vector<int64_t> of_a, of_b;
  for (int64_t d = 0; d < dims; ++d) {
    of_a.push_back(d - dims);
    of_b.push_back(d);
  }
  return tensordot(a, b, of_a, of_b, loc);
}

Tensor tensordot(const Tensor& a, const Tensor& b, IntArrayRef dims_a, IntArrayRef dims_b, Location loc) {
  if (dims_a.size() != dims_b.size())
    throw Error(ErrorKind::Shape, "both dimension lists should have same length",
                fmt::format("they are {} and {}", ir::str(dims_a), ir::str(dims_b)), loc);
  const NodeRef x = node_of(a), y = node_of(b);
  check_product_types("tensordot", x, y, loc);
  ir::DotDims dims;
  const auto take = [&](ir::Dims& into, int64_t d, int64_t rank) {
    const int64_t axis = wrap_dim(d, rank, loc);
    if (rank == 0 || std::find(into.begin(), into.end(), axis) != into.end())
      throw Error(ErrorKind::Shape, fmt::format("dim {} appears multiple times in the list of dims", axis), {}, loc);
    into.push_back(axis);
    return axis;
  };
  for (size_t i = 0; i < dims_a.size(); ++i) {
    const int64_t of_a = take(dims.lhs_contract, dims_a[i], a.dim());
    const int64_t of_b = take(dims.rhs_contract, dims_b[i], b.dim());
    if (a.size(of_a) != b.size(of_b))
      throw Error(
          ErrorKind::Shape,
          fmt::format("contracted dimensions need to match, but first has size {} in dim {} and second has size "
                      "{} in dim {}",
                      a.size(of_a), dims_a[i], b.size(of_b), dims_b[i]),
          {}, loc);
  }
  return wrap(dot_general(x, y, std::move(dims), loc), loc);
}

Tensor kron(const Tensor& a, const Tensor& b, Location loc) {
  const int64_t rank = std::max(a.dim(), b.dim());
  std::vector<int64_t> left, right, joined;
  for (int64_t d = 0; d < rank; ++d) {
    const int64_t in_a = d - (rank - a.dim()), in_b = d - (rank - b.dim());
    const int64_t m = in_a < 0 ? 1 : a.size(in_a), n = in_b < 0 ? 1 : b.size(in_b);
    left.insert(left.end(), {m, 1});
    right.insert(right.end(), {1, n});
    joined.push_back(m * n);
  }
  return apply(Op::mul, {a.reshape(left, loc), b.reshape(right, loc)}, loc).reshape(joined, loc);
}

Tensor cross(const Tensor& a, const Tensor& b, std::optional<int64_t> dim, Location loc) {
  const ir::Shape shape = broadcast_or_throw("cross", ir::Shape(a.sizes()), ir::Shape(b.sizes()), loc);
  int64_t axis = -1;
  if (dim) {
    axis = wrap_dim(*dim, static_cast<int64_t>(shape.size()), loc);
  } else {
    for (size_t d = 0; d < shape.size() && axis < 0; ++d)
      if (shape[d] == 3) axis = static_cast<int64_t>(d);
    if (axis < 0) throw Error(ErrorKind::Shape, "no dimension of size 3 in input", {}, loc);
  }
  if (shape.empty() || shape[static_cast<size_t>(axis)] != 3)
    throw Error(ErrorKind::Shape,
                fmt::format("linalg.cross: inputs dimension {} must have length 3. Got {} and {}", dim.value_or(axis),
                            a.size(axis), b.size(axis)),
                fmt::format("cross of {} and {}", ir::str(a.sizes()), ir::str(b.sizes())), loc);
  const IntArrayRef sizes(shape.data(), shape.size());
  const Tensor x = a.expand(sizes, loc), y = b.expand(sizes, loc);
  const auto turned = [&](const Tensor& t, int64_t by) { return roll(t, by, axis, loc); };
  const Tensor up = apply(Op::mul, {turned(x, -1), turned(y, -2)}, loc);
  return apply(Op::sub, {up, apply(Op::mul, {turned(x, -2), turned(y, -1)}, loc)}, loc);
}

Tensor chain_matmul(TensorList matrices, Location loc) {
  const size_t n = matrices.size();
  if (n == 0) throw Error(ErrorKind::Value, "chain_matmul(): Expected one or more matrices", {}, loc);
  std::vector<double> size;  // matrix i is size[i] x size[i + 1]
  for (size_t i = 0; i < n; ++i) {
    const Tensor& m = matrices.begin()[i];
    if (m.dim() != 2)
      throw Error(ErrorKind::Shape, fmt::format("Tensor dimension is {}, expected 2 instead.", m.dim()), {}, loc);
    if (i == 0) size.push_back(static_cast<double>(m.size(0)));
    size.push_back(static_cast<double>(m.size(1)));
  }
  if (n == 1) return matrices.begin()[0];
  // cost[i][j] of the product of matrices i to j, and behind which matrix it is cut.
  std::vector<std::vector<double>> cost(n, std::vector<double>(n, 0));
  std::vector<std::vector<size_t>> cut(n, std::vector<size_t>(n, 0));
  for (size_t length = 2; length <= n; ++length)
    for (size_t i = 0; i + length <= n; ++i) {
      const size_t j = i + length - 1;
      cost[i][j] = std::numeric_limits<double>::infinity();
      for (size_t k = i; k < j; ++k) {
        const double c = cost[i][k] + cost[k + 1][j] + size[i] * size[k + 1] * size[j + 1];
        if (c < cost[i][j]) {
          cost[i][j] = c;
          cut[i][j] = k;
        }
      }
    }
  struct Step {
    size_t i, j;
    bool split;
  };
  std::vector<Step> todo{{0, n - 1, true}};
  std::vector<Tensor> done;
  while (!todo.empty()) {
    const Step s = todo.back();
    todo.pop_back();
    if (s.i == s.j) {
      done.push_back(matrices.begin()[s.i]);
    } else if (s.split) {
      const size_t k = cut[s.i][s.j];
      todo.push_back({s.i, s.j, false});
      todo.push_back({k + 1, s.j, true});
      todo.push_back({s.i, k, true});
    } else {
      const Tensor right = done.back();
      done.pop_back();
      done.back() = mm(done.back(), right, loc);
    }
  }
  return done[0];
}

Tensor matrix_power(const Tensor& x, int64_t n, Location loc) {
  if (x.dim() < 2 || x.size(-1) != x.size(-2))
    throw Error(ErrorKind::Shape,
                fmt::format("linalg.matrix_power: A must be batches of square matrices, but they are {} by {} matrices",
                            x.dim() < 2 ? 1 : x.size(-2), x.dim() < 1 ? 1 : x.size(-1)),
                {}, loc);
  if (n < 0)
    throw Error(ErrorKind::Unsupported, "matrix_power: inverses are not supported", fmt::format("n is {}", n), loc);
  if (n == 0) return eye(x.size(-1), x.dtype(), loc).expand(x.sizes(), loc).clone(loc);
  Tensor power = x, result;
  for (int64_t bits = n; bits > 0; bits >>= 1) {
    if (bits & 1) result = result.defined() ? matmul(result, power, loc) : power;
    if (bits > 1) power = matmul(power, power, loc);
  }
  return result;
}

}  // namespace lazuli
