#include "runtime/program_key.h"

#include <fmt/format.h>

#include "ir/node_numbers.h"
#include "passes/plan_memory.h"
#include "runtime/byte_writer.h"

namespace lazuli::runtime {
namespace {

using ir::Node;

/// Which data leaves share one payload: per leaf, the first leaf with its payload and whether there is another.
class Sharing {
 public:
  Sharing() {
    first_.reserve(16);
    shared_.reserve(16);
  }
  /// `leaf` is the leaf's number; leaves are added in order. Returns the first leaf with this payload.
  uint32_t add(const ir::Payload* payload, uint32_t leaf) {
    shared_.resize(leaf + 1, 0);
    if (!payload) return leaf;
    if (numbers_.add(payload)) {
      first_.push_back(leaf);
      return leaf;
    }
    const uint32_t first = first_[numbers_[payload]];
    shared_[first] = 1;
    return first;
  }
  /// The first leaf with this payload, or Boundary::Target::kForeign.
  uint32_t first(const ir::Payload* payload) const {
    const uint32_t number = numbers_.find(payload);
    return number == ir::PointerNumbers<ir::Payload>::kAbsent ? Boundary::Target::kForeign : first_[number];
  }
  bool shared(uint32_t first_leaf) const { return shared_[first_leaf] != 0; }

 private:
  ir::PointerNumbers<ir::Payload> numbers_;
  std::vector<uint32_t> first_;  // leaf, by the payload's number
  std::vector<char> shared_;     // by leaf
};

bool overlap(const Buffer& a, const Buffer& b) {
  const auto *pa = static_cast<const std::byte*>(a.data()), *pb = static_cast<const std::byte*>(b.data());
  return pa < pb + b.bytes() && pb < pa + a.bytes();
}

Boundary::Target number_target(const Boundary& b, const Sharing& sharing, const Buffer& target, const Node& output) {
  if (target.bytes() < output.nbytes())
    throw Error(ErrorKind::Internal,
                fmt::format("a result of {} bytes has a target of {} bytes", output.nbytes(), target.bytes()));
  Boundary::Target t{.wanted = true};
  t.leaf = sharing.first(&target);
  // The planner takes leaves for distinct memory, and a target for as large as its leaf.
  if (t.leaf != Boundary::Target::kForeign)
    t.indirect = sharing.shared(t.leaf) || b.leaves[t.leaf]->nbytes() != output.nbytes();
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
  if (const auto* buffer = dynamic_cast<const Buffer*>(leaf->payload().get())) {
    if (leaf->op() == ir::Op::data && buffer->device() != leaf->device())
      throw Error(ErrorKind::Internal,
                  fmt::format("a leaf on {} has its memory on {}", leaf->device().str(), buffer->device().str()));
    data = buffer->data();
  }
  if (!data && leaf->nbytes() > 0)
    throw Error(ErrorKind::Value,
                fmt::format("a {} leaf of {} {} has no data", ir::name(leaf->op()), name(leaf->dtype()),
                            ir::str(leaf->shape())),
                "a graph that was parsed from text must be given values before it can run", leaf->origin());
  return data;
}

std::shared_ptr<Buffer> leaf_buffer(const Node* leaf) {
  return std::dynamic_pointer_cast<Buffer>(leaf->payload());
}

Boundary number(const EvalRequest& request, bool values) {
  Boundary b;
  b.order = ir::topological_order(request.graph);
  const ir::NodeNumbers numbers(b.order);
  ByteWriter key;
  key.reserve(b.order.size() * 12 + 64);
  key.put(request.options.fuse);
  key.put(static_cast<uint64_t>(request.options.vector_bits));
  key.put(request.options.verify_passes);
  key.put(static_cast<uint64_t>(request.options.num_threads));  // tuned schedules are of a number of threads

  b.leaves.reserve(16);
  Sharing sharing;
  for (uint32_t i = 0; i < b.order.size(); ++i) {
    const Node& n = *b.order[i];
    if (i == 0) b.device = n.device();
    b.crosses |= n.device() != b.device || ir::family(n.op()) == ir::Family::Transfer;
    key.put(n);
    key.put(n.input_count());
    for (const Node* input : n.inputs()) key.put(i - numbers[input]);
    if (n.op() != ir::Op::data && n.op() != ir::Op::argument) continue;
    if (values) leaf_data(&n);
    const auto number = static_cast<uint32_t>(b.leaves.size());
    b.leaves.push_back(&n);
    if (n.op() == ir::Op::data) key.put(sharing.add(n.payload().get(), number));  // the alias group
  }

  b.donated.resize(b.leaves.size(), false);
  for (const Node* n : request.donated) {
    if (n->op() != ir::Op::data || numbers.find(n) == ir::NodeNumbers::kAbsent) continue;
    const auto buffer = leaf_buffer(n);
    if (!buffer || buffer->external()) continue;
    // Alone with its payload, so the first leaf with the payload is this one.
    const uint32_t leaf = sharing.first(buffer.get());
    if (!sharing.shared(leaf)) b.donated[leaf] = true;
  }
  for (size_t i = 0; i < b.leaves.size(); ++i)
    if (b.donated[i]) key.put(i + 1);
  key.put(0);

  key.put(request.graph.outputs.size());
  b.targets.resize(request.graph.outputs.size());
  ir::PointerNumbers<Buffer> used;
  for (size_t i = 0; i < b.targets.size(); ++i) {
    const Node* n = request.graph.outputs[i].get();
    key.put(numbers[n]);
    const Buffer* buffer = i < request.targets.size() ? request.targets[i].get() : nullptr;
    if (!buffer) {
      key.put(0);
      continue;
    }
    if (!used.add(buffer)) throw Error(ErrorKind::Internal, "two results have one target");
    const Boundary::Target t = b.targets[i] = number_target(b, sharing, *buffer, *n);
    key.put(t.indirect ? 2 : 1);
    key.put(static_cast<uint64_t>(t.leaf) + 1);
  }
  b.key = key.take();
  return b;
}

}  // namespace lazuli::runtime
