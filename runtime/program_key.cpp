#include "runtime/program_key.h"

#include <fmt/format.h>

#include <cstring>
#include <unordered_map>

#include "passes/plan_memory.h"
#include "runtime/byte_writer.h"
#include "runtime/node_numbers.h"

namespace lazuli::runtime {
namespace {

using ir::Node;

/// Leaves that share one payload.
using Sharers = std::unordered_map<const ir::Payload*, std::vector<uint32_t>>;

bool overlap(const Buffer& a, const Buffer& b) {
  const auto *pa = static_cast<const std::byte*>(a.data()), *pb = static_cast<const std::byte*>(b.data());
  return pa < pb + b.bytes() && pb < pa + a.bytes();
}

Boundary::Target number_target(const Boundary& b, const Sharers& sharers, const Buffer& target, const Node& output) {
  if (target.bytes() < output.nbytes())
    throw Error(ErrorKind::Internal,
                fmt::format("a result of {} bytes has a target of {} bytes", output.nbytes(), target.bytes()));
  Boundary::Target t{.wanted = true};
  const auto same = sharers.find(&target);
  if (same != sharers.end()) {
    t.leaf = same->second.front();
    // The planner takes leaves for distinct memory, and a target for as large as its leaf.
    t.indirect = same->second.size() > 1 || b.leaves[t.leaf]->nbytes() != output.nbytes();
  }
  if (reinterpret_cast<uintptr_t>(target.data()) % passes::kBufferAlignment != 0) t.indirect = true;
  if (target.external() && !t.indirect)
    for (const Node* leaf : b.leaves) {
      const auto other = leaf->op() == ir::Op::data ? leaf_buffer(leaf) : nullptr;
      if (other && other.get() != &target && overlap(*other, target)) t.indirect = true;
    }
  return t;
}

}  // namespace

const void* leaf_data(const Node* leaf) {
  const void* data = leaf->payload() ? leaf->payload()->host_data() : nullptr;
  if (!data && leaf->nbytes() > 0)
    throw Error(ErrorKind::Value,
                fmt::format("a {} leaf of {} {} has no data", ir::name(leaf->op()), name(leaf->dtype()),
                            ir::str(leaf->shape())),
                "a graph that was parsed from text must be given values before it can run", leaf->origin());
  return data;
}

uint64_t argument_bits(const Node* leaf) {
  uint64_t bits = 0;
  std::memcpy(&bits, leaf_data(leaf), itemsize(leaf->dtype()));
  return bits;
}

std::shared_ptr<Buffer> leaf_buffer(const Node* leaf) {
  return std::dynamic_pointer_cast<Buffer>(leaf->payload());
}

Boundary number(const EvalRequest& request, const std::string& target, bool values) {
  Boundary b;
  b.order = ir::topological_order(request.graph);
  const NodeNumbers numbers(b.order);
  ByteWriter key;
  key.reserve(b.order.size() * 12 + 64);
  key.put(std::string_view(target));
  key.put(request.options.fuse);
  key.put(static_cast<uint64_t>(request.options.vector_bits));

  Sharers sharers;
  std::unordered_map<const Node*, uint32_t> leaf_numbers;
  for (uint32_t i = 0; i < b.order.size(); ++i) {
    const Node& n = *b.order[i];
    key.put(n);
    key.put(n.input_count());
    for (const Node* input : n.inputs()) key.put(i - numbers[input]);
    if (n.op() != ir::Op::data && n.op() != ir::Op::argument) continue;
    if (values) leaf_data(&n);
    const auto number = static_cast<uint32_t>(b.leaves.size());
    b.leaves.push_back(&n);
    leaf_numbers.emplace(&n, number);
    if (n.op() != ir::Op::data) continue;
    // The alias group: leaves of one payload. Without a payload every leaf is its own.
    auto& group = sharers[n.payload().get()];
    if (!n.payload()) group.clear();
    group.push_back(number);
    key.put(group.front());
  }

  b.donated.resize(b.leaves.size(), false);
  for (const Node* n : request.donated) {
    const auto it = leaf_numbers.find(n);
    if (it == leaf_numbers.end() || n->op() != ir::Op::data) continue;
    const auto buffer = leaf_buffer(n);
    if (buffer && !buffer->external() && sharers.at(buffer.get()).size() == 1) b.donated[it->second] = true;
  }
  for (size_t i = 0; i < b.leaves.size(); ++i)
    if (b.donated[i]) key.put(i + 1);
  key.put(0);

  key.put(request.graph.outputs.size());
  b.targets.resize(request.graph.outputs.size());
  std::unordered_map<const Buffer*, size_t> used;
  for (size_t i = 0; i < b.targets.size(); ++i) {
    const Node* n = request.graph.outputs[i].get();
    key.put(numbers[n]);
    const Buffer* buffer = i < request.targets.size() ? request.targets[i].get() : nullptr;
    if (!buffer) {
      key.put(0);
      continue;
    }
    if (!used.emplace(buffer, i).second) throw Error(ErrorKind::Internal, "two results have one target");
    const Boundary::Target t = b.targets[i] = number_target(b, sharers, *buffer, *n);
    key.put(t.indirect ? 2 : 1);
    key.put(static_cast<uint64_t>(t.leaf) + 1);
  }
  b.key = key.take();
  return b;
}

}  // namespace lazuli::runtime
