// Local rewriting: a table of rules, applied bottom-up until none applies.
// A rule looks at one node, whose inputs are already in their final form, and returns the node that replaces it (made
// of that node's inputs and of new nodes), or null. Rules keep every bit of the value (NaN payloads aside); they may
// drop a check whose element is not needed any more, and never add one.
#pragma once
#include <span>
#include <string_view>

#include "ir/graph.h"

namespace lazuli::passes {

/// Makes the nodes of one replacement, at the place of the node that is replaced.
class Rewriter {
 public:
  using Uses = std::unordered_map<const ir::Node*, uint32_t>;
  Rewriter(ir::Interner& interner, const ir::Node* at, const Uses& reduce_uses)
      : interner_(interner), at_(at), reduce_uses_(reduce_uses) {}

  ir::NodeRef make(ir::Op op, std::initializer_list<const ir::Node*> inputs, ir::Attr attr = ir::NoAttr{});
  ir::NodeRef make(ir::Op op, std::span<const ir::Node* const> inputs, ir::Attr attr = ir::NoAttr{});
  ir::NodeRef cast(const ir::Node* x, DType dtype);
  // These return `x` itself when nothing would change.
  ir::NodeRef reshape(const ir::Node* x, const ir::Shape& shape);
  ir::NodeRef expand(const ir::Node* x, const ir::Shape& shape);
  ir::NodeRef permute(const ir::Node* x, const ir::Dims& axes);
  ir::NodeRef slice(const ir::Node* x, const ir::Dims& start, const ir::Dims& step, const ir::Shape& shape);
  ir::NodeRef flip(const ir::Node* x, const ir::Dims& axes);
  /// A 0-d constant, or that constant in every element of `shape`.
  ir::NodeRef constant(DType dtype, uint64_t bits);
  ir::NodeRef full(DType dtype, uint64_t bits, const ir::Shape& shape);
  ir::NodeRef iota(DType dtype, const ir::Shape& shape, int64_t axis);
  /// `n` over other inputs.
  ir::NodeRef rebuild(const ir::Node* n, std::span<const ir::NodeRef> inputs);

  /// Whether a reduction has no second user, so that nothing is computed twice when it is merged into its user.
  bool has_one_user(const ir::Node* reduction) const;

 private:
  ir::Interner& interner_;
  const ir::Node* at_;
  const Uses& reduce_uses_;
};

struct Rule {
  std::string_view name;  // "mul-by-one"
  ir::Op root;
  ir::NodeRef (*apply)(const ir::Node* n, Rewriter& r);
};

/// Rules by the op of their root, in the order in which they are tried.
class RuleSet {
 public:
  RuleSet(std::initializer_list<std::span<const Rule>> tables);
  std::span<const Rule> at(ir::Op op) const { return by_op_[static_cast<size_t>(op)]; }

 private:
  std::vector<std::vector<Rule>> by_op_;
};

/// Applies the rules everywhere until none applies. Throws Error(Internal) naming the last rules when they do not end.
ir::Graph rewrite_to_fixpoint(const ir::Graph& g, const RuleSet& rules, ir::Interner& interner, std::string_view pass);

}  // namespace lazuli::passes
