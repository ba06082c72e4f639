// Where contractions go wrong first, for every schedule that the cost model has: sizes of one to two tiles, primes, 0
// and 1, K = 0, operands read with strides of 0 and backwards, and the gradients of all of these. Bits are those of the
// reference interpreter; values stay within the usual bound of the product in float64.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include <bit>
#include <cmath>

#include "passes/vjp.h"
#include "tests/pipeline/harness.h"

namespace lazuli::testing {
namespace {

using namespace ir;

/// How an operand is made of a leaf.
enum class Read { Plain, Transposed, Flipped, SameRows, SameColumns, EverySecond };
constexpr Read kReads[] = {Read::Plain,    Read::Transposed,  Read::Flipped,
                           Read::SameRows, Read::SameColumns, Read::EverySecond};

struct Sizes {
  int64_t m, k, n, batch = 0;
  DType type = kFloat32;
};

struct Built {
  Graph graph;
  NodeRef lhs, rhs, lhs_leaf, rhs_leaf, product;
};

class Builder {
 public:
  NodeRef leaf(DType t, const Shape& shape) {
    return in_.make({.op = Op::data, .attr = LeafAttr{in_.next_leaf_id()}, .dtype = t, .shape = shape});
  }
  NodeRef make(Op op, const NodeRef& x, Attr attr, Shape shape = {}) {
    NodeSpec spec{.op = op, .attr = std::move(attr), .dtype = x->dtype(), .shape = std::move(shape)};
    spec.inputs.push_back(x.get());
    return in_.make(std::move(spec));
  }
  /// An operand of [batch,] rows by columns, and its leaf.
  std::pair<NodeRef, NodeRef> operand(Read how, DType t, int64_t batch, int64_t rows, int64_t columns) {
    const auto shape = [&](int64_t r, int64_t c) { return batch ? Shape{batch, r, c} : Shape{r, c}; };
    const int64_t row = batch ? 1 : 0, column = row + 1;
    switch (how) {
      case Read::Plain: {
        const NodeRef x = leaf(t, shape(rows, columns));
        return {x, x};
      }
      case Read::Transposed: {
        const NodeRef x = leaf(t, shape(columns, rows));
        return {make(Op::permute, x, AxesAttr{batch ? Dims{0, 2, 1} : Dims{1, 0}}), x};
      }
      case Read::Flipped: {
        const NodeRef x = leaf(t, shape(rows, columns));
        return {make(Op::flip, x, AxesAttr{{row, column}}), x};
      }
      case Read::SameRows: {
        const NodeRef x = leaf(t, shape(1, columns));
        return {make(Op::expand, x, NoAttr{}, shape(rows, columns)), x};
      }
      case Read::SameColumns: {
        const NodeRef x = leaf(t, shape(rows, 1));
        return {make(Op::expand, x, NoAttr{}, shape(rows, columns)), x};
      }
      case Read::EverySecond: {
        const NodeRef x = leaf(t, shape(2 * rows, 2 * columns));
        return {make(Op::slice, x, batch ? SliceAttr{{0, 0, 0}, {1, 2, 2}} : SliceAttr{{0, 0}, {2, 2}},
                     shape(rows, columns)),
                x};
      }
    }
    return {};
  }
  Built product(const Sizes& s, Read lhs, Read rhs) {
    Built b;
    std::tie(b.lhs, b.lhs_leaf) = operand(lhs, s.type, s.batch, s.m, s.k);
    std::tie(b.rhs, b.rhs_leaf) = operand(rhs, s.type, s.batch, s.k, s.n);
    DotDims dims;
    if (s.batch) dims.lhs_batch = dims.rhs_batch = {0};
    dims.lhs_contract = {s.batch ? 2 : 1};
    dims.rhs_contract = {s.batch ? 1 : 0};
    NodeSpec spec{.op = Op::dot_general, .attr = DotAttr{std::make_shared<DotDims>(dims)}};
    spec.inputs.push_back(b.lhs.get());
    spec.inputs.push_back(b.rhs.get());
    b.product = in_.make(std::move(spec));
    b.graph.outputs = {b.product};
    return b;
  }
  /// The product and the gradients of its leaves.
  Graph with_gradients(const Built& b) {
    const Node* outputs[] = {b.product.get()};
    const NodeRef cotangents[] = {leaf(b.product->dtype(), b.product->shape())};
    const Node* wrt[] = {b.lhs_leaf.get(), b.rhs_leaf.get()};
    Graph g{{b.product}};
    for (const NodeRef& n : passes::vjp(in_, outputs, cotangents, wrt))
      if (n) g.outputs.push_back(n);
    return g;
  }

 private:
  Interner in_;
};

double value(const HostArray& a, int64_t i) {
  if (a.dtype == kFloat64) return a.as<double>()[i];
  return a.as<float>()[i];
}

/// Bits of the interpreter, under one of several widths, numbers of workers and sizes of tasks after the other.
RunResult expect_bits(const Graph& g, const LeafSource& leaves, const std::string& what,
                      const std::vector<HostArray>& want, size_t turn, size_t turns) {
  const RunOptions runs[] = {{true, true, true, 512, 1}, {true, true, true, 256, 3}, {true, true, true, 512, 2, 64}};
  RunResult first;
  for (size_t i = 0; i < turns; ++i) {
    RunResult got = run_graph(g, leaves, runs[(turn + i) % std::size(runs)]);
    EXPECT_EQ(got.outputs.size(), want.size()) << what;
    for (size_t o = 0; o < want.size() && o < got.outputs.size(); ++o) {
      int64_t at = -1;
      EXPECT_TRUE(bitwise_equal(want[o], got.outputs[o], &at))
          << what << ": output " << o << " differs at " << at << ": "
          << fmt::format("{}", fmt::join(got.schedules, "; "));
    }
    if (first.outputs.empty()) first = std::move(got);
  }
  return first;
}

/// Against the sum of products in float64: every sum has at most 512 + 64 + a level of rounding per doubling.
void expect_close(const Built& b, const Sizes& s, const LeafSource& leaves, const HostArray& got,
                  const std::string& what) {
  const HostArray lhs = interpret({{b.lhs}}, leaves)[0], rhs = interpret({{b.rhs}}, leaves)[0];
  const double unit = s.type == kFloat64 ? 0x1p-53 : 0x1p-24;
  const double roundings = static_cast<double>(std::min<int64_t>(s.k, 512 + 64 + 32)) + 2;
  for (int64_t batch = 0; batch < std::max<int64_t>(1, s.batch); ++batch)
    for (int64_t i = 0; i < s.m; ++i)
      for (int64_t j = 0; j < s.n; ++j) {
        double sum = 0, size = 0;
        for (int64_t k = 0; k < s.k; ++k) {
          const double p = value(lhs, (batch * s.m + i) * s.k + k) * value(rhs, (batch * s.k + k) * s.n + j);
          sum += p;
          size += std::abs(p);
        }
        const double is = value(got, (batch * s.m + i) * s.n + j);
        // A float64 result is compared with a sum in another order, which errs as much.
        ASSERT_LE(std::abs(is - sum), 2 * roundings * unit * size) << what << " at " << batch << ", " << i << ", " << j;
      }
}

/// Numbers in [-1, 1): nothing overflows, so that the bound means something.
LeafSource small_leaves(uint64_t seed) {
  return [seed](const Node* n) {
    HostArray a{.dtype = n->dtype(), .shape = n->shape(), .bytes = {}};
    a.bytes.resize(static_cast<size_t>(n->nbytes()));
    uint64_t state = seed + 0x9e3779b97f4a7c15 * (std::get<LeafAttr>(n->attr()).id + 1);
    for (int64_t i = 0; i < n->numel(); ++i) {
      state = state * 6364136223846793005 + 1442695040888963407;
      const double v = static_cast<double>(state >> 11) * 0x1p-52 - 1;
      a.set_bits(i,
                 n->dtype() == kFloat64 ? std::bit_cast<uint64_t>(v) : std::bit_cast<uint32_t>(static_cast<float>(v)));
    }
    return a;
  };
}

std::string spell(const Sizes& s, Read lhs, Read rhs) {
  return fmt::format("{}[{} x {} x {}] of {}, read {} and {}", name(s.type), s.m, s.k, s.n, s.batch,
                     static_cast<int>(lhs), static_cast<int>(rhs));
}

/// Large tables take turns at the ways of running; others see all of them.
size_t turns_of(size_t turn) {
  return turn ? 1 : 3;
}

void check(const Sizes& s, Read lhs = Read::Plain, Read rhs = Read::Plain, const char* schedule = "", size_t turn = 0) {
  Builder builder;
  const Built b = builder.product(s, lhs, rhs);
  const LeafSource leaves = small_leaves(9);
  const std::string what = spell(s, lhs, rhs);
  const RunResult got = expect_bits(b.graph, leaves, what, interpret(b.graph, leaves), turn, turns_of(turn));
  ASSERT_EQ(got.outputs.size(), 1u);
  expect_close(b, s, leaves, got.outputs[0], what);
  if (got.schedules.empty()) return;  // there is nothing to compute
  EXPECT_NE(got.schedules[0].find(schedule), std::string::npos) << what << ": " << got.schedules[0];
}

void check_gradients(const Sizes& s, Read lhs, Read rhs, size_t turn) {
  Builder builder;
  const Graph g = builder.with_gradients(builder.product(s, lhs, rhs));
  ASSERT_EQ(g.outputs.size(), 3u);
  const LeafSource leaves = small_leaves(10);
  expect_bits(g, leaves, "gradients of " + spell(s, lhs, rhs), interpret(g, leaves), turn, turns_of(turn));
}

// ---- One to two tiles, all of them. ----

TEST(ContractEdges, OneToTwoTilesRead) {
  for (int64_t m = 8; m <= 29; ++m) check({m, 19, 35});
  for (int64_t n = 16; n <= 65; n += 3) check({13, 17, n}, Read::Plain, Read::Plain, "constant");
}

TEST(ContractEdges, OneToTwoTilesPacked) {
  // A depth beyond a block, and rows too long to be read where they are.
  for (const int64_t m : {65, 67, 71, 79, 83, 97, 101, 127})
    check({m, 515, 193}, Read::Plain, Read::Plain, "pack=task");
  for (const int64_t n : {129, 131, 137, 149, 151, 163, 181, 191, 211, 223, 255}) check({37, 520, n, 0, kFloat64});
}

TEST(ContractEdges, OneToTwoTilesOfFewRows) {
  for (int64_t m = 2; m <= 17; ++m) check({m, 131, 157});
  for (int64_t n = 2; n <= 33; n += 3) check({157, 131, n});
  for (const int64_t n : {95, 96, 97, 127, 129, 191, 193}) check({3, 67, n, 0, kFloat64});
}

TEST(ContractEdges, OneToTwoTilesOfVectors) {
  size_t turn = 0;
  for (const int64_t n : {1, 2, 15, 16, 17, 31, 33, 63, 64, 65, 127, 129})
    for (const int64_t k : {1, 63, 64, 65, 2047, 2049}) {
      check({1, k, n}, Read::Plain, Read::Plain, "", ++turn);
      check({n, k, 1}, Read::Plain, Read::Transposed, "", ++turn);
    }
}

TEST(ContractEdges, OneToTwoTilesOfDeepSums) {
  for (const auto& [m, n] : {std::pair{2, 2}, {3, 17}, {5, 31}, {7, 33}})
    check({m, 8 * 32768 + 511, n}, {}, {}, "split");
}

TEST(ContractEdges, OneToTwoTilesInBatches) {
  for (int64_t n = 7; n <= 34; n += 3) check({n, n, n, 11});
  for (const int64_t n : {37, 41, 67, 129}) check({n, 23, n + 2, 3, kFloat64}, Read::Transposed, Read::Plain);
}

// ---- Nothing and one. ----

TEST(ContractEdges, SizesOfZeroAndOne) {
  size_t turn = 0;
  for (const DType t : {kFloat32, kFloat64})
    for (const int64_t m : {0, 1, 2, 31})
      for (const int64_t k : {0, 1, 2, 67})
        for (const int64_t n : {0, 1, 2, 53})
          for (const int64_t batch : {0, 1, 3}) check({m, k, n, batch, t}, Read::Plain, Read::Plain, "", ++turn);
}

TEST(ContractEdges, NothingToAddUpIsZeroWhateverTheSchedule) {
  for (const auto& [m, n, batch] :
       {std::tuple{64, 64, 0}, {300, 500, 0}, {3, 900, 0}, {900, 2, 0}, {1, 70, 0}, {70, 1, 0}, {16, 16, 40}}) {
    Builder builder;
    const Built b = builder.product({m, 0, n, batch}, Read::Plain, Read::Plain);
    const RunResult got = run_graph(b.graph, small_leaves(1), {true, true, true, 512, 2});
    for (int64_t i = 0; i < m * n * std::max<int64_t>(1, batch); ++i) ASSERT_EQ(got.outputs[0].bits(i), 0u);  // +0
  }
}

// ---- Strides of 0, negative ones, of 2, in any schedule. ----

TEST(ContractEdges, OperandsReadWithAnyStride) {
  const Sizes sizes[] = {{31, 37, 41}, {67, 600, 131}, {5, 301, 150},   {150, 301, 5},
                         {1, 300, 71}, {71, 300, 1},   {13, 16, 19, 7}, {2, 8 * 32768 + 3, 3}};
  size_t turn = 0;
  for (const Sizes& s : sizes)
    for (const Read lhs : kReads)
      for (const Read rhs : kReads)
        if (s.k < 1000 || lhs == rhs) check(s, lhs, rhs, "", ++turn);
}

// ---- Gradients of all of these. ----

TEST(ContractEdges, GradientsOfSizesOfZeroOneAndPrimes) {
  size_t turn = 0;
  for (const int64_t m : {0, 1, 31})
    for (const int64_t k : {0, 1, 67})
      for (const int64_t n : {0, 1, 53})
        for (const int64_t batch : {0, 3}) check_gradients({m, k, n, batch}, Read::Plain, Read::Plain, ++turn);
  check_gradients({97, 521, 131}, Read::Plain, Read::Plain, 0);
  check_gradients({3, 701, 211, 0, kFloat64}, Read::Plain, Read::Plain, 0);
}

TEST(ContractEdges, GradientsOfOperandsReadWithAnyStride) {
  size_t turn = 0;
  for (const Sizes& s : {Sizes{17, 29, 37}, Sizes{3, 131, 67}, Sizes{1, 70, 33}, Sizes{11, 13, 15, 5}})
    for (const Read lhs : kReads)
      for (const Read rhs : kReads)
        if (lhs == rhs || lhs == Read::Plain || rhs == Read::Plain) check_gradients(s, lhs, rhs, ++turn);
}

}  // namespace
}  // namespace lazuli::testing
