// Printing tensors: evaluates, then format_array.
#include "lazuli/print.h"

#include <fmt/format.h>

#include <ostream>

#include "frontend/compile/scope.h"
#include "frontend/format.h"
#include "frontend/view_steps.h"
#include "lazuli/tensor.h"

namespace lazuli {
namespace {

/// A value to read on the host. Views print from a copy in row-major order.
struct HostView {
  Tensor tensor;
  ArrayView array;
};

HostView host_view(const Tensor& t) {
  refuse_observation(*t.impl()->root, "printing", t.impl()->where);
  HostView v;
  v.tensor = as_read(t, t.impl()->where).to(kCPU).contiguous();
  v.array = {v.tensor.dtype(), v.tensor.sizes(), v.tensor.strides(), v.tensor.const_data_ptr()};
  return v;
}

}  // namespace

std::string str(const Tensor& t, const PrintOptions& options) {
  if (!t.defined()) return "tensor(undefined)";
  const HostView v = host_view(t);
  return format_array(v.array, t.device(), {}, options);
}

std::ostream& operator<<(std::ostream& out, const Tensor& t) {
  return out << str(t);
}

std::string format_value(const Tensor& t, const PrintOptions& options) {
  if (!t.defined() || t.dim() != 0) return str(t, options);
  const HostView v = host_view(t);
  return format_element(v.array.dtype, v.array.data);
}

}  // namespace lazuli
