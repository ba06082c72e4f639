// Products of signed bytes: four of the depth are one 32-bit word, and the unit of depth is such a quad. Words of rows
// hold bytes plus 128, as unsigned numbers, because processors multiply unsigned bytes by signed ones; what that adds
// to a sum is 128 times the sum of the column's bytes, which is taken away before: packed columns end with it. All of
// it wraps in 32 bits, so results are those of any other order.
#include "codegen/contract_emitter.h"
#include "ir/lower_scalar.h"

namespace lazuli::codegen {

/// Four vectors of bytes as one vector of words.
ValueId ContractEmitter::join_bytes(const Values& bytes) {
  ValueId word = kNone;
  for (size_t n = 0; n < bytes.size(); ++n) {
    const ValueId args[] = {bytes[n]};
    ValueId v = b.inline_function(ir::lower_cast(kInt8, kInt32), args)[0];
    v = b.prim(Prim::bit_and, kInt32, {v, b.constant_bits(kInt32, 255)});
    if (n > 0) v = b.prim(Prim::shl, kInt32, {v, b.constant_bits(kInt32, 8 * n)});
    word = n > 0 ? b.prim(Prim::bit_or, kInt32, {word, v}) : v;
  }
  return word;
}

/// Words of quad `k` for the lanes to which the operand's free axes are bound by `bind`.
ValueId ContractEmitter::quads_across(const Operand& o, ValueId k, std::optional<ValueId> mask,
                                      const std::function<void()>& bind) {
  const ValueId elements = e.nest.size("elements", p.elements), first = b.mul(k, b.index(4));
  const ValueId zero = b.splat(b.constant_bits(kInt8, 0), p.lanes);
  Values bytes;
  for (int64_t n = 0; n < 4; ++n) {
    const ValueId at = b.add(first, b.index(n));
    Body body{.lanes = p.lanes, .mask = mask, .values = {}};
    bind();
    e.nest.bind_flat(p.depth_groups, b.min(at, b.sub(elements, b.index(1))));
    const ValueId v = b.splat(e.emit(o.item, body), p.lanes);
    bytes.push_back(p.elements % 4 == 0 ? v : b.select(b.splat(b.lt(at, elements), p.lanes), v, zero));
  }
  return flipped(o, join_bytes(bytes));
}

/// Words of `lanes` quads from k on, for the one place to which the operand's free axes are bound.
ValueId ContractEmitter::quads_along(const Operand& o, ValueId k) {
  const auto lanes = static_cast<uint16_t>(4 * p.lanes);
  const ValueId elements = e.nest.size("elements", p.elements), first = b.mul(k, b.index(4));
  Body body{.lanes = lanes, .mask = b.lane_mask(b.sub(elements, first), lanes), .values = {}};
  e.nest.bind_flat(p.depth_groups, first, lanes);
  const ValueId all = b.splat(e.emit(o.item, body), lanes);
  Values bytes;
  for (uint16_t n = 0; n < 4; ++n) {
    std::vector<uint8_t> picks(lanes);
    for (uint16_t l = 0; l < lanes; ++l) picks[l] = static_cast<uint8_t>((4 * l + n) % lanes);
    bytes.push_back(b.low(b.low(b.shuffle(all, all, picks))));
  }
  return flipped(o, join_bytes(bytes));
}

ValueId ContractEmitter::flipped(const Operand& o, ValueId words) {
  if (&o == &column_side) return words;
  return b.prim(Prim::bit_xor, kInt32, {words, top_bits()});
}

ValueId ContractEmitter::top_bits() {
  return b.splat(b.constant_bits(kInt32, 0x80808080), p.lanes);
}

/// Behind packed columns: what their sums start from.
void ContractEmitter::pack_starts(const Tile& tile, ValueId k_begin, ValueId k_end) {
  const ValueId row = b.mul(tile.vectors, b.index(p.lanes));
  const ValueId zero = b.splat(b.constant_bits(kInt32, 0), p.lanes);
  each(b.index(0), tile.vectors, b.index(1), [&](ValueId v) {
    const ValueId offset = b.mul(v, b.index(p.lanes));
    const Values sum =
        b.for_loop(b.index(0), b.sub(k_end, k_begin), b.index(1), {zero}, [&](ValueId k, const Values& s) {
          const ValueId at = b.add(tile.column_base, b.add(b.mul(k, row), offset));
          return Values{b.dot_bytes(s[0], top_bits(), b.load(column_side.buffer, at, p.lanes))};
        });
    b.store(column_side.buffer, b.add(starts_of(tile), offset), b.sub(zero, sum[0]));
  });
}

ValueId ContractEmitter::starts_of(const Tile& tile) {
  return b.add(tile.column_base,
               e.nest.size("column_starts", column_side.stride - p.column_tiles.size * int64_t{p.lanes}));
}

}  // namespace lazuli::codegen
