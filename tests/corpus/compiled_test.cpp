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
  replay("views", 1, 890);
}
TEST(CompiledCorpus, Indexing) {
  replay("indexing", 1, 720);
}
TEST(CompiledCorpus, Joins) {
  replay("joins", 1, 290);
}
TEST(CompiledCorpus, Products) {
  replay("products", 1, 370);
}
TEST(CompiledCorpus, Creation) {
  replay("creation", 1, 710);
}
TEST(CompiledCorpus, Functions) {
  replay("functions", 1, 670);
}
TEST(CompiledCorpus, Errors) {
  replay("errors", 1, 960);
}
TEST(CompiledCorpus, Printing) {
  replay("printing", 1, 800);
}

}  // namespace
}  // namespace lazuli::corpus
