// Cases that only move: other orders of the same elements, rows chosen by an index, rows added at an index.
#include <cmath>

#include "cases/case.h"

namespace bench {
namespace {

/// y[k] = x[input][from(k)] with the input that `from` says.
struct From {
  size_t input;
  int64_t at;
};
template <class F>
void add_move(std::vector<Case>& cases, const char* name, const Extent& extent, const std::vector<Value>& inputs,
              const Dims& result, F from) {
  Case c{.name = name,
         .size = extent.label,
         .inputs = inputs,
         .outputs = {{"y", Type::F32, result}},
         .limit = Limit::Copy,
         .amount = static_cast<double>(2 * count(result) * 4),
         .judge = {}};
  c.judge = [c, n = count(result), from](const Memory& in) {
    Expected e(n);
    for (int64_t k = 0; k < n; ++k) {
      const From f = from(k, in);
      e.set(k, in.f32(f.input)[f.at], 0);
    }
    return near(c, std::move(e), 0);
  };
  cases.push_back(std::move(c));
}

void add_scatter(std::vector<Case>& cases, const Extent& extent) {
  // y = zeros(rows, width); y[index[i]] += x[i]
  constexpr int64_t kWidth = 64;
  const int64_t rows = extent.rows * extent.columns / kWidth, targets = std::max<int64_t>(rows / 4, 1);
  Case c{.name = "scatter/add_rows",
         .size = extent.label,
         .inputs = {{"x", Type::F32, {rows, kWidth}}, {"index", Type::I64, {rows}, 0, static_cast<double>(targets)}},
         .outputs = {{"y", Type::F32, {targets, kWidth}}},
         .limit = Limit::Copy,
         .amount = static_cast<double>((rows + 2 * targets) * kWidth * 4),
         .judge = {}};
  c.judge = [c, rows, targets](const Memory& in) {
    Expected e(targets * kWidth);
    for (int64_t i = 0; i < rows; ++i)
      for (int64_t j = 0; j < kWidth; ++j) {
        const auto at = static_cast<size_t>(in.i64(1)[i] * kWidth + j);
        e.value[at] += in.f32(0)[i * kWidth + j];
        e.scale[at] += std::abs(in.f32(0)[i * kWidth + j]);
      }
    return near(c, std::move(e), 2e-6);
  };
  cases.push_back(std::move(c));
}

}  // namespace

void add_move_cases(std::vector<Case>& cases) {
  for (const Extent& extent : kExtents) {
    const int64_t rows = extent.rows, columns = extent.columns, n = rows * columns;
    const Value x{"x", Type::F32, {rows, columns}};
    add_move(cases, "move/transpose", extent, {x}, {columns, rows},
             [rows, columns](int64_t k, const Memory&) { return From{0, k % rows * columns + k / rows}; });
    // [batch, length, heads, width] to [batch, heads, length, width]
    const int64_t width = n >= (1 << 16) ? 64 : 8, heads = n >= (1 << 16) ? 16 : 4, batch = 4,
                  length = n / (width * heads * batch);
    add_move(cases, "move/permute_0213", extent, {{"x", Type::F32, {batch, length, heads, width}}},
             {batch, heads, length, width}, [=](int64_t k, const Memory&) {
               const int64_t w = k % width, l = k / width % length, h = k / width / length % heads,
                             b = k / width / length / heads;
               return From{0, ((b * length + l) * heads + h) * width + w};
             });
    const int64_t half = columns / 2;
    add_move(cases, "move/cat", extent, {{"a", Type::F32, {rows, half}}, {"b", Type::F32, {rows, half}}},
             {rows, columns}, [columns, half](int64_t k, const Memory&) {
               const int64_t i = k / columns, j = k % columns;
               return From{static_cast<size_t>(j / half), i * half + j % half};
             });
    add_move(cases, "move/flip", extent, {x}, {rows, columns}, [columns](int64_t k, const Memory&) {
      return From{0, k / columns * columns + columns - 1 - k % columns};
    });
    constexpr int64_t kWidth = 64;
    const int64_t table = n / kWidth;
    add_move(cases, "gather/rows", extent,
             {{"table", Type::F32, {table, kWidth}}, {"index", Type::I64, {table}, 0, static_cast<double>(table)}},
             {table, kWidth},
             [](int64_t k, const Memory& in) { return From{0, in.i64(1)[k / kWidth] * kWidth + k % kWidth}; });
    add_scatter(cases, extent);
  }
}

}  // namespace bench
