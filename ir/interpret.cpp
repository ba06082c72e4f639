// The reference interpreter: node by node in topological order, every value a whole array, freed after its last use.
#include "ir/interpret.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cmath>
#include <map>

#include "ir/expand.h"
#include "ir/interpret_parts.h"
#include "ir/lower_scalar.h"
#include "ir/scalar/math.h"

namespace lazuli::ir {
namespace {

/// Scalar functions by op and operand types, lowered once per interpret().
class ScalarCache {
 public:
  const scalar::Function& get(const Node* n) {
    std::vector<int> key{static_cast<int>(n->op()), static_cast<int>(n->dtype())};
    std::vector<DType> operands;
    for (const Node* input : n->inputs()) {
      operands.push_back(input->dtype());
      key.push_back(static_cast<int>(input->dtype()));
    }
    auto [it, fresh] = functions_.try_emplace(std::move(key));
    if (fresh) it->second = lower(n, operands);
    return it->second;
  }

 private:
  static scalar::Function lower(const Node* n, std::span<const DType> operands) {
    switch (n->op()) {
      case Op::cast:
        return lower_cast(operands[0], n->dtype());
      case Op::bitcast:
        return lower_bitcast(operands[0], n->dtype());
      case Op::iota:
        return lower_cast(kInt64, n->dtype());
      case Op::random_bits: {
        scalar::Builder s({kInt64, kInt64, kInt64});
        return s.finish({scalar::philox_bits(s, s.param(0), s.param(1), s.param(2))});
      }
      default:
        return lower_elementwise(n->op(), operands);
    }
  }
  std::map<std::vector<int>, scalar::Function> functions_;
};

/// operand(k): the bits of parameter k at the element.
template <class Operand>
[[noreturn]] void refuse_element(const Node* n, int64_t element, uint64_t code, Operand operand) {
  Dims index(n->rank(), 0);
  int64_t rest = element;
  for (size_t d = n->rank(); d-- > 0;) {
    index[d] = rest % n->shape()[d];
    rest /= n->shape()[d];
  }
  std::string what = "integer division by zero";
  if (code == scalar::kIndexOutOfBounds)
    what = fmt::format("index {} is out of bounds for size {}", static_cast<int64_t>(operand(0)),
                       static_cast<int64_t>(operand(1)));
  throw Error(code == scalar::kIndexOutOfBounds ? ErrorKind::Index : ErrorKind::Value,
              fmt::format("{}: {} at element {} (index {}) of {}{}", name(n->op()), what, element, str(index),
                          name(n->dtype()), str(n->shape())),
              {}, n->origin());
}

/// Runs the scalar function of `n` over all elements; operand(k, i) gives the bits of parameter k at element i.
template <class Operand>
void map_elements(const Node* n, const scalar::Function& f, HostArray& out, Operand operand) {
  constexpr int64_t kStep = 256;
  std::vector<uint64_t> args(f.params.size() * kStep), result(kStep);
  std::vector<const uint64_t*> arg_rows;
  for (size_t k = 0; k < f.params.size(); ++k) arg_rows.push_back(&args[k * kStep]);
  uint64_t* const result_rows[] = {result.data()};
  const int64_t count = n->numel();
  for (int64_t begin = 0; begin < count; begin += kStep) {
    const int64_t step = std::min(kStep, count - begin);
    for (size_t k = 0; k < f.params.size(); ++k)
      for (int64_t i = 0; i < step; ++i) args[k * kStep + static_cast<size_t>(i)] = operand(k, begin + i);
    uint64_t code = 0;
    const size_t good = scalar::evaluate_block(f, arg_rows, result_rows, static_cast<size_t>(step), &code);
    if (code != scalar::kNoFailure)
      refuse_element(n, begin + static_cast<int64_t>(good), code, [&](size_t k) { return args[k * kStep + good]; });
    for (int64_t i = 0; i < step; ++i) out.set_bits(begin + i, result[static_cast<size_t>(i)]);
  }
}

void interpret_leaf(const Node* n, Operands inputs, ScalarCache& cache, HostArray& out) {
  switch (n->op()) {
    case Op::constant:
      return out.set_bits(0, n->attr_as<ConstantAttr>().bits);
    case Op::iota: {
      const size_t axis = static_cast<size_t>(n->attr_as<AxesAttr>().axes[0]);
      const int64_t size = n->shape()[axis], stride = contiguous_strides(n->shape())[axis];
      return map_elements(n, cache.get(n), out,
                          [&](size_t, int64_t i) { return static_cast<uint64_t>(i / stride % size); });
    }
    case Op::random_bits:
      return map_elements(n, cache.get(n), out,
                          [&](size_t k, int64_t i) { return k == 2 ? static_cast<uint64_t>(i) : inputs[k]->bits(0); });
    default:
      throw Error(ErrorKind::Internal, "the interpreter needs the elements of " + std::string(name(n->op())));
  }
}

HostArray evaluate(const Node* n, Operands inputs, ScalarCache& cache);

/// Composites are what their expansion over leaves computes; the leaves have the values of the operands.
HostArray interpret_composite(const Node* n, Operands inputs, ScalarCache& cache) {
  Interner interner;
  std::vector<NodeRef> leaves;
  std::unordered_map<const Node*, HostArray> values;
  for (size_t i = 0; i < inputs.size(); ++i) {
    leaves.push_back(interner.make({.op = Op::data,
                                    .attr = LeafAttr{interner.next_leaf_id()},
                                    .dtype = n->input(i)->dtype(),
                                    .shape = n->input(i)->shape(),
                                    .device = n->device()}));
    values[leaves.back().get()] = *inputs[i];
  }
  const NodeRef expansion = expand_composite(rebuild(n, leaves, interner).get(), interner);
  for (const Node* step : topological_order({{expansion}})) {
    if (values.contains(step)) continue;
    std::vector<const HostArray*> operands;
    for (const Node* input : step->inputs()) operands.push_back(&values.at(input));
    values[step] = evaluate(step, operands, cache);
  }
  return std::move(values.at(expansion.get()));
}

HostArray evaluate(const Node* n, Operands inputs, ScalarCache& cache) {
  if (family(n->op()) == Family::Composite) return interpret_composite(n, inputs, cache);
  if (family(n->op()) == Family::Custom || family(n->op()) == Family::Transfer) return *inputs[0];
  HostArray out = allocate(n, n->dtype(), n->shape());
  switch (family(n->op())) {
    case Family::Leaf:
      interpret_leaf(n, inputs, cache, out);
      break;
    case Family::Elementwise:
    case Family::Cast:
      map_elements(n, cache.get(n), out, [&](size_t k, int64_t i) { return inputs[k]->bits(i); });
      break;
    case Family::Movement:
      interpret_movement(n, inputs, out);
      break;
    case Family::Indexed:
      interpret_indexed(n, inputs, out);
      break;
    case Family::Order:
      interpret_order(n, inputs, out);
      break;
    case Family::Scan:
      interpret_scan(n, inputs, out);
      break;
    case Family::Reduce:
      interpret_reduce(n, inputs, out);
      break;
    case Family::Contract:
      interpret_contract(n, inputs, out);
      break;
    case Family::Attention:
      interpret_attention(n, inputs, out);
      break;
    case Family::Composite:
    case Family::Custom:
    case Family::Transfer:
      break;
  }
  return out;
}

HostArray read_payload(const Node* n) {
  const void* elements = n->payload() ? n->payload()->host_data() : nullptr;
  if (!elements && n->numel() != 0)
    throw Error(ErrorKind::Value,
                fmt::format("{}: {}{} has no elements on the host", name(n->op()), name(n->dtype()), str(n->shape())),
                {}, n->origin());
  HostArray value = allocate(n, n->dtype(), n->shape());
  if (!value.bytes.empty()) std::memcpy(value.bytes.data(), elements, value.bytes.size());
  return value;
}

HostArray leaf_value(const Node* n, const LeafSource& leaves) {
  HostArray value = leaves ? leaves(n) : read_payload(n);
  if (value.dtype != n->dtype() || value.shape != n->shape() || value.bytes.size() != static_cast<size_t>(n->nbytes()))
    throw Error(ErrorKind::Value,
                fmt::format("{}: got {}{} with {} bytes for a leaf of {}{}", name(n->op()), name(value.dtype),
                            str(value.shape), value.bytes.size(), name(n->dtype()), str(n->shape())),
                {}, n->origin());
  if (is_bool(value.dtype))
    for (std::byte& b : value.bytes) b = std::byte{b != std::byte{0}};
  return value;
}

int64_t physical_memory() {
  return static_cast<int64_t>(sysconf(_SC_PHYS_PAGES)) * static_cast<int64_t>(sysconf(_SC_PAGE_SIZE));
}

}  // namespace

uint64_t HostArray::bits(int64_t i) const {
  const std::byte* p = bytes.data();
  switch (itemsize(dtype)) {
    case 1:
      return reinterpret_cast<const uint8_t*>(p)[i];
    case 2:
      return reinterpret_cast<const uint16_t*>(p)[i];
    case 4:
      return reinterpret_cast<const uint32_t*>(p)[i];
    default:
      return reinterpret_cast<const uint64_t*>(p)[i];
  }
}

void HostArray::set_bits(int64_t i, uint64_t v) {
  std::byte* p = bytes.data();
  switch (itemsize(dtype)) {
    case 1:
      reinterpret_cast<uint8_t*>(p)[i] = static_cast<uint8_t>(v);
      return;
    case 2:
      reinterpret_cast<uint16_t*>(p)[i] = static_cast<uint16_t>(v);
      return;
    case 4:
      reinterpret_cast<uint32_t*>(p)[i] = static_cast<uint32_t>(v);
      return;
    default:
      reinterpret_cast<uint64_t*>(p)[i] = v;
      return;
  }
}

bool bitwise_equal(const HostArray& a, const HostArray& b, int64_t* first_difference) {
  if (first_difference) *first_difference = -1;
  if (a.dtype != b.dtype || a.shape != b.shape) return false;
  const auto is_nan = [](const HostArray& x, int64_t i) {
    return is_floating(x.dtype) &&
           (x.dtype == kFloat64 ? std::isnan(load<double>(x, i)) : std::isnan(load<float>(x, i)));
  };
  const int64_t count = numel(a.shape);
  for (int64_t i = 0; i < count; ++i) {
    if (a.bits(i) == b.bits(i) || (is_nan(a, i) && is_nan(b, i))) continue;
    if (first_difference) *first_difference = i;
    return false;
  }
  return true;
}

HostArray allocate(const Node* n, DType dtype, const Shape& shape) {
  static const int64_t limit = physical_memory();  // beyond it the process would be killed, not refused
  HostArray array{dtype, shape, {}};
  const int64_t bytes = numel(shape) * static_cast<int64_t>(itemsize(dtype));
  try {
    if (bytes > limit) throw std::bad_alloc();
    array.bytes.resize(static_cast<size_t>(bytes));
  } catch (const std::bad_alloc&) {
    throw Error(
        ErrorKind::Memory,
        fmt::format("{}: {} bytes for {}{} do not fit into memory", name(n->op()), bytes, name(dtype), str(shape)), {},
        n->origin());
  }
  return array;
}

std::vector<HostArray> interpret(const Graph& g, const LeafSource& leaves) {
  const std::vector<const Node*> order = topological_order(g);
  const NodeIndex index = index_of(order);
  std::vector<uint32_t> uses(order.size(), 0);
  for (const Node* n : order)
    for (const Node* input : n->inputs()) ++uses[index.at(input)];
  for (const NodeRef& output : g.outputs) ++uses[index.at(output.get())];

  ScalarCache cache;
  std::vector<HostArray> values(order.size());
  std::vector<const HostArray*> operands;
  for (size_t i = 0; i < order.size(); ++i) {
    const Node* n = order[i];
    if (n->op() == Op::data || n->op() == Op::argument) {
      values[i] = leaf_value(n, leaves);
      continue;
    }
    operands.clear();
    for (const Node* input : n->inputs()) operands.push_back(&values[index.at(input)]);
    values[i] = evaluate(n, operands, cache);
    for (const Node* input : n->inputs()) {
      const uint32_t k = index.at(input);
      if (--uses[k] == 0) values[k] = {};
    }
  }
  std::vector<HostArray> results;
  for (const NodeRef& output : g.outputs) results.push_back(values[index.at(output.get())]);
  return results;
}

HostArray interpret_node(const Node* n, std::span<const HostArray* const> inputs) {
  ScalarCache cache;
  return evaluate(n, inputs, cache);
}

}  // namespace lazuli::ir
