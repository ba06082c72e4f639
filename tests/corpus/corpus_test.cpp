// The recorded corpus, family by family. One program in sixteen is compiled, the others are interpreted.
#include <gtest/gtest.h>

#include "tests/corpus/replay.h"

namespace lazuli::corpus {
namespace {

constexpr int kCompileEvery = 16;

TEST(Corpus, Unary) {
  replay("unary", kCompileEvery, 2110);
}
TEST(Corpus, Binary) {
  replay("binary", kCompileEvery, 2650);
}
TEST(Corpus, Promotion) {
  replay("promotion", kCompileEvery, 4430);
}
TEST(Corpus, Reductions) {
  replay("reductions", kCompileEvery, 4070);
}
TEST(Corpus, Views) {
  replay("views", kCompileEvery, 890);
}
TEST(Corpus, Indexing) {
  replay("indexing", kCompileEvery, 720);
}
TEST(Corpus, Joins) {
  replay("joins", kCompileEvery, 290);
}
TEST(Corpus, Products) {
  replay("products", kCompileEvery, 370);
}
TEST(Corpus, Creation) {
  replay("creation", kCompileEvery, 710);
}
TEST(Corpus, Functions) {
  replay("functions", kCompileEvery, 670);
}
TEST(Corpus, Errors) {
  replay("errors", kCompileEvery, 960);
}
TEST(Corpus, Printing) {
  replay("printing", kCompileEvery, 800);
}

}  // namespace
}  // namespace lazuli::corpus
