#include "frontend/compile/trace.h"

#include <fmt/format.h>

#include <algorithm>

#include "frontend/context.h"
#include "frontend/graph_walk.h"
#include "frontend/history.h"

namespace lazuli::detail {

std::string LeafFacts::str() const {
  std::string text = fmt::format("{}{}", name(dtype), ir::str(shape));
  if (device != kCPU) text += " on " + device.str();
  if (enter == Enter::Steps) {
    text += " (a view of " + ir::str(root_shape) + ":";
    for (const ViewStep& s : steps) text += fmt::format(" {}", ir::name(s.op));
    text += ")";
  }
  return text;
}

namespace {

class Tracer {
 public:
  Tracer(std::span<const LeafFacts> leaves, std::span<const CallArguments::Leaf> arguments,
         const CompileOptions& options, const Location& where)
      : leaves_(leaves), arguments_(arguments), options_(options), scope_(where), where_(where) {}

  void make_inputs();
  std::span<const Tensor> placeholders() const { return handles_; }
  TraceScope& scope() { return scope_; }
  bool writes_arguments() const;
  /// Whether two arguments with placeholders of their own share a storage, and one of them was written to.
  bool needs_groups() const;
  void finish(CallBody::Result result);
  std::shared_ptr<Trace> take() { return std::move(trace_); }

 private:
  size_t output(ir::NodeRef value) {
    outputs_.push_back(std::move(value));
    return outputs_.size() - 1;
  }
  void add_result(const Tensor& t);
  void make_graph();

  std::span<const LeafFacts> leaves_;
  std::span<const CallArguments::Leaf> arguments_;
  const CompileOptions& options_;
  TraceScope scope_;
  const Location& where_;
  std::shared_ptr<Trace> trace_ = std::make_shared<Trace>();
  std::vector<Tensor> handles_;                                     // per leaf
  std::vector<std::shared_ptr<Storage>> roots_;                     // per input
  std::unordered_map<const Storage*, size_t> input_of_, fresh_of_;  // by root
  std::vector<ir::NodeRef> outputs_;
  std::unordered_map<const TensorImpl*, size_t> result_of_;
};

void Tracer::make_inputs() {
  std::vector<size_t> input_of_leaf(leaves_.size());
  for (size_t i = 0; i < leaves_.size(); ++i) {
    const LeafFacts& f = leaves_[i];
    if (f.group < i) {
      input_of_leaf[i] = input_of_leaf[f.group];
    } else {
      input_of_leaf[i] = roots_.size();
      const Tensor base = scope_.placeholder(f.root_shape, f.root_dtype, f.device, where_);
      const auto& root = base.impl()->root;
      const auto& donate = options_.donate;
      const bool named =
          std::find(donate.begin(), donate.end(), static_cast<int>(arguments_[i].argument)) != donate.end();
      trace_->inputs.push_back({static_cast<uint32_t>(i), f.enter, root->value, named && f.enter == Enter::Whole});
      input_of_.emplace(root.get(), roots_.size());
      roots_.push_back(root);
    }
    Tensor t = base_of(roots_[input_of_leaf[i]], where_);
    if (f.enter == Enter::Steps) {
      // The argument's own layout on the placeholder's storage.
      auto impl = std::make_shared<TensorImpl>(*t.impl());
      const TensorImpl& from = *arguments_[i].tensor->impl();
      impl->steps = f.steps;
      impl->shape = from.shape;
      impl->strides = from.strides;
      impl->offset = from.offset;
      impl->dtype = from.dtype;
      t = Tensor(std::move(impl));
    }
    handles_.push_back(std::move(t));
  }
}

bool Tracer::writes_arguments() const {
  for (size_t i = 0; i < roots_.size(); ++i)
    if (!(roots_[i]->value == trace_->inputs[i].placeholder)) return true;
  return false;
}

bool Tracer::needs_groups() const {
  for (size_t i = 0; i < trace_->inputs.size(); ++i) {
    if (roots_[i]->value == trace_->inputs[i].placeholder) continue;
    const auto& written = arguments_[trace_->inputs[i].leaf].tensor->impl()->root;
    for (size_t j = 0; j < leaves_.size(); ++j)
      if (leaves_[j].group != trace_->inputs[i].leaf && arguments_[j].tensor->impl()->root == written) return true;
  }
  return false;
}

/// The nodes as they are computed: what only gradients see is left out.
std::vector<ir::NodeRef> without_history(std::span<const ir::NodeRef> nodes) {
  const auto any = [](const ir::Node*) { return true; };
  std::unordered_map<const ir::Node*, ir::NodeRef> replaced;
  const auto now = [&](const ir::Node* n) {
    const auto it = replaced.find(n);
    return it == replaced.end() ? ir::NodeRef(n) : it->second;
  };
  std::vector<ir::NodeRef> inputs;
  for (const ir::Node* n : post_order(pointers(nodes), any, [](const ir::Node* x) { return operands_of(x); })) {
    if (is_history(n->op())) {
      replaced.emplace(n, now(n->input(0)));
      continue;
    }
    if (replaced.empty()) continue;
    inputs.clear();
    for (const ir::Node* input : n->inputs()) inputs.push_back(now(input));
    if (ir::NodeRef next = ir::rebuild(n, inputs, interner()); next.get() != n) replaced.emplace(n, std::move(next));
  }
  std::vector<ir::NodeRef> result;
  for (const ir::NodeRef& n : nodes) result.push_back(now(n.get()));
  return result;
}

/// Each value once; the trace's references to outputs follow.
void Tracer::make_graph() {
  std::unordered_map<const ir::Node*, size_t> position;
  std::vector<size_t> at;
  for (ir::NodeRef& n : without_history(outputs_)) {
    const auto [it, fresh] = position.emplace(n.get(), trace_->graph.outputs.size());
    if (fresh) trace_->graph.outputs.push_back(n);
    at.push_back(it->second);
  }
  for (size_t& f : trace_->fresh) f = at[f];
  for (Trace::Write& w : trace_->writes) w.output = at[w.output];
}

void Tracer::add_result(const Tensor& t) {
  using Kind = Trace::Result::Kind;
  const auto [again, first] = result_of_.emplace(t.impl().get(), trace_->results.size());
  const std::shared_ptr<Storage>& root = t.impl()->root;
  if (!first) {
    trace_->results.push_back({Kind::Repeat, again->second, {}});
  } else if (root->trace == 0) {
    trace_->results.push_back({Kind::Outer, 0, t});
  } else if (const auto it = input_of_.find(root.get()); it != input_of_.end()) {
    trace_->results.push_back({Kind::Input, it->second, t});
    trace_->inputs[it->second].donatable = false;
  } else {
    const auto [at, fresh] = fresh_of_.emplace(root.get(), trace_->fresh.size());
    if (fresh) trace_->fresh.push_back(output(scope_.read(root)));
    auto impl = std::make_shared<TensorImpl>(*t.impl());  // as every call will see it: without history
    std::erase_if(impl->steps, [](const ViewStep& s) { return is_history(s.op); });
    impl->slot = nullptr;
    trace_->results.push_back({Kind::Fresh, at->second, Tensor(std::move(impl))});
  }
}

void Tracer::finish(CallBody::Result result) {
  Trace& trace = *trace_;
  for (const Tensor& t : result.leaves) {
    trace.direct |= grad_enabled() && is_tracked(*t.impl());
    add_result(t);
  }
  trace.tree = std::move(result.tree);
  for (size_t i = 0; i < roots_.size(); ++i)
    if (roots_[i]->value != trace.inputs[i].placeholder)
      trace.writes.push_back({i, false, output(roots_[i]->value), roots_[i]->where});
  std::vector<TraceScope::Capture>& captures = scope_.captures();
  for (size_t i = 0; i < captures.size(); ++i) {
    if (!(captures[i].value == captures[i].placeholder))
      trace.writes.push_back({i, true, output(captures[i].value), captures[i].written});
    trace.captured.push_back({std::move(captures[i].root), std::move(captures[i].placeholder)});
  }
  for (const ir::NodeRef& n : outputs_) trace.direct |= grad_enabled() && n->differentiable();
  make_graph();
  trace.random = std::move(scope_.random());
}

}  // namespace

std::shared_ptr<Trace> make_trace(std::span<const LeafFacts> leaves, std::span<const CallArguments::Leaf> arguments,
                                  std::span<const Scalar> scalars, CallBody& body, const CompileOptions& options,
                                  TraceDemands& demands, const Location& where) {
  Tracer tracer(leaves, arguments, options, where);
  tracer.make_inputs();
  std::vector<Scalar> symbolic(scalars.begin(), scalars.end());
  for (uint32_t i = 0; i < symbolic.size(); ++i)
    if (!demands.known_scalars.contains(i + 1)) symbolic[i] = Scalar::symbolic(scalars[i].kind(), i + 1);
  const auto learnt = [&] {
    const auto& observed = tracer.scope().observed_scalars();
    demands.known_scalars.insert(observed.begin(), observed.end());
    return !observed.empty();
  };
  CallBody::Result result;
  try {
    result = body.trace(tracer.placeholders(), symbolic);
  } catch (...) {
    // Numbers that the function wants to see are given to it; the error came of their absence.
    if (learnt()) return nullptr;
    throw;
  }
  if (learnt()) return nullptr;
  demands.writes_arguments |= tracer.writes_arguments();
  if (tracer.needs_groups()) return nullptr;
  tracer.finish(std::move(result));
  return tracer.take();
}

}  // namespace lazuli::detail
