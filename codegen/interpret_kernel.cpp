// Reference execution: the meaning of kernel IR, one lane at a time, through the scalar evaluator.
#include <fmt/format.h>

#include <bit>
#include <cmath>
#include <cstring>

#include "codegen/kernel.h"
#include "codegen/kernel_types.h"
#include "ir/scalar/function.h"
#include "lazuli/base/error.h"
#include "lazuli/base/half.h"

namespace lazuli::codegen {

namespace {

class Interpreter {
 public:
  Interpreter(const Kernel& k, const LaunchArgs& args, void* const* scratch, const std::vector<int64_t>* extents)
      : k_(k), args_(args), extents_(extents), place_(k.values.size()) {
    size_t lanes = 0;
    for (size_t v = 0; v < k.values.size(); ++v) {
      place_[v] = lanes;
      lanes += k.values[v].lanes;
    }
    lanes_.resize(lanes);
    size_t next_scratch = 0;
    for (size_t b = 0; b < k.buffers.size(); ++b) {
      const bool own = is_private(k.buffers[b].role);
      memory_.push_back(static_cast<char*>(own ? scratch[next_scratch++] : args.buffers[b]));
    }
  }

  int32_t task(BlockId body, int64_t task) {
    set(k_.blocks[body].args[0], static_cast<uint64_t>(task));
    block(k_.blocks[body]);
    return failed_;
  }

 private:
  uint64_t* at(ValueId v) { return &lanes_[place_[v]]; }
  void set(ValueId v, uint64_t bits) { *at(v) = bits; }
  int64_t index(ValueId v) { return static_cast<int64_t>(*at(v)); }
  uint16_t lanes(ValueId v) const { return k_.values[v].lanes; }

  template <class From, class To>
  void copy(const From& from, const To& to, size_t skip_from = 0, size_t skip_to = 0) {
    // Through a temporary: a loop may yield its carried values permuted.
    std::vector<uint64_t> values;
    for (size_t n = skip_from; n < from.size(); ++n)
      values.insert(values.end(), at(from[n]), at(from[n]) + lanes(from[n]));
    const uint64_t* next = values.data();
    for (size_t n = skip_to; n < to.size(); ++n) {
      std::copy_n(next, lanes(to[n]), at(to[n]));
      next += lanes(to[n]);
    }
  }

  void block(const Block& b) {
    for (InstId i : b.insts) inst(k_.insts[i]);
  }

  void inst(const Inst& i) {
    const ValueId r = i.results.empty() ? kNone : i.results[0];
    const size_t n = r == kNone ? 0 : lanes(r);
    switch (i.op) {
      case KOp::Prim:
        return prim(i);
      case KOp::SizeArg:
        return set(r, static_cast<uint64_t>(args_.sizes[i.imm]));
      case KOp::ScalarArg:
        return set(r, args_.scalars[i.imm] & bit_mask(k_.scalars[i.imm]));
      case KOp::Iota:
        for (size_t l = 0; l < n; ++l) at(r)[l] = l;
        return;
      case KOp::Splat:
        std::fill_n(at(r), n, *at(i.operands[0]));
        return;
      case KOp::Low:
        std::copy_n(at(i.operands[0]), n, at(r));
        return;
      case KOp::High:
        std::copy_n(at(i.operands[0]) + n, n, at(r));
        return;
      case KOp::Extract:
        return set(r, at(i.operands[0])[i.imm]);
      case KOp::Shuffle: {
        const size_t lanes_of_a = lanes(i.operands[0]);
        for (size_t l = 0; l < n; ++l) {
          const size_t p = k_.shuffles[i.imm][l];
          at(r)[l] = p < lanes_of_a ? at(i.operands[0])[p] : at(i.operands[1])[p - lanes_of_a];
        }
        return;
      }
      case KOp::LaneMask:
        for (size_t l = 0; l < n; ++l) at(r)[l] = static_cast<int64_t>(l) < index(i.operands[0]);
        return;
      case KOp::AnyLane: {
        uint64_t any = 0;
        for (size_t l = 0; l < lanes(i.operands[0]); ++l) any |= at(i.operands[0])[l];
        return set(r, any);
      }
      case KOp::FastDiv:
        for (size_t l = 0; l < n; ++l)
          at(r)[l] = (at(i.operands[0])[l] * at(i.operands[1])[l]) >> (at(i.operands[2])[l] & 63);
        return;
      case KOp::DotBytes:
        for (size_t l = 0; l < n; ++l) {
          auto sum = static_cast<uint32_t>(at(i.operands[0])[l]);
          for (int byte = 0; byte < 32; byte += 8)
            sum += static_cast<uint32_t>(static_cast<uint8_t>(at(i.operands[1])[l] >> byte) *
                                         static_cast<int8_t>(at(i.operands[2])[l] >> byte));
          at(r)[l] = sum;
        }
        return;
      case KOp::Load:
        return load(i);
      case KOp::Store:
        return store(i);
      case KOp::Prefetch:
      case KOp::Fence:
      case KOp::Barrier:
        return;
      case KOp::LaneSwap:
        return lane_swap(lane_move(i.imm));
      case KOp::MultiplyTile:
        return multiply_tile(i);
      case KOp::StreamTile:
        return stream_tile(i);
      case KOp::For: {
        const Block& b = k_.blocks[i.blocks[0]];
        const int64_t end = index(i.operands[1]), step = index(i.operands[2]);
        if (step <= 0) throw Error(ErrorKind::Internal, "kernel " + k_.name + ": a loop whose step is not positive");
        copy(i.operands, b.args, 3, 1);
        for (int64_t x = index(i.operands[0]); x < end; x += step) {
          set(b.args[0], static_cast<uint64_t>(x));
          if (i.loop == LoopKind::Thread) thread_ = x;
          block(b);
          copy(b.yields, b.args, 0, 1);
        }
        return copy(b.args, i.results, 1, 0);
      }
      case KOp::If: {
        const Block& b = k_.blocks[i.blocks[*at(i.operands[0]) ? 0 : 1]];
        block(b);
        return copy(b.yields, i.results);
      }
    }
  }

  void prim(const Inst& i) {
    if (i.prim == Prim::check) {
      for (size_t l = 0; l < lanes(i.operands[0]); ++l) failed_ |= !at(i.operands[0])[l];
      return;
    }
    const ValueId r = i.results[0];
    if (i.prim == Prim::constant) {
      std::fill_n(at(r), lanes(r), i.imm);
      return;
    }
    const DType operand = k_.values[i.operands.back()].dtype;
    for (size_t l = 0; l < lanes(r); ++l) {
      uint64_t a[3] = {};
      for (size_t k = 0; k < i.operands.size(); ++k) a[k] = at(i.operands[k])[l];
      at(r)[l] = scalar::evaluate_prim(i.prim, k_.values[r].dtype, operand, a) & bit_mask(k_.values[r].dtype);
    }
  }

  /// Address of lane `l` of an access.
  char* element(const Inst& i, size_t l) {
    const bool vector = lanes(i.operands[0]) > 1;
    const auto offset =
        static_cast<int64_t>(at(i.operands[0])[vector ? l : 0]) + (vector ? 0 : static_cast<int64_t>(l));
    if (extents_ && (offset < 0 || offset >= (*extents_)[i.imm]))
      throw Error(ErrorKind::Internal, fmt::format("kernel {}: {} of element {} of buffer {}, which has {}", k_.name,
                                                   name(i.op), offset, i.imm, (*extents_)[i.imm]));
    const Buffer& b = k_.buffers[i.imm];
    const int64_t own = b.role == Role::Thread ? thread_ * b.extent : 0;
    return memory_[i.imm] + (own + offset) * static_cast<int64_t>(itemsize(k_.buffers[i.imm].dtype));
  }

  void load(const Inst& i) {
    const ValueId r = i.results[0];
    const DType t = k_.values[r].dtype;
    for (size_t l = 0; l < lanes(r); ++l) {
      if (i.operands.size() == 3 && !at(i.operands[1])[l]) {
        at(r)[l] = at(i.operands[2])[l];
        continue;
      }
      uint64_t bits = 0;
      std::memcpy(&bits, element(i, l), itemsize(t));
      at(r)[l] = is_bool(t) ? bits != 0 : bits;
    }
  }

  void store(const Inst& i) {
    const ValueId v = i.operands[1];
    for (size_t l = 0; l < lanes(v); ++l)
      if (i.operands.size() < 3 || at(i.operands[2])[l])
        std::memcpy(element(i, l), at(v) + l, itemsize(k_.values[v].dtype));
  }

  void lane_swap(LaneMove m) {
    const size_t bytes = static_cast<size_t>(k_.buffers[m.to].extent) * itemsize(k_.buffers[m.to].dtype);
    for (uint32_t t = 0; t < k_.threads; ++t) {
      const uint32_t from = t ^ m.mask;
      std::memcpy(memory_[m.to] + t * bytes, memory_[m.from] + from * bytes, bytes);
    }
  }

  /// Where element (row, depth) of an operand stands.
  int64_t tile_offset(const Inst& i, size_t first, uint32_t buffer, bool along_depth, int64_t row, int64_t k) {
    const int64_t offset = index(i.operands[first]), stride = index(i.operands[first + 1]);
    const int64_t place = offset + (along_depth ? row * stride + k : k * stride + row);
    if (extents_ && (place < 0 || place >= (*extents_)[buffer]))
      throw Error(ErrorKind::Internal, fmt::format("kernel {}: {} of element {} of buffer {}, which has {}", k_.name,
                                                   name(i.op), place, buffer, (*extents_)[buffer]));
    return place;
  }

  /// The bits of a side's elements, row by row, [rows, depth].
  std::vector<uint64_t> tile_side(const Inst& i, bool right, int64_t rows, int64_t depth) {
    const TileProduct& p = k_.tiles[i.imm];
    const bool along = right ? p.right_along_depth : p.left_along_depth;
    const uint32_t buffer = right ? p.right : p.left;
    const int64_t made = right ? p.right_made : p.left_made;
    std::vector<uint64_t> out(static_cast<size_t>(rows * depth));
    const size_t first_block = right && p.left_made ? 2 : 0;
    for (int64_t r = 0; r < rows; ++r)
      for (int64_t k = 0; k < depth; ++k) {
        uint64_t& bits = out[static_cast<size_t>(r * depth + k)];
        if (made == 0) {
          const int64_t place = tile_offset(i, right ? 3 : 0, buffer, along, r, k);
          const size_t size = itemsize(k_.buffers[buffer].dtype);
          std::memcpy(&bits, memory_[buffer] + place * static_cast<int64_t>(size), size);
          continue;
        }
        const Block &fetch = k_.blocks[i.blocks[first_block]], &convert = k_.blocks[i.blocks[first_block + 1]];
        const int64_t lane = (along ? k : r) % made;
        for (const Block* b : {&fetch, &convert}) {
          set(b->args[0], static_cast<uint64_t>(along ? r : r - lane));
          set(b->args[1], static_cast<uint64_t>(along ? k - lane : k));
          block(*b);
          if (b == &fetch) copy(fetch.yields, convert.args, 0, 2);
        }
        bits = at(convert.yields[0])[lane];
      }
    return out;
  }

  void multiply_tile(const Inst& i) {
    const TileProduct& p = k_.tiles[i.imm];
    const int64_t depth = index(i.operands[6]);
    const int64_t rows = std::min<int64_t>(index(i.operands[2]), p.rows);
    const int64_t columns = std::min<int64_t>(index(i.operands[5]), p.columns);
    const DType type = p.left_made ? k_.values[k_.blocks[i.blocks[1]].yields[0]].dtype : k_.buffers[p.left].dtype;
    const std::vector<uint64_t> left = tile_side(i, false, rows, depth), right = tile_side(i, true, columns, depth);
    const auto number = [&](uint64_t bits) {
      const auto half = static_cast<uint16_t>(bits);
      return type == kFloat16 ? half_bits_to_float(half) : bfloat16_bits_to_float(half);
    };
    for (int64_t r = 0; r < p.rows; ++r)
      for (int64_t c = 0; c < p.columns; ++c) {
        float sum = 0;
        uint32_t whole = 0;
        if (r < rows && c < columns)
          for (int64_t k = 0; k < depth; ++k) {
            const uint64_t a = left[static_cast<size_t>(r * depth + k)], b = right[static_cast<size_t>(c * depth + k)];
            if (type == kInt8)
              whole += static_cast<uint32_t>(static_cast<int8_t>(a) * static_cast<int8_t>(b));
            else
              sum = std::fma(number(a), number(b), sum);
          }
        std::memcpy(memory_[p.to] + (r * p.pitch() + c) * 4,
                    type == kInt8 ? static_cast<const void*>(&whole) : static_cast<const void*>(&sum), 4);
      }
  }

  /// Bits of the sum of left[place] * right[place] over the depth: floats in float32 (those of 32 bits as they are:
  /// what a machine rounds is its own), bytes in int32.
  template <class Places>
  uint32_t sum_of_products(uint32_t left, uint32_t right, int64_t depth, const Places& places) {
    const DType type = k_.buffers[left].dtype;
    const auto number = [&](uint32_t buffer, int64_t place) {
      if (type == kFloat32) {
        float f;
        std::memcpy(&f, memory_[buffer] + place * 4, 4);
        return f;
      }
      uint16_t bits;
      std::memcpy(&bits, memory_[buffer] + place * 2, 2);
      return type == kFloat16 ? half_bits_to_float(bits) : bfloat16_bits_to_float(bits);
    };
    const auto byte = [&](uint32_t buffer, int64_t place) { return static_cast<int8_t>(memory_[buffer][place]); };
    float sum = 0;
    uint32_t whole = 0;
    for (int64_t k = 0; k < depth; ++k) {
      const auto [l, r] = places(k);
      if (type == kInt8)
        whole += static_cast<uint32_t>(byte(left, l) * byte(right, r));
      else
        sum = std::fma(number(left, l), number(right, r), sum);
    }
    return type == kInt8 ? whole : std::bit_cast<uint32_t>(sum);
  }

  void stream_tile(const Inst& i) {
    using P = StreamProduct;
    const P& p = k_.streams[i.imm];
    const int64_t batch = index(i.operands[2]);
    const int64_t *left = args_.sizes + p.left_sizes, *right = args_.sizes + p.right_sizes;
    // offset, stride, distance of batches, rows, depth, batches
    const auto place = [&](uint32_t buffer, const int64_t* s, bool along, bool batched, int64_t row, int64_t k) {
      const int64_t at = s[0] + (batched ? batch * s[2] : 0) + (along ? row * s[1] + k : k * s[1] + row);
      if (extents_ && (at < 0 || at >= (*extents_)[buffer]))
        throw Error(ErrorKind::Internal, fmt::format("kernel {}: {} of element {} of buffer {}, which has {}", k_.name,
                                                     name(i.op), at, buffer, (*extents_)[buffer]));
      return at;
    };
    const Block& b = k_.blocks[i.blocks[0]];
    for (int64_t top = index(i.operands[0]), bottom = top + p.rows; top < bottom; top += P::kPieceRows)
      for (int64_t first = index(i.operands[1]), last = first + p.columns; first < last; first += P::kPieceColumns) {
        for (int64_t r = 0; r < P::kPieceRows; ++r)
          for (int64_t c = 0; c < P::kPieceColumns; ++c) {
            const bool there = top + r < left[3] && first + c < right[3];
            const uint32_t sum = sum_of_products(p.left, p.right, there ? left[4] : 0, [&](int64_t k) {
              return std::pair(place(p.left, left, p.left_along_depth, p.left_batched, top + r, k),
                               place(p.right, right, p.right_along_depth, p.right_batched, first + c, k));
            });
            std::memcpy(memory_[p.to] + (r * P::kPiecePitch + c) * 4, &sum, 4);
          }
        set(b.args[0], static_cast<uint64_t>(top));
        set(b.args[1], static_cast<uint64_t>(first));
        block(b);
      }
  }

  const Kernel& k_;
  const LaunchArgs& args_;
  const std::vector<int64_t>* extents_;
  std::vector<size_t> place_;  // first lane of each value
  std::vector<uint64_t> lanes_;
  std::vector<char*> memory_;
  int64_t thread_ = 0;  // iteration of the Thread loop at hand
  int32_t failed_ = 0;
};

}  // namespace

int32_t interpret_phase(const Kernel& k, size_t phase, const LaunchArgs& args, int64_t begin, int64_t end,
                        void* const* scratch, const std::vector<int64_t>* extents) {
  Interpreter run(k, args, scratch, extents);
  int32_t failed = 0;
  for (int64_t task = begin; task < end; ++task) failed |= run.task(k.phases[phase].body, task);
  return failed;
}

}  // namespace lazuli::codegen
