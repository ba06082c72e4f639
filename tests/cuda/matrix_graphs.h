// Products of matrices as text, and how graphs are scheduled, for the tests of matrix units.
#pragma once
#include <fmt/format.h>

#include <string>
#include <vector>

#include "codegen/lower.h"
#include "ir/text.h"
#include "passes/pass.h"

namespace lazuli::testing {

struct MatrixProduct {
  std::string type;
  int64_t m, k, n;
  std::string layout;  // of both operands: n as written, t turned
  bool work = false;   // relu(product + bias)
  int64_t batch = 1;
  std::string sum = {};  // the type in which it is multiplied, where that is another
  std::string name() const { return fmt::format("{} {}x{}x{} {} of {}", type, m, k, n, layout, batch); }

  std::string text() const {
    const bool several = batch > 1;
    const std::string outer = several ? fmt::format("{}, ", batch) : "";
    const bool lt = layout[0] == 't', rt = layout[1] == 't';
    const std::string left = fmt::format("[{}{}, {}]", outer, lt ? k : m, lt ? m : k);
    const std::string right = fmt::format("[{}{}, {}]", outer, rt ? n : k, rt ? k : n);
    const std::string all = fmt::format("[{}{}, {}]", outer, m, n), computed = sum.empty() ? type : sum;
    std::string t = fmt::format("graph {{\n%0 = data : {0}{1}\n%1 = data : {0}{2}\n", type, left, right);
    if (work) t += fmt::format("%2 = data : {}[{}]\n", computed, n);
    if (!sum.empty()) t += fmt::format("%3 = cast %0 : {0}{1}\n%4 = cast %1 : {0}{2}\n", sum, left, right);
    t += fmt::format(
        "%5 = dot_general {}, {} {{lhs_batch = [{}], rhs_batch = [{}], lhs_contract = [{}], rhs_contract = [{}]}} : "
        "{}{}\n",
        sum.empty() ? "%0" : "%3", sum.empty() ? "%1" : "%4", several ? "0" : "", several ? "0" : "",
        (lt ? 0 : 1) + several, (rt ? 1 : 0) + several, computed, all);
    if (work)
      t += fmt::format("%6 = expand %2 : {0}{1}\n%7 = add %5, %6 : {0}{1}\n%8 = relu %7 : {0}{1}\n", computed, all);
    return t + (work ? "return %8\n}\n" : "return %5\n}\n");
  }
};

/// The schedules of a graph for a GPU.
inline std::vector<std::string> schedules(const std::string& text, const codegen::GpuTarget& gpu) {
  ir::Interner interner;
  passes::PassContext ctx{.interner = interner, .observer = {}};
  const ir::Graph g = passes::run_passes(ir::parse(text, interner), passes::default_pipeline(), ctx);
  codegen::LoweringOptions options;
  options.gpu = gpu;
  std::vector<std::string> all;
  for (const ir::Region& r : passes::partition(g, ctx).regions)
    all.push_back(codegen::lower(r, options).schedule.str());
  return all;
}

}  // namespace lazuli::testing
