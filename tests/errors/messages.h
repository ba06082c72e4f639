// The messages that the sources can raise, read from the sources.
#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace lazuli::errors {

/// A message as it is written: literal parts, with anything between them.
struct Message {
  std::string place;  // file:line
  std::vector<std::string> parts;
  bool open_start = false, open_end = false;  // something stands before the first part, behind the last

  bool matches(std::string_view text) const;
  /// The parts with "..." for what stands between.
  std::string str() const;
};

/// Every message behind an `ErrorKind::...,` in the sources below a folder, other than Internal. Messages without any
/// literal part (texts that others hand over) are left out.
std::vector<Message> messages_below(const std::string& folder);

}  // namespace lazuli::errors
