// The one exception type of the library. Part of the vocabulary that every layer shares.
#pragma once
#include <cstdint>
#include <source_location>
#include <stdexcept>
#include <string>

namespace lazuli {

/// Where the user called. Public functions take it as a defaulted last argument.
using Location = std::source_location;

enum class ErrorKind : uint8_t {
  Shape,        // shapes, axes, sizes that do not fit
  DType,        // an element type that the op does not take
  Index,        // an index out of range
  Value,        // a bad argument or a bad element (integer division by zero)
  Parse,        // malformed text or file; the message carries line:column or offset
  Device,       // device missing or failed
  Memory,       // allocation refused or failed
  Compile,      // code generation failed; the message carries the log
  Unsupported,  // named, known, and not offered
  Internal,     // a broken invariant of the library itself
};

/// Thrown by the call that caused it. what() is the sentence, then "\n  at file:line", then "\n  hint: ...".
class Error : public std::runtime_error {
 public:
  Error(ErrorKind kind, std::string message, std::string hint = {}, Location where = {});

  ErrorKind kind() const { return kind_; }
  /// The first sentence alone.
  const std::string& message() const { return message_; }
  const std::string& hint() const { return hint_; }
  /// Line is 0 when the call site is not known.
  const Location& where() const { return where_; }

 private:
  ErrorKind kind_;
  std::string message_, hint_;
  Location where_;
};

}  // namespace lazuli
