#include "runtime/first_tier.h"

#include <algorithm>
#include <bit>
#include <limits>

#include "ir/attention.h"
#include "ir/contraction.h"
#include "runtime/context.h"

namespace lazuli::runtime {
namespace {

using ir::Family;
using ir::Node;
using ir::Op;

// Of the interpreter, in nanoseconds, measured on Zen 4 and rounded up: exactness buys nothing.
constexpr double kPerNode = 500;
constexpr double kPerElement = 7, kPerPrimitive = 1;  // elementwise
constexpr double kPerMoved = 6, kPerReduced = 6, kPerScanned = 50, kPerIndexed = 10, kPerProduct = 4;
constexpr double kPerScannedExponential = 450, kPerComparison = 4;
constexpr double kPerCompositeElement = 45;  // softmax and its kin, by element of their operands and results
constexpr double kPerCopiedByte = 0.1;
// Of planning and compiling: one kernel of one operation, and every further operation.
constexpr double kCompiling = 2.2e6, kCompilingNode = 2e4;

double elements(const Node* n) {
  return static_cast<double>(n->numel());
}

double operand_elements(const Node* n) {
  double sum = 0;
  for (const Node* input : n->inputs()) sum += elements(input);
  return sum;
}

double composite_cost(const Node* n) {
  if (n->op() == Op::convolution) {
    const Node* weight = n->input(1);
    const double products =
        elements(n) * elements(weight) / static_cast<double>(std::max<int64_t>(1, weight->shape()[0]));
    return (products + operand_elements(n) + elements(n)) * kPerMoved;
  }
  return (operand_elements(n) + elements(n)) * kPerCompositeElement;
}

double contract_cost(const Node* n) {
  const ir::MatrixSizes m = ir::matrix_sizes(n);
  return static_cast<double>(m.batch) * static_cast<double>(m.rows) * static_cast<double>(m.columns) *
             static_cast<double>(m.depth) * kPerProduct +
         elements(n) * kPerElement;
}

/// Up to four products of every query with every key.
double attention_cost(const Node* n) {
  const ir::AttentionOperands a(n);
  const double products = 4 * static_cast<double>(std::max(a.depth, a.value_depth));
  return a.scores() * (products * kPerProduct + kPerScannedExponential) + elements(n) * kPerElement;
}

double order_cost(const Node* n) {
  const auto row = static_cast<uint64_t>(n->rank() ? n->shape()[n->rank() - 1] : 1);
  return elements(n) * kPerComparison * (4 + std::bit_width(row));
}

double node_cost(const Node* n, passes::OpCosts& costs) {
  if (n->op() == Op::data || n->op() == Op::argument) return static_cast<double>(n->nbytes()) * kPerCopiedByte;
  switch (ir::family(n->op())) {
    case Family::Leaf:
    case Family::Elementwise:
    case Family::Cast:
      return elements(n) * (kPerElement + kPerPrimitive * costs.of(n));
    case Family::Movement:
      return elements(n) * kPerMoved;
    case Family::Indexed:
      return (operand_elements(n) + elements(n)) * kPerIndexed;
    case Family::Order:
      return order_cost(n);
    case Family::Scan:
      return elements(n) * (n->op() == Op::logcumsumexp ? kPerScannedExponential : kPerScanned);
    case Family::Reduce:
      return operand_elements(n) * kPerReduced + elements(n) * kPerElement;
    case Family::Contract:
      return contract_cost(n);
    case Family::Attention:
      return attention_cost(n);
    case Family::Composite:
      return composite_cost(n);
    case Family::Custom:
      return static_cast<double>(n->nbytes()) * kPerCopiedByte;
    case Family::Transfer:
      break;
  }
  return std::numeric_limits<double>::infinity();
}

}  // namespace

std::optional<FirstRun> FirstTier::estimate(const Settings& settings, const EvalOptions& options,
                                            std::span<const Node* const> order) {
  // Who measures, verifies or looks at kernels wants kernels.
  if (!settings.first_tier || !options.first_tier || options.profile || options.verify_passes || settings.perf_map ||
      !settings.dumps.empty())
    return std::nullopt;
  FirstRun run{.interpreting = 0, .compiling = kCompiling + kCompilingNode * static_cast<double>(order.size())};
  const std::lock_guard lock(mutex_);
  for (const Node* n : order) {
    if (!n->device().is_cpu()) return std::nullopt;
    run.interpreting += kPerNode + node_cost(n, costs_);
    if (run.interpreting > kShare * run.compiling) return std::nullopt;
    run.bytes += n->nbytes();
  }
  return run;
}

bool FirstTier::takes(Context& context, const EvalRequest& request, const Boundary& boundary) {
  const std::optional<FirstRun> run = estimate(context.settings(), request.options, boundary.order);
  if (!run) return false;
  const AllocatorStats memory = context.allocator().stats();
  if (memory.limit_bytes && memory.live_bytes + run->bytes > memory.limit_bytes) return false;
  const std::lock_guard lock(mutex_);
  if (spent_.size() >= kRemembered) spent_.clear();
  double& spent = spent_[std::hash<std::string>()(boundary.key)];
  if (spent + run->interpreting > kShare * run->compiling) return false;
  spent += run->interpreting;
  runs_.fetch_add(1, std::memory_order_relaxed);
  return true;
}

void FirstTier::clear() {
  const std::lock_guard lock(mutex_);
  spent_.clear();
}

}  // namespace lazuli::runtime
