// CompiledCore: which trace a call belongs to, when there is a new one and why, and what is reported.
#include <fmt/format.h>

#include <algorithm>
#include <deque>

#include "frontend/compile/call.h"
#include "frontend/context.h"
#include "frontend/history.h"
#include "frontend/layout.h"
#include "runtime/executor.h"

namespace lazuli {

namespace detail {

namespace {

/// Traces kept that differ in host values alone: one for each of a few values that alternate, while a value that is new
/// at every call does not drive the traces of other structures out.
constexpr int kTracesPerStructure = 4;
constexpr size_t kReasons = 32;

using Leaf = CallArguments::Leaf;

void put(std::string& key, const void* data, size_t size) {
  key.append(static_cast<const char*>(data), size);
}
template <class T>
void put(std::string& key, const T& v) {
  put(key, &v, sizeof v);
}
void put(std::string& key, const ir::Dims& dims) {
  put(key, dims.size());
  put(key, dims.data(), dims.size() * sizeof(int64_t));
}

void put(std::string& key, const ViewStep& s) {
  put(key, s.op);
  put(key, s.shape);
  put(key, s.dtype);
  if (const auto* axes = std::get_if<ir::AxesAttr>(&s.attr)) put(key, axes->axes);
  if (const auto* slice = std::get_if<ir::SliceAttr>(&s.attr)) {
    put(key, slice->start);
    put(key, slice->step);
  }
}

/// Whether the handle is a view. Recording for gradients is off where this is asked, or there is nothing to record.
bool moves(const ViewStep& s) {
  return !is_history(s.op);
}

Enter enter_of(const TensorImpl& impl) {
  if (std::none_of(impl.steps.begin(), impl.steps.end(), moves)) return Enter::Whole;
  if (is_row_major(impl.shape, impl.strides)) return Enter::Window;
  for (const ViewStep& s : impl.steps)
    if (s.op == ir::Op::slice || s.op == ir::Op::gather || s.op == ir::Op::bitcast) return Enter::Copied;
  return Enter::Steps;
}

/// The first leaf that shares the storage; the leaf itself if none does.
uint32_t group_of(std::span<const Leaf> leaves, uint32_t i) {
  const auto& root = leaves[i].tensor->impl()->root;
  for (uint32_t j = 0; j < i; ++j)
    if (leaves[j].tensor->impl()->root == root) return j;
  return i;
}

LeafFacts facts_of(const TensorImpl& impl, Enter enter, uint32_t group) {
  LeafFacts f;
  f.enter = enter;
  f.group = group;
  f.dtype = impl.dtype;
  f.device = impl.device;
  f.shape = impl.shape;
  if (enter == Enter::Steps) {
    f.root_shape = impl.root->shape;
    f.root_dtype = impl.root->dtype;
    std::copy_if(impl.steps.begin(), impl.steps.end(), std::back_inserter(f.steps), moves);
  } else {
    f.root_shape = impl.shape;
    f.root_dtype = impl.dtype;
  }
  return f;
}

/// What the trace must be told of the argument tensors; its bytes go to `key`.
class LeafReader {
 public:
  LeafReader(std::span<const Leaf> leaves, bool group) : leaves_(leaves), entered_(leaves.size()) {
    for (uint32_t i = 0; i < leaves.size(); ++i) entered_[i] = {enter_of(*leaves[i].tensor->impl()), i};
    if (!group) return;
    for (uint32_t i = 0; i < leaves.size(); ++i) {
      const uint32_t first = group_of(leaves, i);
      if (first == i) continue;
      entered_[i] = {Enter::Steps, first};
      entered_[first].first = Enter::Steps;
    }
  }
  void key(std::string& key) const {
    for (size_t i = 0; i < leaves_.size(); ++i) {
      const TensorImpl& impl = *leaves_[i].tensor->impl();
      const auto [enter, group] = entered_[i];
      put(key, enter);
      put(key, impl.dtype);
      put(key, impl.device);
      put(key, impl.shape);
      if (enter != Enter::Steps) continue;
      put(key, group);
      put(key, impl.root->shape);
      put(key, impl.root->dtype);
      put(key, std::count_if(impl.steps.begin(), impl.steps.end(), moves));
      for (const ViewStep& s : impl.steps)
        if (moves(s)) put(key, s);
    }
  }
  std::vector<LeafFacts> facts() const {
    std::vector<LeafFacts> all;
    for (size_t i = 0; i < leaves_.size(); ++i)
      all.push_back(facts_of(*leaves_[i].tensor->impl(), entered_[i].first, entered_[i].second));
    return all;
  }

 private:
  std::span<const Leaf> leaves_;
  std::vector<std::pair<Enter, uint32_t>> entered_;
};

std::string shown(uint32_t argument, const std::string& path) {
  return path.empty() ? fmt::format("argument {}", argument) : fmt::format("argument {} ({})", argument, path);
}

/// Whether a captured tensor has a history now, which the results would have to go on with.
bool reads_tracked(const Trace& trace) {
  std::lock_guard lock(context().mutex);
  return std::any_of(trace.captured.begin(), trace.captured.end(),
                     [](const Trace::Captured& c) { return c.root->value->differentiable(); });
}

std::shared_ptr<const Trace::Names> names_of(const CallArguments& a, const std::vector<LeafFacts>& facts,
                                             CallBody& body) {
  auto names = std::make_shared<Trace::Names>();
  names->structures = body.structures();
  const std::vector<std::string> paths = body.paths();
  for (size_t i = 0; i < facts.size(); ++i) {
    names->leaf_names.push_back(shown(a.leaves[i].argument, paths[i]));
    names->leaf_texts.push_back(facts[i].str());
  }
  return names;
}

}  // namespace

struct CompiledCore::Impl {
  CompileOptions options;
  Location where;
  mutable std::mutex mutex;                    // everything below
  std::mutex tracing;                          // the function runs once at a time; taken before `mutex`
  std::vector<std::shared_ptr<Trace>> traces;  // the last one used first
  std::unordered_map<const void*, std::shared_ptr<const TraceDemands>> demands;  // by types
  CompileReport counts;
  std::deque<std::string> reasons;
  std::shared_ptr<Trace> last;
  CallRecord record;

  /// Completes the arguments' key and looks for the trace.
  std::shared_ptr<Trace> find(const void* types, const CallArguments& a, const TraceDemands& demands, std::string& key,
                              std::string& hosts);
  std::shared_ptr<Trace> make(const void* types, const CallArguments& a, CallBody& body);
  std::string reason(const Trace& now) const;
  void keep(std::shared_ptr<Trace> trace);
  std::shared_ptr<const TraceDemands> demands_of(const void* types) {
    std::lock_guard lock(mutex);
    auto& d = demands[types];
    if (!d) d = std::make_shared<const TraceDemands>();
    return d;
  }
};

std::shared_ptr<Trace> CompiledCore::Impl::find(const void* types, const CallArguments& a, const TraceDemands& demands,
                                                std::string& key, std::string& hosts) {
  key = a.structure;
  put(key, types);
  put(key, grad_enabled());
  LeafReader(a.leaves, demands.writes_arguments).key(key);
  hosts = a.hosts;
  for (uint32_t i = 0; i < a.scalars.size(); ++i) {
    put(key, a.scalars[i].kind());
    if (demands.known_scalars.contains(i + 1)) put(hosts, scalar_bits(a.scalars[i], a.scalars[i].kind()));
  }
  std::lock_guard lock(mutex);
  for (size_t i = 0; i < traces.size(); ++i) {
    if (traces[i]->hosts != hosts || traces[i]->key != key) continue;
    auto found = traces[i];
    std::rotate(traces.begin(), traces.begin() + static_cast<ptrdiff_t>(i),
                traces.begin() + static_cast<ptrdiff_t>(i) + 1);
    return found;
  }
  return nullptr;
}

std::shared_ptr<Trace> CompiledCore::Impl::make(const void* types, const CallArguments& a, CallBody& body) {
  std::lock_guard one(tracing);
  TraceDemands wanted = *demands_of(types);
  for (;;) {
    std::string key, hosts;
    if (auto found = find(types, a, wanted, key, hosts)) return found;  // another thread was faster
    const std::vector<LeafFacts> facts = LeafReader(a.leaves, wanted.writes_arguments).facts();
    auto trace = make_trace(facts, a.leaves, a.scalars, body, options, wanted, where);
    {
      std::lock_guard lock(mutex);
      demands[types] = std::make_shared<const TraceDemands>(wanted);
    }
    if (!trace) continue;
    trace->types = types;
    trace->hosts = std::move(hosts);
    trace->key = std::move(key);
    {
      std::lock_guard lock(mutex);
      for (const auto& t : traces)
        if (t->key == trace->key) trace->names = t->names;
    }
    if (!trace->names) trace->names = names_of(a, facts, body);
    keep(trace);
    return trace;
  }
}

/// Why none of the traces would do. Under `mutex`.
std::string CompiledCore::Impl::reason(const Trace& now) const {
  const auto last_one =
      std::find_if(traces.begin(), traces.end(), [&](const auto& t) { return t->types == now.types; });
  if (last_one == traces.end()) return "other types of arguments";
  const Trace::Names &before = *(*last_one)->names, &after = *now.names;
  for (size_t i = 0; i < after.structures.size(); ++i)
    if (after.structures[i] != before.structures[i])
      return fmt::format("argument {}: {} became {}", i, before.structures[i], after.structures[i]);
  for (size_t i = 0; i < after.leaf_texts.size(); ++i)
    if (after.leaf_texts[i] != before.leaf_texts[i])
      return fmt::format("{}: {} became {}", after.leaf_names[i], before.leaf_texts[i], after.leaf_texts[i]);
  return "arguments share storages in another way, or a Scalar is of another kind";
}

void CompiledCore::Impl::keep(std::shared_ptr<Trace> trace) {
  std::lock_guard lock(mutex);
  const auto same = [&](const auto& t) { return t->key == trace->key; };
  if (std::any_of(traces.begin(), traces.end(), same)) {
    ++counts.rebuilds;
  } else {
    ++counts.traces;
    if (last) {
      reasons.push_back(reason(*trace));
      if (reasons.size() > kReasons) reasons.pop_front();
    }
  }
  if (std::count_if(traces.begin(), traces.end(), same) >= kTracesPerStructure)
    traces.erase(std::next(std::find_if(traces.rbegin(), traces.rend(), same)).base());
  traces.insert(traces.begin(), std::move(trace));
  if (traces.size() > static_cast<size_t>(std::max(options.max_traces, 1))) traces.pop_back();
}

CompiledCore::CompiledCore(CompileOptions options, size_t arguments, Location where) : impl_(std::make_unique<Impl>()) {
  for (const int d : options.donate)
    if (d < 0 || static_cast<size_t>(d) >= arguments)
      throw Error(ErrorKind::Value, fmt::format("compile: donate names argument {} of a function of {}", d, arguments),
                  "arguments are counted from 0", where);
  impl_->options = std::move(options);
  impl_->options.eval = context().merged(impl_->options.eval);
  impl_->where = where;
}

CompiledCore::~CompiledCore() = default;

bool CompiledCore::is_direct() {
  return TraceScope::current() || context().eager.load(std::memory_order_relaxed);
}

CallResult CompiledCore::call(const void* types, CallArguments& a, CallBody& body) {
  Impl& d = *impl_;
  const auto direct = [&] {
    std::lock_guard lock(d.mutex);
    ++d.counts.calls;
    ++d.counts.direct;
    return CallResult{.direct = true, .tree = nullptr, .leaves = {}};
  };
  if (grad_enabled())
    for (const Leaf& leaf : a.leaves)
      if (is_tracked(*leaf.tensor->impl())) return direct();
  std::string key, hosts;
  auto trace = d.find(types, a, *d.demands_of(types), key, hosts);
  if (!trace) trace = d.make(types, a, body);
  if (trace->direct || (grad_enabled() && reads_tracked(*trace))) return direct();
  {
    std::lock_guard lock(d.mutex);
    ++d.counts.calls;
    d.last = trace;
  }
  CallRecord record;
  CallResult result{.direct = false, .tree = trace->tree, .leaves = {}};
  result.leaves = run_trace(*trace, a.leaves, a.scalars, d.options, record);
  std::lock_guard lock(d.mutex);
  if (record.made) {
    Report made;
    fill_report(*record.prepared, made);
    ++d.counts.programs;
    for (const KernelReport& k : made.kernels) d.counts.kernels += !k.cache_hit;
  }
  d.record = std::move(record);
  return result;
}

namespace {

ir::Graph graph_of(const std::shared_ptr<Trace>& trace) {
  if (!trace) throw Error(ErrorKind::Value, "a compiled function has no graph before its first call", "call it once");
  return trace->graph;
}

}  // namespace

std::string CompiledCore::dump(const std::string& stage) const {
  std::unique_lock lock(impl_->mutex);
  const ir::Graph graph = graph_of(impl_->last);
  lock.unlock();
  return runtime::dump(context().runtime, graph, stage, impl_->options.eval);
}

std::string CompiledCore::explain() const {
  std::unique_lock lock(impl_->mutex);
  const ir::Graph graph = graph_of(impl_->last);
  lock.unlock();
  return runtime::explain(context().runtime, graph, impl_->options.eval);
}

CompileReport CompiledCore::report() const {
  std::lock_guard lock(impl_->mutex);
  CompileReport r = impl_->counts;
  r.retraces.assign(impl_->reasons.begin(), impl_->reasons.end());
  if (!impl_->record.measured.kernels.empty())
    r.last = impl_->record.measured;
  else if (impl_->record.prepared)
    fill_report(*impl_->record.prepared, r.last);
  return r;
}

}  // namespace detail

std::string CompileReport::str() const {
  std::string text = fmt::format(
      "{} calls: {} traces, {} rebuilds for other numbers, {} programs made with {} kernels compiled, {} direct\n",
      calls, traces, rebuilds, programs, kernels, direct);
  for (const std::string& r : retraces) text += "  traced again: " + r + "\n";
  for (const KernelReport& k : last.kernels) {
    text += fmt::format("  {} ({}, {} ops)", k.name, k.kind, k.fused_ops);
    if (k.milliseconds > 0) text += fmt::format(" {:.4f} ms, {:.0f} % of peak", k.milliseconds, 100 * k.peak_fraction);
    text += "\n";
  }
  return text;
}

}  // namespace lazuli
