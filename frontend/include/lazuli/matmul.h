// Products of matrices, vectors and tensors. Float results follow the contraction tree of docs/numerics.md; integers
// wrap.
#pragma once
#include <optional>
#include <string_view>

#include "lazuli/tensor_list.h"

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
/// beta * c + alpha * (a x b) of batches; + alpha * the sum of the batch's products; of a matrix and a vector; of two
/// vectors as outer() multiplies them. c broadcasts. With beta = 0 NaN and infinities in c do not count.
Tensor baddbmm(const Tensor& c, const Tensor& a, const Tensor& b, Scalar beta = 1, Scalar alpha = 1,
               Location loc = Location::current());
Tensor addbmm(const Tensor& c, const Tensor& a, const Tensor& b, Scalar beta = 1, Scalar alpha = 1,
              Location loc = Location::current());
Tensor addmv(const Tensor& c, const Tensor& a, const Tensor& b, Scalar beta = 1, Scalar alpha = 1,
             Location loc = Location::current());
Tensor addr(const Tensor& c, const Tensor& a, const Tensor& b, Scalar beta = 1, Scalar alpha = 1,
            Location loc = Location::current());
/// The same as outer.
Tensor ger(const Tensor& a, const Tensor& b, Location loc = Location::current());
/// The same as dot (of real tensors).
Tensor vdot(const Tensor& a, const Tensor& b, Location loc = Location::current());
/// Sums of products over the last axes of both; a product where one is 0-d.
Tensor inner(const Tensor& a, const Tensor& b, Location loc = Location::current());
/// The sum of a matrix's diagonal.
Tensor trace(const Tensor& x, Location loc = Location::current());
/// Sums of products over the last `dims` axes of a and the first of b, or over the axes named.
Tensor tensordot(const Tensor& a, const Tensor& b, int64_t dims = 2, Location loc = Location::current());
Tensor tensordot(const Tensor& a, const Tensor& b, IntArrayRef dims_a, IntArrayRef dims_b,
                 Location loc = Location::current());
/// Sums of products by Einstein's convention: "ij,jk->ik". Letters that are not in the result are summed over; without
/// "->" the result has those that occur once, in alphabetical order; "..." stands for axes that broadcast; a letter
/// twice in an operand is its diagonal. Operands are multiplied pair by pair in the order that costs least.
Tensor einsum(std::string_view equation, TensorList operands, Location loc = Location::current());
/// Every element of a times all of b.
Tensor kron(const Tensor& a, const Tensor& b, Location loc = Location::current());
/// The vector product along an axis of size 3 (the first such one where left out). Other axes broadcast.
Tensor cross(const Tensor& a, const Tensor& b, std::optional<int64_t> dim = {}, Location loc = Location::current());
/// The product of matrices in the order that costs least.
Tensor chain_matmul(TensorList matrices, Location loc = Location::current());
/// Square matrices multiplied with themselves; n >= 0.
Tensor matrix_power(const Tensor& x, int64_t n, Location loc = Location::current());
/// x times the transpose of weight (out, in), plus bias where given.
Tensor linear(const Tensor& x, const Tensor& weight, const Tensor& bias = {}, Location loc = Location::current());

}  // namespace lazuli
