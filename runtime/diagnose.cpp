#include "runtime/diagnose.h"

#include <fmt/format.h>

#include <cmath>
#include <cstring>

#include "ir/interpret.h"
#include "ir/node_numbers.h"
#include "ir/shape.h"
#include "lazuli/base/error.h"
#include "lazuli/base/half.h"
#include "runtime/program_key.h"

namespace lazuli::runtime {
namespace {

using ir::HostArray;
using ir::Node;

bool has_nan(const HostArray& a, int64_t* index = nullptr) {
  int64_t unused;
  return is_floating(a.dtype) && find_nan(a.dtype, a.bytes.data(), ir::numel(a.shape), index ? index : &unused);
}

HostArray leaf_value(const Node* n) {
  HostArray a{.dtype = n->dtype(), .shape = n->shape(), .bytes = {}};
  a.bytes.resize(static_cast<size_t>(n->nbytes()));
  if (!a.bytes.empty()) std::memcpy(a.bytes.data(), leaf_data(n), a.bytes.size());
  return a;
}

}  // namespace

bool find_nan(DType dtype, const void* data, int64_t count, int64_t* index) {
  const auto search = [&](auto element, auto is_nan) {
    using T = decltype(element);
    const T* p = static_cast<const T*>(data);
    for (int64_t i = 0; i < count; ++i)
      if (is_nan(p[i])) return *index = i, true;
    return false;
  };
  switch (dtype) {
    case DType::Float32:
      return search(float{}, [](float v) { return std::isnan(v); });
    case DType::Float64:
      return search(double{}, [](double v) { return std::isnan(v); });
    case DType::Float16:
      return search(uint16_t{}, [](uint16_t v) { return (v & 0x7fffu) > 0x7c00u; });
    case DType::BFloat16:
      return search(uint16_t{}, [](uint16_t v) { return (v & 0x7fffu) > 0x7f80u; });
    default:
      return false;
  }
}

void throw_failed_check(const EvalRequest& request, const std::string& kernel) {
  ir::interpret(request.graph);  // throws the error that names op, place and element
  throw Error(ErrorKind::Internal, "kernel " + kernel + " refused an element that the interpreter accepts",
              "please report this with the output of dump(\"graph\")");
}

void check_nan(const EvalRequest& request, const std::vector<std::shared_ptr<Buffer>>& results) {
  bool any = false;
  for (size_t i = 0; i < results.size() && !any; ++i) {
    const Node* n = request.graph.outputs[i].get();
    int64_t index;
    any = find_nan(n->dtype(), results[i]->data(), n->numel(), &index);
  }
  if (!any) return;

  const std::vector<const Node*> order = ir::topological_order(request.graph);
  const ir::NodeNumbers numbers(order);
  std::vector<uint32_t> last_use(order.size(), 0);
  for (uint32_t i = 0; i < order.size(); ++i)
    for (const Node* input : order[i]->inputs()) last_use[numbers[input]] = i;
  std::vector<HostArray> values(order.size());
  for (uint32_t i = 0; i < order.size(); ++i) {
    const Node* n = order[i];
    if (n->op() == ir::Op::data || n->op() == ir::Op::argument) {
      values[i] = leaf_value(n);
      continue;
    }
    std::vector<const HostArray*> inputs;
    bool poisoned = false;
    for (const Node* input : n->inputs()) {
      inputs.push_back(&values[numbers[input]]);
      poisoned = poisoned || has_nan(*inputs.back());
    }
    values[i] = ir::interpret_node(n, inputs);
    int64_t index = 0;
    if (!poisoned && n->op() != ir::Op::constant && has_nan(values[i], &index))
      throw Error(ErrorKind::Value,
                  fmt::format("{} made a NaN at linear index {} of its {} {} result, from operands without NaN",
                              ir::name(n->op()), index, name(n->dtype()), ir::str(n->shape())),
                  "LAZULI_CHECK_NAN is on; look at the operands of this call", n->origin());
    for (const Node* input : n->inputs())
      if (const uint32_t k = numbers[input]; last_use[k] == i) values[k] = HostArray{};
  }
  // The NaN came in with a leaf: that is the caller's business.
}

}  // namespace lazuli::runtime
