// Random convolutions, pooling and folds.
#pragma once
#include <functional>

#include "tests/fuzz/chance.h"

namespace lazuli::fuzz {

/// A value that is computed over windows of operands that `like` gives. Throws what making nodes throws where windows
/// do not fit.
ir::NodeRef windowed_value(Chance& chance, ir::Interner& in,
                           const std::function<ir::NodeRef(DType, const ir::Shape&)>& like);

}  // namespace lazuli::fuzz
