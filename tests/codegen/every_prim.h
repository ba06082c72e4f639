// Every primitive on every type it takes, with special values, their pairs and random bits: what backends are tested
// on.
#pragma once
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>

#include "codegen/kernel_builder.h"
#include "codegen/kernel_types.h"
#include "lazuli/base/half.h"

namespace lazuli::codegen {

inline constexpr DType kEveryType[] = {kBool,  kUInt8,   kInt8,     kInt16,   kInt32,
                                       kInt64, kFloat16, kBFloat16, kFloat32, kFloat64};

inline std::vector<uint64_t> special_values(DType t) {
  std::vector<uint64_t> out;
  if (is_bool(t)) return {0, 1};
  if (is_integral(t)) {
    const uint64_t mask = bit_mask(t), top = uint64_t{1} << (bit_width(t) - 1);
    for (uint64_t v : {uint64_t{0}, uint64_t{1}, uint64_t{2}, uint64_t{3}, uint64_t{7}, uint64_t{100}, top, top - 1,
                       top + 1, ~uint64_t{0}, ~uint64_t{1}, ~uint64_t{6}, uint64_t{1} << 24, (uint64_t{1} << 24) + 1,
                       (uint64_t{1} << 53) + 1})
      out.push_back(v & mask);
    return out;
  }
  const double inf = std::numeric_limits<double>::infinity(), nan = std::numeric_limits<double>::quiet_NaN();
  for (double v : {0.0,
                   -0.0,
                   1.0,
                   -1.0,
                   0.5,
                   -0.5,
                   1.5,
                   2.5,
                   -2.5,
                   0.49999997,
                   1e-40,
                   -1e-310,
                   3.0,
                   127.0,
                   128.0,
                   -128.0,
                   -129.0,
                   255.5,
                   256.0,
                   32767.0,
                   32768.0,
                   -32769.0,
                   65504.0,
                   65520.0,
                   2147483520.0,
                   2147483647.0,
                   2147483648.0,
                   -2147483648.0,
                   -2147483904.0,
                   9.2233715e18,
                   9.223372036854775808e18,
                   -9.3e18,
                   1e30,
                   6e-8,
                   inf,
                   -inf,
                   nan}) {
    const auto f = static_cast<float>(v);
    out.push_back(t == kFloat64   ? std::bit_cast<uint64_t>(v)
                  : t == kFloat32 ? std::bit_cast<uint32_t>(f)
                  : t == kFloat16 ? float_to_half_bits(f)
                                  : float_to_bfloat16_bits(f));
  }
  return out;
}

inline bool is_nan(DType t, uint64_t bits) {
  switch (t) {
    case kFloat64:
      return std::isnan(std::bit_cast<double>(bits));
    case kFloat32:
      return std::isnan(std::bit_cast<float>(static_cast<uint32_t>(bits)));
    case kFloat16:
      return (bits & 0x7fff) > 0x7c00;
    case kBFloat16:
      return (bits & 0x7fff) > 0x7f80;
    default:
      return false;
  }
}

/// Bits of many elements of one type, as they lie in memory.
struct Column {
  DType type;
  std::vector<char> bytes;
  Column(DType t, size_t n) : type(t), bytes(n * itemsize(t)) {}
  uint64_t get(size_t i) const {
    uint64_t v = 0;
    std::memcpy(&v, bytes.data() + i * itemsize(type), itemsize(type));
    return v;
  }
  void set(size_t i, uint64_t v) { std::memcpy(bytes.data() + i * itemsize(type), &v, itemsize(type)); }
};

inline constexpr size_t kElements = 2048;

/// All pairs of special values first, then special with random, then random. `which` decorrelates the columns.
inline Column make_column(DType t, int which) {
  const auto special = special_values(t);
  std::mt19937_64 random(17 + which * 131 + static_cast<int>(t));
  Column c(t, kElements);
  for (size_t i = 0; i < kElements; ++i) {
    uint64_t v;
    if (i < 1408)
      v = special[(which == 0 ? i : which == 1 ? i / special.size() : i / 7) % special.size()];
    else
      v = random();
    if (i >= 1408 && i % 3 == 0) v = special[random() % special.size()];
    c.set(i, v & bit_mask(t));
  }
  return c;
}

struct PrimRow {
  Prim prim;
  DType result;
  DType operand;
};

inline std::vector<PrimRow> rows_for(DType t) {
  std::vector<PrimRow> rows;
  for (int p = 0; p < scalar::kPrimCount; ++p) {
    const Prim prim = static_cast<Prim>(p);
    if (prim == Prim::constant || prim == Prim::check || prim == Prim::convert || prim == Prim::bitcast) continue;
    if (is_half(t) || scalar::llvm_spelling(prim, t).empty()) continue;
    if (is_bool(t) && scalar::info(prim).operands == scalar::Operands::I) continue;
    if (prim == Prim::umulhi && t != kInt32) continue;
    rows.push_back({prim, scalar::info(prim).result == scalar::Result::Bool ? kBool : t, t});
  }
  for (DType to : kEveryType) {
    if (to == t) continue;
    const bool half = is_half(t) || is_half(to);
    if (!half || (t == kFloat16 && to == kFloat32) || (t == kFloat32 && to == kFloat16))
      rows.push_back({Prim::convert, to, t});
    if (bit_width(t) == bit_width(to)) rows.push_back({Prim::bitcast, to, t});
  }
  return rows;
}

/// Every primitive on one type: a phase each, with its data and what it must give.
class PrimTable {
 public:
  explicit PrimTable(DType t) : type(t), rows(rows_for(t)), condition(make_column(kBool, 5)), shift(t, kElements) {
    for (int k = 0; k < 3; ++k) in.push_back(make_column(t, k));
    for (size_t i = 0; i < kElements; ++i) {
      const size_t amount = (i * 7) % static_cast<size_t>(is_floating(t) ? 200 : bit_width(t));
      shift.set(i, t == kFloat64   ? std::bit_cast<uint64_t>(static_cast<double>(amount))
                   : t == kFloat32 ? std::bit_cast<uint32_t>(static_cast<float>(amount))
                                   : amount);
    }
    for (const PrimRow& row : rows) out.emplace_back(row.result, kElements);
  }

  /// The second operand is an amount within the range that the table states.
  static bool shifts(Prim p) { return p == Prim::shl || p == Prim::lshr || p == Prim::ashr || p == Prim::scale2; }

  /// Task t handles elements [t * lanes, (t + 1) * lanes); with LoopKind::Thread, tasks of one lane are iterations.
  std::shared_ptr<const Kernel> kernel(uint16_t lanes, LoopKind kind = LoopKind::Serial) const {
    KernelBuilder b("prims");
    const uint32_t x[3] = {b.add_buffer(type, Role::Input), b.add_buffer(type, Role::Input),
                           b.add_buffer(type, Role::Input)};
    const uint32_t c = b.add_buffer(kBool, Role::Input), s = b.add_buffer(type, Role::Input);
    for (const PrimRow& row : rows) {
      const uint32_t y = b.add_buffer(row.result, Role::Output);
      b.phase(std::string(scalar::info(row.prim).name), [&](ValueId task) {
        const auto one = [&](ValueId at) {
          std::vector<ValueId> args;
          for (int k = 0; k < scalar::info(row.prim).arity; ++k) {
            if (row.prim == Prim::select && k == 0)
              args.push_back(b.load(c, at, lanes));
            else
              args.push_back(b.load(shifts(row.prim) && k == 1 ? s : x[k], at, lanes));
          }
          b.store(y, at, b.prim(row.prim, row.result, args));
        };
        const ValueId at = b.mul(task, b.index(lanes));
        if (kind == LoopKind::Serial) return one(at);
        const ValueId end = b.add(at, b.index(1)), step = b.index(1);
        b.for_loop(
            at, end, step, {},
            [&](ValueId i, const auto&) -> std::vector<ValueId> {
              one(i);
              return {};
            },
            kind);
      });
    }
    return b.finish();
  }

  std::vector<void*> buffers() {
    std::vector<void*> p;
    for (Column& c : in) p.push_back(c.bytes.data());
    p.push_back(condition.bytes.data());
    p.push_back(shift.bytes.data());
    for (Column& c : out) p.push_back(c.bytes.data());
    return p;
  }

  /// Compares the output of one row with the evaluator; `what` names the code that wrote it.
  void expect_row(size_t r, const std::string& what) const {
    const PrimRow& row = rows[r];
    int shown = 0;
    for (size_t i = 0; i < kElements && shown < 3; ++i) {
      uint64_t a[3] = {in[0].get(i), in[1].get(i), in[2].get(i)};
      if (row.prim == Prim::select) a[0] = condition.get(i);
      if (shifts(row.prim)) a[1] = shift.get(i);
      const uint64_t want = scalar::evaluate_prim(row.prim, row.result, row.operand, a) & bit_mask(row.result);
      const uint64_t got = out[r].get(i);
      if (want == got || (is_nan(row.result, want) && is_nan(row.result, got))) continue;
      ++shown;
      ADD_FAILURE() << scalar::info(row.prim).name << " " << name(row.operand) << " -> " << name(row.result) << ", "
                    << what << ": operands " << scalar::literal(type, a[0]) << " " << scalar::literal(type, a[1]) << " "
                    << scalar::literal(type, a[2]) << " (" << std::hex << a[0] << " " << a[1] << " " << a[2]
                    << ") give " << got << ", defined " << want;
    }
  }

  DType type;
  std::vector<PrimRow> rows;
  std::vector<Column> in, out;
  Column condition, shift;
};

}  // namespace lazuli::codegen
