// Finding the culprit: what kernels report as a status, and what the debug modes look for, is traced to one op by the
// reference interpreter. Slow and only run when something is wrong or was asked for.
#pragma once
#include "runtime/executor.h"

namespace lazuli::runtime {

/// A check failed in a kernel: throws the Error(Value) of the op that refused an element, or Error(Internal) when the
/// interpreter finds nothing wrong.
[[noreturn]] void throw_failed_check(const EvalRequest& request, const std::string& kernel);

/// Throws Error(Value) for the first op (in topological order) that made a NaN from operands without one, when one of
/// the results has a NaN. Leaves must hold their old contents.
void check_nan(const EvalRequest& request, const std::vector<std::shared_ptr<Buffer>>& results);

/// Whether a floating-point array holds a NaN, and where the first is.
bool find_nan(DType dtype, const void* data, int64_t count, int64_t* index);

}  // namespace lazuli::runtime
