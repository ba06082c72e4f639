#include "codegen/reducer.h"

#include <limits>

#include "ir/lower_scalar.h"

namespace lazuli::codegen {

using namespace ir;

Reducer::Reducer(KernelBuilder& b, const ItemGraph& graph, uint32_t index)
    : b_(b), reduction_(graph.reductions[index]), index_(index) {
  const Op op = reduction_.is_dot() ? Op::sum : reduction_.is_arg() ? Op::reduce_max : reduction_.node->op();
  types_.push_back(accumulator_type(op, reduction_.node->input(0)->dtype()));
  if (reduction_.is_arg()) types_.push_back(kInt64);
}

ValueId Reducer::to_accumulator(ValueId v) {
  const DType from = b_.type(v).dtype;
  if (from == types_[0]) return v;
  const ValueId args[] = {v};
  return b_.inline_function(lower_cast(from, types_[0]), args)[0];
}

Partial Reducer::start(uint16_t lanes, std::optional<ValueId> alive) {
  const Op op = reduction_.node->op();
  if (reduction_.is_arg()) {
    const uint64_t worst = reduce_identity(op == Op::argmax ? Op::reduce_max : Op::reduce_min, types_[0]);
    return {b_.splat(b_.constant_bits(types_[0], worst), lanes),
            b_.splat(b_.index(std::numeric_limits<int64_t>::max()), lanes)};
  }
  if (!reduction_.is_dot()) return {b_.splat(b_.constant_bits(types_[0], reduce_identity(op, types_[0])), lanes)};
  const ValueId zero = b_.splat(b_.constant_bits(types_[0], 0), lanes);
  if (!alive || !is_floating(types_[0])) return {zero};
  return {b_.select(*alive, zero, b_.splat(b_.constant(types_[0], -0.0), lanes))};
}

Partial Reducer::take(const Partial& acc, const std::vector<ValueId>& operands, ValueId position) {
  if (reduction_.is_dot()) {
    const ValueId x = to_accumulator(operands[0]), y = to_accumulator(operands[1]);
    if (is_floating(types_[0])) return {b_.prim(Prim::fma, types_[0], {x, y, acc[0]})};
    return {b_.add(acc[0], b_.mul(x, y))};
  }
  const ValueId v = to_accumulator(operands[0]);
  if (reduction_.is_arg()) {
    const ValueId p =
        b_.type(position).lanes < b_.type(acc[0]).lanes ? b_.splat(position, b_.type(acc[0]).lanes) : position;
    return merge(acc, {v, p});
  }
  return merge(acc, {v});
}

Partial Reducer::merge(const Partial& a, const Partial& b) {
  if (reduction_.is_dot()) return {b_.add(a[0], b[0])};
  if (!reduction_.is_arg()) {
    const ValueId args[] = {a[0], b[0]};
    return {b_.inline_function(lower_combine(reduction_.node->op(), types_[0]), args)[0]};
  }
  // b wins if it beats a, or is as good and comes first. NaN beats every number.
  const auto prim = [&](Prim p, ValueId x, ValueId y) { return b_.prim(p, kBool, {x, y}); };
  const bool max = reduction_.node->op() == Op::argmax;
  ValueId beats = max ? prim(Prim::lt, a[0], b[0]) : prim(Prim::lt, b[0], a[0]);
  ValueId ties = prim(Prim::eq, a[0], b[0]);
  if (is_floating(types_[0])) {
    const ValueId a_nan = prim(Prim::ne, a[0], a[0]), b_nan = prim(Prim::ne, b[0], b[0]);
    beats = prim(Prim::bit_or, beats, prim(Prim::bit_and, b_nan, prim(Prim::eq, a[0], a[0])));
    ties = prim(Prim::bit_or, ties, prim(Prim::bit_and, a_nan, b_nan));
  }
  const ValueId wins = prim(Prim::bit_or, beats, prim(Prim::bit_and, ties, prim(Prim::lt, b[1], a[1])));
  return {b_.select(wins, b[0], a[0]), b_.select(wins, b[1], a[1])};
}

Partial Reducer::keep(ValueId mask, const Partial& fresh, const Partial& old) {
  Partial out;
  for (size_t i = 0; i < fresh.size(); ++i) out.push_back(b_.select(mask, fresh[i], old[i]));
  return out;
}

Partial Reducer::merge_lanes(Partial acc) {
  return merge_halves(b_, std::move(acc), [this](const Partial& x, const Partial& y) { return merge(x, y); });
}

ValueId Reducer::finish(const Partial& acc) {
  if (reduction_.is_arg()) return acc[1];
  const DType want = reduction_.node->dtype();
  if (want == types_[0]) return acc[0];
  const ValueId args[] = {acc[0]};
  return b_.inline_function(lower_cast(types_[0], want), args)[0];
}

}  // namespace lazuli::codegen
