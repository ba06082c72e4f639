#include "passes/verify_passes.h"

#include <fmt/format.h>

#include <cmath>

#include "ir/scalar/function.h"
#include "ir/text.h"
#include "ir/verify.h"
#include "lazuli/base/half.h"

namespace lazuli::passes {
namespace {

using ir::Graph;
using ir::HostArray;
using ir::Node;

constexpr uint64_t kSeeds[] = {1, 2, 3, 4};  // tried before a failure counts as one of the original elements

/// splitmix64 (Steele, Lea, Flood, OOPSLA 2014).
uint64_t next_random(uint64_t& state) {
  uint64_t z = state += 0x9e3779b97f4a7c15ull;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
  return z ^ (z >> 31);
}

uint64_t float_bits(DType dtype, double v) {
  switch (dtype) {
    case kFloat16:
      return float_to_half_bits(static_cast<float>(v));
    case kBFloat16:
      return float_to_bfloat16_bits(static_cast<float>(v));
    case kFloat32:
      return std::bit_cast<uint32_t>(static_cast<float>(v));
    default:
      return std::bit_cast<uint64_t>(v);
  }
}

/// One element: nine times out of ten a small ordinary number, otherwise any bit pattern or an edge. `wild`: infinities
/// and NaN, too.
uint64_t random_element(DType dtype, bool wild, uint64_t& state) {
  const uint64_t r = next_random(state);
  if (is_bool(dtype)) return r & 1;
  const size_t width = 8 * itemsize(dtype);
  const uint64_t mask = width == 64 ? ~uint64_t{0} : (uint64_t{1} << width) - 1;
  const uint64_t sign = uint64_t{1} << (width - 1);
  switch (r % 40) {
    case 0: {
      const double beyond[] = {INFINITY, -INFINITY, NAN};
      const uint64_t bits = next_random(state);
      return wild && is_floating(dtype) ? float_bits(dtype, beyond[bits % 3]) : bits & mask;
    }
    case 1:
      return is_floating(dtype) ? sign : sign - 1;  // -0, the largest
    case 2:
      return is_floating(dtype) ? 1 + (r >> 8) % 3 : sign;  // denormals, the smallest
    case 3:
      return 0;
    default:
      break;
  }
  if (!is_floating(dtype)) return ((r >> 8) % 17 - (is_signed(dtype) ? 8 : 0)) & mask;
  return float_bits(dtype, (static_cast<double>(r >> 11) * 0x1p-53 - 0.5) * 8);
}

std::string first_difference(const HostArray& a, const HostArray& b, size_t output) {
  if (a.dtype != b.dtype || a.shape != b.shape)
    return fmt::format("output {} was {}{} and is {}{}", output, name(a.dtype), ir::str(a.shape), name(b.dtype),
                       ir::str(b.shape));
  int64_t at = 0;
  if (ir::bitwise_equal(a, b, &at)) return {};
  return fmt::format("output {} differs at element {}: was {}, is {}", output, at, scalar::literal(a.dtype, a.bits(at)),
                     scalar::literal(b.dtype, b.bits(at)));
}

/// Runs one pass on a graph; what is wrong with the result, if anything.
std::optional<std::string> check_pass(const Pass& pass, const Graph& before, PassContext& ctx,
                                      const ir::LeafSource& leaves, Graph* after) {
  try {
    *after = pass.run(before, ctx);
    ir::verify(*after);
  } catch (const Error& e) {
    return fmt::format("threw: {}", e.message());
  }
  if (!pass.adds_outputs || after->outputs.size() < before.outputs.size())
    return compare_graphs(before, *after, leaves);
  return compare_graphs(
      before, {{after->outputs.begin(), after->outputs.begin() + static_cast<std::ptrdiff_t>(before.outputs.size())}},
      leaves);
}

}  // namespace

ir::LeafSource generated_leaves(const Graph& g, uint64_t seed) {
  std::unordered_map<const Node*, uint64_t> position;
  for (const Node* n : ir::topological_order(g))
    if (n->op() == ir::Op::data || n->op() == ir::Op::argument) position.emplace(n, position.size());
  return [position = std::move(position), seed](const Node* n) {
    const auto it = position.find(n);
    if (it == position.end()) throw Error(ErrorKind::Internal, "no elements were made for a leaf of another graph");
    HostArray value{n->dtype(), n->shape(), {}};
    value.bytes.resize(static_cast<size_t>(n->nbytes()));
    uint64_t state = seed * 0x2545f4914f6cdd1dull + it->second * 0x9e3779b97f4a7c15ull;
    uint64_t first = state;
    const bool wild = next_random(first) % 3 == 0;  // in few leaves, because a NaN hides what goes into a sum with it
    for (int64_t i = 0; i < n->numel(); ++i) value.set_bits(i, random_element(n->dtype(), wild, state));
    return value;
  };
}

std::optional<std::string> compare_graphs(const Graph& before, const Graph& after, const ir::LeafSource& leaves) {
  std::vector<HostArray> was, is;
  try {
    was = ir::interpret(before, leaves);
  } catch (const Error& e) {
    if (ir::is_failed_check(e) || e.kind() == ErrorKind::Memory) return std::nullopt;
    throw;
  }
  try {
    is = ir::interpret(after, leaves);
  } catch (const Error& e) {
    return fmt::format("evaluation fails now: {}", e.message());
  }
  if (was.size() != is.size()) return fmt::format("there were {} outputs and are {}", was.size(), is.size());
  for (size_t i = 0; i < was.size(); ++i) {
    std::string text = first_difference(was[i], is[i], i);
    if (!text.empty()) return text;
  }
  return std::nullopt;
}

std::optional<PassFailure> verify_passes(const Graph& g, const std::vector<Pass>& pipeline, PassContext& ctx,
                                         const ir::LeafSource& leaves) {
  Graph current = g;
  for (const Pass& pass : pipeline) {
    Graph next;
    const std::optional<std::string> wrong = check_pass(pass, current, ctx, leaves, &next);
    if (!wrong) {
      current = std::move(next);
      continue;
    }
    PassFailure failure{pass.name, {}, {}, std::nullopt};
    const auto message = [&](const Graph& candidate, const ir::LeafSource& source) {
      Graph ignored;
      return check_pass(pass, candidate, ctx, source, &ignored);
    };
    for (uint64_t seed : kSeeds) {
      if (!message(current, generated_leaves(current, seed))) continue;
      failure.seed = seed;
      break;
    }
    const auto source_for = [&](const Graph& candidate) {
      return failure.seed ? generated_leaves(candidate, *failure.seed) : leaves;
    };
    const auto fails = [&](const Graph& candidate) { return message(candidate, source_for(candidate)).has_value(); };
    failure.graph = reduce_graph(current, fails, failure.seed.has_value(), ctx.interner);
    failure.message = *message(failure.graph, source_for(failure.graph));
    return failure;
  }
  return std::nullopt;
}

std::string PassFailure::reproducer() const {
  std::string text = fmt::format("// pass {}: {}\n", pass, message);
  if (seed) {
    text += fmt::format("// lazuli-opt --passes={} --verify --seed={} FILE\n", pass, *seed);
  } else {
    text += "// needs the original elements of its leaves\n";
  }
  return text + ir::print(graph);
}

}  // namespace lazuli::passes
