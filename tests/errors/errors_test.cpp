// Every message that a user can cause: its kind and first sentence, the user's line, the hint. The sentences are
// PyTorch's where it has one, which the recorded corpus proves.
#include <gtest/gtest.h>

#include "tests/errors/cases.h"

namespace lazuli::errors {
namespace {

const char* kind_name(ErrorKind k) {
  constexpr const char* names[] = {"Shape",  "DType",  "Index",   "Value",       "Parse",
                                   "Device", "Memory", "Compile", "Unsupported", "Internal"};
  return names[static_cast<size_t>(k)];
}

void check(const Case& c) {
  SCOPED_TRACE(std::string(c.file) + ":" + std::to_string(c.line));
  try {
    c.call();
    ADD_FAILURE() << "refuses nothing: " << c.message;
  } catch (const Error& e) {
    EXPECT_EQ(e.message(), c.message);
    EXPECT_STREQ(kind_name(e.kind()), kind_name(c.kind));
    if (c.anywhere) {
      EXPECT_EQ(e.where().line(), 0u) << "the line is known: REFUSES tells more";
      return;
    }
    std::string text = e.message() + "\n  at " + e.where().file_name() + ":" + std::to_string(e.where().line());
    if (!e.hint().empty()) text += "\n  hint: " + e.hint();
    EXPECT_EQ(e.what(), text);
    EXPECT_STREQ(e.where().file_name(), c.file);
  }
}

void check(const std::vector<Case>& cases) {
  for (const Case& c : cases) check(c);
}

TEST(Errors, Arithmetic) {
  check(arithmetic_cases());
}
TEST(Errors, Autograd) {
  check(autograd_cases());
}
TEST(Errors, Compile) {
  check(compile_cases());
}
TEST(Errors, Creation) {
  check(creation_cases());
}
TEST(Errors, Exchange) {
  check(exchange_cases());
}
TEST(Errors, Indices) {
  check(index_cases());
}
TEST(Errors, Nn) {
  check(nn_cases());
}
TEST(Errors, Products) {
  check(product_cases());
}
TEST(Errors, Views) {
  check(view_cases());
}

}  // namespace
}  // namespace lazuli::errors
