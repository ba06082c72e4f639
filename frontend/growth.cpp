// Keeps programs that never evaluate in bounded memory: when the nodes alive have grown by the limit since the last
// look, and one tensor has more than the limit behind it, it is evaluated together with the handles it is made of.
//
// A loop is cut at one and the same line every time, so that every piece has the same structure and compiles once.
#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "frontend/pending_graph.h"
#include "runtime/context.h"

namespace lazuli {

namespace {

/// Longest chain of pending operations behind each of the nodes.
std::unordered_map<const ir::Node*, int64_t> depths(const PendingGraph& g) {
  std::unordered_map<const ir::Node*, int64_t> depth;
  for (const ir::Node* n : g.order()) {
    int64_t d = 0;
    if (!g.cut(n))
      for (const ir::Node* input : operands_of(n)) d = std::max(d, depth.at(input) + 1);
    depth.emplace(n, d);
  }
  return depth;
}

}  // namespace

void Context::note_growth(const std::shared_ptr<Storage>& s, const Location& loc) {
  const int64_t limit = pending_limit.load(std::memory_order_relaxed);
  if (limit <= 0) return;
  const int64_t live = static_cast<int64_t>(interner.live_nodes());
  if (live < next_look_.load(std::memory_order_relaxed)) return;

  bool warn = false;
  std::vector<std::shared_ptr<Storage>> pending, grown;
  {
    std::lock_guard growth(growth_mutex_);
    const bool known = growing_line_ != 0;
    const bool same = known && loc.line() == growing_line_ && std::string_view(loc.file_name()) == growing_file_;
    if (known && !same && live < next_look_.load() + limit) return;
    std::lock_guard lock(mutex);
    const ir::Node* value = s->value.get();
    if (PendingGraph own({&value, 1}); static_cast<int64_t>(own.operations()) > limit) {
      pending = pending_storages();
      std::vector<const ir::Node*> values;
      for (const auto& p : pending) values.push_back(p->value.get());
      const PendingGraph all(values);
      const auto depth = depths(all);
      const int64_t deep = std::max<int64_t>(limit / 64, 16);
      for (const auto& p : pending)
        if (!p->in_flight && (own.contains(p->value.get()) || depth.at(p->value.get()) >= deep)) grown.push_back(p);
      warn = !same;
      growing_file_ = loc.file_name();
      growing_line_ = loc.line();
    }
  }
  if (warn)
    runtime.log(
        runtime::LogLevel::Warning,
        fmt::format(
            "more than {} pending operations behind one tensor: evaluating it at {}:{}. Call eval() in the loop "
            "to choose where, or set_pending_limit().",
            limit, loc.file_name(), loc.line()));
  if (!grown.empty()) {
    try {
      evaluate(std::move(grown), {});
    } catch (const Error&) {
      // Nothing was asked for here; the error comes back when the value is.
    }
  }
  next_look_ = static_cast<int64_t>(interner.live_nodes()) + limit;
}

}  // namespace lazuli
