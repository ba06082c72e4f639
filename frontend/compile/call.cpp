#include "frontend/compile/call.h"

#include <fmt/format.h>

#include <algorithm>

#include "frontend/context.h"

namespace lazuli::detail {

namespace {

using runtime::Buffer;

class Call {
 public:
  Call(Trace& trace, std::span<const CallArguments::Leaf> arguments, std::span<const Scalar> scalars,
       const CompileOptions& options)
      : trace_(trace), arguments_(arguments), scalars_(scalars), options_(options) {}
  ~Call() { land(); }
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;

  std::vector<Tensor> run(CallRecord& record);

 private:
  /// Memory behind an input or a captured tensor.
  struct Bound {
    std::shared_ptr<Storage> root;
    std::shared_ptr<Materialized> held;
    int64_t offset = 0;  // bytes
  };

  void check_sharing() const;
  void make_ready();
  bool bind();
  bool may_donate(const Bound& b, const Tensor* handle) const;
  void draw();
  std::shared_ptr<const runtime::Prepared> prepared(bool& program_made);
  runtime::EvalResult run_program(const runtime::Prepared& p);
  void commit(runtime::EvalResult& result);
  void write_elsewhere();
  void land();
  std::vector<Tensor> results();
  const TensorImpl& argument(const Trace::Input& input) const { return *arguments_[input.leaf].tensor->impl(); }

  Trace& trace_;
  std::span<const CallArguments::Leaf> arguments_;
  std::span<const Scalar> scalars_;
  const CompileOptions& options_;
  std::vector<Bound> bound_;  // inputs, then captured
  std::vector<Tensor> copies_;
  std::string donated_;  // '1' per donated input, then captured
  std::vector<Generator::Ticket> tickets_;
  std::vector<uint64_t> bits_;
  std::vector<std::shared_ptr<Materialized>> outputs_;
  std::vector<std::shared_ptr<Storage>> fresh_, in_flight_;
  std::vector<const Trace::Write*> later_;
  std::vector<ir::NodeRef> trash_;  // let go of after the locks
  std::vector<std::shared_ptr<Materialized>> trash_held_;
};

/// A function that writes sees its effect in whatever shares the storage; between an argument and a captured tensor the
/// trace did not know of that.
void Call::check_sharing() const {
  for (const Trace::Write& w : trace_.writes) {
    bool both = false;
    if (w.captured) {
      for (const Trace::Input& input : trace_.inputs) both |= argument(input).root == trace_.captured[w.index].root;
    } else {
      for (const Trace::Captured& c : trace_.captured) both |= argument(trace_.inputs[w.index]).root == c.root;
    }
    if (both)
      throw Error(ErrorKind::Unsupported,
                  "a compiled function writes to a tensor that it is given as an argument and also uses from outside",
                  "use the tensor in one way only, or pass a clone()", w.where);
  }
}

void Call::make_ready() {
  Context& ctx = context();
  std::vector<std::shared_ptr<Storage>> pending;
  {
    std::lock_guard lock(ctx.mutex);
    for (const Bound& b : bound_)
      if (!b.root->ready()) pending.push_back(b.root);
  }
  if (!pending.empty()) evaluate(std::move(pending), {});
}

/// Whether the results may take over the memory: nobody else has the value. `handle`: the argument, if the storage ends
/// with it; null, if the storage gets another value.
bool Call::may_donate(const Bound& b, const Tensor* handle) const {
  const Storage& s = *b.root;
  if (s.escaped() || !(s.value == s.held->leaf) || s.held.use_count() > 1 || s.held->leaf->use_count() > 2)
    return false;
  return !handle || (handle->impl().use_count() == 1 && b.root.use_count() == 2);  // the handle's and ours
}

/// Under both locks. False when another thread has made something pending.
bool Call::bind() {
  for (const Bound& b : bound_)
    if (!b.root->ready() || b.root->in_flight) return false;
  donated_.assign(bound_.size(), '0');
  for (size_t i = 0; i < trace_.inputs.size(); ++i) {
    const Trace::Input& input = trace_.inputs[i];
    if (input.donatable && may_donate(bound_[i], arguments_[input.leaf].tensor)) donated_[i] = '1';
  }
  for (const Trace::Write& w : trace_.writes) {
    const size_t i = w.captured ? trace_.inputs.size() + w.index : w.index;
    const bool whole =
        w.captured || trace_.inputs[w.index].enter == Enter::Whole || trace_.inputs[w.index].enter == Enter::Steps;
    const Storage& s = *bound_[i].root;
    if (!whole || s.escaped() || !(s.value == s.held->leaf)) {
      later_.push_back(&w);
    } else if (may_donate(bound_[i], nullptr)) {
      donated_[i] = '1';
    }
  }
  for (size_t i = 0; i < bound_.size(); ++i) {
    bound_[i].held = bound_[i].root->held;
    if (donated_[i] == '1') {
      bound_[i].root->in_flight = true;
      in_flight_.push_back(bound_[i].root);
    }
  }
  return true;
}

void Call::land() {
  if (in_flight_.empty()) return;
  Context& ctx = context();
  {
    std::lock_guard lock(ctx.mutex);
    for (const auto& r : in_flight_) r->in_flight = false;
  }
  in_flight_.clear();
  ctx.landed.notify_all();
}

void Call::draw() {
  for (RandomAction& a : trace_.random) {
    Generator generator = a.generator;
    tickets_.emplace_back();
    switch (a.kind) {
      case RandomAction::Kind::Take:
        tickets_.back() = generator.take(a.number);
        break;
      case RandomAction::Kind::Seed:
        generator.manual_seed(a.number);
        break;
      case RandomAction::Kind::Position:
        generator.set_position(a.number);
        break;
    }
  }
}

/// The program for this choice of donated memory.
std::shared_ptr<const runtime::Prepared> Call::prepared(bool& program_made) {
  std::lock_guard lock(trace_.mutex);
  for (const Trace::Variant& v : trace_.variants)
    if (v.donated == donated_) return v.prepared;
  runtime::EvalRequest request{.graph = trace_.graph, .donated = {}, .targets = {}, .options = options_.eval};
  std::unordered_map<const ir::Payload*, Trace::Source> placeholders;
  const auto place = [&](size_t i, const ir::NodeRef& leaf, Trace::Source::Kind kind, size_t index) {
    placeholders.emplace(leaf->payload().get(), Trace::Source{kind, static_cast<uint32_t>(index), 0, nullptr});
    if (donated_[i] == '1') request.donated.push_back(leaf.get());
  };
  const size_t inputs = trace_.inputs.size();
  for (size_t i = 0; i < inputs; ++i) place(i, trace_.inputs[i].placeholder, Trace::Source::Kind::Input, i);
  for (size_t i = 0; i < trace_.captured.size(); ++i)
    place(inputs + i, trace_.captured[i].placeholder, Trace::Source::Kind::Captured, i);
  auto made = std::make_shared<const runtime::Prepared>(prepare(context().runtime, request, /*values=*/false));
  if (trace_.variants.empty()) {
    for (const ir::Node* leaf : made->leaves()) {
      using Kind = Trace::Source::Kind;
      Trace::Source source{Kind::Constant, 0, 0, leaf};
      if (const auto it = placeholders.find(leaf->payload().get()); it != placeholders.end())
        source = it->second;
      else if (const auto* slot = dynamic_cast<const SlotPayload*>(leaf->payload().get()))
        source = {slot->kind == SlotPayload::Kind::Scalar ? Kind::Scalar : Kind::Draw, slot->index, slot->word, leaf};
      trace_.sources.push_back(source);
    }
  }
  trace_.variants.push_back({donated_, std::make_shared<const runtime::Prepared>(made->again())});
  program_made = !made->hit;
  return made;
}

runtime::EvalResult Call::run_program(const runtime::Prepared& p) {
  using Kind = Trace::Source::Kind;
  const size_t count = trace_.sources.size();
  std::vector<const void*> leaves(count);
  std::vector<std::shared_ptr<Buffer>> owners(count);
  bits_.resize(count);
  for (size_t i = 0; i < count; ++i) {
    const Trace::Source& s = trace_.sources[i];
    switch (s.kind) {
      case Kind::Input:
      case Kind::Captured: {
        const size_t at = s.kind == Kind::Input ? s.index : trace_.inputs.size() + s.index;
        const Bound& b = bound_[at];
        leaves[i] = static_cast<const std::byte*>(b.held->buffer->data()) + b.offset;
        if (donated_[at] == '1') owners[i] = b.held->buffer;
        break;
      }
      case Kind::Constant:
        leaves[i] = s.leaf->payload()->host_data();
        break;
      case Kind::Scalar:
        bits_[i] = scalar_bits(scalars_[s.index], s.leaf->dtype());
        leaves[i] = &bits_[i];
        break;
      case Kind::Draw: {
        const Generator::Ticket& t = tickets_[s.index];
        bits_[i] = s.word == 0 ? t.seed : t.position + (s.word - 1);
        leaves[i] = &bits_[i];
        break;
      }
    }
  }
  return run_prepared(context().runtime, p, trace_.graph, {leaves, owners}, options_.eval);
}

/// Under Context::mutex.
void Call::commit(runtime::EvalResult& result) {
  Context& ctx = context();
  for (size_t i = 0; i < result.buffers.size(); ++i)
    outputs_.push_back(materialize(trace_.graph.outputs[i].get(), std::move(result.buffers[i]), nullptr));
  for (size_t i = 0; i < trace_.inputs.size(); ++i)
    if (donated_[i] == '1') trash_held_.push_back(std::move(bound_[i].root->held));
  for (const Trace::Write& w : trace_.writes) {
    if (std::find(later_.begin(), later_.end(), &w) != later_.end()) continue;
    Storage& root = *bound_[w.captured ? trace_.inputs.size() + w.index : w.index].root;
    const auto& m = outputs_[w.output];
    trash_.push_back(std::exchange(root.value, m->leaf));
    trash_held_.push_back(std::exchange(root.held, m));
    ++root.version;
    if (w.where.line() != 0) root.where = w.where;
    ctx.unlink(root);
  }
}

/// Writes through views and to memory that others have seen: as any in-place operation.
void Call::write_elsewhere() {
  for (const Trace::Write* w : later_) {
    Tensor to;
    if (!w->captured && trace_.inputs[w->index].enter != Enter::Steps) {
      to = *arguments_[trace_.inputs[w->index].leaf].tensor;
    } else {
      to = base_of(bound_[w->captured ? trace_.inputs.size() + w->index : w->index].root, w->where);
    }
    ir::NodeRef leaf = outputs_[w->output]->leaf;
    assign(to, std::move(leaf), w->where);
  }
}

/// The same view of another tensor.
Tensor replay(Tensor t, const std::vector<ViewStep>& steps, const Location& loc) {
  for (const ViewStep& s : steps) {
    switch (s.op) {
      case ir::Op::variable:
        break;
      case ir::Op::stop_gradient:
        t = t.detach(loc);
        break;
      case ir::Op::permute: {
        const ir::Dims& axes = std::get<ir::AxesAttr>(s.attr).axes;
        t = t.permute({axes.data(), axes.size()}, loc);
        break;
      }
      case ir::Op::slice: {
        const auto& a = std::get<ir::SliceAttr>(s.attr);
        for (size_t d = 0; d < s.shape.size(); ++d)
          t = t.slice(static_cast<int64_t>(d), a.start[d],
                      s.shape[d] == 0 ? a.start[d] : a.start[d] + (s.shape[d] - 1) * a.step[d] + 1, a.step[d], loc);
        break;
      }
      case ir::Op::expand:
        t = t.expand({s.shape.data(), s.shape.size()}, loc);
        break;
      case ir::Op::reshape:
        t = t.reshape({s.shape.data(), s.shape.size()}, loc);
        break;
      case ir::Op::bitcast:
        t = t.view(s.dtype, loc);
        break;
      case ir::Op::gather: {
        const auto& a = std::get<ir::SliceAttr>(s.attr);
        const Tensor flat = t.reshape({-1}, loc);
        ir::Dims strides = a.step;
        for (int64_t& n : strides) n *= flat.stride(0, loc);
        t = view_of(flat, s, strides, flat.storage_offset() + a.start[0] * flat.stride(0, loc), loc);
        break;
      }
      default:
        throw Error(ErrorKind::Internal, fmt::format("{} is not a view step", ir::name(s.op)));
    }
  }
  return t;
}

std::vector<Tensor> Call::results() {
  for (const size_t output : trace_.fresh) {
    const auto& m = outputs_[output];
    auto root = std::make_shared<Storage>(m->leaf, trace_.graph.outputs[output]->origin());
    root->held = m;
    fresh_.push_back(std::move(root));
  }
  std::vector<Tensor> all;
  all.reserve(trace_.results.size());
  for (const Trace::Result& r : trace_.results) {
    using Kind = Trace::Result::Kind;
    const auto on = [&](const std::shared_ptr<Storage>& root) {
      auto impl = std::make_shared<TensorImpl>(*r.handle.impl());
      impl->root = root;
      return Tensor(std::move(impl));
    };
    switch (r.kind) {
      case Kind::Fresh:
        all.push_back(on(fresh_[r.index]));
        break;
      case Kind::Outer:
        all.push_back(r.handle);
        break;
      case Kind::Repeat:
        all.push_back(all[r.index]);
        break;
      case Kind::Input: {
        const Trace::Input& input = trace_.inputs[r.index];
        const Tensor& given = *arguments_[input.leaf].tensor;
        if (input.enter == Enter::Steps) {
          all.push_back(on(bound_[r.index].root));
        } else {
          all.push_back(replay(given, r.handle.impl()->steps, r.handle.impl()->where));
        }
        break;
      }
    }
  }
  return all;
}

std::vector<Tensor> Call::run(CallRecord& record) {
  Context& ctx = context();
  for (const Trace::Input& input : trace_.inputs) {
    const TensorImpl& impl = argument(input);
    if (input.enter == Enter::Copied) {
      copies_.push_back(arguments_[input.leaf].tensor->clone());
      bound_.push_back({copies_.back().impl()->root, nullptr, 0});
    } else {
      const int64_t offset =
          input.enter == Enter::Window ? impl.offset * static_cast<int64_t>(itemsize(impl.dtype)) : 0;
      bound_.push_back({impl.root, nullptr, offset});
    }
  }
  for (const Trace::Captured& c : trace_.captured) bound_.push_back({c.root, nullptr, 0});
  if (!trace_.writes.empty()) check_sharing();

  for (bool bound = false; !bound;) {
    make_ready();
    std::lock_guard evaluation(ctx.evaluation);
    {
      std::lock_guard lock(ctx.mutex);
      bound = bind();
    }
    if (!bound) continue;
    if (!trace_.graph.outputs.empty()) record.prepared = prepared(record.made);
    draw();
    runtime::EvalResult result;
    if (record.prepared) {
      result = run_program(*record.prepared);
      record.measured = std::move(result.report);
      ++ctx.evaluations;
    }
    {
      std::lock_guard lock(ctx.mutex);
      commit(result);
    }
    land();
    // Gone before another program is planned: what was given away is no longer found through Node::cached.
    trash_held_.clear();
    for (Bound& b : bound_) b.held = nullptr;
  }
  write_elsewhere();
  return results();
}

}  // namespace

std::vector<Tensor> run_trace(Trace& trace, std::span<const CallArguments::Leaf> arguments,
                              std::span<const Scalar> scalars, const CompileOptions& options, CallRecord& record) {
  return Call(trace, arguments, scalars, options).run(record);
}

}  // namespace lazuli::detail
