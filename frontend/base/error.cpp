// Error: puts the sentence, the place of the call and the hint together.
#include "lazuli/base/error.h"

namespace lazuli {
namespace {

std::string full_text(const std::string& message, const std::string& hint, const Location& where) {
  std::string text = message;
  if (where.line() != 0) text += std::string("\n  at ") + where.file_name() + ":" + std::to_string(where.line());
  if (!hint.empty()) text += "\n  hint: " + hint;
  return text;
}

}  // namespace

Error::Error(ErrorKind kind, std::string message, std::string hint, Location where)
    : std::runtime_error(full_text(message, hint, where)),
      kind_(kind),
      message_(std::move(message)),
      hint_(std::move(hint)),
      where_(where) {}

}  // namespace lazuli
