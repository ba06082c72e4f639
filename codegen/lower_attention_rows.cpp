// Attention of a few queries, as when text is generated: reading key and value is what takes time. A task takes up to
// eight rows that share a key head (queries, or heads of one query) through all keys: keys along the lanes while scores
// are multiplied, squares of them turned in registers, and elements of the value along the lanes afterwards. Every
// operation, and the order of those that round, is that of lower_attention.cpp.
#include <limits>

#include "codegen/strategies.h"
#include "codegen/transpose.h"
#include "ir/attention.h"
#include "ir/lower_scalar.h"

namespace lazuli::codegen {

using namespace ir;

namespace {

constexpr int64_t kBlock = kAttentionBlock;

class FewRows {
  using Values = std::vector<ValueId>;

 public:
  explicit FewRows(RegionEmitter& emitter)
      : e(emitter),
        b(emitter.b),
        a(emitter.region.outputs[0]),
        type(a.query->dtype()),
        lanes(emitter.lanes),
        rows(emitter.schedule.tile_rows),
        columns(emitter.schedule.tile_vectors),
        exp(lower_elementwise(Op::exp, std::array{type})) {
    for (const Node* n : e.region.outputs) (n->op() == Op::attention ? out : lse) = n;
    weights = e.add_scratch(type, Role::Scratch, rows * kBlock);
    sums = e.add_scratch(type, Role::Scratch, rows * a.value_depth);
  }

  void run() {
    const int64_t all = a.batch * a.heads * a.queries, tasks = all / rows;
    e.lowered.flops += 2 * a.scores() * static_cast<double>(a.depth + a.value_depth);
    const double bytes = static_cast<double>(a.keys * (a.depth + a.value_depth)) * static_cast<double>(itemsize(type));
    e.phase("rows", tasks, bytes / 20, [&](ValueId task) {
      first_row = b.mul(task, b.index(rows));
      const auto [head, query] = e.nest.divide(first_row, {321, 0, 0}, std::max<int64_t>(1, a.queries), all);
      first_head = head;
      batch = e.nest.divide(head, {322, 0, 0}, std::max<int64_t>(1, a.heads), all).first;
      const ValueId key_head = e.nest.divide(head, {323, 0, 0}, std::max<int64_t>(1, a.group()), all).first;
      first_key = b.mul(key_head, e.nest.size("keys", a.keys));
      one_task();
    });
  }

 private:
  ValueId number(double v) { return b.constant(type, v); }
  ValueId minus_infinity() { return number(-std::numeric_limits<double>::infinity()); }
  ValueId wide(ValueId v) { return b.splat(v, lanes); }
  ValueId fma(ValueId x, ValueId y, ValueId z) { return b.prim(Prim::fma, type, {x, y, z}); }
  ValueId equal(ValueId x, ValueId y) { return b.prim(Prim::eq, kBool, {x, y}); }
  ValueId inlined(const scalar::Function& f, ValueId x) {
    const ValueId args[] = {x};
    return b.inline_function(f, args)[0];
  }
  Values each_row(const std::function<ValueId(size_t)>& f) {
    Values values;
    for (int r = 0; r < rows; ++r) values.push_back(f(static_cast<size_t>(r)));
    return values;
  }
  void each(ValueId begin, ValueId end, int64_t step, const std::function<void(ValueId)>& body) {
    b.for_loop(begin, end, b.index(step), {}, [&](ValueId i, const Values&) {
      body(i);
      return Values{};
    });
  }
  ValueId row(size_t r) { return b.add(first_row, b.index(static_cast<int64_t>(r))); }
  ValueId weight_at(size_t r, ValueId place) { return b.add(b.index(static_cast<int64_t>(r) * kBlock), place); }
  ValueId sum_at(size_t r, ValueId d) {
    return b.add(b.mul(b.index(static_cast<int64_t>(r)), e.nest.size("value_depth", a.value_depth)), d);
  }
  /// The row's query, counted in its head.
  ValueId query_of(size_t r) { return b.index(a.queries == 1 ? 0 : static_cast<int64_t>(r)); }

  ValueId largest(ValueId v) {
    while (b.type(v).lanes > 2) v = b.max(b.low(v), b.high(v));
    return b.max(b.extract(v, 0), b.extract(v, 1));
  }

  /// The mask for a row and a vector of keys.
  ValueId masked(ValueId t, size_t r, ValueId keys) {
    const Shape& shape = a.mask->shape();
    const Dims strides = contiguous_strides(shape);
    ValueId head = first_head;
    if (a.queries == 1) head = b.add(head, b.index(static_cast<int64_t>(r)));
    const ValueId in_batch = b.sub(head, b.mul(batch, e.nest.size("heads", a.heads)));
    const ValueId last = b.sub(e.nest.size("keys", a.keys), b.index(1));
    const ValueId parts[] = {batch, in_batch, query_of(r), b.min(keys, wide(last))};
    ValueId place = b.index(0);
    for (size_t d = 0; d < 4; ++d)
      if (shape[d] != 1) place = b.add(place, b.mul(parts[d], e.nest.size({324, d, 0}, strides[d])));
    const ValueId m = wide(b.load(e.input_buffer(a.mask), place, b.type(place).lanes));
    return is_bool(a.mask->dtype()) ? b.select(m, t, wide(minus_infinity())) : b.add(t, m);
  }

  /// Scores of the block's keys, in `weights`; the vectors' maxima with those before.
  Values scores(ValueId begin, ValueId count, const Values& tops) {
    const ValueId depth = e.nest.size("depth", a.depth), last = b.sub(count, b.index(1));
    const uint32_t keys = e.input_buffer(a.key), queries = e.input_buffer(a.query);
    const Values begins = each_row([&](size_t r) { return b.mul(row(r), depth); });
    return b.for_loop(b.index(0), count, b.index(lanes), tops, [&](ValueId v, const Values& before) {
      Values lines;
      for (int64_t n = 0; n < lanes; ++n)
        lines.push_back(b.mul(b.add(b.add(first_key, begin), b.min(b.add(v, b.index(n)), last)), depth));
      // Meanwhile the keys of the next block come near, and the values of this one.
      const ValueId ahead = b.mul(b.index(kBlock), depth), width = e.nest.size("value_depth", a.value_depth);
      Values value_lines;
      for (int64_t n = 0; n < lanes && out; ++n)
        value_lines.push_back(b.mul(b.add(b.add(first_key, begin), b.add(v, b.index(n))), width));
      const Values chains =
          b.for_loop(b.index(0), depth, b.index(lanes), each_row([&](size_t) { return wide(number(0)); }),
                     [&](ValueId d, const Values& carried) {
                       Values square, next = carried;
                       for (ValueId line : lines) {
                         const ValueId at = b.add(line, d);
                         b.prefetch(keys, b.add(at, ahead), kFar);
                         square.push_back(b.load(keys, at, lanes));
                       }
                       for (ValueId line : value_lines) b.prefetch(e.input_buffer(a.value), b.add(line, d), kFar);
                       square = turn_matrix(b, square);
                       for (int64_t n = 0; n < lanes; ++n)
                         for (size_t r = 0; r < next.size(); ++r) {
                           const ValueId q = b.load(queries, b.add(b.add(begins[r], d), b.index(n)), 1);
                           next[r] = fma(wide(q), square[static_cast<size_t>(n)], next[r]);
                         }
                       return next;
                     });
      const ValueId places = b.add(b.iota(lanes), wide(b.add(begin, v)));
      const ValueId inside = b.lane_mask(b.sub(count, v), lanes);
      return each_row([&](size_t r) {
        ValueId t = b.mul(chains[r], wide(number(a.scale)));
        if (a.mask) t = masked(t, r, places);
        ValueId seen = inside;
        if (a.causal) seen = b.prim(Prim::bit_and, kBool, {seen, b.prim(Prim::le, kBool, {places, wide(query_of(r))})});
        t = b.select(seen, t, wide(minus_infinity()));
        b.store(weights, weight_at(r, v), t);
        return b.max(before[r], t);
      });
    });
  }

  /// weights = exp(weights - base); their sum in four lanes.
  Values exponentials(ValueId count, const Values& base) {
    const Values parts =
        b.for_loop(b.index(0), count, b.index(lanes), each_row([&](size_t) { return b.splat(number(0), 4); }),
                   [&](ValueId v, const Values& carried) {
                     return each_row([&](size_t r) {
                       const ValueId x = b.load(weights, weight_at(r, v), lanes);
                       const ValueId p = inlined(exp, b.sub(x, wide(base[r])));
                       b.store(weights, weight_at(r, v), p);
                       return add_in_fours(carried[r], p);
                     });
                   });
    return each_row([&](size_t r) {
      const ValueId pairs = b.add(b.low(parts[r]), b.high(parts[r]));
      return b.add(b.extract(pairs, 0), b.extract(pairs, 1));
    });
  }
  ValueId add_in_fours(ValueId sum, ValueId v) {
    if (b.type(v).lanes == 4) return b.add(sum, v);
    return add_in_fours(add_in_fours(sum, b.low(v)), b.high(v));
  }

  /// sums = sums * shrink + weights x value.
  void add_values(ValueId begin, ValueId count, const Values& shrink) {
    const ValueId width = e.nest.size("value_depth", a.value_depth);
    const ValueId first = b.mul(b.add(first_key, begin), width);
    const int at_once = std::max(1, e.schedule.unroll);
    each(b.index(0), width, int64_t{lanes} * columns, [&](ValueId d) {
      for (int from = 0; from < rows; from += at_once) {
        const int count_rows = std::min(at_once, rows - from);
        const Values chains = b.for_loop(
            b.index(0), count, b.index(1), Values(static_cast<size_t>(count_rows * columns), wide(number(0))),
            [&](ValueId j, const Values& carried) {
              Values next = carried, line;
              const ValueId at = b.add(b.add(first, b.mul(j, width)), d);
              for (int c = 0; c < columns; ++c)
                line.push_back(b.load(e.input_buffer(a.value), b.add(at, b.index(int64_t{c} * lanes)), lanes));
              for (int r = 0; r < count_rows; ++r) {
                const ValueId p = wide(b.load(weights, weight_at(static_cast<size_t>(from + r), j), 1));
                for (int c = 0; c < columns; ++c) {
                  ValueId& chain = next[static_cast<size_t>(r * columns + c)];
                  chain = fma(line[static_cast<size_t>(c)], p, chain);
                }
              }
              return next;
            });
        for (int r = 0; r < count_rows; ++r)
          for (int c = 0; c < columns; ++c) {
            const auto k = static_cast<size_t>(from + r);
            const ValueId at = sum_at(k, b.add(d, b.index(int64_t{c} * lanes)));
            b.store(sums, at,
                    fma(b.load(sums, at, lanes), wide(shrink[k]), chains[static_cast<size_t>(r * columns + c)]));
          }
      }
    });
  }

  void one_task() {
    const ValueId width = e.nest.size("value_depth", a.value_depth);
    for (int r = 0; r < rows && out; ++r)
      each(b.index(0), width, lanes,
           [&](ValueId d) { b.store(sums, sum_at(static_cast<size_t>(r), d), wide(number(0))); });
    ValueId limit = e.nest.size("keys", a.keys);
    if (a.lengths) limit = b.min(limit, b.max(b.index(0), b.load(e.input_buffer(a.lengths), batch, 1)));
    // The rows' queries are among the first 64, so causal ones see the first block alone.
    const ValueId end = a.causal ? b.min(limit, b.index(kBlock)) : limit;
    Values start = each_row([&](size_t) { return minus_infinity(); });
    start.resize(static_cast<size_t>(2 * rows), number(0));
    const Values state = b.for_loop(b.index(0), end, b.index(kBlock), start, [&](ValueId begin, const Values& before) {
      const ValueId count = b.min(b.index(kBlock), b.sub(limit, begin));
      const Values vectors = scores(begin, count, each_row([&](size_t r) { return wide(before[r]); }));
      Values after = each_row([&](size_t r) { return largest(vectors[r]); });
      const Values base =
          each_row([&](size_t r) { return b.select(equal(after[r], minus_infinity()), number(0), after[r]); });
      const Values shrink = each_row([&](size_t r) { return inlined(exp, b.sub(before[r], base[r])); });
      const Values of_block = exponentials(count, base);
      for (size_t r = 0; r < of_block.size(); ++r)
        after.push_back(fma(before[static_cast<size_t>(rows) + r], shrink[r], of_block[r]));
      if (out) add_values(begin, count, shrink);
      return after;
    });
    const scalar::Function log = lower_elementwise(Op::log, std::array{type});
    for (int k = 0; k < rows; ++k) {
      const auto r = static_cast<size_t>(k);
      const ValueId sum = state[static_cast<size_t>(rows) + r], none = equal(sum, number(0));
      if (out) {
        const ValueId factor = b.prim(Prim::div, type, {number(1), sum});
        const ValueId to = b.mul(row(r), width);
        each(b.index(0), width, lanes, [&](ValueId d) {
          b.store(
              e.output_buffer(out), b.add(to, d),
              b.select(b.splat(none, lanes), wide(number(0)), b.mul(b.load(sums, sum_at(r, d), lanes), wide(factor))));
        });
      }
      if (!lse) continue;
      const ValueId infinity = number(std::numeric_limits<double>::infinity());
      b.store(e.output_buffer(lse), row(r), b.select(none, infinity, b.add(state[r], inlined(log, sum))));
    }
  }

  RegionEmitter& e;
  KernelBuilder& b;
  AttentionOperands a;
  DType type;
  uint16_t lanes;
  int rows, columns;
  scalar::Function exp;
  const Node *out = nullptr, *lse = nullptr;
  uint32_t weights, sums;
  ValueId first_row = kNone, first_head = kNone, batch = kNone, first_key = kNone;
};

}  // namespace

void lower_attention_rows(RegionEmitter& e) {
  FewRows(e).run();
}

Schedule choose_attention_schedule(const RegionEmitter& probe, Schedule s) {
  const Node* n = probe.region.outputs[0];
  const AttentionOperands a(n);
  const bool wide_registers = s.vector_bits == 512;
  // Sums of a tile of rows by vectors stay in registers; the lanes of a tile divide a block.
  s.strategy = Strategy::Attention;
  s.tile_vectors = 2;
  s.tile_rows = wide_registers ? 8 : 4;
  constexpr int64_t kMostRows = 8, kMostDepth = 512;
  const int64_t lanes = probe.lanes, few = a.queries == 1 ? a.group() : a.queries;
  const int64_t rows = few <= kMostRows ? few : a.queries == 1 && few % kMostRows == 0 ? kMostRows : 0;
  if ((n->op() != Op::attention && n->op() != Op::attention_lse) || rows == 0 || lanes < 4 || a.depth == 0 ||
      a.depth > kMostDepth || a.value_depth == 0 || a.depth % lanes != 0 || a.value_depth % lanes != 0)
    return s;
  s.strategy = Strategy::AttentionRows;
  s.tile_rows = static_cast<int>(rows);
  s.tile_vectors = wide_registers ? 8 : 4;
  while (a.value_depth % (lanes * s.tile_vectors) != 0) --s.tile_vectors;
  s.unroll = std::max(1, (wide_registers ? 24 : 10) / s.tile_vectors);  // rows whose sums are in registers together
  return s;
}

}  // namespace lazuli::codegen
