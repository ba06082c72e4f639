#include "codegen/lane_reducer.h"

namespace lazuli::codegen {

using namespace ir;

LaneReducer::LaneReducer(KernelBuilder& b, Reducer& reducer, int64_t length) : b_(b), reducer_(reducer) {
  constexpr int64_t kLongRow = 128;
  const Op op = reducer.reduction().node->op();
  largest_ = op == Op::reduce_max || op == Op::argmax;
  const DType type = reducer.type(0);
  if (op == Op::argmax || op == Op::argmin) kind_ = Kind::Position;
  if ((op == Op::reduce_max || op == Op::reduce_min) && is_floating(type) && length >= kLongRow) kind_ = Kind::Extremum;
  bits_ = itemsize(type) == 8 ? kInt64 : kInt32;
}

ValueId LaneReducer::beats(ValueId x, ValueId than) {
  return largest_ ? b_.lt(than, x) : b_.lt(x, than);
}

Partial LaneReducer::start(uint16_t lanes, int64_t first, std::optional<ValueId> alive) {
  Partial p = reducer_.start(lanes, alive);
  switch (kind_) {
    case Kind::Plain:
      break;
    case Kind::Extremum:
      p.push_back(b_.splat(b_.constant_bits(bits_, largest_ ? ~uint64_t{0} : 0), lanes));
      p.push_back(b_.splat(b_.constant_bits(kBool, 0), lanes));
      break;
    case Kind::Position: {
      // What nothing beats is the first element, or there is none: then its number is beyond all there are.
      const ValueId places = b_.prim(Prim::convert, kInt32, {b_.iota(lanes)});
      p[1] = b_.add(places, b_.splat(b_.constant(kInt32, static_cast<double>(first)), lanes));
      break;
    }
  }
  return p;
}

Partial LaneReducer::take(const Partial& acc, const std::vector<ValueId>& operands, ValueId at) {
  if (kind_ == Kind::Plain) return reducer_.take(acc, operands, kNone);
  const uint16_t lanes = b_.type(acc[0]).lanes;
  ValueId x = reducer_.to_accumulator(operands[0]);
  if (b_.type(x).lanes < lanes) x = b_.splat(x, lanes);
  if (kind_ == Kind::Extremum) {
    const ValueId bits = b_.prim(Prim::bitcast, bits_, {x});
    return {b_.select(beats(x, acc[0]), x, acc[0]),
            b_.prim(largest_ ? Prim::bit_and : Prim::bit_or, bits_, {acc[1], bits}),
            b_.prim(Prim::bit_or, kBool, {acc[2], b_.prim(Prim::ne, kBool, {x, x})})};
  }
  ValueId wins = beats(x, acc[0]);
  if (is_floating(b_.type(x).dtype)) {
    // The first NaN beats all others: neither side of it is ordered.
    const ValueId ordered = largest_ ? b_.prim(Prim::le, kBool, {x, acc[0]}) : b_.prim(Prim::le, kBool, {acc[0], x});
    wins = b_.prim(Prim::bit_and, kBool,
                   {b_.prim(Prim::bit_not, kBool, {ordered}), b_.prim(Prim::eq, kBool, {acc[0], acc[0]})});
  }
  const ValueId place =
      b_.add(b_.splat(b_.prim(Prim::convert, kInt32, {at}), lanes), b_.prim(Prim::convert, kInt32, {b_.iota(lanes)}));
  return {b_.select(wins, x, acc[0]), b_.select(wins, place, acc[1])};
}

Partial LaneReducer::merge(const Partial& a, const Partial& b) {
  if (kind_ != Kind::Extremum) return reducer_.merge(a, b);
  return {b_.select(beats(b[0], a[0]), b[0], a[0]),
          b_.prim(largest_ ? Prim::bit_and : Prim::bit_or, bits_, {a[1], b[1]}),
          b_.prim(Prim::bit_or, kBool, {a[2], b[2]})};
}

Partial LaneReducer::finish(Partial acc, ValueId begin) {
  acc = merge_halves(b_, std::move(acc), [this](const Partial& x, const Partial& y) { return merge(x, y); });
  if (kind_ == Kind::Plain) return acc;
  if (kind_ == Kind::Position) return {acc[0], b_.add(begin, b_.prim(Prim::convert, kInt64, {acc[1]}))};
  // Where the extremum is a zero, no element is beyond it: one sign bit among all decides.
  const DType type = b_.type(acc[0]).dtype;
  const ValueId zero = b_.constant(type, 0.0);
  const ValueId negative = b_.lt(acc[1], b_.constant_bits(bits_, 0));
  ValueId v =
      b_.select(b_.prim(Prim::eq, kBool, {acc[0], zero}), b_.select(negative, b_.constant(type, -0.0), zero), acc[0]);
  v = b_.select(acc[2], b_.constant(type, __builtin_nan("")), v);
  return {v};
}

}  // namespace lazuli::codegen
