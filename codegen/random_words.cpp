#include "codegen/random_words.h"

#include "ir/scalar/math.h"

namespace lazuli::codegen {

using namespace ir;

namespace {

constexpr int64_t kCounters = 16;

/// The four words of counters: (low and high half of the counter, offset, seed).
scalar::Function words_of_counters() {
  scalar::Builder s({kInt32, kInt32, kInt64, kInt64});
  const auto low = [&](scalar::Value v) { return s.convert(v, kInt32); };
  const auto high = [&](scalar::Value v) { return s.convert(s.lshr(v, 32), kInt32); };
  const scalar::Value offset = s.param(2), seed = s.param(3);
  const std::array<scalar::Value, 4> words =
      scalar::philox_block(s, {s.param(0), s.param(1), low(offset), high(offset)}, {low(seed), high(seed)});
  return s.finish({words[0], words[1], words[2], words[3]});
}

}  // namespace

RandomWords::RandomWords(RegionEmitter& e) : e_(e) {
  if (e.schedule.threads || e.nest.groups().empty() || e.lanes > kCounters || e.lanes == 1 ||
      e.schedule.block % kPlaces != 0)
    return;
  const size_t along = e.nest.groups().size() - 1;
  for (ItemId id = 0; id < e.graph.items.size(); ++id) {
    const Item& item = e.graph.items[id];
    if (!is_random_word(item)) continue;
    const IndexId position = e.graph.items[item.operands[2]].position;
    bool follows = e.nest.stride(position, along) == 1 && e.region.arena->expr(position).offset % kPlaces == 0;
    for (size_t g = 0; g < along; ++g) {
      const std::optional<int64_t> step = e.nest.stride(position, g);
      follows = follows && step && *step % kPlaces == 0;
    }
    if (!follows) continue;
    items_.push_back(id);
    buffers_.push_back(e.add_scratch(kInt32, Role::Scratch, kPlaces));
  }
}

void RandomWords::make(ValueId first) {
  KernelBuilder& b = e_.b;
  const size_t along = e_.nest.groups().size() - 1;
  e_.nest.bind_scalar(along, first);
  for (size_t k = 0; k < items_.size(); ++k) {
    const Item& item = e_.graph.items[items_[k]];
    Body scalars;
    const ValueId seed = e_.emit(item.operands[0], scalars), offset = e_.emit(item.operands[1], scalars);
    const ValueId place = e_.emit(item.operands[2], scalars);
    // Place 64 n is the first of counter 16 n.
    const ValueId counter = b.prim(Prim::lshr, kInt64, {place, b.index(2)});
    const ValueId low = b.prim(Prim::convert, kInt32, {counter});
    const ValueId high = b.prim(Prim::convert, kInt32, {b.prim(Prim::lshr, kInt64, {counter, b.index(32)})});
    for (int64_t c = 0; c < kCounters; c += e_.lanes) {
      const ValueId own = b.prim(Prim::convert, kInt32, {b.add(b.iota(e_.lanes), b.splat(b.index(c), e_.lanes))});
      const ValueId args[] = {b.add(b.splat(low, e_.lanes), own), high, offset, seed};
      const std::vector<ValueId> words = b.inline_function(words_of_counters(), args);
      for (size_t w = 0; w < words.size(); ++w)
        b.store(buffers_[k], b.index(static_cast<int64_t>(w) * kCounters + c), words[w]);
    }
  }
}

void RandomWords::give(Body& body, ValueId place) {
  for (size_t k = 0; k < items_.size(); ++k) body.values[items_[k]] = e_.b.load(buffers_[k], place, body.lanes);
}

}  // namespace lazuli::codegen
