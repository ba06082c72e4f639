// Attention, by the definition of docs/numerics.md, with no more scores in memory than a block of 64 by a tile.
//
// A task owns a tile: queries (of the key gradient, keys) that lie along the lanes of a few vectors. What belongs to
// them is turned once, so that it is read in vectors, [depth][tile]; the others are taken in blocks of 64 and read
// where they stand, an element for all lanes at a time:
//
//   product:    weights[64][tile] = block[64][depth] x tile[depth][tile]
//   accumulate: sums[width][tile] (+)= block[64][width]' x weights[64][tile]
//
// Everything about one query (maximum, sum, shrinking) is the same lane of vectors, so nothing is merged across lanes
// and the order of operations does not depend on their number. A tile never crosses a multiple of 64, so that a causal
// block is hidden from all of it or from none.
#include <limits>

#include "codegen/strategies.h"
#include "ir/attention.h"
#include "ir/lower_scalar.h"

namespace lazuli::codegen {

using namespace ir;

namespace {

constexpr int64_t kDepthBlock = 512, kBlock = kAttentionBlock;
constexpr int64_t kRowsAtOnce = 4;  // of the loops over a block's weights; the lanes of its sum

class Attention {
  using Values = std::vector<ValueId>;

 public:
  explicit Attention(RegionEmitter& emitter)
      : e(emitter),
        b(emitter.b),
        node(emitter.region.outputs[0]),
        a(node),
        type(node->dtype()),
        lanes(emitter.lanes),
        rows(emitter.schedule.tile_rows),
        vectors(emitter.schedule.tile_vectors),
        tile(int64_t{lanes} * vectors),
        exp(lower_elementwise(Op::exp, std::array{type})) {
    if (kBlock % tile != 0 || kBlock % rows != 0)
      throw Error(ErrorKind::Internal, "attention: a tile does not divide a block");
    weights = scratch(kBlock * tile);
  }

  void forward();
  void query_gradient();
  void key_gradient();

 private:
  /// Rows of an operand: element d of row r is `first` + r * stride + d. There is at least one.
  struct Rows {
    uint32_t buffer;
    ValueId first, stride, count;
  };
  /// The tile at hand: places first to first + count - 1 of `size`, in vectors of places cut off at the last one.
  struct Tile {
    ValueId head, key_head, batch, first, count;  // heads count through all batches
    Values places;
  };

  uint32_t scratch(int64_t elements) { return e.add_scratch(type, Role::Scratch, std::max<int64_t>(1, elements)); }
  ValueId size(const char* name, int64_t v) { return e.nest.size(name, v); }
  ValueId number(double v) { return b.constant(type, v); }
  ValueId numbers(double v) { return b.splat(number(v), lanes); }
  ValueId minus_infinity() { return number(-std::numeric_limits<double>::infinity()); }
  ValueId fma(ValueId x, ValueId y, ValueId z) { return b.prim(Prim::fma, type, {x, y, z}); }
  ValueId equal(ValueId x, ValueId y) { return b.prim(Prim::eq, kBool, {x, y}); }
  ValueId both(ValueId x, ValueId y) { return b.prim(Prim::bit_and, kBool, {x, y}); }
  ValueId exponential(ValueId x) {
    const ValueId args[] = {x};
    return b.inline_function(exp, args)[0];
  }
  Values each_vector(const std::function<ValueId(int)>& f) {
    Values out;
    for (int c = 0; c < vectors; ++c) out.push_back(f(c));
    return out;
  }
  void each(ValueId begin, ValueId end, ValueId step, const std::function<void(ValueId)>& body) {
    b.for_loop(begin, end, step, {}, [&](ValueId i, const Values&) {
      body(i);
      return Values{};
    });
  }
  void when(ValueId condition, const std::function<void()>& body) {
    b.if_then(condition, [&] {
      body();
      return Values{};
    });
  }
  /// Vector c of row r of a scratch array [rows][tile].
  ValueId at(ValueId row, int c) { return b.add(b.mul(row, b.index(tile)), b.index(int64_t{c} * lanes)); }
  ValueId load(uint32_t buffer, ValueId row, int c) { return b.load(buffer, at(row, c), lanes); }
  void store(uint32_t buffer, ValueId row, int c, ValueId v) { b.store(buffer, at(row, c), v); }

  void phase(const char* name, int64_t heads, int64_t places, double products, const std::function<void(Tile&)>& body);
  ValueId key_limit(const Tile& t);
  void pack(uint32_t from, ValueId first_row, const Tile& t, int64_t depth, uint32_t to);
  void clear(uint32_t sums, int64_t width);
  void product(const Rows& block, uint32_t packed, int64_t depth,
               const std::function<void(ValueId, const Values&)>& done);
  void accumulate(const Rows& block, int64_t width, uint32_t by, const std::function<void(ValueId, int, ValueId)>& add);
  void add_to(uint32_t sums, const Rows& block, int64_t width, uint32_t by);
  void scores(const Rows& block, uint32_t packed, ValueId begin, const Tile& t, ValueId head, bool rows_are_keys);
  void hide(const std::function<ValueId(ValueId row, int c)>& seen);
  std::optional<ValueId> mask_at(ValueId head, ValueId query, ValueId key);
  void store_sums(uint32_t to, ValueId first_row, const Tile& t, int64_t width, int64_t stride, int64_t offset,
                  uint32_t sums, const std::function<ValueId(int, ValueId)>& finish);

  RegionEmitter& e;
  KernelBuilder& b;
  const Node* node;
  AttentionOperands a;
  DType type;
  uint16_t lanes;
  int rows, vectors;
  int64_t tile;
  scalar::Function exp;
  uint32_t weights;
};

/// A task per tile.
void Attention::phase(const char* name, int64_t heads, int64_t places, double products,
                      const std::function<void(Tile&)>& body) {
  const int64_t tiles = (places + tile - 1) / tile, tasks = heads * tiles;
  e.lowered.flops += 2 * products;
  const double per_ns = 2.0 * lanes * 3;
  e.phase(name, tasks, products / per_ns / static_cast<double>(std::max<int64_t>(1, tasks)), [&](ValueId task) {
    Tile t;
    const auto [head, number_of_tile] = e.nest.divide(task, {301, 0, 0}, std::max<int64_t>(1, tiles), tasks);
    const bool of_keys = node->op() == Op::attention_key_gradient;
    const int64_t per_key_head = of_keys ? 1 : a.group(), per_batch = of_keys ? a.key_heads : a.heads;
    t.head = head;
    t.key_head = e.nest.divide(head, {302, 0, 0}, std::max<int64_t>(1, per_key_head), heads).first;
    t.batch = e.nest.divide(head, {303, 0, 0}, std::max<int64_t>(1, per_batch), heads).first;
    t.first = b.mul(number_of_tile, b.index(tile));
    t.count = b.min(b.index(tile), b.sub(size("places", places), t.first));
    const ValueId last = b.sub(size("places", places), b.index(1));
    t.places = each_vector([&](int c) {
      return b.min(b.add(b.iota(lanes), b.add(t.first, b.index(int64_t{c} * lanes))), b.splat(last, lanes));
    });
    body(t);
  });
}

/// How many keys there are.
ValueId Attention::key_limit(const Tile& t) {
  const ValueId all = size("keys", a.keys);
  if (!a.lengths) return all;
  return b.min(all, b.max(b.index(0), b.load(e.input_buffer(a.lengths), t.batch, 1)));
}

/// Rows first_row + places of the tile, turned: [depth][tile].
void Attention::pack(uint32_t from, ValueId first_row, const Tile& t, int64_t depth, uint32_t to) {
  const ValueId width = e.nest.size({304, static_cast<uint64_t>(to), 0}, depth);
  const Values begins =
      each_vector([&](int c) { return b.mul(b.add(t.places[static_cast<size_t>(c)], first_row), width); });
  each(b.index(0), width, b.index(1), [&](ValueId d) {
    for (int c = 0; c < vectors; ++c) store(to, d, c, b.load(from, b.add(begins[static_cast<size_t>(c)], d), lanes));
  });
}

void Attention::clear(uint32_t sums, int64_t width) {
  each(b.index(0), e.nest.size({305, static_cast<uint64_t>(sums), 0}, width), b.index(1), [&](ValueId d) {
    for (int c = 0; c < vectors; ++c) store(sums, d, c, numbers(0));
  });
}

/// done(row, its product with every place of the tile), for the rows of the block, and some more of the same content.
void Attention::product(const Rows& block, uint32_t packed, int64_t depth,
                        const std::function<void(ValueId, const Values&)>& done) {
  const ValueId width = e.nest.size({306, static_cast<uint64_t>(packed), 0}, depth);
  const ValueId last = b.sub(block.count, b.index(1));
  const Values zeros(static_cast<size_t>(rows * vectors), numbers(0));
  each(b.index(0), block.count, b.index(rows), [&](ValueId row) {
    Values begins;
    for (int r = 0; r < rows; ++r)
      begins.push_back(b.add(block.first, b.mul(b.min(b.add(row, b.index(r)), last), block.stride)));
    const auto chain = [&](ValueId begin, ValueId end) {
      return b.for_loop(begin, end, b.index(1), zeros, [&](ValueId d, const Values& carried) {
        Values sums = carried;
        const Values right = each_vector([&](int c) { return load(packed, d, c); });
        for (int r = 0; r < rows; ++r) {
          const ValueId left = b.splat(b.load(block.buffer, b.add(begins[static_cast<size_t>(r)], d), 1), lanes);
          for (int c = 0; c < vectors; ++c) {
            ValueId& sum = sums[static_cast<size_t>(r * vectors + c)];
            sum = fma(left, right[static_cast<size_t>(c)], sum);
          }
        }
        return sums;
      });
    };
    Values all;
    if (depth <= kDepthBlock) {
      all = chain(b.index(0), width);
    } else {
      all = b.for_loop(b.index(0), width, b.index(kDepthBlock), zeros, [&](ValueId begin, const Values& before) {
        Values sums = chain(begin, b.min(width, b.add(begin, b.index(kDepthBlock))));
        const ValueId is_first = b.splat(equal(begin, b.index(0)), lanes);
        for (size_t i = 0; i < sums.size(); ++i) sums[i] = b.select(is_first, sums[i], b.add(before[i], sums[i]));
        return sums;
      });
    }
    for (int r = 0; r < rows; ++r)
      done(b.add(row, b.index(r)), Values(all.begin() + r * vectors, all.begin() + (r + 1) * vectors));
  });
}

/// add(column d of the block, c, the chain over the block's rows of element d times weight), for all d below `width`.
void Attention::accumulate(const Rows& block, int64_t width, uint32_t by,
                           const std::function<void(ValueId, int, ValueId)>& add) {
  const auto columns = [&](ValueId d, int count) {
    const Values sums =
        b.for_loop(b.index(0), block.count, b.index(1), Values(static_cast<size_t>(count * vectors), numbers(0)),
                   [&](ValueId row, const Values& carried) {
                     Values chains = carried;
                     const Values right = each_vector([&](int c) { return load(by, row, c); });
                     const ValueId begin = b.add(b.add(block.first, b.mul(row, block.stride)), d);
                     for (int k = 0; k < count; ++k) {
                       const ValueId left = b.splat(b.load(block.buffer, b.add(begin, b.index(k)), 1), lanes);
                       for (int c = 0; c < vectors; ++c) {
                         ValueId& chain = chains[static_cast<size_t>(k * vectors + c)];
                         chain = fma(left, right[static_cast<size_t>(c)], chain);
                       }
                     }
                     return chains;
                   });
    for (int k = 0; k < count; ++k)
      for (int c = 0; c < vectors; ++c) add(b.add(d, b.index(k)), c, sums[static_cast<size_t>(k * vectors + c)]);
  };
  const int64_t whole = width / rows * rows;
  const ValueId end = e.nest.size({307, block.buffer, static_cast<uint64_t>(by)}, width);
  const ValueId middle = e.nest.size({308, block.buffer, static_cast<uint64_t>(by)}, whole);
  if (whole > 0) each(b.index(0), middle, b.index(rows), [&](ValueId d) { columns(d, rows); });
  if (whole < width) each(middle, end, b.index(1), [&](ValueId d) { columns(d, 1); });
}

void Attention::add_to(uint32_t sums, const Rows& block, int64_t width, uint32_t by) {
  accumulate(block, width, by,
             [&](ValueId d, int c, ValueId chain) { store(sums, d, c, b.add(load(sums, d, c), chain)); });
}

/// The mask's elements where one of query and key is a vector; nothing where there is no mask.
std::optional<ValueId> Attention::mask_at(ValueId head, ValueId query, ValueId key) {
  if (!a.mask) return std::nullopt;
  const Shape& shape = a.mask->shape();
  const Dims strides = contiguous_strides(shape);
  const auto [batch, in_batch] = e.nest.divide(head, {309, 0, 0}, std::max<int64_t>(1, a.heads), a.batch * a.heads);
  const ValueId parts[] = {batch, in_batch, query, key};
  ValueId place = b.index(0);
  bool vector = false;
  for (size_t d = 0; d < 4; ++d) {
    if (shape[d] == 1) continue;
    vector |= b.type(parts[d]).lanes > 1;
    place = b.add(place, b.mul(parts[d], e.nest.size({310, d, 0}, strides[d])));
  }
  const ValueId x = b.load(e.input_buffer(a.mask), place, vector ? lanes : uint16_t{1});
  return b.splat(x, lanes);
}

/// weights = the scores of a block of keys (or queries) with the tile, scaled and masked.
void Attention::scores(const Rows& block, uint32_t packed, ValueId begin, const Tile& t, ValueId head,
                       bool rows_are_keys) {
  const ValueId last = b.sub(size(rows_are_keys ? "keys" : "queries", rows_are_keys ? a.keys : a.queries), b.index(1));
  product(block, packed, a.depth, [&](ValueId row, const Values& sums) {
    const ValueId other = b.min(b.add(begin, row), last);
    for (int c = 0; c < vectors; ++c) {
      const ValueId mine = t.places[static_cast<size_t>(c)];
      ValueId x = b.mul(sums[static_cast<size_t>(c)], numbers(a.scale));
      if (const auto mask = mask_at(head, rows_are_keys ? mine : other, rows_are_keys ? other : mine))
        x = is_bool(a.mask->dtype()) ? b.select(*mask, x, b.splat(minus_infinity(), lanes)) : b.add(x, *mask);
      store(weights, row, c, x);
    }
  });
}

/// Minus infinity where a row of the block and a place of the tile do not see each other.
void Attention::hide(const std::function<ValueId(ValueId, int)>& seen) {
  each(b.index(0), b.index(kBlock), b.index(1), [&](ValueId row) {
    for (int c = 0; c < vectors; ++c)
      store(weights, row, c,
            b.select(b.splat(seen(row, c), lanes), load(weights, row, c), b.splat(minus_infinity(), lanes)));
  });
}

/// finish(c, sum) of element d of each place goes to (first_row + place) * stride + offset + d.
void Attention::store_sums(uint32_t to, ValueId first_row, const Tile& t, int64_t width, int64_t stride, int64_t offset,
                           uint32_t sums, const std::function<ValueId(int, ValueId)>& finish) {
  const ValueId step = e.nest.size({311, static_cast<uint64_t>(sums), 0}, stride);
  const ValueId shift = e.nest.size({312, static_cast<uint64_t>(sums), 0}, offset);
  each(b.index(0), e.nest.size({305, static_cast<uint64_t>(sums), 0}, width), b.index(1), [&](ValueId d) {
    for (int c = 0; c < vectors; ++c) {
      const ValueId begin = b.add(b.mul(b.add(t.places[static_cast<size_t>(c)], first_row), step), b.add(shift, d));
      const ValueId inside = b.lane_mask(b.sub(t.count, b.index(int64_t{c} * lanes)), lanes);
      b.store_masked(to, begin, finish(c, load(sums, d, c)), inside);
    }
  });
}

void Attention::forward() {
  const Node *out = nullptr, *lse = nullptr;
  for (const Node* n : e.region.outputs) (n->op() == Op::attention ? out : lse) = n;
  const uint32_t packed = scratch(a.depth * tile), sums = out ? scratch(a.value_depth * tile) : 0;
  const double products = a.scores() * static_cast<double>(a.depth + (out ? a.value_depth : 0));
  phase("queries", a.batch * a.heads, a.queries, products, [&](Tile& t) {
    const ValueId first_row = b.mul(t.head, size("queries", a.queries));
    const ValueId first_key = b.mul(t.key_head, size("keys", a.keys));
    const ValueId depth = size("depth", a.depth), width = size("value_depth", a.value_depth);
    pack(e.input_buffer(a.query), first_row, t, a.depth, packed);
    if (out) clear(sums, a.value_depth);
    ValueId end = key_limit(t);
    const ValueId limit = end;
    if (a.causal) {
      const ValueId block = b.prim(Prim::ashr, kInt64, {t.first, b.index(6)});
      end = b.min(end, b.mul(b.add(block, b.index(1)), b.index(kBlock)));
    }
    Values start(static_cast<size_t>(vectors), b.splat(minus_infinity(), lanes));
    start.resize(static_cast<size_t>(2 * vectors), numbers(0));
    const Values state = b.for_loop(b.index(0), end, b.index(kBlock), start, [&](ValueId begin, const Values& before) {
      const ValueId count = b.min(b.index(kBlock), b.sub(limit, begin));
      const ValueId row = b.add(first_key, begin);
      scores({e.input_buffer(a.key), b.mul(row, depth), depth, count}, packed, begin, t, t.head, true);
      ValueId partly = b.lt(count, b.index(kBlock));
      if (a.causal) partly = b.prim(Prim::bit_or, kBool, {partly, b.lt(t.first, b.add(begin, b.index(kBlock - 1)))});
      when(partly, [&] {
        hide([&](ValueId r, int c) {
          ValueId seen = b.lt(r, count);
          if (a.causal) {
            const ValueId key = b.splat(b.add(begin, r), lanes);
            seen = both(b.splat(seen, lanes), b.prim(Prim::le, kBool, {key, t.places[static_cast<size_t>(c)]}));
          }
          return seen;
        });
      });
      const Values tops(before.begin(), before.begin() + vectors), sum(before.begin() + vectors, before.end());
      const Values now =
          b.for_loop(b.index(0), b.index(kBlock), b.index(kRowsAtOnce), tops, [&](ValueId r, const Values& top) {
            return each_vector([&](int c) {
              const auto x = [&](int64_t k) { return load(weights, b.add(r, b.index(k)), c); };
              return b.max(top[static_cast<size_t>(c)], b.max(b.max(x(0), x(1)), b.max(x(2), x(3))));
            });
          });
      const Values base = each_vector([&](int c) {
        const ValueId top = now[static_cast<size_t>(c)];
        return b.select(equal(top, b.splat(minus_infinity(), lanes)), numbers(0), top);
      });
      const Values shrink = each_vector(
          [&](int c) { return exponential(b.sub(tops[static_cast<size_t>(c)], base[static_cast<size_t>(c)])); });
      const Values parts = b.for_loop(
          b.index(0), b.index(kBlock), b.index(kRowsAtOnce),
          Values(static_cast<size_t>(kRowsAtOnce * vectors), numbers(0)), [&](ValueId r, const Values& carried) {
            Values out = carried;
            for (int64_t k = 0; k < kRowsAtOnce; ++k)
              for (int c = 0; c < vectors; ++c) {
                const ValueId row = b.add(r, b.index(k));
                const ValueId p = exponential(b.sub(load(weights, row, c), base[static_cast<size_t>(c)]));
                store(weights, row, c, p);
                ValueId& part = out[static_cast<size_t>(k * vectors + c)];
                part = b.add(part, p);
              }
            return out;
          });
      Values after = now;
      for (int c = 0; c < vectors; ++c) {
        const auto part = [&](int k) { return parts[static_cast<size_t>(k * vectors + c)]; };
        const ValueId of_block = b.add(b.add(part(0), part(2)), b.add(part(1), part(3)));
        after.push_back(fma(sum[static_cast<size_t>(c)], shrink[static_cast<size_t>(c)], of_block));
      }
      if (out)
        accumulate({e.input_buffer(a.value), b.mul(row, width), width, count}, a.value_depth, weights,
                   [&](ValueId d, int c, ValueId chain) {
                     store(sums, d, c, fma(load(sums, d, c), shrink[static_cast<size_t>(c)], chain));
                   });
      return after;
    });
    const auto sum = [&](int c) { return state[static_cast<size_t>(vectors + c)]; };
    if (out) {
      const Values factors = each_vector([&](int c) { return b.prim(Prim::div, type, {numbers(1), sum(c)}); });
      store_sums(e.output_buffer(out), first_row, t, a.value_depth, a.value_depth, 0, sums, [&](int c, ValueId x) {
        return b.select(equal(sum(c), numbers(0)), numbers(0), b.mul(x, factors[static_cast<size_t>(c)]));
      });
    }
    if (!lse) return;
    const scalar::Function log = lower_elementwise(Op::log, std::array{type});
    for (int c = 0; c < vectors; ++c) {
      const ValueId args[] = {sum(c)};
      const ValueId x = b.add(state[static_cast<size_t>(c)], b.inline_function(log, args)[0]);
      const ValueId none = b.splat(number(std::numeric_limits<double>::infinity()), lanes);
      const ValueId place = b.add(first_row, b.add(t.first, b.index(int64_t{c} * lanes)));
      b.store_masked(e.output_buffer(lse), place, b.select(equal(sum(c), numbers(0)), none, x),
                     b.lane_mask(b.sub(t.count, b.index(int64_t{c} * lanes)), lanes));
    }
  });
}

void Attention::query_gradient() {
  const uint32_t packed = scratch(a.depth * tile), packed_gradient = scratch(a.value_depth * tile);
  const uint32_t sums = scratch(a.depth * tile), changes = scratch(kBlock * tile);
  const double products = a.scores() * static_cast<double>(2 * a.depth + a.value_depth);
  phase("queries", a.batch * a.heads, a.queries, products, [&](Tile& t) {
    const ValueId first_row = b.mul(t.head, size("queries", a.queries));
    const ValueId first_key = b.mul(t.key_head, size("keys", a.keys));
    const ValueId depth = size("depth", a.depth), width = size("value_depth", a.value_depth);
    pack(e.input_buffer(a.query), first_row, t, a.depth, packed);
    pack(e.input_buffer(a.gradient), first_row, t, a.value_depth, packed_gradient);
    clear(sums, a.depth);
    const auto of_rows = [&](const Node* n) {
      return each_vector(
          [&](int c) { return b.load(e.input_buffer(n), b.add(t.places[static_cast<size_t>(c)], first_row), lanes); });
    };
    const Values lse = of_rows(a.lse), row_sums = of_rows(a.row_sums);
    ValueId end = key_limit(t);
    const ValueId limit = end;
    if (a.causal) {
      const ValueId block = b.prim(Prim::ashr, kInt64, {t.first, b.index(6)});
      end = b.min(end, b.mul(b.add(block, b.index(1)), b.index(kBlock)));
    }
    each(b.index(0), end, b.index(kBlock), [&](ValueId begin) {
      const ValueId count = b.min(b.index(kBlock), b.sub(limit, begin)), row = b.add(first_key, begin);
      const Rows keys{e.input_buffer(a.key), b.mul(row, depth), depth, count};
      scores(keys, packed, begin, t, t.head, true);
      if (a.causal)
        when(b.lt(t.first, b.add(begin, b.index(kBlock - 1))), [&] {
          hide([&](ValueId r, int c) {
            return b.prim(Prim::le, kBool, {b.splat(b.add(begin, r), lanes), t.places[static_cast<size_t>(c)]});
          });
        });
      product({e.input_buffer(a.value), b.mul(row, width), width, count}, packed_gradient, a.value_depth,
              [&](ValueId r, const Values& dp) {
                for (int c = 0; c < vectors; ++c) {
                  const auto i = static_cast<size_t>(c);
                  const ValueId p = exponential(b.sub(load(weights, r, c), lse[i]));
                  const ValueId ds = b.mul(p, b.sub(dp[i], row_sums[i]));
                  store(changes, r, c, b.select(equal(p, numbers(0)), numbers(0), ds));
                }
              });
      add_to(sums, keys, a.depth, changes);
    });
    store_sums(e.output_buffer(node), first_row, t, a.depth, a.depth, 0, sums,
               [&](int, ValueId x) { return b.mul(x, numbers(a.scale)); });
  });
}

void Attention::key_gradient() {
  const uint32_t packed = scratch(a.depth * tile), packed_value = scratch(a.value_depth * tile);
  const uint32_t of_key = scratch(a.depth * tile), of_value = scratch(a.value_depth * tile);
  const uint32_t changes = scratch(kBlock * tile);
  const double products = a.scores() * 2 * static_cast<double>(a.depth + a.value_depth);
  phase("keys", a.batch * a.key_heads, a.keys, products, [&](Tile& t) {
    const ValueId first_row = b.mul(t.head, size("keys", a.keys));
    const ValueId depth = size("depth", a.depth), width = size("value_depth", a.value_depth);
    const ValueId queries = size("queries", a.queries);
    pack(e.input_buffer(a.key), first_row, t, a.depth, packed);
    pack(e.input_buffer(a.value), first_row, t, a.value_depth, packed_value);
    clear(of_key, a.depth);
    clear(of_value, a.value_depth);
    const ValueId limit = key_limit(t);
    const ValueId group = size("group", a.group()), first_head = b.mul(t.head, group);
    each(first_head, b.add(first_head, group), b.index(1), [&](ValueId head) {
      ValueId start = b.index(0);
      if (a.causal) start = b.mul(b.prim(Prim::ashr, kInt64, {t.first, b.index(6)}), b.index(kBlock));
      each(start, queries, b.index(kBlock), [&](ValueId begin) {
        const ValueId count = b.min(b.index(kBlock), b.sub(queries, begin));
        const ValueId row = b.add(b.mul(head, queries), begin);
        const Rows block{e.input_buffer(a.query), b.mul(row, depth), depth, count};
        const Rows gradients{e.input_buffer(a.gradient), b.mul(row, width), width, count};
        scores(block, packed, begin, t, head, false);
        ValueId partly = b.lt(limit, b.add(t.first, b.index(tile)));
        if (a.causal) partly = b.prim(Prim::bit_or, kBool, {partly, b.lt(begin, b.add(t.first, b.index(tile - 1)))});
        if (a.causal || a.lengths)
          when(partly, [&] {
            hide([&](ValueId r, int c) {
              const ValueId key = t.places[static_cast<size_t>(c)];
              ValueId seen = b.lt(key, b.splat(limit, lanes));
              if (a.causal) seen = both(seen, b.prim(Prim::le, kBool, {key, b.splat(b.add(begin, r), lanes)}));
              return seen;
            });
          });
        const ValueId last = b.sub(count, b.index(1));
        product(gradients, packed_value, a.value_depth, [&](ValueId r, const Values& dp) {
          const ValueId place = b.add(row, b.min(r, last));
          const ValueId lse = b.splat(b.load(e.input_buffer(a.lse), place, 1), lanes);
          const ValueId row_sum = b.splat(b.load(e.input_buffer(a.row_sums), place, 1), lanes);
          for (int c = 0; c < vectors; ++c) {
            const ValueId p = exponential(b.sub(load(weights, r, c), lse));
            const ValueId ds = b.mul(p, b.sub(dp[static_cast<size_t>(c)], row_sum));
            store(weights, r, c, p);
            store(changes, r, c, b.select(equal(p, numbers(0)), numbers(0), ds));
          }
        });
        add_to(of_key, block, a.depth, changes);
        add_to(of_value, gradients, a.value_depth, weights);
      });
    });
    const int64_t stride = a.depth + a.value_depth;
    store_sums(e.output_buffer(node), first_row, t, a.depth, stride, 0, of_key,
               [&](int, ValueId x) { return b.mul(x, numbers(a.scale)); });
    store_sums(e.output_buffer(node), first_row, t, a.value_depth, stride, a.depth, of_value,
               [](int, ValueId x) { return x; });
  });
}

}  // namespace

void lower_attention(RegionEmitter& e) {
  Attention attention(e);
  switch (e.region.outputs[0]->op()) {
    case Op::attention_query_gradient:
      return attention.query_gradient();
    case Op::attention_key_gradient:
      return attention.key_gradient();
    default:
      return attention.forward();
  }
}

}  // namespace lazuli::codegen
