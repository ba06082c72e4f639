#include "runtime/segments.h"

#include <algorithm>
#include <unordered_map>

#include "ir/node_numbers.h"
#include "runtime/context.h"
#include "runtime/program_key.h"

namespace lazuli::runtime {
namespace {

using ir::Node;

bool is_transfer(const Node* n) {
  return ir::family(n->op()) == ir::Family::Transfer;
}

/// A data leaf over a buffer.
ir::NodeRef leaf_over(Context& context, const Node* like, Device device, std::shared_ptr<Buffer> buffer) {
  return context.interner().make({.op = ir::Op::data,
                                  .attr = ir::LeafAttr{context.interner().next_leaf_id()},
                                  .dtype = like->dtype(),
                                  .shape = like->shape(),
                                  .device = device,
                                  .payload = std::move(buffer),
                                  .origin = like->origin()});
}

class Segments {
 public:
  Segments(Context& context, const EvalRequest& request)
      : context_(context), request_(request), order_(ir::topological_order(request.graph)), numbers_(order_) {}

  EvalResult run() {
    find_depths();
    find_stored();
    for (uint32_t depth = 0; depth <= deepest_; ++depth) {
      std::vector<const Node*> todo;
      for (const Node* n : order_)
        if (stored_[numbers_[n]] && depth_[numbers_[n]] == depth && !is_transfer(n)) todo.push_back(n);
      while (!todo.empty()) {
        const Device device = todo[0]->device();
        const auto rest =
            std::stable_partition(todo.begin(), todo.end(), [&](const Node* n) { return n->device() == device; });
        evaluate_one({todo.begin(), rest});
        todo.erase(todo.begin(), rest);
      }
      for (const Node* n : order_)
        if (is_transfer(n) && depth_[numbers_[n]] == depth + 1) transfer(n);
    }
    return finish();
  }

 private:
  /// How many transfers lie on the longest way to a node.
  void find_depths() {
    depth_.assign(order_.size(), 0);
    for (size_t i = 0; i < order_.size(); ++i) {
      for (const Node* input : order_[i]->inputs()) depth_[i] = std::max(depth_[i], depth_[numbers_[input]]);
      depth_[i] += is_transfer(order_[i]);
      deepest_ = std::max(deepest_, depth_[i]);
    }
  }
  /// What is computed in one segment and read in another, or is a result.
  void find_stored() {
    stored_.assign(order_.size(), false);
    is_result_.assign(order_.size(), false);
    for (size_t i = 0; i < order_.size(); ++i)
      for (const Node* input : order_[i]->inputs())
        if (const uint32_t k = numbers_[input]; depth_[k] != depth_[i] && input->input_count() > 0) stored_[k] = true;
    for (const Node* n : order_)
      if (is_transfer(n)) stored_[numbers_[n->input(0)]] = true;
    for (const auto& o : request_.graph.outputs) stored_[numbers_[o.get()]] = is_result_[numbers_[o.get()]] = true;
  }

  /// The graph of `outputs`, with what is stored already as leaves.
  void evaluate_one(std::vector<const Node*> outputs) {
    // What only moves on is read where it stands.
    std::erase_if(outputs, [&](const Node* n) {
      const auto buffer = n->op() == ir::Op::data && !is_result_[numbers_[n]] ? leaf_buffer(n) : nullptr;
      if (buffer) buffers_[n] = buffer;
      return buffer != nullptr;
    });
    if (outputs.empty()) return;
    EvalRequest request;
    ir::Graph graph;
    for (const Node* n : outputs) graph.outputs.emplace_back(n);
    request.graph = ir::rewrite(graph, context_.interner(), [&](const Node* n, std::span<const ir::NodeRef>) {
      const auto it = leaves_.find(n);
      return it == leaves_.end() ? ir::NodeRef() : it->second;
    });
    request.options = request_.options;
    // The whole graph is interpreted or checked, if any.
    request.options.interpret = request.options.verify_passes = request.options.check_nan = false;
    EvalResult part = evaluate(context_, request);
    for (size_t i = 0; i < outputs.size(); ++i) keep(outputs[i], outputs[i]->device(), std::move(part.buffers[i]));
    report_.plan_ms += part.report.plan_ms;
    report_.program_hit &= part.report.program_hit;
    report_.arena_bytes += part.report.arena_bytes;
    for (auto& k : part.report.kernels) report_.kernels.push_back(std::move(k));
  }
  void transfer(const Node* n) {
    const std::shared_ptr<Buffer>& from = buffers_.at(n->input(0));
    auto to = context_.allocator(n->device()).allocate(n->nbytes());
    context_.copy(*to, *from, n->nbytes());
    keep(n, n->device(), std::move(to));
  }
  void keep(const Node* n, Device device, std::shared_ptr<Buffer> buffer) {
    buffers_[n] = buffer;
    leaves_[n] = leaf_over(context_, n, device, std::move(buffer));
  }

  EvalResult finish() {
    EvalResult result;
    result.report = std::move(report_);
    for (size_t i = 0; i < request_.graph.outputs.size(); ++i) {
      std::shared_ptr<Buffer> buffer = buffers_.at(request_.graph.outputs[i].get());
      if (i < request_.targets.size() && request_.targets[i]) {
        context_.copy(*request_.targets[i], *buffer, request_.graph.outputs[i]->nbytes());
        buffer = request_.targets[i];
      }
      result.buffers.push_back(std::move(buffer));
    }
    return result;
  }

  Context& context_;
  const EvalRequest& request_;
  const std::vector<const Node*> order_;
  const ir::NodeNumbers numbers_;
  std::vector<uint32_t> depth_;
  uint32_t deepest_ = 0;
  std::vector<bool> stored_, is_result_;
  std::unordered_map<const Node*, std::shared_ptr<Buffer>> buffers_;
  std::unordered_map<const Node*, ir::NodeRef> leaves_;
  Report report_ = [] {
    Report r;
    r.program_hit = true;
    return r;
  }();
};

}  // namespace

EvalResult evaluate_segments(Context& context, const EvalRequest& request) {
  return Segments(context, request).run();
}

bool uses_devices(const ir::Graph& graph) {
  for (const Node* n : ir::topological_order(graph))
    if (!n->device().is_cpu()) return true;
  return false;
}

ir::Graph host_twin(Context& context, const ir::Graph& graph) {
  ir::Interner& interner = context.interner();
  return ir::rewrite(graph, interner, [&](const Node* n, std::span<const ir::NodeRef> inputs) -> ir::NodeRef {
    if (is_transfer(n)) return inputs[0];
    if (n->input_count() > 0) {
      ir::NodeSpec spec{.op = n->op(), .attr = n->attr(), .dtype = n->dtype(), .shape = n->shape()};
      for (const ir::NodeRef& input : inputs) spec.inputs.push_back(input.get());
      spec.payload = n->payload();
      spec.origin = n->origin();
      return interner.make(std::move(spec));
    }
    if (n->device().is_cpu()) return nullptr;
    if (n->op() == ir::Op::data) {
      auto copy = context.allocator().allocate(n->nbytes());
      context.download(copy->data(), *leaf_buffer(n), n->nbytes());
      return leaf_over(context, n, kCPU, std::move(copy));
    }
    return interner.make({.op = n->op(),
                          .attr = n->attr(),
                          .dtype = n->dtype(),
                          .shape = n->shape(),
                          .payload = n->payload(),
                          .origin = n->origin()});
  });
}

std::vector<std::shared_ptr<Buffer>> host_copies(Context& context,
                                                 const std::vector<std::shared_ptr<Buffer>>& results) {
  std::vector<std::shared_ptr<Buffer>> copies;
  for (const auto& r : results) {
    copies.push_back(context.allocator().allocate(r->bytes()));
    context.download(copies.back()->data(), *r, r->bytes());
  }
  return copies;
}

}  // namespace lazuli::runtime
