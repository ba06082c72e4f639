// Products of matrices and vectors over dot_general.
#include "lazuli/matmul.h"

#include <fmt/format.h>

#include "frontend/apply.h"
#include "frontend/build.h"
#include "frontend/ops/contract.h"
#include "frontend/promote.h"

namespace lazuli {
using ir::Dims;
using ir::NodeRef;
using ir::Op;
using ir::Shape;

NodeRef dot_general(const NodeRef& a, const NodeRef& b, ir::DotDims dims, const Location& loc) {
  return make_node(Op::dot_general, {a.get(), b.get()},
                   ir::DotAttr{std::make_shared<const ir::DotDims>(std::move(dims))}, loc);
}

void check_product_types(std::string_view op, const NodeRef& a, const NodeRef& b, const Location& loc) {
  if (a->dtype() != b->dtype())
    throw Error(
        ErrorKind::DType,
        fmt::format("expected m1 and m2 to have the same dtype, but got: {} != {}", name(a->dtype()), name(b->dtype())),
        fmt::format("{} does not promote; convert one of them with to()", op), loc);
  if (is_bool(a->dtype()))
    throw Error(ErrorKind::DType, fmt::format("\"{}\" not implemented for 'Bool'", op),
                "convert to an integer or float type", loc);
  if (a->device() != b->device())
    throw Error(ErrorKind::Device,
                fmt::format("Expected all tensors to be on the same device, but found at least two devices, {} and {}!",
                            a->device().str(), b->device().str()),
                "move one of them with to()", loc);
}

namespace {

[[noreturn]] void refuse_sizes(int64_t n, int64_t k, int64_t k2, int64_t m, std::string_view op, const NodeRef& a,
                               const NodeRef& b, const Location& loc) {
  throw Error(ErrorKind::Shape, fmt::format("mat1 and mat2 shapes cannot be multiplied ({}x{} and {}x{})", n, k, k2, m),
              fmt::format("{} of {} and {}: the last size of the first must equal the last but one of the second", op,
                          ir::str(a->shape()), ir::str(b->shape())),
              loc);
}

/// The last but one size of a matrix, 1 for a vector.
int64_t from_end(const NodeRef& x, size_t i) {
  return i > x->rank() ? 1 : x->shape()[x->rank() - i];
}

/// Leading axes broadcast together, each operand expanded to them.
NodeRef batched(NodeRef a, NodeRef b, const Location& loc) {
  const auto batch_of = [](const NodeRef& x) {
    return Shape(std::span<const int64_t>(x->shape()).first(x->rank() - 2));
  };
  const Shape batch = broadcast_or_throw("matmul", batch_of(a), batch_of(b), loc);
  const auto widen = [&](const NodeRef& x) {
    Shape shape = batch;
    shape.push_back(from_end(x, 2));
    shape.push_back(from_end(x, 1));
    return expand_to(x, shape, loc);
  };
  const int64_t rank = static_cast<int64_t>(batch.size());
  ir::DotDims dims;
  for (int64_t i = 0; i < rank; ++i) {
    dims.lhs_batch.push_back(i);
    dims.rhs_batch.push_back(i);
  }
  dims.lhs_contract.push_back(rank + 1);
  dims.rhs_contract.push_back(rank);
  return dot_general(widen(a), widen(b), std::move(dims), loc);
}

NodeRef matmul_node(const NodeRef& a, const NodeRef& b, const Location& loc) {
  const size_t ra = a->rank(), rb = b->rank();
  if (ra == 0 || rb == 0)
    throw Error(ErrorKind::Shape,
                fmt::format("both arguments to matmul need to be at least 1D, but they are {}D and {}D", ra, rb),
                "multiply by a 0-d tensor with *", loc);
  check_product_types("matmul", a, b, loc);
  const int64_t k = from_end(a, 1), k2 = rb == 1 ? from_end(b, 1) : from_end(b, 2);
  if (k != k2) {
    if (ra == 1 && rb == 1)
      throw Error(ErrorKind::Shape,
                  fmt::format("inconsistent tensor size, expected tensor [{}] and src [{}] to have the same number of "
                              "elements, but got {} and {} elements respectively",
                              k, k2, k, k2),
                  {}, loc);
    if (ra == 2 && rb == 1)
      throw Error(
          ErrorKind::Shape,
          fmt::format("size mismatch, got input ({}), mat ({}x{}), vec ({})", from_end(a, 2), from_end(a, 2), k, k2),
          {}, loc);
    refuse_sizes(from_end(a, 2), k, k2, rb == 1 ? 1 : from_end(b, 1), "matmul", a, b, loc);
  }
  if (ra > 2 && rb > 2) return batched(a, b, loc);
  if (ra <= 2 && rb > 2 && ra > 1) return batched(a, b, loc);
  // No batch on the right (or a vector on the left): the free axes come out in the right order by themselves.
  ir::DotDims dims;
  dims.lhs_contract.push_back(static_cast<int64_t>(ra) - 1);
  dims.rhs_contract.push_back(rb == 1 ? 0 : static_cast<int64_t>(rb) - 2);
  return dot_general(a, b, std::move(dims), loc);
}

NodeRef matmul_node(const Tensor& ta, const Tensor& tb, const Location& loc) {
  const NodeRef a = node_of(ta), b = node_of(tb);
  return matmul_node(a, b, loc);
}

void check_rank(std::string_view text, const NodeRef& x, size_t rank, const Location& loc) {
  if (x->rank() != rank)
    throw Error(ErrorKind::Shape, std::string(text), fmt::format("its shape is {}", ir::str(x->shape())), loc);
}

NodeRef mm_node(const Tensor& ta, const Tensor& tb, const Location& loc) {
  const NodeRef a = node_of(ta), b = node_of(tb);
  check_rank("self must be a matrix", a, 2, loc);
  check_rank("mat2 must be a matrix", b, 2, loc);
  return matmul_node(a, b, loc);
}

NodeRef bmm_node(const Tensor& ta, const Tensor& tb, const Location& loc) {
  const NodeRef a = node_of(ta), b = node_of(tb);
  check_rank("batch1 must be a 3D tensor", a, 3, loc);
  check_rank("batch2 must be a 3D tensor", b, 3, loc);
  check_product_types("bmm", a, b, loc);
  if (a->shape()[0] != b->shape()[0] || a->shape()[2] != b->shape()[1])
    throw Error(
        ErrorKind::Shape,
        fmt::format("Expected size for first two dimensions of batch2 tensor to be: [{}, {}] but got: [{}, {}].",
                    a->shape()[0], a->shape()[2], b->shape()[0], b->shape()[1]),
        {}, loc);
  return batched(a, b, loc);
}

NodeRef mv_node(const Tensor& ta, const Tensor& tb, const Location& loc) {
  const NodeRef a = node_of(ta), b = node_of(tb);
  if (a->rank() != 2 || b->rank() != 1)
    throw Error(ErrorKind::Shape, fmt::format("vector + matrix @ vector expected, got 1, {}, {}", a->rank(), b->rank()),
                fmt::format("mv of shapes {} and {}", ir::str(a->shape()), ir::str(b->shape())), loc);
  return matmul_node(a, b, loc);
}

NodeRef dot_node(const Tensor& ta, const Tensor& tb, const Location& loc) {
  const NodeRef a = node_of(ta), b = node_of(tb);
  if (a->rank() != 1 || b->rank() != 1)
    throw Error(ErrorKind::Shape, fmt::format("1D tensors expected, but got {}D and {}D tensors", a->rank(), b->rank()),
                "flatten them first, or use matmul", loc);
  if (a->dtype() != b->dtype())
    throw Error(ErrorKind::DType,
                fmt::format("dot : expected both vectors to have same dtype, but found {} and {}",
                            torch_name(a->dtype()), torch_name(b->dtype())),
                "convert one of them with to()", loc);
  return matmul_node(a, b, loc);
}

}  // namespace

Tensor matmul(const Tensor& a, const Tensor& b, Location loc) {
  return wrap_result(matmul_node(a, b, loc), loc);
}
Tensor mm(const Tensor& a, const Tensor& b, Location loc) {
  return wrap_result(mm_node(a, b, loc), loc);
}
Tensor bmm(const Tensor& a, const Tensor& b, Location loc) {
  return wrap_result(bmm_node(a, b, loc), loc);
}
Tensor mv(const Tensor& a, const Tensor& b, Location loc) {
  return wrap_result(mv_node(a, b, loc), loc);
}
Tensor dot(const Tensor& a, const Tensor& b, Location loc) {
  return wrap_result(dot_node(a, b, loc), loc);
}

Tensor outer(const Tensor& ta, const Tensor& tb, Location loc) {
  const NodeRef a = node_of(ta), b = node_of(tb);
  const auto check = [&](const NodeRef& x, std::string_view which) {
    if (x->rank() != 1)
      throw Error(ErrorKind::Shape, fmt::format("outer: Expected 1-D argument {}, but got {}-D", which, x->rank()), {},
                  loc);
  };
  check(a, "self");
  check(b, "vec2");
  const Tensor column = wrap(reshape_to(a, {a->shape()[0], 1}, loc), loc);
  return apply(Op::mul, {column, tb}, loc);
}

Tensor linear(const Tensor& x, const Tensor& weight, const Tensor& bias, Location loc) {
  const NodeRef w = node_of(weight);
  if (w->rank() != 2)
    throw Error(ErrorKind::Shape, fmt::format("linear: the weight is a matrix (out, in), not {}", ir::str(w->shape())),
                {}, loc);
  const NodeRef transposed = Build(loc).permute(w, {1, 0});
  const Tensor product = wrap_result(matmul_node(node_of(x), transposed, loc), loc);
  return bias.defined() ? apply(Op::add, {product, bias}, loc) : product;
}

}  // namespace lazuli
