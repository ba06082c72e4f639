#include "frontend/write_number.h"

#include <algorithm>
#include <cstring>

#include "frontend/compile/scope.h"
#include "frontend/context.h"
#include "frontend/external.h"
#include "passes/pass.h"

namespace lazuli {
namespace {

/// More elements are worth a program.
constexpr int64_t kMostElements = 64;

/// Views whose elements are places of the storage, each one of them once.
bool is_plain(const ViewStep& s) {
  return s.op == ir::Op::slice || s.op == ir::Op::reshape || s.op == ir::Op::permute;
}

void fill(const TensorImpl& dst, std::byte* data, uint64_t bits) {
  const size_t size = itemsize(dst.dtype);
  ir::Dims at(dst.shape.size(), 0);
  for (int64_t n = ir::numel(dst.shape), place = dst.offset; n > 0; --n) {
    std::memcpy(data + place * static_cast<int64_t>(size), &bits, size);
    for (size_t d = at.size(); d-- > 0;) {
      place += dst.strides[d];
      if (++at[d] < dst.shape[d]) break;
      place -= at[d] * dst.strides[d];
      at[d] = 0;
    }
  }
}

}  // namespace

bool write_number(const TensorImpl& dst, const Scalar& value, const Location& loc) {
  Storage& s = *dst.root;
  const int64_t count = ir::numel(dst.shape);
  if (count == 0 || count > kMostElements || !dst.device.is_cpu() || value.slot() != 0 ||
      ir::numel(s.shape) * static_cast<int64_t>(itemsize(s.dtype)) < passes::kUpdateBytes)
    return false;
  if (TraceScope::current() || is_traced(s) || !std::all_of(dst.steps.begin(), dst.steps.end(), is_plain)) return false;
  check_may_write(s, loc);
  Context& ctx = context();
  std::shared_ptr<Materialized> old;  // let go of after the lock
  ir::NodeRef old_value;
  std::lock_guard lock(ctx.mutex);
  if (s.in_flight || !s.ready() || !(s.value == s.held->leaf)) return false;
  const ir::Node* leaf = s.held->leaf.get();
  if (s.held.use_count() > 1 || leaf->use_count() > 2) return false;  // more than value and held: somebody reads it
  fill(dst, static_cast<std::byte*>(s.held->buffer->data()), scalar_bits(value, dst.dtype));
  // A leaf of its own: what was computed as the old one is not this.
  old = std::exchange(s.held, materialize(leaf, s.held->buffer, nullptr));
  old_value = std::exchange(s.value, s.held->leaf);
  ++s.version;
  s.used = false;
  if (loc.line() != 0) s.where = loc;
  return true;
}

}  // namespace lazuli
