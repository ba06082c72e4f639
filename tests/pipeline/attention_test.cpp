// Attention in kernels against the reference interpreter, bit for bit: every op, shapes around tiles and blocks, masks,
// causality, lengths, grouped heads, at all widths and for several workers.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include "tests/pipeline/harness.h"

namespace lazuli::testing {
namespace {

using namespace ir;

struct Shape4 {
  int batch = 1, heads = 1, key_heads = 1, queries = 1, keys = 1, depth = 1, value_depth = 1;
};

struct Case {
  Shape4 shape;
  bool causal = false;
  std::string mask_type = {};  // none
  std::string mask_shape = {};
  bool lengths = false;
  std::string type = "float32";
};

/// The leaves of all operands, of which the gradients' stand for no forward pass: any numbers do.
std::string graph_of(const Case& c, const std::string& op) {
  const Shape4& s = c.shape;
  std::string text, operands = "%0, %1, %2";
  int next = 0;
  const auto leaf = [&](const std::string& type, const std::string& shape) {
    text += fmt::format("%{} = data : {}{}\n", next++, type, shape);
  };
  const std::string rows = fmt::format("[{}, {}, {}]", s.batch, s.heads, s.queries);
  leaf(c.type, fmt::format("[{}, {}, {}, {}]", s.batch, s.heads, s.queries, s.depth));
  leaf(c.type, fmt::format("[{}, {}, {}, {}]", s.batch, s.key_heads, s.keys, s.depth));
  leaf(c.type, fmt::format("[{}, {}, {}, {}]", s.batch, s.key_heads, s.keys, s.value_depth));
  const auto add = [&] { operands += fmt::format(", %{}", next - 1); };
  if (op.find("gradient") != std::string::npos) {
    leaf(c.type, fmt::format("[{}, {}, {}, {}]", s.batch, s.heads, s.queries, s.value_depth));
    add();
    leaf(c.type, rows);
    add();
    leaf(c.type, rows);
    add();
  }
  if (!c.mask_type.empty()) {
    leaf(c.mask_type, c.mask_shape);
    add();
  }
  if (c.lengths) {
    leaf("int64", fmt::format("[{}]", s.batch));
    add();
  }
  std::string shape = fmt::format("[{}, {}, {}, {}]", s.batch, s.heads, s.queries, s.value_depth);
  if (op == "attention_lse") shape = rows;
  if (op == "attention_query_gradient") shape = fmt::format("[{}, {}, {}, {}]", s.batch, s.heads, s.queries, s.depth);
  if (op == "attention_key_gradient")
    shape = fmt::format("[{}, {}, {}, {}]", s.batch, s.key_heads, s.keys, s.depth + s.value_depth);
  return fmt::format("graph {{\n{}%{} = {} {} {{causal = {}, scale = 0.3}} : {}{}\nreturn %{}\n}}\n", text, next, op,
                     operands, c.causal ? 1 : 0, c.type, shape, next);
}

/// Moderate numbers, so that most weights are neither 0 nor infinite; lengths around the number of keys.
LeafSource leaves_of(const Case& c) {
  return [keys = c.shape.keys](const Node* n) {
    HostArray x = random_array(n->dtype(), n->shape(), n->serial());
    for (int64_t i = 0; i < n->numel(); ++i) {
      const uint64_t word = (static_cast<uint64_t>(i) + 77 * n->rank() + n->serial()) * 0x9e3779b97f4a7c15u >> 40;
      const double v = static_cast<double>(word) * 0x1p-23 - 1;
      if (n->dtype() == kFloat32) x.as<float>()[i] = static_cast<float>(v * 2);
      if (n->dtype() == kFloat64) x.as<double>()[i] = v * 2;
      if (n->dtype() == kInt64) x.as<int64_t>()[i] = static_cast<int64_t>(word) % (keys + 3) - 1;
    }
    return x;
  };
}

void expect_equal(const std::string& text, const LeafSource& leaves) {
  Interner interner;
  const Graph g = parse(text, interner);
  const std::vector<HostArray> want = interpret(g, leaves);
  std::vector<RunOptions> runs{{.machine = false}};
  for (const int bits : {128, 256, 512}) runs.push_back({.vector_bits = bits, .workers = 3});
  for (const RunOptions& run : runs) {
    const RunResult got = run_graph(g, leaves, run);
    for (size_t o = 0; o < want.size(); ++o) {
      int64_t at = -1;
      EXPECT_TRUE(bitwise_equal(want[o], got.outputs[o], &at))
          << "output " << o << " differs at " << at << " machine=" << run.machine << " bits=" << run.vector_bits << "\n"
          << text;
    }
  }
}

constexpr const char* kOps[] = {"attention", "attention_lse", "attention_query_gradient", "attention_key_gradient"};

void expect_all_equal(const Case& c) {
  for (const char* op : kOps) expect_equal(graph_of(c, op), leaves_of(c));
}

TEST(LowerAttention, ShapesAroundTilesAndBlocks) {
  for (const Shape4& s : {Shape4{1, 1, 1, 1, 1, 1, 1}, Shape4{1, 2, 2, 3, 65, 5, 9}, Shape4{2, 1, 1, 33, 64, 8, 16},
                          Shape4{1, 1, 1, 70, 130, 19, 3}, Shape4{1, 1, 1, 2, 7, 600, 2}})
    expect_all_equal({.shape = s});
}

TEST(LowerAttention, CausalSeesNothingLater) {
  for (const auto& [queries, keys] : {std::pair{70, 70}, std::pair{5, 140}, std::pair{140, 5}})
    expect_all_equal({.shape = {1, 1, 1, queries, keys, 4, 8}, .causal = true});
}

/// 0, whatever stands in the values that it does not see.
TEST(LowerAttention, AQueryThatSeesNothing) {
  for (const int queries : {1, 9}) {
    const Case c{.shape = {1, 2, 2, queries, 70, 16, 32}, .mask_type = "bool", .mask_shape = "[1, 1, 1, 70]"};
    const LeafSource leaves = [&](const Node* n) {
      HostArray x = leaves_of(c)(n);
      if (n->dtype() == kBool) std::fill(x.bytes.begin(), x.bytes.end(), std::byte{0});
      if (n->dtype() == kFloat32) x.as<float>()[0] = std::numeric_limits<float>::infinity();
      return x;
    };
    expect_equal(graph_of(c, "attention"), leaves);
    Interner interner;
    const HostArray y = interpret(parse(graph_of(c, "attention"), interner), leaves)[0];
    for (int64_t i = 0; i < ir::numel(y.shape); ++i) ASSERT_EQ(y.as<float>()[i], 0.0f);
  }
}

TEST(LowerAttention, GroupedHeads) {
  expect_all_equal({.shape = {2, 6, 2, 5, 9, 4, 8}});
  expect_all_equal({.shape = {1, 4, 1, 66, 3, 4, 8}, .causal = true});
}

TEST(LowerAttention, FewQueries) {
  const auto strategy = [](const Case& c) {
    Interner interner;
    const RunResult r = run_graph(parse(graph_of(c, "attention"), interner), leaves_of(c), {.vector_bits = 512});
    return r.schedules.at(0).substr(0, r.schedules.at(0).find(' '));
  };
  EXPECT_EQ(strategy({.shape = {1, 2, 2, 1, 70, 16, 32}}), "attention_rows");
  EXPECT_EQ(strategy({.shape = {1, 2, 2, 9, 70, 16, 32}}), "attention");
  for (const Shape4& s :
       {Shape4{1, 2, 2, 1, 70, 16, 32}, Shape4{2, 2, 2, 3, 150, 32, 48}, Shape4{2, 6, 2, 1, 64, 16, 16},
        Shape4{1, 16, 1, 1, 5, 16, 160}, Shape4{1, 4, 2, 8, 17, 48, 16}}) {
    expect_all_equal({.shape = s});
    expect_equal(graph_of({.shape = s, .causal = true, .lengths = true}, "attention"), leaves_of({.shape = s}));
    expect_equal(graph_of({.shape = s, .type = "float64"}, "attention"), leaves_of({.shape = s}));
    for (const char* type : {"bool", "float32"})
      for (const bool whole : {false, true})
        expect_equal(
            graph_of({.shape = s,
                      .mask_type = type,
                      .mask_shape = whole ? fmt::format("[{}, {}, {}, {}]", s.batch, s.heads, s.queries, s.keys)
                                          : fmt::format("[{}, 1, 1, {}]", s.batch, s.keys),
                      .lengths = whole},
                     "attention"),
            leaves_of({.shape = s}));
  }
  const Case special{.shape = {1, 2, 2, 1, 70, 16, 32}};
  expect_equal(graph_of(special, "attention"), random_leaves(3));
}

TEST(LowerAttention, MasksOfEveryShape) {
  const Shape4 s{2, 4, 2, 5, 67, 4, 8};
  for (const char* type : {"bool", "float32"})
    for (const char* shape : {"[2, 4, 5, 67]", "[1, 1, 5, 67]", "[2, 1, 1, 67]", "[1, 4, 5, 1]", "[1, 1, 1, 1]"})
      expect_all_equal({.shape = s, .mask_type = type, .mask_shape = shape});
}

TEST(LowerAttention, KeyLengths) {
  for (const int keys : {3, 64, 67}) {
    expect_all_equal({.shape = {3, 2, 1, 5, keys, 4, 8}, .lengths = true});
    expect_all_equal({.shape = {3, 1, 1, 5, keys, 4, 8}, .causal = true, .lengths = true});
  }
  expect_all_equal(
      {.shape = {2, 1, 1, 5, 67, 4, 8}, .mask_type = "bool", .mask_shape = "[2, 1, 5, 67]", .lengths = true});
}

TEST(LowerAttention, DoublePrecision) {
  expect_all_equal({.shape = {1, 2, 1, 35, 67, 6, 10}, .type = "float64"});
}

TEST(LowerAttention, NothingToDo) {
  for (const Shape4& s : {Shape4{0, 1, 1, 2, 2, 2, 2}, Shape4{1, 1, 1, 0, 2, 2, 2}, Shape4{1, 1, 1, 2, 0, 2, 2},
                          Shape4{1, 1, 1, 2, 2, 0, 2}, Shape4{1, 1, 1, 2, 2, 2, 0}, Shape4{1, 0, 0, 2, 2, 2, 2}})
    expect_all_equal({.shape = s});
}

TEST(LowerAttention, SpecialNumbers) {
  const Case c{.shape = {1, 2, 1, 5, 67, 4, 8}};
  for (const char* op : kOps) expect_equal(graph_of(c, op), random_leaves(3));
}

TEST(LowerAttention, OneKernelForBothResults) {
  const Case c{.shape = {1, 2, 1, 5, 67, 4, 8}};
  std::string text = graph_of(c, "attention");
  text.replace(text.find("return"), std::string::npos,
               "%4 = attention_lse %0, %1, %2 {causal = 0, scale = 0.3} : float32[1, 2, 5]\n"
               "%5 = exp %4 : float32[1, 2, 5]\nreturn %5, %3\n}\n");
  expect_equal(text, leaves_of(c));
  Interner interner;
  EXPECT_EQ(count_kernels(parse(text, interner)), 2u);
}

}  // namespace
}  // namespace lazuli::testing
