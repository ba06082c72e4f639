// Functions that are methods with the tensor as first argument, and methods that are functions: of shapes.
#include "lazuli/shape.h"

namespace lazuli {

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
Tensor adjoint(const Tensor& x, Location loc) {
  return x.mT(loc);
}
int64_t numel(const Tensor& x) {
  return x.numel();
}

}  // namespace lazuli
