// Functions on shapes: views as functions, and new tensors that repeat, turn or pick elements. A view shares its base's
// memory; where PyTorch gives a view, so do these (docs/differences.md names two exceptions). Errors: Shape, Index.
#pragma once
#include <optional>
#include <string_view>
#include <vector>

#include "lazuli/tensor_list.h"

namespace lazuli {

// ---- The views of Tensor by their names as functions. ----
Tensor reshape(const Tensor& x, IntArrayRef sizes, Location loc = Location::current());
Tensor flatten(const Tensor& x, int64_t start_dim = 0, int64_t end_dim = -1, Location loc = Location::current());
/// All axes as one: flatten(0, -1).
Tensor ravel(const Tensor& x, Location loc = Location::current());
Tensor unflatten(const Tensor& x, int64_t dim, IntArrayRef sizes, Location loc = Location::current());
Tensor permute(const Tensor& x, IntArrayRef dims, Location loc = Location::current());
Tensor transpose(const Tensor& x, int64_t dim0, int64_t dim1, Location loc = Location::current());
/// transpose by its other names.
Tensor swapaxes(const Tensor& x, int64_t axis0, int64_t axis1, Location loc = Location::current());
Tensor swapdims(const Tensor& x, int64_t dim0, int64_t dim1, Location loc = Location::current());
Tensor movedim(const Tensor& x, int64_t source, int64_t destination, Location loc = Location::current());
Tensor movedim(const Tensor& x, IntArrayRef source, IntArrayRef destination, Location loc = Location::current());
/// movedim by its other name.
Tensor moveaxis(const Tensor& x, int64_t source, int64_t destination, Location loc = Location::current());
Tensor moveaxis(const Tensor& x, IntArrayRef source, IntArrayRef destination, Location loc = Location::current());
Tensor t(const Tensor& x, Location loc = Location::current());
Tensor squeeze(const Tensor& x, Location loc = Location::current());
Tensor squeeze(const Tensor& x, int64_t dim, Location loc = Location::current());
Tensor unsqueeze(const Tensor& x, int64_t dim, Location loc = Location::current());
Tensor select(const Tensor& x, int64_t dim, int64_t index, Location loc = Location::current());
Tensor slice(const Tensor& x, int64_t dim, Slice::Bound start = None, Slice::Bound stop = None, int64_t step = 1,
             Location loc = Location::current());
Tensor narrow(const Tensor& x, int64_t dim, int64_t start, int64_t length, Location loc = Location::current());
Tensor clone(const Tensor& x, Location loc = Location::current());
/// How many elements.
int64_t numel(const Tensor& x);

// ---- Further views. ----
/// Element [..., i] is x[..., i, ..., i + offset, ...]: the axes dim1 and dim2 become one, the last.
Tensor diagonal(const Tensor& x, int64_t offset = 0, int64_t dim1 = 0, int64_t dim2 = 1,
                Location loc = Location::current());
/// The diagonal of a matrix; of a vector the square matrix with it on that diagonal (a new tensor).
Tensor diag(const Tensor& x, int64_t diagonal = 0, Location loc = Location::current());
/// Element [i, j, ...] is element storage_offset + i * strides[0] + j * strides[1] + ... of the storage. A view;
/// writes are refused where its elements overlap. The offset is that of x where left out.
Tensor as_strided(const Tensor& x, IntArrayRef sizes, IntArrayRef strides, std::optional<int64_t> storage_offset = {},
                  Location loc = Location::current());
/// All windows of `size` elements along an axis, `step` apart; the window is the last axis. A view;
/// writes are refused where windows overlap.
Tensor unfold(const Tensor& x, int64_t dim, int64_t size, int64_t step, Location loc = Location::current());
Tensor broadcast_to(const Tensor& x, IntArrayRef sizes, Location loc = Location::current());
/// The last two axes swapped (of real matrices).
Tensor adjoint(const Tensor& x, Location loc = Location::current());
/// All of them expanded to one shape.
std::vector<Tensor> broadcast_tensors(TensorList tensors, Location loc = Location::current());
/// At least as many axes: new ones in front (atleast_3d of a matrix: behind).
Tensor atleast_1d(const Tensor& x, Location loc = Location::current());
Tensor atleast_2d(const Tensor& x, Location loc = Location::current());
Tensor atleast_3d(const Tensor& x, Location loc = Location::current());

// ---- Splitting into views. ----
/// Views of these sizes along an axis; they add up to its size.
std::vector<Tensor> split(const Tensor& x, IntArrayRef split_sizes, int64_t dim = 0,
                          Location loc = Location::current());
std::vector<Tensor> split_with_sizes(const Tensor& x, IntArrayRef split_sizes, int64_t dim = 0,
                                     Location loc = Location::current());
/// `sections` views whose sizes differ by one at most, the larger ones first.
std::vector<Tensor> tensor_split(const Tensor& x, int64_t sections, int64_t dim = 0,
                                 Location loc = Location::current());
/// Views between these positions.
std::vector<Tensor> tensor_split(const Tensor& x, IntArrayRef indices, int64_t dim = 0,
                                 Location loc = Location::current());

/// `sections` views of equal size, or views between positions, along the second axis (the only one of a vector), the
/// first, the third.
std::vector<Tensor> hsplit(const Tensor& x, int64_t sections, Location loc = Location::current());
std::vector<Tensor> hsplit(const Tensor& x, IntArrayRef indices, Location loc = Location::current());
std::vector<Tensor> vsplit(const Tensor& x, int64_t sections, Location loc = Location::current());
std::vector<Tensor> vsplit(const Tensor& x, IntArrayRef indices, Location loc = Location::current());
std::vector<Tensor> dsplit(const Tensor& x, int64_t sections, Location loc = Location::current());
std::vector<Tensor> dsplit(const Tensor& x, IntArrayRef indices, Location loc = Location::current());

// ---- New tensors. ----
/// The whole tensor repeats[d] times along axis d, with new axes in front where there are more repeats than axes.
Tensor tile(const Tensor& x, IntArrayRef repeats, Location loc = Location::current());
/// Every element (slice along dim) `repeats` times in a row; flattened without dim.
Tensor repeat_interleave(const Tensor& x, int64_t repeats, std::optional<int64_t> dim = {},
                         Location loc = Location::current());
/// repeats[i] times; evaluates `repeats`, which decide the size.
Tensor repeat_interleave(const Tensor& x, const Tensor& repeats, std::optional<int64_t> dim = {},
                         Location loc = Location::current());
/// Elements move by `shifts` along the axes, round the end; without axes along the flattened tensor.
Tensor roll(const Tensor& x, DimList shifts, DimList dims = {}, Location loc = Location::current());
/// Turned by 90 degrees k times, from the first axis to the second.
Tensor rot90(const Tensor& x, int64_t k = 1, IntArrayRef dims = {0, 1}, Location loc = Location::current());
Tensor flip(const Tensor& x, IntArrayRef dims, Location loc = Location::current());
Tensor fliplr(const Tensor& x, Location loc = Location::current());
Tensor flipud(const Tensor& x, Location loc = Location::current());
/// x on the diagonal of the matrices over dim1 and dim2, zeros elsewhere.
Tensor diag_embed(const Tensor& x, int64_t offset = 0, int64_t dim1 = -2, int64_t dim2 = -1,
                  Location loc = Location::current());
Tensor diagflat(const Tensor& x, int64_t offset = 0, Location loc = Location::current());

/// The elements on and below (above) a diagonal of matrices, zeros elsewhere.
Tensor tril(const Tensor& x, int64_t diagonal = 0, Location loc = Location::current());
Tensor triu(const Tensor& x, int64_t diagonal = 0, Location loc = Location::current());
/// Row and column numbers of the elements on and below (above) a diagonal: int64[2, n].
Tensor tril_indices(int64_t rows, int64_t columns, int64_t offset = 0, Location loc = Location::current());
Tensor triu_indices(int64_t rows, int64_t columns, int64_t offset = 0, Location loc = Location::current());
/// One tensor per vector, all of the shape of all sizes together: tensor i varies along axis i alone ("ij"), with the
/// first two axes swapped for "xy". Views.
std::vector<Tensor> meshgrid(TensorList tensors, std::string_view indexing = "ij", Location loc = Location::current());

// ---- Joining. ----
/// Along the second axis (the first of vectors), the first, the third; axes are added as by atleast_*d.
Tensor hstack(TensorList tensors, Location loc = Location::current());
Tensor vstack(TensorList tensors, Location loc = Location::current());
Tensor row_stack(TensorList tensors, Location loc = Location::current());
Tensor dstack(TensorList tensors, Location loc = Location::current());
/// Vectors as columns.
Tensor column_stack(TensorList tensors, Location loc = Location::current());
/// Matrices (vectors count as rows) along a diagonal, zeros elsewhere.
Tensor block_diag(TensorList tensors, Location loc = Location::current());
/// All choices of r elements of a vector, in the order of the places: rows. An element may be chosen again with
/// replacement.
Tensor combinations(const Tensor& x, int64_t r = 2, bool with_replacement = false, Location loc = Location::current());
/// All choices of one element of each vector: rows, the last vector's element changing fastest. One vector is returned
/// as it is.
Tensor cartesian_prod(TensorList tensors, Location loc = Location::current());
/// Powers of a vector as columns, the highest first unless `increasing`; as many as elements if `columns` is left out.
Tensor vander(const Tensor& x, std::optional<int64_t> columns = {}, bool increasing = false,
              Location loc = Location::current());
/// Summed over the axes that broadcasting from `sizes` would have repeated.
Tensor sum_to_size(const Tensor& x, IntArrayRef sizes, Location loc = Location::current());
/// The shape that all of them broadcast to.
std::vector<int64_t> broadcast_shapes(std::initializer_list<IntArrayRef> shapes, Location loc = Location::current());
Tensor concatenate(TensorList tensors, int64_t dim = 0, Location loc = Location::current());

}  // namespace lazuli
