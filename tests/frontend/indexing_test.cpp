// Indexing and views: sizes, strides and elements against written-out expectations.
#include "tests/frontend/litmus.h"

namespace lazuli {
namespace {

using namespace litmus;

struct IndexCase {
  const char* text;
  std::vector<TensorIndex> index;
  std::vector<int64_t> sizes;
  std::vector<float> elements;
  int64_t offset;
};

TEST(Indexing, Table) {
  const Tensor x = counting({3, 4});
  const std::vector<IndexCase> cases = {
      {"1", {1}, {4}, {4, 5, 6, 7}, 4},
      {"-1", {-1}, {4}, {8, 9, 10, 11}, 8},
      {"1, 2", {1, 2}, {}, {6}, 6},
      {"-1, -4", {-1, -4}, {}, {8}, 8},
      {"1:3", {Slice(1, 3)}, {2, 4}, {4, 5, 6, 7, 8, 9, 10, 11}, 4},
      {":, 1", {All, 1}, {3}, {1, 5, 9}, 1},
      {"::2, ::3", {Slice(None, None, 2), Slice(None, None, 3)}, {2, 2}, {0, 3, 8, 11}, 0},
      {"-2:, -1", {Slice(-2, None), -1}, {2}, {7, 11}, 7},
      {":-1, 0", {Slice(None, -1), 0}, {2}, {0, 4}, 0},
      {"5:9", {Slice(5, 9)}, {0, 4}, {}, 0},
      {"2:1", {Slice(2, 1)}, {0, 4}, {}, 0},
      {"-9:2, 1", {Slice(-9, 2), 1}, {2}, {1, 5}, 1},
      {"..., 2", {"...", 2}, {3}, {2, 6, 10}, 2},
      {"Ellipsis", {Ellipsis}, {3, 4}, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}, 0},
      {"1, ..., 1", {1, Ellipsis, 1}, {}, {5}, 5},
      {"None, 1", {None, 1}, {1, 4}, {4, 5, 6, 7}, 4},
      {"1, None, 1:3", {1, None, Slice(1, 3)}, {1, 2}, {5, 6}, 5},
      {"..., None", {0, Ellipsis, None}, {4, 1}, {0, 1, 2, 3}, 0},
  };
  for (const IndexCase& c : cases) {
    SCOPED_TRACE(c.text);
    const Tensor v = x.index(c.index);
    EXPECT_EQ(v.sizes().vec(), c.sizes);
    EXPECT_EQ(values(v), c.elements);
    EXPECT_EQ(values(v + 0), c.elements);  // as a node, not as memory
    EXPECT_EQ(v.storage_offset(), c.offset);
    EXPECT_TRUE(v.is_alias_of(x));
  }
}

struct ViewCase {
  const char* text;
  std::function<Tensor(const Tensor&)> view;
  std::vector<int64_t> sizes, strides;
  std::vector<float> elements;
};

TEST(Views, Table) {
  const Tensor x = counting({2, 1, 3});
  const std::vector<ViewCase> cases = {
      {"view -1", [](auto& t) { return t.view({-1}); }, {6}, {1}, {0, 1, 2, 3, 4, 5}},
      {"reshape", [](auto& t) { return t.reshape({3, -1}); }, {3, 2}, {2, 1}, {0, 1, 2, 3, 4, 5}},
      {"squeeze", [](auto& t) { return t.squeeze(); }, {2, 3}, {3, 1}, {0, 1, 2, 3, 4, 5}},
      {"squeeze 1", [](auto& t) { return t.squeeze(1); }, {2, 3}, {3, 1}, {0, 1, 2, 3, 4, 5}},
      {"squeeze 0", [](auto& t) { return t.squeeze(0); }, {2, 1, 3}, {3, 3, 1}, {0, 1, 2, 3, 4, 5}},
      {"unsqueeze -1", [](auto& t) { return t.unsqueeze(-1); }, {2, 1, 3, 1}, {3, 3, 1, 1}, {0, 1, 2, 3, 4, 5}},
      {"permute", [](auto& t) { return t.permute({2, 0, 1}); }, {3, 2, 1}, {1, 3, 3}, {0, 3, 1, 4, 2, 5}},
      {"T", [](auto& t) { return t.T(); }, {3, 1, 2}, {1, 3, 3}, {0, 3, 1, 4, 2, 5}},
      {"mT", [](auto& t) { return t.mT(); }, {2, 3, 1}, {3, 1, 3}, {0, 1, 2, 3, 4, 5}},
      {"transpose", [](auto& t) { return t.transpose(0, -1); }, {3, 1, 2}, {1, 3, 3}, {0, 3, 1, 4, 2, 5}},
      {"movedim", [](auto& t) { return t.movedim(0, 2); }, {1, 3, 2}, {3, 1, 3}, {0, 3, 1, 4, 2, 5}},
      {"movedim 2", [](auto& t) { return t.movedim({0, 2}, {2, 0}); }, {3, 1, 2}, {1, 3, 3}, {0, 3, 1, 4, 2, 5}},
      {"expand", [](auto& t) { return t.squeeze(1)[0].expand({2, -1}); }, {2, 3}, {0, 1}, {0, 1, 2, 0, 1, 2}},
      {"flatten 1", [](auto& t) { return t.flatten(1); }, {2, 3}, {3, 1}, {0, 1, 2, 3, 4, 5}},
      {"unflatten", [](auto& t) { return t.flatten().unflatten(0, {-1, 2}); }, {3, 2}, {2, 1}, {0, 1, 2, 3, 4, 5}},
      {"narrow", [](auto& t) { return t.narrow(2, 1, 2); }, {2, 1, 2}, {3, 3, 1}, {1, 2, 4, 5}},
      {"select", [](auto& t) { return t.select(2, -1); }, {2, 1}, {3, 3}, {2, 5}},
      {"permute twice", [](auto& t) { return t.T().T(); }, {2, 1, 3}, {3, 3, 1}, {0, 1, 2, 3, 4, 5}},
      {"view of transpose", [](auto& t) { return t.T().view({3, 2, 1}); }, {3, 2, 1}, {1, 3, 3}, {0, 3, 1, 4, 2, 5}},
  };
  for (const ViewCase& c : cases) {
    SCOPED_TRACE(c.text);
    const Tensor v = c.view(x);
    EXPECT_EQ(v.sizes().vec(), c.sizes);
    EXPECT_EQ(v.strides().vec(), c.strides);
    EXPECT_EQ(values(v), c.elements);
    EXPECT_EQ(values(v + 0), c.elements);
    EXPECT_TRUE(v.is_alias_of(x));
  }
  EXPECT_THAT(values(x.flip({0, 2})), ElementsAre(5, 4, 3, 2, 1, 0));
  EXPECT_FALSE(x.flip({0}).is_alias_of(x));
  EXPECT_TRUE(x.contiguous().is_same(x));
  EXPECT_FALSE(x.T().is_contiguous());
  EXPECT_TRUE(x.T().contiguous().is_contiguous());
}

TEST(Indexing, MasksAreWrittenThrough) {
  Tensor x = counting({2, 3});
  x.index_put_({x > 3}, -1);
  EXPECT_THAT(values(x), ElementsAre(0, 1, 2, 3, -1, -1));
  x.t().index_put_({floats({1, 0, 1}) != 0}, floats({8}, {}));  // whole rows of the transpose: columns
  EXPECT_THAT(values(x), ElementsAre(8, 1, 8, 8, -1, 8));
  EXPECT_THROW(x.index_put_({floats({1, 0, 1}) != 0}, 1), Error);
  EXPECT_THAT(values(x.index({x > 3})), ElementsAre(8, 8, 8, 8));
}

TEST(Views, OfScalarsAndOfNothing) {
  const Tensor one = floats({5}, {});
  EXPECT_EQ(one.dim(), 0);
  EXPECT_EQ(one.flatten().sizes(), (IntArrayRef{1}));
  EXPECT_EQ(one.item<int>(), 5);
  EXPECT_EQ(one.expand({2, 2}).numel(), 4);
  EXPECT_TRUE(bool(one));
  const Tensor none = floats({}, {0, 3});
  EXPECT_EQ(none.t().sizes(), (IntArrayRef{3, 0}));
  EXPECT_TRUE(values(none + 1).empty());
  EXPECT_EQ(none.reshape({3, 0, 7}).numel(), 0);
}

}  // namespace
}  // namespace lazuli
