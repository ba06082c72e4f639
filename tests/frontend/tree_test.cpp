// Trees: what counts as one, the order of leaves, structures, paths and errors.
#include "lazuli/tree.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "lazuli/creation.h"
#include "lazuli/operators.h"

namespace lazuli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

struct Empty {};
struct One {
  Tensor only;
};
struct Layer {
  Tensor w, b;
};
enum class Mode { train, test };
struct Model {
  std::vector<Layer> layers;
  Tensor head;
  double dropout = 0.5;
  Mode mode = Mode::train;
};
struct Held {  // fields that can be made of anything, one without a default, one with an initialiser
  std::optional<double> rate;
  std::tuple<Tensor> single;
  std::optional<Layer> layer;
  Tensor last;
  int steps = 3;
};
struct NoDefault {
  Tensor w;
  Scalar s;
  std::map<std::string, Tensor> extra;
};
struct Wide {
  Tensor a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p;
};
struct TooWide {
  Wide w;
  int a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p;
};
struct Rose {  // a type within itself
  Tensor value;
  std::vector<Rose> children;
};
struct WithPointer {
  Tensor w;
  int* p;
};
class Closed {
 public:
  explicit Closed(Tensor w) : w_(std::move(w)) {}

 private:
  Tensor w_;
};

Tensor t(double v) {
  return full({}, v);
}
std::vector<double> numbers(const std::vector<Tensor>& leaves) {
  std::vector<double> v;
  for (const Tensor& x : leaves) v.push_back(x.item<double>());
  return v;
}
template <class F>
std::string error_of(const F& f) {
  try {
    f();
  } catch (const Error& e) {
    EXPECT_EQ(e.kind(), ErrorKind::Value);
    return e.what();
  }
  ADD_FAILURE() << "no error";
  return {};
}

TEST(Tree, CountsFields) {
  EXPECT_EQ(detail::field_count<Empty>, 0u);
  EXPECT_EQ(detail::field_count<One>, 1u);
  EXPECT_EQ(detail::field_count<Layer>, 2u);
  EXPECT_EQ(detail::field_count<Model>, 4u);
  EXPECT_EQ(detail::field_count<Held>, 5u);
  EXPECT_EQ(detail::field_count<NoDefault>, 3u);
  EXPECT_EQ(detail::field_count<Wide>, 16u);
  EXPECT_GT(detail::field_count<TooWide>, 16u);
  EXPECT_EQ(detail::field_count<Rose>, 2u);
}

TEST(Tree, KnowsWhatIsOne) {
  EXPECT_TRUE(is_tree_v<Tensor>);
  EXPECT_TRUE(is_tree_v<const Model&>);
  EXPECT_TRUE(is_tree_v<Held>);
  EXPECT_TRUE(is_tree_v<Rose>);
  EXPECT_TRUE((is_tree_v<std::pair<Model, std::array<Tensor, 3>>>));
  EXPECT_TRUE((is_tree_v<std::map<std::string, std::vector<Tensor>>>));
  EXPECT_TRUE(is_tree_v<Empty>);
  EXPECT_FALSE(is_tree_v<Closed>);
  EXPECT_FALSE(is_tree_v<WithPointer>);
  EXPECT_FALSE(is_tree_v<Tensor*>);
  EXPECT_FALSE(is_tree_v<std::vector<bool>>);
  EXPECT_FALSE((is_tree_v<std::map<int, Tensor>>));
  EXPECT_FALSE(is_tree_v<TooWide>);
}

TEST(Tree, LeavesComeInOrder) {
  const Model m{{{t(1), t(2)}, {t(3), t(4)}}, t(5)};
  EXPECT_THAT(numbers(tree_leaves(m)), ElementsAre(1, 2, 3, 4, 5));
  EXPECT_THAT(tree_paths(m), ElementsAre(".layers[0].w", ".layers[0].b", ".layers[1].w", ".layers[1].b", ".head"));
  const std::map<std::string, std::pair<Tensor, int>> by_name{{"b", {t(2), 7}}, {"a", {t(1), 8}}};
  EXPECT_THAT(numbers(tree_leaves(by_name)), ElementsAre(1, 2));
  EXPECT_THAT(tree_paths(by_name), ElementsAre("[\"a\"][0]", "[\"b\"][0]"));
  EXPECT_THAT(tree_paths(t(1)), ElementsAre(""));
  EXPECT_TRUE(tree_leaves(Empty{}).empty());
}

TEST(Tree, StructureIsEverythingButLeavesAndNumbers) {
  const Model m{{{t(1), t(2)}}, t(5)};
  EXPECT_EQ(tree_structure(m).str(), "{layers: [{w: *, b: *}], head: *, dropout: float64, mode: enum}");
  EXPECT_EQ(tree_structure(m).leaf_count(), 3u);
  EXPECT_EQ(tree_structure(Model{{{t(7), t(8)}}, t(9), 0.25, Mode::test}), tree_structure(m));
  EXPECT_NE(tree_structure(Model{{}, t(9)}), tree_structure(m));
  EXPECT_NE(tree_structure(Model{{{t(1), {}}}, t(5)}), tree_structure(m));

  EXPECT_EQ(tree_structure(Held{{}, {t(1)}, {}, {}}).str(),
            "{rate: none, single: (*), layer: none, last: undefined, steps: int32}");
  EXPECT_EQ(tree_structure(Held{0.5, {t(1)}, Layer{t(2), t(3)}, t(4)}).str(),
            "{rate: float64, single: (*), layer: {w: *, b: *}, last: *, steps: int32}");
  EXPECT_EQ(tree_structure(NoDefault{t(1), 2, {{"x", t(3)}, {"y", t(3)}}}).str(),
            "{w: *, s: scalar, extra: {\"x\": *, \"y\": *}}");
  EXPECT_EQ(tree_structure(std::tuple(t(1), true, uint8_t{1}, std::string("s"), std::array{t(2), t(3)})).str(),
            "(*, bool, uint8, string, [*, *])");
  EXPECT_EQ(tree_structure(Rose{t(1), {{t(2), {}}, {t(3), {}}}}).str(),
            "{value: *, children: [{value: *, children: []}, {value: *, children: []}]}");
  EXPECT_EQ(tree_structure(Empty{}).str(), "{}");

  struct Local {
    Tensor first_1;
    std::vector<std::optional<Tensor>> rest;
  };
  EXPECT_EQ(tree_structure(Local{t(1), {std::nullopt, t(2)}}).str(), "{first_1: *, rest: [none, *]}");
}

TEST(Tree, MapReplacesLeaves) {
  const Model m{{{t(1), t(2)}}, t(5), 0.25, Mode::test};
  const Model g{{{t(10), t(20)}}, t(50)};
  const Model n = tree_map([](const Tensor& p, const Tensor& d) { return p - 2 * d; }, m, g);
  EXPECT_THAT(numbers(tree_leaves(n)), ElementsAre(-19, -38, -95));
  EXPECT_EQ(n.dropout, 0.25);
  EXPECT_EQ(n.mode, Mode::test);
  EXPECT_THAT(numbers(tree_leaves(m)), ElementsAre(1, 2, 5));  // as it was
  // Another type of the same structure.
  const auto pair = tree_map([](auto a, auto b, auto c) { return a + b + c; }, std::pair(t(1), t(2)),
                             std::tuple(t(3), t(4)), std::tuple(t(5), t(6)));
  EXPECT_EQ(pair.first.item<double>(), 9);
  EXPECT_EQ(pair.second.item<double>(), 12);
  // Undefined tensors are no leaves.
  const Layer bare = tree_map([](const Tensor& x) { return x + 1; }, Layer{t(1), {}});
  EXPECT_EQ(bare.w.item<double>(), 2);
  EXPECT_FALSE(bare.b.defined());
  EXPECT_EQ(tree_map([](const Tensor& x) { return -x; }, t(3)).item<double>(), -3);
}

TEST(Tree, ForEachLeafMayWriteHandles) {
  Layer l{t(1), t(2)};
  double sum = 0;
  for_each_leaf([&](const Tensor& a, const Tensor& b) { sum += a.item<double>() * b.item<double>(); }, l, l);
  EXPECT_EQ(sum, 5);
  for_each_leaf([](Tensor& x) { x = x * 3; }, l);
  EXPECT_THAT(numbers(tree_leaves(l)), ElementsAre(3, 6));
}

TEST(Tree, UnflattenPutsLeavesBack) {
  const Model m{{{t(1), t(2)}}, t(5)};
  std::vector<Tensor> leaves = tree_leaves(m);
  std::swap(leaves[0], leaves[2]);
  EXPECT_THAT(numbers(tree_leaves(tree_unflatten(m, leaves))), ElementsAre(5, 2, 1));
  leaves.pop_back();
  EXPECT_THAT(error_of([&] { tree_unflatten(m, leaves); }), HasSubstr("tree_unflatten: 2 leaves for a tree of 3"));
}

TEST(Tree, MismatchNamesThePath) {
  const auto same = [](const Tensor& a, const Tensor&) { return a; };
  const Model m{{{t(1), t(2)}, {t(3), t(4)}}, t(5)};
  EXPECT_THAT(error_of([&] { tree_map(same, m, Model{{{t(1), t(2)}}, t(5)}); }),
              HasSubstr("tree_map: the trees have different structures: at .layers one has a list of 2, the other a "
                        "list of 1"));
  EXPECT_THAT(error_of([&] { tree_map(same, m, Model{{{t(1), t(2)}, {t(3), {}}}, t(5)}); }),
              HasSubstr("at .layers[1].b one has a tensor, the other an undefined tensor"));
  EXPECT_THAT(error_of([&] { tree_map(same, t(1), std::pair(t(1), t(2))); }),
              HasSubstr("at the whole tree one has a tensor, the other a list of 2"));
  using Map = std::map<std::string, Tensor>;
  EXPECT_THAT(error_of([&] { tree_map(same, Map{{"a", t(1)}}, Map{{"b", t(1)}}); }),
              HasSubstr("one has [\"a\"] (a tensor) where the other has [\"b\"] (a tensor)"));
  EXPECT_THAT(error_of([&] {
                tree_map(same, std::vector<std::pair<Tensor, int>>{{t(1), 1}},
                         std::vector<std::pair<Tensor, double>>{{t(1), 1}});
              }),
              HasSubstr("at [0][1] one has int32, the other float64"));
}

}  // namespace
}  // namespace lazuli
