#include "frontend/compile/scope.h"

#include <fmt/format.h>

#include "frontend/context.h"
#include "frontend/external.h"

namespace lazuli {

namespace {

thread_local TraceScope* t_scope = nullptr;

constexpr const char* kInsideHint =
    "inside a compiled function only shapes and types are known: choose between values with where(), or return the "
    "value "
    "and look at it after the call";

[[noreturn]] void throw_foreign(const Location& loc) {
  throw Error(ErrorKind::Value,
              "a tensor that was made while a compiled function was traced is used outside of that trace",
              "return it from the function; what the function leaves behind elsewhere has no value", loc);
}

}  // namespace

TraceScope::TraceScope(Location where) : id_(context().next_trace.fetch_add(1)), where_(where), outer_(t_scope) {
  default_generator();  // exists before the trace, and so outlives it
  t_scope = this;
}

TraceScope::~TraceScope() {
  t_scope = outer_;
}

TraceScope* TraceScope::current() {
  return t_scope;
}
uint64_t TraceScope::current_id() {
  return t_scope ? t_scope->id_ : 0;
}

ir::NodeRef placeholder_leaf(const ir::Shape& shape, DType dtype, Device device, const Location& loc) {
  ir::NodeSpec spec{.op = ir::Op::data, .attr = ir::LeafAttr{interner().next_leaf_id()}, .dtype = dtype};
  spec.shape = shape;
  spec.device = device;
  const int64_t bytes = ir::numel(shape) * static_cast<int64_t>(itemsize(dtype));
  spec.payload = std::make_shared<runtime::Buffer>(nullptr, bytes, nullptr);
  return make_node(std::move(spec), loc);
}

Tensor TraceScope::placeholder(const ir::Shape& shape, DType dtype, Device device, Location loc) {
  return wrap(placeholder_leaf(shape, dtype, device, loc), loc);
}

Tensor TraceScope::wrap(ir::NodeRef value, const Location& loc) {
  return base_of(std::make_shared<Storage>(std::move(value), loc), loc);
}

TraceScope::Capture& TraceScope::capture(const std::shared_ptr<Storage>& root) {
  const auto [it, fresh] = index_.emplace(root.get(), captures_.size());
  if (fresh) {
    ir::NodeRef value;
    {
      std::lock_guard lock(context().mutex);
      value = root->value;
    }
    ir::NodeRef leaf = placeholder_leaf(value->shape(), value->dtype(), value->device(), value->origin());
    captures_.push_back({root, leaf, leaf, {}});
  }
  return captures_[it->second];
}

ir::NodeRef TraceScope::read(const std::shared_ptr<Storage>& root) {
  if (root->trace == id_) return root->value;
  if (root->trace != 0) throw_foreign(where_);
  return capture(root).value;
}

void TraceScope::write(const std::shared_ptr<Storage>& root, ir::NodeRef value, const Location& loc) {
  if (root->trace == id_) {
    if (root->escaped())
      throw Error(ErrorKind::Unsupported,
                  "a compiled function writes into memory that it took over with from_blob itself",
                  "make the tensor outside and pass it in, or let the function use it", loc);
    root->value = std::move(value);
    ++root->version;
    if (loc.line() != 0) root->where = loc;
  } else if (root->trace != 0) {
    throw_foreign(loc);
  } else {
    check_may_write(*root, loc);
    Capture& c = capture(root);
    c.value = std::move(value);
    c.written = loc;
  }
}

std::vector<ir::NodeRef> TraceScope::draw(const Generator& generator, uint32_t blocks, const Location& loc) {
  const auto index = static_cast<uint32_t>(random_.size());
  random_.push_back({RandomAction::Kind::Take, generator, blocks});
  std::vector<ir::NodeRef> leaves;
  for (uint32_t word = 0; word <= blocks; ++word) {
    ir::NodeSpec spec{
        .op = ir::Op::argument, .attr = ir::LeafAttr{interner().next_leaf_id()}, .dtype = kInt64, .shape = {}};
    spec.payload = std::make_shared<SlotPayload>(SlotPayload::Kind::Draw, index, word);
    leaves.push_back(make_node(std::move(spec), loc));
  }
  return leaves;
}

bool is_traced(const Storage& root) {
  return t_scope || root.trace != 0;
}

ir::NodeRef traced_value(const std::shared_ptr<Storage>& root) {
  if (!t_scope) throw_foreign(root->where);
  return t_scope->read(root);
}

void write_traced(const std::shared_ptr<Storage>& root, ir::NodeRef value, const Location& loc) {
  if (!t_scope) throw_foreign(loc);
  t_scope->write(root, std::move(value), loc);
}

void refuse_observation(const Storage& root, const char* what, const Location& loc) {
  if (!is_traced(root)) return;
  if (!t_scope) throw_foreign(loc);
  throw Error(ErrorKind::Value, fmt::format("{} would read the value of a tensor inside a compiled function", what),
              kInsideHint, loc.line() != 0 ? loc : root.where);
}

void need_values(const char* op, const Location& loc) {
  if (!t_scope) return;
  throw Error(
      ErrorKind::Value,
      fmt::format("{}: the values of a tensor decide the shape of the result, and inside a compiled function they "
                  "are not known",
                  op),
      "keep the shape and choose with where(), masked_fill() or a product with the mask, or call it outside", loc);
}

void throw_symbolic_scalar(uint32_t slot) {
  if (t_scope) t_scope->observe_scalar(slot);
  throw Error(ErrorKind::Value, "the number of a Scalar argument is read inside a compiled function", kInsideHint);
}

}  // namespace lazuli
