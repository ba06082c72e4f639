// Reading and writing the value of a tensor: wrap, node_of, assign, and the storage's place in the list of pending
// ones.
#include <fmt/format.h>

#include <cstring>
#include <utility>

#include "frontend/compile/scope.h"
#include "frontend/context.h"
#include "frontend/external.h"
#include "frontend/forms.h"
#include "frontend/history.h"
#include "frontend/view_steps.h"

namespace lazuli {

Storage::Storage(ir::NodeRef v, Location loc)
    : shape(v->shape()),
      dtype(v->dtype()),
      device(v->device()),
      value(std::move(v)),
      where(loc),
      trace(TraceScope::current_id()) {}

Storage::~Storage() {
  Context& ctx = context();
  std::lock_guard lock(ctx.mutex);
  ctx.unlink(*this);
  ctx.untrack(*this);
}

std::shared_ptr<Materialized> materialized(const ir::Node* n) {
  return std::static_pointer_cast<Materialized>(n->cached.lock());
}

std::shared_ptr<Materialized> materialize(const ir::Node* like, std::shared_ptr<runtime::Buffer> buffer,
                                          const ir::Node* computed) {
  ir::NodeSpec spec{.op = ir::Op::data, .attr = ir::LeafAttr{interner().next_leaf_id()}, .dtype = like->dtype()};
  spec.shape = like->shape();
  spec.device = like->device();
  spec.payload = buffer;
  spec.origin = like->origin();
  auto m = std::make_shared<Materialized>(Materialized{interner().make(std::move(spec)), std::move(buffer)});
  if (!m->buffer->external()) {  // what others may write is nobody's cached value
    m->leaf->cached = m;
    if (computed) computed->cached = m;
  }
  return m;
}

const std::shared_ptr<TensorImpl>& impl_of(const Tensor& t, const Location& loc) {
  if (!t.defined())
    throw Error(ErrorKind::Value, "an undefined Tensor has no value", "assign a tensor to the handle first", loc);
  return t.impl();
}

Tensor base_of(std::shared_ptr<Storage> root, const Location& loc) {
  auto impl = std::make_shared<TensorImpl>();
  impl->shape = root->shape;
  impl->strides = ir::contiguous_strides(root->shape);
  impl->dtype = root->dtype;
  impl->device = root->device;
  impl->where = loc;
  impl->root = std::move(root);
  return Tensor(std::move(impl));
}

namespace {

/// The value of a storage, waiting for one that is being computed.
ir::NodeRef value_of(const std::shared_ptr<Storage>& root, bool tracked) {
  if (is_traced(*root)) return traced_value(root);
  Context& ctx = context();
  std::unique_lock lock(ctx.mutex);
  ctx.wait_landed(lock, *root);
  root->used |= tracked;
  return root->value;
}

ir::NodeRef read(const Tensor& t, bool tracked) {
  const TensorImpl& impl = *impl_of(t);
  ir::NodeRef value = value_of(impl.root, tracked);
  if (!tracked) value = untracked(value, impl.where);
  for (const ViewStep& step : impl.steps)
    if (tracked || !is_history(step.op)) value = apply(step, value, impl.where);
  return value;
}

/// Whether a write through this handle is part of the history; it must be allowed where it is.
bool recorded(const TensorImpl& t, const ir::Node& value, const Location& loc) {
  if (!grad_enabled()) return false;
  for (size_t i = t.steps.size(); i-- > 0;) {
    if (t.steps[i].op == ir::Op::variable)
      throw Error(ErrorKind::Value,
                  fmt::format("a {}leaf Variable that requires grad is being used in an in-place operation.",
                              i + 1 == t.steps.size() && t.slot ? "" : "view of a "),
                  "write it under no_grad (an update of a parameter), or write a clone()", loc);
    if (t.steps[i].op != ir::Op::stop_gradient) continue;
    if (value.differentiable())
      throw Error(ErrorKind::Unsupported,
                  "a value that requires grad is being written in place into a detached tensor, which would lose its "
                  "gradient",
                  "write a clone() of the detached tensor, or detach() the value too", loc);
    return false;
  }
  return true;
}

}  // namespace

Tensor tensor_of(std::shared_ptr<Materialized> value, Location loc) {
  auto root = std::make_shared<Storage>(value->leaf, loc);
  root->held = std::move(value);
  return base_of(std::move(root), loc);
}

Tensor as_tensor(ir::NodeRef value, Location loc) {
  Context& ctx = context();
  if (loc.line() == 0) loc = value->origin();
  if (TraceScope* scope = TraceScope::current()) return scope->wrap(std::move(value), loc);
  auto root = std::make_shared<Storage>(std::move(value), loc);
  {
    std::lock_guard lock(ctx.mutex);
    if (const ir::Node* leaf = plain(root->value.get()); leaf->op() == ir::Op::data) {
      auto m = materialized(leaf);
      if (m && !m->buffer->external()) root->held = std::move(m);
    }
    if (!root->held) ctx.link(*root);
    ctx.track(*root);
  }
  return base_of(std::move(root), loc);
}

Tensor wrap(ir::NodeRef value, Location loc) {
  Context& ctx = context();
  if (loc.line() == 0) loc = value->origin();
  if (TraceScope* scope = TraceScope::current()) return scope->wrap(std::move(value), loc);
  if (const ir::NodeRef leaf(plain(value.get())); leaf->op() == ir::Op::data) {
    std::unique_lock lock(ctx.mutex);
    auto m = materialized(leaf.get());
    if (!m) {
      auto buffer = std::dynamic_pointer_cast<runtime::Buffer>(leaf->payload());
      if (!buffer) throw Error(ErrorKind::Internal, "a data leaf without a buffer");
      m = std::make_shared<Materialized>(Materialized{leaf, std::move(buffer)});
      leaf->cached = m;
    }
    if (m->buffer->external()) {  // its owner may write at any time: the value of this moment is copied
      lock.unlock();
      std::lock_guard evaluation(ctx.evaluation);
      auto buffer = context().copy_of(*m->buffer);
      lock.lock();
      m = materialize(leaf.get(), std::move(buffer), nullptr);
    }
    lock.unlock();
    if (leaf == value) return tensor_of(std::move(m), loc);
    auto root = std::make_shared<Storage>(m->leaf == leaf ? std::move(value) : on_leaf(value, m->leaf), loc);
    root->held = std::move(m);
    lock.lock();
    ctx.track(*root);
    lock.unlock();
    return base_of(std::move(root), loc);
  }
  auto root = std::make_shared<Storage>(std::move(value), loc);
  {
    std::lock_guard lock(ctx.mutex);
    ctx.link(*root);
    ctx.track(*root);
  }
  if (ctx.eager.load(std::memory_order_relaxed) && !DeferScope::active()) {
    evaluate({root}, {});
  } else {
    ctx.note_growth(root, loc);
  }
  return base_of(std::move(root), loc);
}

namespace {
thread_local bool deferring = false;
}  // namespace

DeferScope::DeferScope() : before_(std::exchange(deferring, true)) {}
DeferScope::~DeferScope() {
  deferring = before_;
}
bool DeferScope::active() {
  return deferring;
}

Tensor wrap_result(ir::NodeRef value, Location loc) {
  return wrap(apart(std::move(value)), loc);
}

ir::NodeRef node_of(const Tensor& t) {
  return read(t, grad_enabled());
}

ir::NodeRef tracked_node_of(const Tensor& t) {
  return read(t, true);
}

std::vector<ir::NodeRef> versions_of(const Tensor& t) {
  const TensorImpl& impl = *impl_of(t);
  ir::NodeRef value = value_of(impl.root, false);
  if (impl.steps.empty()) return {ir::NodeRef(original(value.get()))};
  std::vector<ir::NodeRef> versions;
  for (;;) {
    ir::NodeRef n = value;
    for (const ViewStep& step : impl.steps) n = apply(step, n, impl.where);
    versions.push_back(std::move(n));
    if (!history_rule(value.get())) return versions;
    value = ir::NodeRef(value->input(1));
  }
}

void assign(Tensor& dst, ir::NodeRef value, Location loc) {
  const TensorImpl& impl = *impl_of(dst, loc);
  if (value->dtype() != impl.dtype || value->shape() != impl.shape)
    throw Error(ErrorKind::Internal, fmt::format("assign: a value of {}{} for a tensor of {}{}", name(value->dtype()),
                                                 ir::str(value->shape()), name(impl.dtype), ir::str(impl.shape)));
  const WritePath path(dst, loc);
  check_may_write(*impl.root, loc);
  const bool record = recorded(impl, *value, loc);
  if (!record) value = untracked(value, loc);
  Context& ctx = context();
  const std::shared_ptr<Storage>& root = impl.root;
  ir::NodeRef before, previous;
  uint64_t written = 0;
  for (;;) {  // built outside the lock; again if another handle has written meanwhile
    if (is_traced(*root)) {
      before = traced_value(root);
    } else {
      std::unique_lock lock(ctx.mutex);
      ctx.wait_landed(lock, *root);
      before = root->value;
      written = root->version;
    }
    const ir::NodeRef history = !record && before->differentiable() ? before : nullptr;
    if (history) before = untracked(history, loc);
    ir::NodeRef next = path.write(before, value, loc);
    if (history) next = written_over(next, history, loc);
    if (is_traced(*root)) return write_traced(root, std::move(next), loc);
    std::unique_lock lock(ctx.mutex);
    ctx.wait_landed(lock, *root);
    if (root->version != written) continue;
    previous = std::exchange(root->value, std::move(next));
    ctx.track(*root);
    written = ++root->version;
    root->used = false;
    if (loc.line() != 0) root->where = loc;
    if (root->ready()) {
      ctx.unlink(*root);
    } else {
      ctx.link(*root);
    }
    break;
  }
  before = nullptr;
  value = nullptr;
  bool at_once = ctx.eager.load(std::memory_order_relaxed);
  {
    std::lock_guard lock(ctx.mutex);
    at_once |= root->escaped();
    if (root->held && root->held->leaf == previous) previous = nullptr;  // a reference would keep it from being reused
  }
  if (!at_once) {
    previous = nullptr;
    ctx.note_growth(root, loc);
    return;
  }
  try {
    evaluate({root}, {});
  } catch (...) {
    std::unique_lock lock(ctx.mutex);
    if (root->version == written) {  // as if the call had not been made
      if (!previous) previous = root->held->leaf;
      std::swap(root->value, previous);
      ctx.track(*root);
      ++root->version;
      if (root->ready()) ctx.unlink(*root);
    }
    lock.unlock();
    throw;
  }
}

}  // namespace lazuli
