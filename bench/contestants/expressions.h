// The cases as a user of Lazuli writes them.
#pragma once
#include <lazuli/lazuli.h>

#include <string_view>
#include <vector>

namespace bench {

/// From operands to results; `sizes` are those of the first result.
using Expression = std::vector<lazuli::Tensor> (*)(const std::vector<lazuli::Tensor>& in, lazuli::IntArrayRef sizes);

/// Null for a case that is not written yet.
Expression expression_named(std::string_view name);
/// The same for a case whose sizes may be expressions of their own.
Expression expression_of(std::string_view name, std::string_view size);
/// What the case is to be compared with in the same rounds: the product alone, for a product and more; else null.
Expression baseline_of(std::string_view name);

}  // namespace bench
