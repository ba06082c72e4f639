// The engine behind canonicalize and simplify_movement: memoised, iterative, linear in the nodes that it meets.
#include "passes/rewrite.h"

#include <fmt/format.h>

#include <algorithm>
#include <deque>

#include "passes/node_table.h"

namespace lazuli::passes {

using ir::Dims;
using ir::Node;
using ir::NodeRef;
using ir::Op;
using ir::Shape;

NodeRef Rewriter::make(Op op, std::span<const Node* const> inputs, ir::Attr attr) {
  return interner_.make({.op = op,
                         .inputs = ir::SmallVec<const Node*, 3>(inputs),
                         .attr = std::move(attr),
                         .dtype = at_->dtype(),
                         .shape = at_->shape(),
                         .device = at_->device(),
                         .payload = nullptr,
                         .origin = at_->origin()});
}
NodeRef Rewriter::make(Op op, std::initializer_list<const Node*> inputs, ir::Attr attr) {
  return make(op, std::span<const Node* const>(inputs.begin(), inputs.size()), std::move(attr));
}

namespace {

NodeRef shaped(ir::Interner& interner, const Node* at, Op op, const Node* x, const Shape& shape,
               ir::Attr attr = ir::NoAttr{}) {
  return interner.make({.op = op,
                        .inputs = {x},
                        .attr = std::move(attr),
                        .dtype = x->dtype(),
                        .shape = shape,
                        .device = at->device(),
                        .payload = nullptr,
                        .origin = at->origin()});
}

}  // namespace

NodeRef Rewriter::cast(const Node* x, DType dtype) {
  if (x->dtype() == dtype) return NodeRef(x);
  return interner_.make({.op = Op::cast,
                         .inputs = {x},
                         .attr = ir::NoAttr{},
                         .dtype = dtype,
                         .shape = x->shape(),
                         .device = at_->device(),
                         .payload = nullptr,
                         .origin = at_->origin()});
}
NodeRef Rewriter::reshape(const Node* x, const Shape& shape) {
  return x->shape() == shape ? NodeRef(x) : shaped(interner_, at_, Op::reshape, x, shape);
}
NodeRef Rewriter::expand(const Node* x, const Shape& shape) {
  return x->shape() == shape ? NodeRef(x) : shaped(interner_, at_, Op::expand, x, shape);
}
NodeRef Rewriter::permute(const Node* x, const Dims& axes) {
  bool identity = true;
  for (size_t i = 0; i < axes.size(); ++i) identity = identity && axes[i] == static_cast<int64_t>(i);
  return identity ? NodeRef(x) : make(Op::permute, {x}, ir::AxesAttr{axes});
}
NodeRef Rewriter::slice(const Node* x, const Dims& start, const Dims& step, const Shape& shape) {
  if (x->shape() == shape) return NodeRef(x);  // every element, so start is 0 and step 1
  return shaped(interner_, at_, Op::slice, x, shape, ir::SliceAttr{start, step});
}
NodeRef Rewriter::flip(const Node* x, const Dims& axes) {
  return axes.empty() ? NodeRef(x) : make(Op::flip, {x}, ir::AxesAttr{axes});
}
NodeRef Rewriter::constant(DType dtype, uint64_t bits) {
  return interner_.make({.op = Op::constant,
                         .inputs = {},
                         .attr = ir::ConstantAttr{bits},
                         .dtype = dtype,
                         .shape = {},
                         .device = at_->device(),
                         .payload = nullptr,
                         .origin = at_->origin()});
}
NodeRef Rewriter::full(DType dtype, uint64_t bits, const Shape& shape) {
  return expand(constant(dtype, bits).get(), shape);
}
NodeRef Rewriter::iota(DType dtype, const Shape& shape, int64_t axis) {
  return interner_.make({.op = Op::iota,
                         .inputs = {},
                         .attr = ir::AxesAttr{Dims{axis}},
                         .dtype = dtype,
                         .shape = shape,
                         .device = at_->device(),
                         .payload = nullptr,
                         .origin = at_->origin()});
}
NodeRef Rewriter::rebuild(const Node* n, std::span<const NodeRef> inputs) {
  return ir::rebuild(n, inputs, interner_);
}
bool Rewriter::has_one_user(const Node* reduction) const {
  const auto it = reduce_uses_.find(reduction);
  return it == reduce_uses_.end() || it->second <= 1;
}

RuleSet::RuleSet(std::initializer_list<std::span<const Rule>> tables) : by_op_(static_cast<size_t>(ir::op_count())) {
  for (const std::span<const Rule>& table : tables)
    for (const Rule& rule : table) by_op_[static_cast<size_t>(rule.root)].push_back(rule);
}

namespace {

size_t count_nodes(const ir::Graph& g, Rewriter::Uses& reduce_uses) {
  const auto use = [&](const Node* n) {
    if (ir::is_reduce(n->op())) ++reduce_uses[n];
  };
  const std::vector<const Node*> order = ir::topological_order(g);
  for (const Node* n : order)
    for (const Node* input : n->inputs()) use(input);
  for (const NodeRef& output : g.outputs) use(output.get());
  return order.size();
}

class Engine {
 public:
  Engine(const ir::Graph& g, const RuleSet& rules, ir::Interner& interner, std::string_view pass)
      : rules_(rules), interner_(interner), pass_(pass), nodes_(count_nodes(g, reduce_uses_)), done_(nodes_) {
    steps_left_ = 64 * nodes_ + 4096;
  }

  /// The final form of `root`.
  NodeRef resolve(const NodeRef& root) {
    if (const NodeRef* known = done_.find(root.get())) return *known;
    stack_.push_back({root, nullptr, nullptr, 0});
    while (!stack_.empty()) {
      Frame& top = stack_.back();
      if (top.waiting) {
        const NodeRef final = *done_.find(top.waiting.get());
        remember(top.rebuilt, final);
        finish(final);
      } else if (!descend(top)) {
        visit(top);
      }
    }
    return *done_.find(root.get());
  }

 private:
  struct Frame {
    NodeRef node;
    NodeRef rebuilt;  // the node over final inputs, once a rule has replaced it
    NodeRef waiting;  // by what: its final form is this node's, too
    size_t next_input = 0;
  };

  /// All inputs of the node are final.
  void visit(Frame& top) {
    NodeRef now = rebuilt(top.node.get());
    if (now != top.node) {
      if (const NodeRef* known = done_.find(now.get())) return finish(NodeRef(*known));
    }
    NodeRef better = step(now.get());
    if (!better) {
      remember(now, now);
      return finish(std::move(now));
    }
    if (const NodeRef* known = done_.find(better.get())) {
      const NodeRef final = *known;
      remember(now, final);
      return finish(final);
    }
    top.rebuilt = std::move(now);
    top.waiting = better;
    stack_.push_back({std::move(better), nullptr, nullptr, 0});
  }
  void remember(const NodeRef& n, const NodeRef& final) {
    if (!done_.insert(n.get(), final) || n == final) return;
    keys_.push_back(n);
    const auto uses = reduce_uses_.find(n.get());
    if (uses != reduce_uses_.end() && ir::is_reduce(final->op())) reduce_uses_[final.get()] += uses->second;
  }
  void finish(NodeRef final) {
    const NodeRef n = std::move(stack_.back().node);
    stack_.pop_back();
    if (n != final) remember(n, final);
  }
  /// Pushes the first input that is not final yet.
  bool descend(Frame& frame) {
    const Node* n = frame.node.get();
    while (frame.next_input < n->input_count()) {
      const Node* input = n->input(frame.next_input++);
      if (done_.find(input)) continue;
      stack_.push_back({NodeRef(input), nullptr, nullptr, 0});
      return true;
    }
    return false;
  }
  NodeRef rebuilt(const Node* n) {
    inputs_.clear();
    for (const Node* input : n->inputs()) inputs_.push_back(*done_.find(input));
    return ir::rebuild(n, inputs_, interner_);
  }
  /// The first replacement that a rule offers.
  NodeRef step(const Node* n) {
    Rewriter rewriter(interner_, n, reduce_uses_);
    for (const Rule& rule : rules_.at(n->op())) {
      NodeRef better = rule.apply(n, rewriter);
      if (!better || better.get() == n) continue;
      if (better->shape() != n->shape() || better->dtype() != n->dtype())
        throw Error(ErrorKind::Internal,
                    fmt::format("{}: rule {} made {}{} of {}{}", pass_, rule.name, lazuli::name(better->dtype()),
                                ir::str(better->shape()), lazuli::name(n->dtype()), ir::str(n->shape())));
      recent_.push_back(rule.name);
      if (recent_.size() > 32) recent_.pop_front();
      if (steps_left_-- == 0) overrun();
      return better;
    }
    return nullptr;
  }
  [[noreturn]] void overrun() const {
    std::vector<std::string_view> names(recent_.begin(), recent_.end());
    std::sort(names.begin(), names.end());
    names.erase(std::unique(names.begin(), names.end()), names.end());
    throw Error(ErrorKind::Internal,
                fmt::format("{}: rewriting does not end, the last rules were {}", pass_, fmt::join(names, ", ")));
  }

  const RuleSet& rules_;
  ir::Interner& interner_;
  std::string_view pass_;
  Rewriter::Uses reduce_uses_;  // of reductions: users in the original graph
  size_t nodes_, steps_left_ = 0;
  std::deque<std::string_view> recent_;
  NodeTable done_;             // node -> final form
  std::vector<NodeRef> keys_;  // keeps the keys alive that are not their own final form
  std::vector<Frame> stack_;
  std::vector<NodeRef> inputs_;
};

}  // namespace

ir::Graph rewrite_to_fixpoint(const ir::Graph& g, const RuleSet& rules, ir::Interner& interner, std::string_view pass) {
  Engine engine(g, rules, interner, pass);
  ir::Graph result;
  for (const NodeRef& output : g.outputs) result.outputs.push_back(engine.resolve(output));
  return result;
}

}  // namespace lazuli::passes
