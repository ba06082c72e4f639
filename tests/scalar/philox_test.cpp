// Philox4x32-10 against the known-answer vectors published with Random123, and its layout over elements.
#include <gtest/gtest.h>

#include "ir/scalar/math.h"

namespace lazuli::scalar {
namespace {

Function block_function() {
  Builder s(std::vector<DType>(6, kInt32));
  const auto p = [&](size_t i) { return s.param(i); };
  const auto out = philox_block(s, {p(0), p(1), p(2), p(3)}, {p(4), p(5)});
  return s.finish({out[0], out[1], out[2], out[3]});
}

TEST(Philox, KnownAnswers) {
  const Function f = block_function();
  const std::vector<std::pair<std::vector<uint64_t>, std::vector<uint64_t>>> cases = {
      {{0, 0, 0, 0, 0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
      {std::vector<uint64_t>(6, 0xffffffff), {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
      {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344, 0xa4093822, 0x299f31d0},
       {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
  };
  for (const auto& [in, want] : cases) EXPECT_EQ(evaluate(f, in), want);
}

TEST(Philox, ElementsTakeWordsOfBlocksSixteenApart) {
  const Function block = block_function();
  Builder s({kInt64, kInt64, kInt64});
  const Function bits = s.finish({philox_bits(s, s.param(0), s.param(1), s.param(2))});
  const uint64_t seed = 0x123456789abcdef0, offset = 0x0fedcba987654321;
  for (uint64_t e : {0ull, 1ull, 15ull, 16ull, 47ull, 63ull, 64ull, 100ull, 1000003ull, 0x1234567890ull}) {
    const uint64_t counter = e / 64 * 16 + e % 16;
    const auto words = evaluate(
        block, {counter & 0xffffffff, counter >> 32, offset & 0xffffffff, offset >> 32, seed & 0xffffffff, seed >> 32});
    EXPECT_EQ(evaluate(bits, {seed, offset, e})[0], words[e / 16 % 4]) << e;
  }
}

}  // namespace
}  // namespace lazuli::scalar
