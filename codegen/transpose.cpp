// Two networks, because machines shuffle cheaply within 128 bits and by whole pieces of 128 bits, and dearly otherwise.
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

/// The pieces at even (odd) places of the first operand, then those of the second.
std::vector<uint8_t> every_second(size_t lanes, size_t piece, bool odd) {
  std::vector<uint8_t> picks(lanes);
  const size_t half = lanes / 2;
  for (size_t n = 0; n < lanes; ++n) {
    const size_t place = n % half / piece * 2 + odd;
    picks[n] = static_cast<uint8_t>(place * piece + n % piece + (n < half ? 0 : lanes));
  }
  return picks;
}

using Grid = std::vector<std::vector<ValueId>>;  // [rows joined in one value][which part of their lanes it holds]

/// Joins neighbouring rows; each part becomes two.
template <class Picks>
Grid join(KernelBuilder& b, const Grid& from, const Picks& picks, bool low_bits_first) {
  Grid to(from.size() / 2, std::vector<ValueId>(from[0].size() * 2));
  for (size_t r = 0; r < to.size(); ++r)
    for (size_t c = 0; c < from[0].size(); ++c)
      for (size_t side = 0; side < 2; ++side) {
        const size_t part = low_bits_first ? c + side * from[0].size() : 2 * c + side;
        to[r][part] = b.shuffle(from[2 * r][c], from[2 * r + 1][c], picks(side == 1));
      }
  return to;
}

}  // namespace

std::vector<ValueId> transpose(KernelBuilder& b, const std::vector<ValueId>& rows) {
  const size_t lanes = rows.size();
  if (lanes == 1) return rows;
  const size_t piece = std::min(lanes, 16 / itemsize(b.type(rows[0]).dtype));
  std::vector<ValueId> out(lanes);
  // Within pieces: squares of `piece` rows.
  std::vector<std::vector<ValueId>> columns;  // [group of rows][lane of a piece]
  for (size_t first = 0; first < lanes; first += piece) {
    Grid grid;
    for (size_t r = 0; r < piece; ++r) grid.push_back({rows[first + r]});
    for (size_t group = 1; group < piece; group *= 2)
      grid = join(b, grid, [&](bool high) { return interleave(lanes, piece, group, high); }, false);
    columns.push_back(std::move(grid[0]));
  }
  // Between pieces: a square of pieces for every lane of a piece.
  for (size_t lane = 0; lane < piece; ++lane) {
    Grid grid;
    for (const auto& group : columns) grid.push_back({group[lane]});
    while (grid.size() > 1) grid = join(b, grid, [&](bool odd) { return every_second(lanes, piece, odd); }, true);
    for (size_t p = 0; p < grid[0].size(); ++p) out[p * piece + lane] = grid[0][p];
  }
  return out;
}

}  // namespace lazuli::codegen
