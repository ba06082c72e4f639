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
  replay("views", kCompileEvery, 1230);
}
TEST(Corpus, Indexing) {
  replay("indexing", kCompileEvery, 1190);
}
TEST(Corpus, Joins) {
  replay("joins", kCompileEvery, 320);
}
TEST(Corpus, Products) {
  replay("products", kCompileEvery, 470);
}
TEST(Corpus, Creation) {
  replay("creation", kCompileEvery, 710);
}
TEST(Corpus, Functions) {
  replay("functions", kCompileEvery, 1460);
}
TEST(Corpus, More) {
  replay("more", kCompileEvery, 800);
}
TEST(Corpus, Forms) {
  replay("forms", kCompileEvery, 260);
}
TEST(Corpus, Surface) {
  replay("surface", kCompileEvery, 1350);
}
TEST(Corpus, Gradients) {
  replay("gradients", kCompileEvery, 430);
}
TEST(Corpus, Errors) {
  replay("errors", kCompileEvery, 1060);
}
TEST(Corpus, Printing) {
  replay("printing", kCompileEvery, 930);
}

}  // namespace
}  // namespace lazuli::corpus
