// Evaluation of storages: what to compute, which memory may be reused, running it, and re-pointing the storages.
//
// Memory rules. A storage that is written in place keeps its memory when nobody else needs the old contents. When
// somebody does (a pending reader, another storage of the same value), a storage whose address nobody has seen simply
// takes fresh memory; one whose memory has escaped keeps it, and the readers are computed in the same program, or,
// where that is not possible, the old contents are moved to memory of their own.
//
// A tracked storage keeps its history (frontend/history.h): its expression survives, and the values that a backward
// pass will read are computed along as outputs of the same program. What backward() has left pending is computed
// together.
#include <algorithm>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "frontend/compile/scope.h"
#include "frontend/history.h"
#include "frontend/pending_graph.h"
#include "runtime/context.h"
#include "runtime/executor.h"

namespace lazuli {

namespace {

using Roots = std::vector<std::shared_ptr<Storage>>;
using Buffers = ir::PointerNumbers<runtime::Buffer>;

/// More pending readers than this are not dragged into a write; the old contents are copied instead.
constexpr size_t kReadersPerWrite = 16;

/// How one root gets its value, or a value that history keeps.
struct Job {
  enum class Kind : uint8_t { Output, Share, Copy, Fill };
  Storage* root = nullptr;          // null: kept for a backward pass
  const ir::Node* value = nullptr;  // without history
  Kind kind = Kind::Output;
  size_t output = 0;                        // Output: position in the request
  std::shared_ptr<Materialized> source;     // Share, Copy
  std::shared_ptr<runtime::Buffer> target;  // memory that it must land in; null: fresh
  bool after = false;                       // Copy, Fill: done after the program, not before it
};

/// Moves the old contents to memory of their own: nodes that read the root's leaf read them there from now on.
void copy_out(Storage& root) {
  Context& ctx = context();
  const std::shared_ptr<Materialized> old = root.held;
  const bool ready = root.ready();
  auto moved = ctx.copy_of(*old->buffer);
  old->buffer->swap_memory(*moved);  // `moved` has the storage's memory now
  root.held = materialize(old->leaf.get(), std::move(moved), nullptr);
  if (ready) root.value = on_leaf(root.value, root.held->leaf);
  ++ctx.copies_out;
}

class Evaluation {
 public:
  /// `keep`: what backward passes through the roots will read (values_to_keep).
  Evaluation(Roots roots, std::span<const ir::NodeRef> keep, bool readers_first)
      : roots_(std::move(roots)), keep_(keep), readers_first_(readers_first) {}

  /// Under Context::mutex.
  void plan() {
    if (readers_first_) add_companions();
    for (;;) {
      analyse();
      if (!resolve_conflict()) break;
    }
    make_jobs();
  }

  void run(const EvalOptions& options) {
    copy(/*after=*/false);
    if (!request_.graph.outputs.empty()) {
      request_.options = options;
      result_ = runtime::evaluate(context().runtime, request_);
      ++context().evaluations;
    }
    copy(/*after=*/true);
  }

  /// Under Context::mutex: every root becomes ready.
  void commit() {
    std::vector<std::shared_ptr<Materialized>> outputs(request_.graph.outputs.size());
    const auto output = [&](const Job& job, const ir::Node* value) {
      auto& shared = outputs[job.output];
      if (!shared) {
        const ir::Node* computed = volatile_.count(value) ? nullptr : value;
        shared = materialize(value, result_.buffers[job.output], computed);
      }
      return shared;
    };
    auto kept = std::make_shared<Kept>();
    for (const Job& job : jobs_) {
      if (job.root) continue;
      const bool own = job.kind == Job::Kind::Output;
      kept->push_back(own ? output(job, job.value) : materialize(job.value, job.target, job.value));
    }
    kept->insert(kept->end(), keep_held_.begin(), keep_held_.end());
    const ir::NodeRef identities = kept->empty() ? nullptr : bundle(keep_);
    for (Job& job : jobs_) {
      if (!job.root) continue;
      Storage& root = *job.root;
      std::shared_ptr<Materialized> m;
      if (job.kind == Job::Kind::Share) {
        m = job.source;
      } else if (job.kind == Job::Kind::Output) {
        m = output(job, job.value);
      } else {
        m = materialize(job.value, job.target, nullptr);
      }
      ir::NodeRef value = m->leaf;
      if (root.value->differentiable()) value = computed_history(root.value, m, identities.get(), kept);
      trash_.push_back(std::exchange(root.value, std::move(value)));
      trash_held_.push_back(std::exchange(root.held, std::move(m)));
      context().unlink(root);
      context().track(root);
    }
  }

  const Roots& roots() const { return roots_; }
  Report take_report() { return std::move(result_.report); }
  bool added_readers() const { return added_readers_; }

 private:
  void analyse() {
    graph_.reset();  // its cuts would count as holders
    values_.clear();
    kept_.clear();
    NodeCounts released;
    std::vector<const std::shared_ptr<Materialized>*> holders;
    for (const auto& r : roots_) {
      values_.push_back(r->value.get());
      if (!kept_by_history(r->value.get())) released.add(r->value.get());
      if (r->held) holders.push_back(&r->held);
      const ir::Node* n = plain(r->value.get());
      if (auto m = materialized(n)) kept_.push_back(m->leaf.get());
      if (n->op() == ir::Op::data) kept_.push_back(n);
    }
    // Where the roots are the only ones that hold a value, nobody else has it.
    std::sort(holders.begin(), holders.end(), [](const auto* a, const auto* b) { return *a < *b; });
    for (size_t i = 0, end = 0; i < holders.size(); i = end) {
      while (end < holders.size() && *holders[end] == *holders[i]) ++end;
      if (holders[i]->use_count() == static_cast<long>(end - i)) released.add((*holders[i])->leaf.get());
    }
    for (const auto& k : keep_) values_.push_back(k.get());
    graph_ = std::make_unique<PendingGraph>(values_);
    dying_ = ir::NodeNumbers();
    const ir::NodeNumbers kept(kept_);
    const auto dies = [&](const ir::Node* n) {
      if (!kept.contains(n)) dying_.add(n);
    };
    for (const ir::Node* n : graph_->dying(released)) dies(n);
    for (const auto& [n, count] : released.entries())
      if (!graph_->contains(n) && count == n->use_count()) dies(n);
  }

  /// Adds what is pending and computed along anyway: the other results of a backward pass, and tensors whose value
  /// history keeps.
  void add_companions() {
    const auto has = [&](const std::shared_ptr<Storage>& s) {
      return std::find(roots_.begin(), roots_.end(), s) != roots_.end();
    };
    Roots candidates;
    auto& companions = context().companions;
    std::erase_if(companions, [&](const std::weak_ptr<Storage>& weak) {
      auto s = weak.lock();
      if (!s) return true;
      const bool done = s->ready();
      if (!done && !s->in_flight && !has(s)) candidates.push_back(s);
      keep_alive_.push_back(std::move(s));
      return done;
    });
    if (!candidates.empty()) {
      std::vector<const ir::Node*> values;
      for (const auto& r : roots_) values.push_back(r->value.get());
      for (auto& s : sharing(PendingGraph(values), candidates)) {
        roots_.push_back(std::move(s));
        added_readers_ = true;
      }
    }
    if (keep_.empty()) return;
    std::unordered_set<const ir::Node*> kept;
    for (const auto& k : keep_)
      if (const ir::Node* n = plain(k.get()); n->input_count() > 0 && !materialized(n)) kept.insert(n);
    if (kept.empty()) return;
    Roots pending = context().pending_storages();
    for (auto& s : pending) {
      if (!s->in_flight && kept.count(plain(s->value.get())) && !has(s)) roots_.push_back(s);
      keep_alive_.push_back(std::move(s));
    }
  }

  /// Makes sure that escaped memory may be overwritten; true if something changed and the analysis must be repeated.
  bool resolve_conflict() {
    for (const auto& r : roots_) {
      if (!r->escaped() || dying_.contains(r->held->leaf.get())) continue;
      if (readers_first_ && !added_readers_) {
        auto readers = readers_of(r->held->leaf.get(), roots_, keep_alive_);
        if (!readers.empty() && readers.size() <= kReadersPerWrite) {
          added_readers_ = true;
          for (auto& reader : readers) {
            if (!reader->escaped()) roots_.push_back(std::move(reader));
          }
          return true;
        }
      }
      copy_out(*r);
      return true;
    }
    return false;
  }

  void make_jobs() {
    std::vector<const ir::Node*> outputs;
    std::vector<size_t> order(roots_.size());
    for (size_t i = 0; i < order.size(); ++i) order[i] = i;
    // Escaped roots choose first: a value that two roots share is computed into the memory that it must land in.
    std::stable_sort(order.begin(), order.end(),
                     [&](size_t a, size_t b) { return roots_[a]->escaped() > roots_[b]->escaped(); });
    Buffers claimed;
    std::vector<Job> computed;
    for (const size_t i : order) {
      Storage& r = *roots_[i];
      Job job;
      job.root = &r;
      job.value = plain(r.value.get());
      job.source = materialized(job.value);
      if (r.escaped() || (r.held && dying_.contains(r.held->leaf.get()) && claimed.add(r.held->buffer.get())))
        job.target = r.held->buffer;
      if (!job.source && job.value->op() == ir::Op::data)
        job.source = std::make_shared<Materialized>(
            Materialized{ir::NodeRef(job.value), std::dynamic_pointer_cast<runtime::Buffer>(job.value->payload())});
      if (job.source) {
        const bool share = !r.escaped() && !job.source->buffer->external();
        job.kind = share ? Job::Kind::Share : Job::Kind::Copy;
        job.after = r.escaped();
        if (!job.after) job.target = nullptr;
        jobs_.push_back(std::move(job));
      } else if (job.value->op() == ir::Op::constant || job.value->op() == ir::Op::argument) {
        job.kind = Job::Kind::Fill;
        job.after = r.escaped();
        if (!job.after) job.target = nullptr;
        jobs_.push_back(std::move(job));
      } else {
        outputs.push_back(job.value);
        computed.push_back(std::move(job));
      }
    }
    for (const auto& k : keep_) {
      Job job;
      job.value = plain(k.get());
      if (job.value->input_count() == 0) continue;
      if (auto m = materialized(job.value)) {
        keep_held_.push_back(std::move(m));
      } else {
        outputs.push_back(job.value);
        computed.push_back(std::move(job));
      }
    }
    const ir::Graph graph = graph_->graph(outputs);
    ir::NodeNumbers position(computed.size());
    Buffers targets;
    for (size_t i = 0; i < computed.size(); ++i) {
      Job& job = computed[i];
      const bool fresh = position.add(graph.outputs[i].get());  // a number is the place in the request
      job.output = position[graph.outputs[i].get()];
      if (fresh) {
        request_.graph.outputs.push_back(graph.outputs[i]);
        request_.targets.push_back(job.target);
        if (job.target) targets.add(job.target.get());
      } else if (const auto& first = request_.targets[job.output]; first && first->external()) {
        job.kind = Job::Kind::Copy;  // what others may write is not shared
        job.after = true;
        if (!job.root || !job.root->escaped()) job.target = nullptr;
      }
      jobs_.push_back(std::move(job));
    }
    for (const ir::Node* n : graph_->order()) {
      if (n->op() != ir::Op::data || !dying_.contains(n)) continue;
      const auto* buffer = dynamic_cast<const runtime::Buffer*>(n->payload().get());
      if (buffer && !buffer->external() && !targets.contains(buffer)) request_.donated.push_back(n);
    }
    volatile_ = graph_->reads_escaped();
    graph_.reset();
  }

  /// Values that are in memory already. Those that land in fresh memory are copied before the program, which may write
  /// to where they come from; those that land in escaped memory after it, because it may read what was there.
  void copy(bool after) {
    for (Job& job : jobs_) {
      if ((job.kind != Job::Kind::Copy && job.kind != Job::Kind::Fill) || job.after != after) continue;
      const ir::Node& value = *job.value;
      if (!job.target) job.target = context().allocate(value.nbytes(), value.device());
      runtime::Context& runtime = context().runtime;
      if (job.kind == Job::Kind::Fill)
        runtime.upload(*job.target, fill_bits(value), value.nbytes());
      else
        runtime.copy(*job.target, job.source ? *job.source->buffer : *result_.buffers[job.output], value.nbytes());
    }
  }

  static const void* fill_bits(const ir::Node& value) {
    return value.op() == ir::Op::constant ? &value.attr_as<ir::ConstantAttr>().bits : value.payload()->host_data();
  }

  Roots roots_, keep_alive_;
  std::span<const ir::NodeRef> keep_;
  Kept keep_held_;
  bool readers_first_, added_readers_ = false;
  std::vector<const ir::Node*> values_, kept_;
  std::unique_ptr<PendingGraph> graph_;
  ir::NodeNumbers dying_;
  std::unordered_set<const ir::Node*> volatile_;
  std::vector<Job> jobs_;
  runtime::EvalRequest request_;
  runtime::EvalResult result_;
  std::vector<ir::NodeRef> trash_;
  std::vector<std::shared_ptr<Materialized>> trash_held_;
};

void drop_done(Roots& roots) {
  Roots left;
  for (auto& r : roots)
    if (!r->ready() && std::find(left.begin(), left.end(), r) == left.end()) left.push_back(r);
  std::swap(roots, left);
}

/// The values of tracked storages that are still to be computed.
std::vector<ir::NodeRef> tracked_values(const Roots& roots) {
  std::vector<ir::NodeRef> values;
  std::lock_guard lock(context().mutex);
  for (const auto& r : roots)
    if (r->value->differentiable() && !r->ready()) values.push_back(r->value);
  return values;
}

bool all_known(const Roots& roots, const std::vector<ir::NodeRef>& tracked) {
  return std::all_of(roots.begin(), roots.end(), [&](const auto& r) {
    return !r->value->differentiable() || std::find(tracked.begin(), tracked.end(), r->value) != tracked.end();
  });
}

}  // namespace

Report evaluate(std::vector<std::shared_ptr<Storage>> roots, EvalOptions options) {
  for (const auto& r : roots) refuse_observation(*r, "evaluation", r->where);
  Context& ctx = context();
  options = ctx.merged(options);
  for (bool readers_first = true;;) {
    const std::vector<ir::NodeRef> tracked = tracked_values(roots);
    const std::vector<ir::NodeRef> keep = values_to_keep(tracked);
    std::lock_guard evaluation(ctx.evaluation);
    const Roots all = roots;  // keeps every root alive until the locks are gone
    std::unique_ptr<Evaluation> run;
    std::unique_lock lock(ctx.mutex);
    drop_done(roots);
    if (roots.empty()) return {};
    if (!all_known(roots, tracked)) continue;  // written meanwhile
    run = std::make_unique<Evaluation>(roots, keep, readers_first);
    bool failed = false;
    std::exception_ptr error;
    try {
      run->plan();
      for (const auto& r : run->roots()) r->in_flight = true;
      lock.unlock();
      run->run(options);
    } catch (...) {
      error = std::current_exception();
      failed = true;
    }
    if (!lock.owns_lock()) lock.lock();
    for (const auto& r : run->roots()) r->in_flight = false;
    if (!failed) run->commit();
    lock.unlock();
    ctx.landed.notify_all();
    if (!failed) return run->take_report();
    // A reader that fails is no reason to refuse the write.
    if (!(readers_first && run->added_readers())) std::rethrow_exception(error);
    readers_first = false;
  }
}

void* escape(const std::shared_ptr<Storage>& root) {
  Context& ctx = context();
  for (bool readers_first = true;; readers_first = false) {
    evaluate({root}, {});
    Roots readers, keep_alive;
    std::shared_ptr<Materialized> old;
    ir::NodeRef old_value;
    {
      std::lock_guard evaluation(ctx.evaluation);
      std::lock_guard lock(ctx.mutex);
      if (!root->ready()) continue;
      const ir::Node* leaf = root->held->leaf.get();
      if (root->held.use_count() > 1) {  // another storage has the same value: this one takes a copy
        auto own = ctx.copy_of(*root->held->buffer);
        old = std::exchange(root->held, materialize(leaf, std::move(own), nullptr));
        old_value = std::exchange(root->value, on_leaf(root->value, root->held->leaf));
      } else if (leaf->use_count() > 2) {  // more than value and held
        if (readers_first) readers = readers_of(leaf, {}, keep_alive);
        if (readers.empty()) copy_out(*root);
      }
      if (readers.empty()) {
        root->held->buffer->mark_external();
        // A leaf of its own for every time that memory is handed out: what was computed from the old one is not this.
        old = std::exchange(root->held, materialize(leaf, root->held->buffer, nullptr));
        old_value = std::exchange(root->value, on_leaf(root->value, root->held->leaf));
        return root->held->buffer->data();
      }
    }
    try {
      evaluate(std::move(readers), {});
    } catch (const Error&) {
      // What cannot be computed keeps the old contents: the next round copies them out.
    }
  }
}

}  // namespace lazuli
