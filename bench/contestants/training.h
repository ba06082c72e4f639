// Training steps as a user of Lazuli writes them.
#pragma once
#include "contestants/expressions.h"

namespace bench {

using Tensors = std::vector<lazuli::Tensor>;
Tensors mlp_step(const Tensors& in, lazuli::IntArrayRef);
Tensors transformer_block_step(const Tensors& in, lazuli::IntArrayRef);
/// Of any number of layers.
Tensors transformer_step(const Tensors& in, lazuli::IntArrayRef);
Tensors convnet_step(const Tensors& in, lazuli::IntArrayRef);

}  // namespace bench
