// The recorded corpus with every program compiled.
#include <gtest/gtest.h>

#include "tests/corpus/replay.h"

namespace lazuli::corpus {
namespace {

TEST(CompiledCorpus, Unary) {
  replay("unary", 1, 2110);
}
TEST(CompiledCorpus, Binary) {
  replay("binary", 1, 2650);
}
TEST(CompiledCorpus, Promotion) {
  replay("promotion", 1, 4430);
}
TEST(CompiledCorpus, Reductions) {
  replay("reductions", 1, 4070);
}
TEST(CompiledCorpus, Views) {
  replay("views", 1, 1230);
}
TEST(CompiledCorpus, Indexing) {
  replay("indexing", 1, 1190);
}
TEST(CompiledCorpus, Joins) {
  replay("joins", 1, 320);
}
TEST(CompiledCorpus, Products) {
  replay("products", 1, 470);
}
TEST(CompiledCorpus, Creation) {
  replay("creation", 1, 710);
}
TEST(CompiledCorpus, Functions) {
  replay("functions", 1, 1460);
}
TEST(CompiledCorpus, More) {
  replay("more", 1, 800);
}
TEST(CompiledCorpus, Forms) {
  replay("forms", 1, 260);
}
TEST(CompiledCorpus, Gradients) {
  replay("gradients", 1, 430);
}
TEST(CompiledCorpus, Errors) {
  replay("errors", 1, 1060);
}
TEST(CompiledCorpus, Printing) {
  replay("printing", 1, 930);
}

}  // namespace
}  // namespace lazuli::corpus
