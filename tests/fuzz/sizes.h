// Sizes of matrix products that the fuzzer draws from.
#pragma once
#include <cstdint>

namespace lazuli::fuzz {

inline constexpr int64_t kDepths[] = {0,  1,  2,   3,   7,   8,   9,
                                      31, 33, 100, 511, 513, 1100};  // of contractions: blocks of 512
inline constexpr int64_t kMostProducts = 60000;
// Of layers: once and twice a register tile, and next to it. Tiles have 4 to 14 rows and 4 to 64 columns.
inline constexpr int64_t kTileDims[] = {2,  3,  5,  7,  8,  11, 13, 14, 15, 16, 17,
                                        23, 28, 29, 31, 32, 33, 47, 48, 49, 64, 65};
inline constexpr int64_t kLayerDepths[] = {0, 1, 2, 7, 8, 15, 16, 17, 31, 33, 61, 127, 511, 512, 513};
inline constexpr int64_t kLayerProducts = 200000;

}  // namespace lazuli::fuzz
