// Machines shuffle cheaply within 128 bits: squares of that width are turned by interleaving, all squares of the rows
// at once, and then taken apart. Whole matrices would be turned with fewer instructions, but with ten times the code.
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

}  // namespace

uint16_t square_rows(DType t, uint16_t lanes) {
  return std::min<uint16_t>({lanes, 4, static_cast<uint16_t>(16 / itemsize(t))});
}

std::vector<ValueId> turn_squares(KernelBuilder& b, const std::vector<ValueId>& rows) {
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
  std::vector<ValueId> out;
  for (size_t first = 0; first < lanes; first += piece)
    for (ValueId v : grid[0]) {
      std::vector<uint8_t> picks(piece);
      for (size_t n = 0; n < piece; ++n) picks[n] = static_cast<uint8_t>(first + n);
      out.push_back(piece == lanes ? v : b.shuffle(v, v, picks));
    }
  return out;
}

}  // namespace lazuli::codegen
