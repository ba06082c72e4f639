// Making nodes for the frontend: locations on errors, scalars and host data as leaves, and the conversions that do
// nothing when there is nothing to do.
#include <fmt/format.h>

#include <cstring>

#include "frontend/compile/scope.h"
#include "frontend/context.h"

namespace lazuli {

ir::NodeRef make_node(ir::NodeSpec spec, const Location& loc) {
  spec.origin = loc;
  try {
    return interner().make(std::move(spec));
  } catch (const Error& e) {
    if (e.where().line() != 0 || loc.line() == 0) throw;
    throw Error(e.kind(), e.message(), e.hint(), loc);
  }
}

ir::NodeRef make_node(ir::Op op, std::initializer_list<const ir::Node*> inputs, ir::Attr attr, const Location& loc) {
  ir::NodeSpec spec{.op = op, .inputs = inputs, .attr = std::move(attr)};
  if (inputs.size() > 0) spec.device = (*inputs.begin())->device();
  return make_node(std::move(spec), loc);
}

namespace {

/// Saturates, NaN gives 0: the rule of cast.
int64_t saturate(const Scalar& v, int64_t low, int64_t high) {
  const int64_t i = v.to_int64();
  if (!v.is_floating()) return i;  // integers wrap
  return i < low ? low : i > high ? high : i;
}

}  // namespace

uint64_t scalar_bits(const Scalar& v, DType dtype) {
  switch (dtype) {
    case kBool:
      return v.to_bool();
    case kUInt8:
      return static_cast<uint8_t>(saturate(v, 0, UINT8_MAX));
    case kInt8:
      return static_cast<uint8_t>(saturate(v, INT8_MIN, INT8_MAX));
    case kInt16:
      return static_cast<uint16_t>(saturate(v, INT16_MIN, INT16_MAX));
    case kInt32:
      return static_cast<uint32_t>(saturate(v, INT32_MIN, INT32_MAX));
    case kInt64:
      return static_cast<uint64_t>(v.to_int64());
    case kFloat16:
      return float_to_half_bits(static_cast<float>(v.to_double()));
    case kBFloat16:
      return float_to_bfloat16_bits(static_cast<float>(v.to_double()));
    case kFloat32:
      return std::bit_cast<uint32_t>(v.is_floating() ? static_cast<float>(v.to_double())
                                                     : static_cast<float>(v.to_int64()));
    case kFloat64:
      return std::bit_cast<uint64_t>(v.to_double());
    default:
      throw Error(ErrorKind::Unsupported, fmt::format("{} is not supported", name(dtype)));
  }
}

ir::NodeRef argument(const Scalar& v, DType dtype, const Location& loc) {
  ir::NodeSpec spec{.op = ir::Op::argument, .attr = ir::LeafAttr{interner().next_leaf_id()}, .dtype = dtype};
  if (v.slot() != 0)
    spec.payload = std::make_shared<SlotPayload>(SlotPayload::Kind::Scalar, v.slot() - 1);
  else
    spec.payload = std::make_shared<runtime::ScalarPayload>(scalar_bits(v, dtype));
  return make_node(std::move(spec), loc);
}

ir::NodeRef constant(const Scalar& v, DType dtype, const Location& loc) {
  if (v.slot() != 0) return argument(v, dtype, loc);
  return make_node({.op = ir::Op::constant, .attr = ir::ConstantAttr{scalar_bits(v, dtype)}, .dtype = dtype}, loc);
}

ir::NodeRef cast_to(const ir::NodeRef& n, DType dtype, const Location& loc) {
  if (n->dtype() == dtype) return n;
  return make_node({.op = ir::Op::cast, .inputs = {n.get()}, .dtype = dtype, .device = n->device()}, loc);
}

ir::NodeRef expand_to(const ir::NodeRef& n, const ir::Shape& shape, const Location& loc) {
  if (n->shape() == shape) return n;
  return make_node({.op = ir::Op::expand, .inputs = {n.get()}, .shape = shape, .device = n->device()}, loc);
}

ir::NodeRef reshape_to(const ir::NodeRef& n, const ir::Shape& shape, const Location& loc) {
  if (n->shape() == shape) return n;
  return make_node({.op = ir::Op::reshape, .inputs = {n.get()}, .shape = shape, .device = n->device()}, loc);
}

ir::NodeRef host_leaf(const void* data, const ir::Shape& shape, DType dtype, const Location& loc) {
  const auto numel = ir::checked_numel(shape);
  const int64_t size = static_cast<int64_t>(itemsize(dtype));
  if (!numel || *numel > INT64_MAX / size)
    throw Error(ErrorKind::Shape, fmt::format("a tensor of shape {} is too large", ir::str(shape)), {}, loc);
  auto buffer = context().allocate(*numel * size);
  if (data && *numel > 0) std::memcpy(buffer->data(), data, static_cast<size_t>(*numel * size));
  ir::NodeSpec spec{.op = ir::Op::data, .attr = ir::LeafAttr{interner().next_leaf_id()}, .dtype = dtype};
  spec.shape = shape;
  spec.payload = std::move(buffer);
  return make_node(std::move(spec), loc);
}

int64_t wrap_dim(int64_t dim, int64_t rank, const Location& loc) {
  const int64_t n = rank == 0 ? 1 : rank;
  if (dim < -n || dim >= n)
    throw Error(ErrorKind::Index,
                fmt::format("Dimension out of range (expected to be in range of [{}, {}], but got {})", -n, n - 1, dim),
                {}, loc);
  return dim < 0 ? dim + n : dim;
}

}  // namespace lazuli
