// Functions that are methods with the tensor as first argument, and methods that are functions: of shapes.
#include "lazuli/shape.h"

namespace lazuli {

Tensor reshape(const Tensor& x, IntArrayRef sizes, Location loc) {
  return x.reshape(sizes, loc);
}
Tensor flatten(const Tensor& x, int64_t start_dim, int64_t end_dim, Location loc) {
  return x.flatten(start_dim, end_dim, loc);
}
Tensor unflatten(const Tensor& x, int64_t dim, IntArrayRef sizes, Location loc) {
  return x.unflatten(dim, sizes, loc);
}
Tensor permute(const Tensor& x, IntArrayRef dims, Location loc) {
  return x.permute(dims, loc);
}
Tensor transpose(const Tensor& x, int64_t dim0, int64_t dim1, Location loc) {
  return x.transpose(dim0, dim1, loc);
}
Tensor movedim(const Tensor& x, int64_t source, int64_t destination, Location loc) {
  return x.movedim(source, destination, loc);
}
Tensor movedim(const Tensor& x, IntArrayRef source, IntArrayRef destination, Location loc) {
  return x.movedim(source, destination, loc);
}
Tensor t(const Tensor& x, Location loc) {
  return x.t(loc);
}
Tensor squeeze(const Tensor& x, Location loc) {
  return x.squeeze(loc);
}
Tensor squeeze(const Tensor& x, int64_t dim, Location loc) {
  return x.squeeze(dim, loc);
}
Tensor unsqueeze(const Tensor& x, int64_t dim, Location loc) {
  return x.unsqueeze(dim, loc);
}
Tensor select(const Tensor& x, int64_t dim, int64_t index, Location loc) {
  return x.select(dim, index, loc);
}
Tensor slice(const Tensor& x, int64_t dim, Slice::Bound start, Slice::Bound stop, int64_t step, Location loc) {
  return x.slice(dim, start, stop, step, loc);
}
Tensor narrow(const Tensor& x, int64_t dim, int64_t start, int64_t length, Location loc) {
  return x.narrow(dim, start, length, loc);
}
Tensor clone(const Tensor& x, Location loc) {
  return x.clone(loc);
}
Tensor swapaxes(const Tensor& x, int64_t axis0, int64_t axis1, Location loc) {
  return x.transpose(axis0, axis1, loc);
}
Tensor swapdims(const Tensor& x, int64_t dim0, int64_t dim1, Location loc) {
  return x.transpose(dim0, dim1, loc);
}
Tensor moveaxis(const Tensor& x, int64_t source, int64_t destination, Location loc) {
  return x.movedim(source, destination, loc);
}
Tensor moveaxis(const Tensor& x, IntArrayRef source, IntArrayRef destination, Location loc) {
  return x.movedim(source, destination, loc);
}
Tensor ravel(const Tensor& x, Location loc) {
  return x.reshape({-1}, loc);
}
int64_t numel(const Tensor& x) {
  return x.numel();
}

Tensor Tensor::ravel(Location loc) const {
  return lazuli::ravel(*this, loc);
}
Tensor Tensor::swapaxes(int64_t axis0, int64_t axis1, Location loc) const {
  return lazuli::swapaxes(*this, axis0, axis1, loc);
}
Tensor Tensor::swapdims(int64_t dim0, int64_t dim1, Location loc) const {
  return lazuli::swapdims(*this, dim0, dim1, loc);
}
Tensor Tensor::moveaxis(int64_t source, int64_t destination, Location loc) const {
  return lazuli::moveaxis(*this, source, destination, loc);
}
Tensor Tensor::moveaxis(IntArrayRef source, IntArrayRef destination, Location loc) const {
  return lazuli::moveaxis(*this, source, destination, loc);
}
Tensor Tensor::diagonal(int64_t offset, int64_t dim1, int64_t dim2, Location loc) const {
  return lazuli::diagonal(*this, offset, dim1, dim2, loc);
}
Tensor Tensor::diag(int64_t diagonal, Location loc) const {
  return lazuli::diag(*this, diagonal, loc);
}
Tensor Tensor::as_strided(IntArrayRef sizes, IntArrayRef strides, std::optional<int64_t> storage_offset,
                          Location loc) const {
  return lazuli::as_strided(*this, sizes, strides, storage_offset, loc);
}
Tensor Tensor::unfold(int64_t dim, int64_t size, int64_t step, Location loc) const {
  return lazuli::unfold(*this, dim, size, step, loc);
}
Tensor Tensor::broadcast_to(IntArrayRef sizes, Location loc) const {
  return lazuli::broadcast_to(*this, sizes, loc);
}
Tensor Tensor::tile(IntArrayRef repeats, Location loc) const {
  return lazuli::tile(*this, repeats, loc);
}
Tensor Tensor::repeat_interleave(int64_t repeats, std::optional<int64_t> dim, Location loc) const {
  return lazuli::repeat_interleave(*this, repeats, dim, loc);
}
Tensor Tensor::repeat_interleave(const Tensor& repeats, std::optional<int64_t> dim, Location loc) const {
  return lazuli::repeat_interleave(*this, repeats, dim, loc);
}
Tensor Tensor::roll(DimList shifts, DimList dims, Location loc) const {
  return lazuli::roll(*this, shifts, dims, loc);
}
Tensor Tensor::rot90(int64_t k, IntArrayRef dims, Location loc) const {
  return lazuli::rot90(*this, k, dims, loc);
}
Tensor Tensor::fliplr(Location loc) const {
  return lazuli::fliplr(*this, loc);
}
Tensor Tensor::flipud(Location loc) const {
  return lazuli::flipud(*this, loc);
}
Tensor Tensor::diag_embed(int64_t offset, int64_t dim1, int64_t dim2, Location loc) const {
  return lazuli::diag_embed(*this, offset, dim1, dim2, loc);
}
Tensor Tensor::diagflat(int64_t offset, Location loc) const {
  return lazuli::diagflat(*this, offset, loc);
}
std::vector<Tensor> Tensor::split(IntArrayRef split_sizes, int64_t dim, Location loc) const {
  return lazuli::split(*this, split_sizes, dim, loc);
}
std::vector<Tensor> Tensor::split_with_sizes(IntArrayRef split_sizes, int64_t dim, Location loc) const {
  return lazuli::split_with_sizes(*this, split_sizes, dim, loc);
}
std::vector<Tensor> Tensor::tensor_split(int64_t sections, int64_t dim, Location loc) const {
  return lazuli::tensor_split(*this, sections, dim, loc);
}
std::vector<Tensor> Tensor::tensor_split(IntArrayRef indices, int64_t dim, Location loc) const {
  return lazuli::tensor_split(*this, indices, dim, loc);
}

}  // namespace lazuli
