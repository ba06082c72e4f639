#include "tests/cuda/on_device.h"

#include <fmt/format.h>

#include "lazuli/base/error.h"
#include "runtime/context.h"

namespace lazuli::testing {

using namespace ir;

namespace {

struct Leaf {
  HostArray value;
  std::shared_ptr<runtime::Buffer> buffer;  // null for arguments
};

NodeRef moved_leaf(runtime::Context& context, const Node* n, std::span<const NodeRef> inputs, const LeafSource& leaves,
                   std::vector<Leaf>& memory, int64_t shift) {
  NodeSpec spec{.op = n->op(), .attr = n->attr(), .dtype = n->dtype(), .shape = n->shape(), .device = kCUDA};
  for (const NodeRef& i : inputs) spec.inputs.push_back(i.get());
  if (n->op() == Op::data || n->op() == Op::argument) {
    Leaf& leaf = memory.emplace_back(Leaf{leaves(n), nullptr});
    spec.attr = LeafAttr{context.interner().next_leaf_id()};
    if (n->op() == Op::argument) {
      spec.payload = std::make_shared<runtime::ScalarPayload>(leaf.value.bits(0));
    } else {
      leaf.buffer = context.allocator(kCUDA).allocate(n->nbytes() + shift);
      if (shift)
        leaf.buffer = std::make_shared<runtime::Buffer>(
            static_cast<std::byte*>(leaf.buffer->data()) + shift, n->nbytes(), [whole = leaf.buffer] {}, true, kCUDA);
      context.upload(*leaf.buffer, leaf.value.bytes.data(), n->nbytes());
      spec.payload = leaf.buffer;
    }
  }
  return context.interner().make(std::move(spec));
}

std::vector<std::byte> fetch(runtime::Context& context, const runtime::Buffer& b, size_t bytes) {
  std::vector<std::byte> copy(bytes);
  context.download(copy.data(), b, static_cast<int64_t>(bytes));
  return copy;
}

}  // namespace

std::vector<HostArray> run_on_device(runtime::Context& context, const Graph& g, const LeafSource& leaves,
                                     const runtime::EvalOptions& options, runtime::Report* report, int64_t leaf_shift) {
  std::vector<Leaf> memory;
  const Graph there = rewrite(g, context.interner(), [&](const Node* n, std::span<const NodeRef> inputs) -> NodeRef {
    return family(n->op()) == Family::Leaf ? moved_leaf(context, n, inputs, leaves, memory, leaf_shift) : nullptr;
  });
  runtime::EvalRequest request{.graph = there, .donated = {}, .targets = {}, .options = options};
  const runtime::EvalResult result = evaluate(context, request);
  if (report) *report = result.report;
  for (size_t i = 0; i < memory.size(); ++i)
    if (const Leaf& l = memory[i]; l.buffer && fetch(context, *l.buffer, l.value.bytes.size()) != l.value.bytes)
      throw Error(ErrorKind::Internal, fmt::format("leaf {} was overwritten", i));
  std::vector<HostArray> outputs;
  for (size_t o = 0; o < g.outputs.size(); ++o) {
    const Node& n = *g.outputs[o];
    if (!result.buffers[o]->device().is_cuda()) throw Error(ErrorKind::Internal, "a result is not on the device");
    outputs.push_back({n.dtype(), n.shape(), fetch(context, *result.buffers[o], static_cast<size_t>(n.nbytes()))});
  }
  return outputs;
}

}  // namespace lazuli::testing
