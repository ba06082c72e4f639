// Joining and padding: new tensors from the elements of others.
#pragma once
#include <optional>
#include <string_view>

#include "lazuli/tensor_list.h"

namespace lazuli {

/// Joins along an existing axis; the other sizes must be equal. Types are promoted together. 1-D tensors without
/// elements fit everything.
Tensor cat(TensorList tensors, int64_t dim = 0, Location loc = Location::current());
Tensor concat(TensorList tensors, int64_t dim = 0, Location loc = Location::current());
/// Joins along a new axis; shapes must be equal.
Tensor stack(TensorList tensors, int64_t dim = 0, Location loc = Location::current());

/// Views of `split_size` elements along an axis, the last one perhaps smaller.
std::vector<Tensor> split(const Tensor& x, int64_t split_size, int64_t dim = 0, Location loc = Location::current());
/// At most `chunks` views of equal size (the last one perhaps smaller).
std::vector<Tensor> chunk(const Tensor& x, int64_t chunks, int64_t dim = 0, Location loc = Location::current());
/// One view per index along an axis, without that axis.
std::vector<Tensor> unbind(const Tensor& x, int64_t dim = 0, Location loc = Location::current());

/// `pad` holds (before, after) per axis, the last axis first. Negative numbers cut. mode: "constant" fills with `value`
/// (0 where left out); "reflect" mirrors at the first and last element, "replicate" repeats them, "circular" goes
/// round.
Tensor pad(const Tensor& x, IntArrayRef pad, std::string_view mode = "constant", std::optional<double> value = {},
           Location loc = Location::current());
Tensor constant_pad_nd(const Tensor& x, IntArrayRef pad, Scalar value = 0, Location loc = Location::current());

}  // namespace lazuli
