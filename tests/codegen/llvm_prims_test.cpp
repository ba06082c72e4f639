// Every primitive on every type it takes, 1 to 16 lanes, at every vector width: machine code against the evaluator, bit
// for bit (any NaN equals any NaN).
#include "every_prim.h"
#include "widths.h"

namespace lazuli::codegen {
namespace {

class LlvmPrims : public testing::TestWithParam<std::tuple<DType, int>> {};

TEST_P(LlvmPrims, AgreeWithTheEvaluator) {
  const auto [t, lanes] = GetParam();
  PrimTable table(t);
  const auto kernel = table.kernel(static_cast<uint16_t>(lanes));
  const auto buffers = table.buffers();
  const LaunchArgs launch{buffers.data(), nullptr, nullptr};
  for (const auto& jit : jits_of_all_widths()) {
    const auto code = jit->compile(*kernel);
    ASSERT_EQ(code->phases.size(), table.rows.size());
    for (size_t r = 0; r < table.rows.size(); ++r) {
      std::fill(table.out[r].bytes.begin(), table.out[r].bytes.end(), 0x55);
      code->phases[r](&launch, 0, static_cast<int64_t>(kElements) / lanes, nullptr);
      table.expect_row(r, std::to_string(lanes) + " lanes at " + std::to_string(jit->target().vector_bits) + " bits");
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Types, LlvmPrims,
                         testing::Combine(testing::ValuesIn(kEveryType), testing::Values(1, 4, 8, 16)),
                         [](const auto& p) {
                           return std::string(name(std::get<0>(p.param))) + "x" + std::to_string(std::get<1>(p.param));
                         });

}  // namespace
}  // namespace lazuli::codegen
