// Products of matrices and vectors. Float results follow the contraction tree of docs/numerics.md; integers wrap.
#pragma once
#include "lazuli/tensor.h"

namespace lazuli {

/// 1-D x 1-D: dot; 2-D x 2-D: matrix product; a 1-D operand is a row on the left, a column on the right; leading axes
/// are batches and broadcast. Types must be equal.
Tensor matmul(const Tensor& a, const Tensor& b, Location loc = Location::current());
/// (n, k) x (k, m).
Tensor mm(const Tensor& a, const Tensor& b, Location loc = Location::current());
/// (b, n, k) x (b, k, m).
Tensor bmm(const Tensor& a, const Tensor& b, Location loc = Location::current());
/// (n, k) x (k).
Tensor mv(const Tensor& a, const Tensor& b, Location loc = Location::current());
/// Sum of products of two 1-D tensors of one length.
Tensor dot(const Tensor& a, const Tensor& b, Location loc = Location::current());
/// All products of the elements of two 1-D tensors.
Tensor outer(const Tensor& a, const Tensor& b, Location loc = Location::current());
/// beta * c + alpha * (a x b).
Tensor addmm(const Tensor& c, const Tensor& a, const Tensor& b, Scalar beta = 1, Scalar alpha = 1,
             Location loc = Location::current());
/// x times the transpose of weight (out, in), plus bias where given.
Tensor linear(const Tensor& x, const Tensor& weight, const Tensor& bias = {}, Location loc = Location::current());

Tensor& matmul_out(Tensor& out, const Tensor& a, const Tensor& b, Location loc = Location::current());
Tensor& mm_out(Tensor& out, const Tensor& a, const Tensor& b, Location loc = Location::current());
Tensor& bmm_out(Tensor& out, const Tensor& a, const Tensor& b, Location loc = Location::current());
Tensor& mv_out(Tensor& out, const Tensor& a, const Tensor& b, Location loc = Location::current());
Tensor& dot_out(Tensor& out, const Tensor& a, const Tensor& b, Location loc = Location::current());

}  // namespace lazuli
