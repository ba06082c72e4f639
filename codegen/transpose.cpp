// Machines shuffle cheaply within 128 bits: squares of that width are turned by interleaving, all squares of the rows
// at once, and then taken apart, or dealt out to the rows of a whole matrix.
#include "codegen/transpose.h"

#include <algorithm>

namespace lazuli::codegen {

namespace {

/// Every piece of `piece` lanes: the low (high) halves of both operands' pieces, interleaved in groups of `group`
/// lanes.
std::vector<uint8_t> interleave(size_t lanes, size_t piece, size_t group, bool high) {
  std::vector<uint8_t> picks(lanes);
  for (size_t n = 0; n < lanes; ++n) {
    const size_t chunk = n % piece / group;
    const size_t from = n / piece * piece + (high ? piece / 2 : 0) + chunk / 2 * group + n % group;
    picks[n] = static_cast<uint8_t>(from + (chunk % 2 ? lanes : 0));
  }
  return picks;
}

/// Of n rows, squares of n by n lanes are turned: value k of the result holds column k of every square, side by side.
std::vector<ValueId> turn_pieces(KernelBuilder& b, const std::vector<ValueId>& rows) {
  const uint16_t lanes = b.type(rows[0]).lanes;
  const size_t piece = rows.size();
  // Neighbouring values join; what they hold of each piece halves.
  std::vector<std::vector<ValueId>> grid;  // [rows joined in a value][which lanes of a piece it holds]
  for (ValueId r : rows) grid.push_back({r});
  for (size_t group = 1; group < piece; group *= 2) {
    std::vector<std::vector<ValueId>> next(grid.size() / 2);
    for (size_t r = 0; r < next.size(); ++r)
      for (size_t c = 0; c < grid[0].size(); ++c)
        for (const bool high : {false, true})
          next[r].push_back(b.shuffle(grid[2 * r][c], grid[2 * r + 1][c], interleave(lanes, piece, group, high)));
    grid = std::move(next);
  }
  return grid[0];
}

/// Value k of the result holds piece k of every value, in order.
std::vector<ValueId> deal_pieces(KernelBuilder& b, const std::vector<ValueId>& values, size_t piece) {
  if (values.size() == 1) return values;
  const size_t lanes = b.type(values[0]).lanes;
  std::vector<ValueId> halves[2], out(values.size());
  for (size_t odd = 0; odd < 2; ++odd) {
    std::vector<uint8_t> picks(lanes);  // every other piece of both
    for (size_t n = 0; n < lanes; ++n) picks[n] = static_cast<uint8_t>((2 * (n / piece) + odd) * piece + n % piece);
    for (size_t v = 0; v < values.size(); v += 2) halves[odd].push_back(b.shuffle(values[v], values[v + 1], picks));
    const std::vector<ValueId> dealt = deal_pieces(b, halves[odd], piece);
    for (size_t k = 0; k < dealt.size(); ++k) out[2 * k + odd] = dealt[k];
  }
  return out;
}

}  // namespace

uint16_t square_rows(DType t, uint16_t lanes) {
  return std::min<uint16_t>({lanes, 4, static_cast<uint16_t>(16 / itemsize(t))});
}

std::vector<ValueId> turn_squares(KernelBuilder& b, const std::vector<ValueId>& rows) {
  const uint16_t lanes = b.type(rows[0]).lanes;
  const size_t piece = rows.size();
  const std::vector<ValueId> turned = turn_pieces(b, rows);
  std::vector<ValueId> out;
  for (size_t first = 0; first < lanes; first += piece)
    for (ValueId v : turned) {
      std::vector<uint8_t> picks(piece);
      for (size_t n = 0; n < piece; ++n) picks[n] = static_cast<uint8_t>(first + n);
      out.push_back(piece == lanes ? v : b.shuffle(v, v, picks));
    }
  return out;
}

std::vector<ValueId> turn_matrix(KernelBuilder& b, const std::vector<ValueId>& rows) {
  const Type type = b.type(rows[0]);
  const size_t lanes = type.lanes, piece = std::min<size_t>(lanes, 16 / itemsize(type.dtype)), pieces = lanes / piece;
  std::vector<std::vector<ValueId>> groups;  // of `piece` rows, turned piece by piece
  for (size_t first = 0; first < lanes; first += piece)
    groups.push_back(
        turn_pieces(b, {rows.begin() + static_cast<long>(first), rows.begin() + static_cast<long>(first + piece)}));
  std::vector<ValueId> out(lanes);
  for (size_t n = 0; n < piece; ++n) {
    std::vector<ValueId> column;
    for (const auto& g : groups) column.push_back(g[n]);
    column = deal_pieces(b, column, piece);
    for (size_t k = 0; k < pieces; ++k) out[k * piece + n] = column[k];
  }
  return out;
}

}  // namespace lazuli::codegen
