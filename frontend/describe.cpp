// The public face of evaluation: eval, profile, what can be asked without evaluating, and settings.
#include <fmt/format.h>

#include <string_view>

#include "frontend/pending_graph.h"
#include "ir/text.h"
#include "lazuli/tune.h"
#include "runtime/context.h"
#include "runtime/executor.h"
#include "runtime/tune.h"

namespace lazuli {

namespace {

std::vector<std::shared_ptr<Storage>> roots_of(std::span<const Tensor> tensors) {
  std::vector<std::shared_ptr<Storage>> roots;
  for (const Tensor& t : tensors) roots.push_back(impl_of(t)->root);
  return roots;
}

std::string_view base_name(std::string_view path) {
  const size_t slash = path.find_last_of("/\\");
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

/// The pending graph of the tensors' bases, cut where values are in memory.
ir::Graph graph_of(std::span<const Tensor> tensors) {
  std::vector<ir::NodeRef> values;
  std::vector<const ir::Node*> outputs;
  for (const Tensor& t : tensors) outputs.push_back(values.emplace_back(node_of(t)).get());
  Context& ctx = context();
  std::lock_guard lock(ctx.mutex);
  return PendingGraph(outputs).graph(outputs);
}

ir::Graph graph_of(const Tensor& t) {
  return graph_of(std::span(&t, 1));
}

}  // namespace

void eval(std::span<const Tensor> tensors, const EvalOptions& options) {
  evaluate(roots_of(tensors), options);
}

Report profile(std::span<const Tensor> tensors, EvalOptions options) {
  options.profile = true;
  return evaluate(roots_of(tensors), options);
}

State state(const Tensor& t) {
  const TensorImpl& impl = *impl_of(t);
  std::lock_guard lock(context().mutex);
  return impl.root->ready() ? State::Ready : State::Pending;
}

std::string describe(const Tensor& t) {
  if (!t.defined()) return "undefined";
  const TensorImpl& impl = *t.impl();
  ir::NodeRef value;
  bool ready = false;
  Location where;
  {
    std::lock_guard lock(context().mutex);
    value = impl.root->value;
    ready = impl.root->ready();
    where = impl.root->where;
  }
  std::string text = fmt::format("{}{} {}", name(impl.dtype), ir::str(impl.shape), impl.device.str());
  if (impl.is_view()) text += fmt::format(" view of {}", ir::str(value->shape()));
  if (ready) return text + " ready";
  text += fmt::format(" pending: {}", ir::name(plain(value.get())->op()));
  if (where.line() != 0) text += fmt::format(" {}:{}", base_name(where.file_name()), where.line());
  return text;
}

std::string dump(const Tensor& t, const std::string& stage, const EvalOptions& options) {
  return runtime::dump(context().runtime, graph_of(t), stage, context().merged(options));
}

std::string explain(const Tensor& t, const EvalOptions& options) {
  return runtime::explain(context().runtime, graph_of(t), context().merged(options));
}

TuneReport tune(std::span<const Tensor> tensors, const TuneOptions& options) {
  TuneOptions merged = options;
  merged.eval = context().merged(options.eval);
  return runtime::tune(context().runtime, graph_of(tensors), merged);
}

int64_t pending_nodes() {
  Context& ctx = context();
  std::vector<std::shared_ptr<Storage>> pending;
  std::lock_guard lock(ctx.mutex);
  pending = ctx.pending_storages();
  std::vector<const ir::Node*> values;
  for (const auto& s : pending) values.push_back(s->value.get());
  return static_cast<int64_t>(PendingGraph(values).operations());
}

int64_t retained_bytes() {
  return context().allocator.stats().live_bytes;
}

void set_num_threads(int n, Location loc) {
  if (n < 0)
    throw Error(ErrorKind::Value, fmt::format("set_num_threads expects a positive integer, got {}", n),
                "0 restores the default", loc);
  context().runtime.pool().set_num_threads(n);
}

int get_num_threads() {
  return context().runtime.pool().num_threads();
}

void clear_caches() {
  context().runtime.clear_caches();
}

void set_eager(bool on) {
  context().eager = on;
}
bool is_eager() {
  return context().eager;
}

void set_pending_limit(int64_t nodes) {
  context().pending_limit = nodes;
  context().restart_growth();
}
int64_t pending_limit() {
  return context().pending_limit;
}

void set_log_sink(LogSink sink) {
  if (!sink) return context().runtime.set_log_sink({});
  context().runtime.set_log_sink([sink = std::move(sink)](runtime::LogLevel level, std::string_view text) {
    sink(static_cast<LogLevel>(level), text);
  });
}

MemoryStats memory_stats() {
  Context& ctx = context();
  const runtime::AllocatorStats a = ctx.allocator.stats();
  return {.live_bytes = a.live_bytes,
          .allocations = static_cast<int64_t>(a.blocks),
          .evaluations = ctx.evaluations,
          .interpreted = ctx.runtime.first_tier().runs(),
          .copies_out = ctx.copies_out};
}

}  // namespace lazuli
