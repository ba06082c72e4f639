// Litmus programs: handles, views and storages that share, without anything pending in between.
#include "tests/frontend/litmus.h"

namespace lazuli {
namespace {

using namespace litmus;

TEST(LitmusAlias, RowIsSeenInBaseAndBaseInRow) {
  Tensor x = counting({2, 3});
  Tensor v = x[1];
  v += 10;
  EXPECT_THAT(values(x), ElementsAre(0, 1, 2, 13, 14, 15));
  x.zero_();
  EXPECT_THAT(values(v), ElementsAre(0, 0, 0));
  EXPECT_TRUE(v.is_alias_of(x));
  EXPECT_TRUE(v.is_view());
}

TEST(LitmusAlias, UnnamedViewsAreWrittenThrough) {
  Tensor x = counting({3, 4});
  x(1, 2) = 9;
  x(Slice(0, 1), All) = 12;
  x[2] += 100;
  x.index_put_({2, 3}, -1);
  EXPECT_THAT(values(x), ElementsAre(12, 12, 12, 12, 4, 5, 9, 7, 108, 109, 110, -1));
}

TEST(LitmusAlias, NamedHandlesAreRebound) {
  Tensor x = counting({2, 2});
  Tensor row = x[0], other = x;
  row = floats({5, 5});
  x = x + 1;
  EXPECT_THAT(values(other), ElementsAre(0, 1, 2, 3));
  EXPECT_THAT(values(x), ElementsAre(1, 2, 3, 4));
  EXPECT_FALSE(x.is_alias_of(other));
}

TEST(LitmusAlias, OverlappingSlicesWriteAsIfCopied) {
  Tensor x = counting({5});
  x.index({Slice(1, None)}) = x.index({Slice(None, -1)});
  EXPECT_THAT(values(x), ElementsAre(0, 0, 1, 2, 3));
  Tensor a = x.slice(0, 0, 3), b = x.slice(0, 1, 4);
  b += a;
  EXPECT_THAT(values(x), ElementsAre(0, 0, 1, 3, 3));
}

TEST(LitmusAlias, WritesGoThroughTransposeReshapeAndSteps) {
  Tensor x = counting({2, 3});
  x.t()[0] = floats({7, 8});
  EXPECT_THAT(values(x), ElementsAre(7, 1, 2, 8, 4, 5));
  x.view({3, 2})[2] = 0;
  EXPECT_THAT(values(x), ElementsAre(7, 1, 2, 8, 0, 0));
  x.flatten().index({Slice(1, None, 2)}) += 1;
  EXPECT_THAT(values(x), ElementsAre(7, 2, 2, 9, 0, 1));
}

TEST(LitmusAlias, ViewOfAViewOfAView) {
  Tensor x = counting({2, 3, 4});
  Tensor v = x.permute({2, 0, 1}).index({Slice(1, 4, 2), 1}).unsqueeze(0);
  EXPECT_EQ(v.sizes(), (IntArrayRef{1, 2, 3}));
  EXPECT_THAT(values(v), ElementsAre(13, 17, 21, 15, 19, 23));
  v.fill_(-1);
  EXPECT_THAT(values(x[1]), ElementsAre(12, -1, 14, -1, 16, -1, 18, -1, 20, -1, 22, -1));
  EXPECT_THAT(values(x[0]), ElementsAre(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11));
}

TEST(LitmusAlias, ReshapeCopiesWhereStridesCannotSayIt) {
  Tensor x = counting({2, 3});
  Tensor r = x.t().reshape({6});
  EXPECT_FALSE(r.is_alias_of(x));
  r.zero_();
  EXPECT_THAT(values(x), ElementsAre(0, 1, 2, 3, 4, 5));
  Tensor s = x.reshape({3, 2});
  EXPECT_TRUE(s.is_alias_of(x));
}

TEST(LitmusAlias, ExpandedViewsRefuseWrites) {
  Tensor x = counting({3, 1});
  Tensor wide = x.expand({3, 4});
  EXPECT_THAT(values(wide), ElementsAre(0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2));
  EXPECT_THROW(wide += 1, Error);
  x += 1;
  EXPECT_THAT(values(wide[0]), ElementsAre(1, 1, 1, 1));
  x.expand({1, 3, 1}) += 1;  // nothing is repeated
  EXPECT_THAT(values(x), ElementsAre(2, 3, 4));
}

TEST(LitmusAlias, ACloneSharesMemoryUntilSomebodyWrites) {
  Tensor x = counting({4});
  eval(x);
  Watch w;
  Tensor y = x.clone();
  EXPECT_THAT(values(y), ElementsAre(0, 1, 2, 3));
  EXPECT_EQ(w.buffers(), 0);
  EXPECT_EQ(w.programs(), 0);
  y += 1;
  eval(y);
  EXPECT_EQ(w.buffers(), 1);
  EXPECT_THAT(values(x), ElementsAre(0, 1, 2, 3));
  EXPECT_THAT(values(y), ElementsAre(1, 2, 3, 4));
}

TEST(LitmusAlias, EqualValuesAreDistinctStorages) {
  Tensor a = counting({3}) * 0, b = a.clone(), c = a;
  eval(a, b);
  b += 1;
  EXPECT_THAT(values(a), ElementsAre(0, 0, 0));
  EXPECT_THAT(values(b), ElementsAre(1, 1, 1));
  c += 2;
  EXPECT_THAT(values(a), ElementsAre(2, 2, 2));
  EXPECT_NE(a.data_ptr(), b.data_ptr());
  EXPECT_EQ(a.data_ptr(), c.data_ptr());
}

TEST(LitmusAlias, SwapThroughACopyMovesNoData) {
  Tensor a = floats({1, 2}), b = floats({3, 4});
  Watch w;
  Tensor old = a.clone();
  a.copy_(b);
  b.copy_(old);
  eval(a, b);
  EXPECT_EQ(w.programs(), 0);
  EXPECT_EQ(w.buffers(), 0);
  EXPECT_THAT(values(a), ElementsAre(3, 4));
  EXPECT_THAT(values(b), ElementsAre(1, 2));
}

TEST(LitmusAlias, CopyConvertsAndBroadcasts) {
  Tensor x = counting({2, 3});
  x.copy_(integers({7, 8, 9}));
  EXPECT_THAT(values(x), ElementsAre(7, 8, 9, 7, 8, 9));
  x.copy_(x);
  x[0] = x[1] + 1;
  EXPECT_THAT(values(x), ElementsAre(8, 9, 10, 7, 8, 9));
}

}  // namespace
}  // namespace lazuli
