// Every primitive on every type it takes, 1 to 16 lanes, at every vector width: machine code against the evaluator, bit
// for bit (any NaN equals any NaN), on special values, their pairs, and random bits.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <random>

#include "codegen/kernel_builder.h"
#include "codegen/kernel_types.h"
#include "lazuli/base/half.h"
#include "widths.h"

namespace lazuli::codegen {
namespace {

constexpr DType kTypes[] = {kBool, kUInt8, kInt8, kInt16, kInt32, kInt64, kFloat16, kBFloat16, kFloat32, kFloat64};

std::vector<uint64_t> special_values(DType t) {
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

bool is_nan(DType t, uint64_t bits) {
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

constexpr size_t kCount = 2048;

/// All pairs of special values first, then special with random, then random. `which` decorrelates the columns.
Column make_column(DType t, int which) {
  const auto special = special_values(t);
  std::mt19937_64 random(17 + which * 131 + static_cast<int>(t));
  Column c(t, kCount);
  for (size_t i = 0; i < kCount; ++i) {
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

struct Row {
  Prim prim;
  DType result;
  DType operand;
};

std::vector<Row> rows_for(DType t) {
  std::vector<Row> rows;
  for (int p = 0; p < scalar::kPrimCount; ++p) {
    const Prim prim = static_cast<Prim>(p);
    if (prim == Prim::constant || prim == Prim::check || prim == Prim::convert || prim == Prim::bitcast) continue;
    if (is_half(t) || scalar::llvm_spelling(prim, t).empty()) continue;
    if (is_bool(t) && scalar::info(prim).operands == scalar::Operands::I) continue;
    if (prim == Prim::umulhi && t != kInt32) continue;
    rows.push_back({prim, scalar::info(prim).result == scalar::Result::Bool ? kBool : t, t});
  }
  for (DType to : kTypes) {
    if (to == t) continue;
    const bool half = is_half(t) || is_half(to);
    if (!half || (t == kFloat16 && to == kFloat32) || (t == kFloat32 && to == kFloat16))
      rows.push_back({Prim::convert, to, t});
    if (bit_width(t) == bit_width(to)) rows.push_back({Prim::bitcast, to, t});
  }
  return rows;
}

class LlvmPrims : public testing::TestWithParam<std::tuple<DType, int>> {};

TEST_P(LlvmPrims, AgreeWithTheEvaluator) {
  const auto [t, lanes] = GetParam();
  const std::vector<Row> rows = rows_for(t);
  Column in[3] = {make_column(t, 0), make_column(t, 1), make_column(t, 2)};
  Column condition = make_column(kBool, 5), shift(t, kCount);
  for (size_t i = 0; i < kCount; ++i) shift.set(i, (i * 7) % static_cast<size_t>(bit_width(t)));

  KernelBuilder b("prims");
  const uint32_t x[3] = {b.add_buffer(t, Role::Input), b.add_buffer(t, Role::Input), b.add_buffer(t, Role::Input)};
  const uint32_t c = b.add_buffer(kBool, Role::Input), s = b.add_buffer(t, Role::Input);
  std::vector<Column> out;
  for (const Row& row : rows) {
    out.emplace_back(row.result, kCount);
    const uint32_t y = b.add_buffer(row.result, Role::Output);
    b.phase(std::string(scalar::info(row.prim).name), [&](ValueId task) {
      const ValueId at = b.mul(task, b.index(lanes));
      const auto n = static_cast<uint16_t>(lanes);
      const bool shifts = row.prim == Prim::shl || row.prim == Prim::lshr || row.prim == Prim::ashr;
      std::vector<ValueId> args;
      for (int k = 0; k < scalar::info(row.prim).arity; ++k) {
        if (row.prim == Prim::select && k == 0)
          args.push_back(b.load(c, at, n));
        else
          args.push_back(b.load(shifts && k == 1 ? s : x[k], at, n));
      }
      b.store(y, at, b.prim(row.prim, row.result, args));
    });
  }
  const auto kernel = b.finish();
  std::vector<void*> buffers = {in[0].bytes.data(), in[1].bytes.data(), in[2].bytes.data(), condition.bytes.data(),
                                shift.bytes.data()};
  for (Column& o : out) buffers.push_back(o.bytes.data());
  const LaunchArgs launch{buffers.data(), nullptr, nullptr};

  for (const auto& jit : jits_of_all_widths()) {
    const auto code = jit->compile(*kernel);
    ASSERT_EQ(code->phases.size(), rows.size());
    for (size_t r = 0; r < rows.size(); ++r) {
      const Row& row = rows[r];
      code->phases[r](&launch, 0, static_cast<int64_t>(kCount) / lanes, nullptr);
      int shown = 0;
      for (size_t i = 0; i < kCount && shown < 3; ++i) {
        uint64_t a[3] = {in[0].get(i), in[1].get(i), in[2].get(i)};
        if (row.prim == Prim::select) a[0] = condition.get(i);
        if (row.prim == Prim::shl || row.prim == Prim::lshr || row.prim == Prim::ashr) a[1] = shift.get(i);
        const uint64_t want = scalar::evaluate_prim(row.prim, row.result, row.operand, a) & bit_mask(row.result);
        const uint64_t got = out[r].get(i);
        if (want == got || (is_nan(row.result, want) && is_nan(row.result, got))) continue;
        ++shown;
        ADD_FAILURE() << scalar::info(row.prim).name << " " << name(row.operand) << " -> " << name(row.result) << " x"
                      << lanes << " at " << jit->target().vector_bits << " bits: operands " << scalar::literal(t, a[0])
                      << " " << scalar::literal(t, a[1]) << " " << scalar::literal(t, a[2]) << " (" << std::hex << a[0]
                      << " " << a[1] << " " << a[2] << ") give " << got << ", defined " << want;
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Types, LlvmPrims, testing::Combine(testing::ValuesIn(kTypes), testing::Values(1, 4, 8, 16)),
                         [](const auto& p) {
                           return std::string(name(std::get<0>(p.param))) + "x" + std::to_string(std::get<1>(p.param));
                         });

}  // namespace
}  // namespace lazuli::codegen
