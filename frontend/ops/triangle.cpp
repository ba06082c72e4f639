// Triangles of matrices, and grids.
#include <fmt/format.h>

#include <algorithm>

#include "frontend/apply.h"
#include "frontend/build.h"
#include "lazuli/shape.h"

namespace lazuli {
namespace {

using ir::NodeRef;
using ir::Op;

/// x where column - row is at most (lower) or at least `diagonal`, else 0.
NodeRef triangle(const Tensor& x, bool lower, int64_t diagonal, const Location& loc) {
  const NodeRef n = node_of(x);
  if (n->rank() < 2)
    throw Error(ErrorKind::Shape,
                fmt::format("{}: input tensor must have at least 2 dimensions", lower ? "tril" : "triu"),
                fmt::format("its shape is {}", ir::str(n->shape())), loc);
  const Build b(loc);
  const auto rank = static_cast<int64_t>(n->rank());
  const NodeRef row = b.iota(n->shape(), rank - 2, kInt64, n->device());
  const NodeRef column = b.iota(n->shape(), rank - 1, kInt64, n->device());
  const NodeRef kept = b.op(lower ? Op::le : Op::ge, b.op(Op::sub, column, row), b.integer(diagonal, row));
  return b.where(kept, n, b.integer(0, n));
}

Tensor triangle_indices(const char* op, int64_t rows, int64_t columns, bool lower, int64_t offset,
                        const Location& loc) {
  if (rows < 0 || columns < 0)
    throw Error(ErrorKind::Value, fmt::format("{}: {} must be non-negative", op, rows < 0 ? "row" : "col"),
                fmt::format("the sizes are {} and {}", rows, columns), loc);
  std::vector<int64_t> places[2];
  for (int64_t r = 0; r < rows; ++r) {
    const int64_t edge = std::clamp<int64_t>(r + offset + (lower ? 1 : 0), 0, columns);
    for (int64_t c = lower ? 0 : edge; c < (lower ? edge : columns); ++c) {
      places[0].push_back(r);
      places[1].push_back(c);
    }
  }
  places[0].insert(places[0].end(), places[1].begin(), places[1].end());
  return from_host(places[0].data(), {2, static_cast<int64_t>(places[1].size())}, kInt64, loc);
}

}  // namespace

Tensor& Tensor::fill_diagonal_(Scalar value, bool wrap, Location loc) {
  if (dim() < 2) throw Error(ErrorKind::Shape, "dimensions must larger than 1", {}, loc);
  for (const int64_t n : sizes())
    if (dim() > 2 && n != size(0))
      throw Error(ErrorKind::Shape, "all dimensions of input must be of equal length",
                  fmt::format("its shape is {}", ir::str(sizes())), loc);
  const NodeRef x = node_of(*this);
  const Build b(loc);
  const NodeRef row = b.iota(x->shape(), 0, kInt64, x->device());
  NodeRef on;
  for (int64_t d = 1; d < dim(); ++d) {
    NodeRef place = row;
    // A gap of one row separates the diagonals of a tall matrix.
    if (wrap && dim() == 2) place = b.op(Op::remainder, row, b.integer(size(1) + 1, row));
    const NodeRef equal = b.op(Op::eq, place, b.iota(x->shape(), d, kInt64, x->device()));
    on = on ? b.op(Op::logical_and, on, equal) : equal;
  }
  const NodeRef number = on_device(scalar_operand(value, dtype(), loc), device(), loc);
  NodeRef written = b.where(on, number, x);
  assign(*this, std::move(written), loc);
  return *this;
}

Tensor tril(const Tensor& x, int64_t diagonal, Location loc) {
  return wrap_result(triangle(x, true, diagonal, loc), loc);
}
Tensor triu(const Tensor& x, int64_t diagonal, Location loc) {
  return wrap_result(triangle(x, false, diagonal, loc), loc);
}
Tensor tril_indices(int64_t rows, int64_t columns, int64_t offset, Location loc) {
  return triangle_indices("tril_indices", rows, columns, true, offset, loc);
}
Tensor triu_indices(int64_t rows, int64_t columns, int64_t offset, Location loc) {
  return triangle_indices("triu_indices", rows, columns, false, offset, loc);
}

std::vector<Tensor> meshgrid(TensorList tensors, std::string_view indexing, Location loc) {
  if (tensors.empty()) throw Error(ErrorKind::Value, "meshgrid expects a non-empty TensorList", {}, loc);
  if (indexing != "ij" && indexing != "xy")
    throw Error(ErrorKind::Value,
                fmt::format("torch.meshgrid: indexing must be one of \"xy\" or \"ij\", but received: {}", indexing), {},
                loc);
  std::vector<int64_t> shape;
  for (const Tensor& t : tensors) {
    if (t.dim() > 1)
      throw Error(ErrorKind::Shape,
                  "torch.meshgrid: Expected 0D or 1D tensor in the tensor list but got: " + ir::str(t.sizes()), {},
                  loc);
    if (t.dtype() != tensors.begin()[0].dtype())
      throw Error(ErrorKind::DType, "torch.meshgrid expects all tensors to have the same dtype", {}, loc);
    shape.push_back(t.numel());
  }
  std::vector<Tensor> grids;
  for (size_t i = 0; i < shape.size(); ++i) {
    std::vector<int64_t> along(shape.size(), 1);
    along[i] = shape[i];
    const Tensor grid = tensors.begin()[i].reshape(along, loc).expand(shape, loc);
    grids.push_back(indexing == "xy" && shape.size() > 1 ? grid.transpose(0, 1, loc) : grid);
  }
  return grids;
}

}  // namespace lazuli
