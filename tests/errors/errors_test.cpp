// Every message that a user can cause: its kind and first sentence, the user's line, the hint. The sentences are
// PyTorch's where it has one, which the recorded corpus proves. A message without a case fails EveryMessageHasACase.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>

#include "tests/errors/cases.h"
#include "tests/errors/messages.h"

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
TEST(Errors, Convolution) {
  check(attention_cases());
  check(conv_cases());
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
TEST(Errors, Statistics) {
  check(statistics_cases());
}
TEST(Errors, Views) {
  check(view_cases());
}

/// Messages that no case raises, one per line, with "..." where something is put in; # begins a remark.
std::vector<std::string> without_case() {
  std::ifstream file(LAZULI_SOURCE_DIR "/tests/errors/without_case.txt");
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);)
    if (!line.empty() && line[0] != '#') lines.push_back(line);
  return lines;
}

TEST(Errors, EveryMessageHasACase) {
  std::vector<std::string> raised;
  for (const auto& cases :
       {arithmetic_cases(), attention_cases(), autograd_cases(), compile_cases(), conv_cases(), creation_cases(),
        exchange_cases(), index_cases(), nn_cases(), product_cases(), statistics_cases(), view_cases()})
    for (const Case& c : cases) raised.emplace_back(c.message);
  const std::vector<std::string> excused = without_case();
  const std::vector<Message> messages = messages_below(LAZULI_SOURCE_DIR "/frontend");
  EXPECT_GT(messages.size(), 300u);
  for (const Message& m : messages) {
    const bool covered = std::any_of(raised.begin(), raised.end(), [&](const std::string& r) { return m.matches(r); });
    const bool listed = std::find(excused.begin(), excused.end(), m.str()) != excused.end();
    EXPECT_TRUE(covered || listed) << m.place << ": " << m.str() << "\nhas no case: add one to tests/errors";
    EXPECT_FALSE(covered && listed) << m.str() << "\nhas a case: take it out of without_case.txt";
  }
}

}  // namespace
}  // namespace lazuli::errors
