#include "codegen/block_reduce.h"

#include <bit>

namespace lazuli::codegen {

std::vector<std::vector<uint32_t>> BlockReducer::lane_buffers(const std::vector<Reducer>& reducers) {
  std::vector<bool> taken(shared_.size());
  std::vector<std::vector<uint32_t>> all;
  for (const Reducer& r : reducers) {
    all.emplace_back();
    for (size_t p = 0; p < r.parts(); ++p) {
      size_t i = 0;
      while (i < shared_.size() && (taken[i] || shared_[i].first != r.type(p))) ++i;
      if (i == shared_.size()) {
        shared_.emplace_back(r.type(p), e_.add_shared(r.type(p), kLanes * width_));
        taken.push_back(false);
      }
      taken[i] = true;
      all.back().push_back(shared_[i].second);
    }
  }
  return all;
}

std::vector<Partial> BlockReducer::take_lane(std::vector<Reducer>& reducers, ValueId begin, ValueId length,
                                             ValueId lane) {
  const size_t first_group = e_.nest.kept_count(), last_group = e_.nest.groups().size();
  std::vector<ValueId> start;
  for (Reducer& r : reducers)
    for (const ValueId v : r.start(1, b_.lt(lane, length))) start.push_back(v);
  const auto split = [&](const std::vector<ValueId>& flat) {
    std::vector<Partial> parts;
    size_t at = 0;
    for (const Reducer& r : reducers) {
      parts.emplace_back();
      for (size_t p = 0; p < r.parts(); ++p) parts.back().push_back(flat[at++]);
    }
    return parts;
  };
  const std::vector<ValueId> done =
      b_.for_loop(lane, length, b_.index(kLanes), start, [&](ValueId i, const std::vector<ValueId>& carried) {
        const ValueId at = b_.add(begin, i);
        e_.nest.bind_flat(first_group, last_group, at);
        Body body;
        const std::vector<Partial> acc = split(carried);
        std::vector<ValueId> next;
        for (size_t r = 0; r < reducers.size(); ++r) {
          std::vector<ValueId> operands;
          for (ItemId o : reducers[r].reduction().operands) operands.push_back(e_.emit(o, body));
          for (const ValueId v : reducers[r].take(acc[r], operands, at)) next.push_back(v);
        }
        return next;
      });
  return split(done);
}

void BlockReducer::merge_lanes(std::vector<Reducer>& reducers, const std::vector<std::vector<uint32_t>>& buffers,
                               ValueId count, int64_t unit_stride, int64_t lane_stride) {
  const ValueId one = b_.index(1), last = b_.index(kLaneBits - 1);
  each(b_.index(0), b_.index(kLaneBits), one, [&](ValueId step) {
    const ValueId bits = b_.sub(last, step);  // of the number of lanes that take another one in
    const ValueId half = shift_left(one, bits);
    threads(b_.mul(count, half), [&](ValueId t) {
      // Neighbouring threads take neighbouring elements.
      const bool lanes_run = lane_stride == 1;
      ValueId unit, lane;
      if (lanes_run) {
        unit = shift_right(t, bits);
        lane = b_.prim(Prim::bit_and, kInt64, {t, b_.sub(half, one)});
      } else {
        unit = low_bits(t, lane_stride);
        lane = shift_right(t, b_.index(std::countr_zero(static_cast<uint64_t>(lane_stride))));
      }
      const ValueId at = b_.add(b_.mul(unit, b_.index(unit_stride)), b_.mul(lane, b_.index(lane_stride)));
      const ValueId other = b_.add(at, b_.mul(half, b_.index(lane_stride)));
      for (size_t r = 0; r < reducers.size(); ++r)
        store(buffers[r], at, reducers[r].merge(load(buffers[r], at), load(buffers[r], other)));
    });
    b_.barrier();
  });
}

void BlockReducer::merge_chunks(Reducer& reducer, const std::vector<uint32_t>& buffers, ValueId base, ValueId count,
                                ValueId levels) {
  const ValueId one = b_.index(1);
  each(b_.index(0), levels, one, [&](ValueId level) {
    // Result i*2s takes result i*2s + s in; there are ceil((count - s) / 2s) such pairs.
    const ValueId s = shift_left(one, level), up = b_.add(level, one);
    threads(shift_right(b_.sub(b_.add(count, s), one), up), [&](ValueId i) {
      const ValueId at = b_.add(base, shift_left(i, up));
      store(buffers, at, reducer.merge(load(buffers, at), load(buffers, b_.add(at, s))));
    });
    b_.barrier();
  });
}

void BlockReducer::threads(ValueId count, const std::function<void(ValueId)>& body) {
  b_.for_loop(
      b_.index(0), count, b_.index(1), {},
      [&](ValueId t, const std::vector<ValueId>&) {
        body(t);
        return std::vector<ValueId>{};
      },
      LoopKind::Thread);
}

void BlockReducer::each(ValueId begin, ValueId end, ValueId step, const std::function<void(ValueId)>& body) {
  b_.for_loop(begin, end, step, {}, [&](ValueId i, const std::vector<ValueId>&) {
    body(i);
    return std::vector<ValueId>{};
  });
}

void BlockReducer::when(ValueId condition, const std::function<void()>& body) {
  b_.if_then(condition, [&] {
    body();
    return std::vector<ValueId>{};
  });
}

Partial BlockReducer::load(const std::vector<uint32_t>& buffers, ValueId at) {
  Partial p;
  for (const uint32_t buffer : buffers) p.push_back(b_.load(buffer, at, 1));
  return p;
}

void BlockReducer::store(const std::vector<uint32_t>& buffers, ValueId at, const Partial& p) {
  for (size_t i = 0; i < buffers.size(); ++i) b_.store(buffers[i], at, p[i]);
}

}  // namespace lazuli::codegen
