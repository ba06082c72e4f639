// Reads messages from C++ sources: what stands behind `(ErrorKind::Kind,` up to the next argument, as literals, calls
// of fmt::format, sums of both, and choices between two.
#include "tests/errors/messages.h"

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace lazuli::errors {
namespace {

/// The position behind a literal that begins at `i`.
size_t behind_literal(std::string_view s, size_t i) {
  const char quote = s[i++];
  while (i < s.size() && s[i] != quote) i += s[i] == '\\' ? 2 : 1;
  return i + 1;
}

/// The first of `stops` outside of brackets and literals, from `i`; a closing bracket of an outer level stops, too.
size_t find_outside(std::string_view s, size_t i, std::string_view stops) {
  for (int depth = 0; i < s.size();) {
    const char c = s[i];
    if (c == '"' || (c == '\'' && i > 0 && !std::isalnum(static_cast<unsigned char>(s[i - 1])))) {
      i = behind_literal(s, i);
      continue;
    }
    if (depth == 0 && stops.find(c) != stops.npos && !(c == ':' && (s[i + 1] == ':' || s[i - 1] == ':'))) return i;
    if (c == '(' || c == '[' || c == '{') ++depth;
    if (c == ')' || c == ']' || c == '}') {
      if (depth == 0) return i;
      --depth;
    }
    ++i;
  }
  return s.size();
}

std::string_view trimmed(std::string_view s) {
  while (!s.empty() && std::isspace(static_cast<unsigned char>(s.front()))) s.remove_prefix(1);
  while (!s.empty() && std::isspace(static_cast<unsigned char>(s.back()))) s.remove_suffix(1);
  return s;
}

/// "a" "b" as ab; `text` is all literals.
std::string joined(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size();) {
    if (text[i] != '"') {
      ++i;
      continue;
    }
    const size_t end = behind_literal(text, i);
    for (size_t j = i + 1; j + 1 < end; ++j) out += text[j] == '\\' ? text[++j] : text[j];
    i = end;
  }
  return out;
}

void add_gap(Message& m) {
  m.open_end = true;
  if (m.parts.empty()) m.open_start = true;
}

void add_text(Message& m, std::string_view text, bool format) {
  std::string part;
  const auto flush = [&] {
    if (part.empty()) return;
    if (m.open_end || m.parts.empty()) {
      m.parts.push_back(part);
    } else {
      m.parts.back() += part;
    }
    m.open_end = false;
    part.clear();
  };
  for (size_t i = 0; i < text.size(); ++i) {
    if (format && (text[i] == '{' || text[i] == '}') && i + 1 < text.size() && text[i + 1] == text[i]) {
      part += text[i++];
    } else if (format && text[i] == '{') {
      flush();
      add_gap(m);
      i = text.find('}', i);
    } else {
      part += text[i];
    }
  }
  flush();
}

void read(std::string_view expression, bool format, const Message& so_far, std::vector<Message>& out) {
  expression = trimmed(expression);
  if (const size_t q = find_outside(expression, 0, "?"); q < expression.size()) {
    const size_t colon = find_outside(expression, q + 1, ":");
    read(expression.substr(q + 1, colon - q - 1), format, so_far, out);
    read(expression.substr(colon + 1), format, so_far, out);
    return;
  }
  Message m = so_far;
  constexpr std::string_view kFormat = "fmt::format(";
  for (size_t i = 0; i < expression.size();) {
    const size_t end = find_outside(expression, i, "+");
    const std::string_view piece = trimmed(expression.substr(i, end - i));
    if (piece.starts_with(kFormat)) {
      const size_t comma = find_outside(piece, kFormat.size(), ",");
      add_text(m, joined(piece.substr(kFormat.size(), comma - kFormat.size())), true);
    } else if (piece.starts_with('"')) {
      add_text(m, joined(piece), format);
    } else {
      add_gap(m);
    }
    i = end + 1;
  }
  out.push_back(std::move(m));
}

}  // namespace

bool Message::matches(std::string_view text) const {
  size_t at = 0;
  for (size_t i = 0; i < parts.size(); ++i) {
    const size_t found = text.find(parts[i], at);
    if (found == text.npos || (i == 0 && !open_start && found != 0)) return false;
    at = found + parts[i].size();
  }
  return open_end || text.ends_with(parts.back());
}

std::string Message::str() const {
  std::string all = open_start ? "..." : "";
  for (size_t i = 0; i < parts.size(); ++i) all += (i == 0 ? "" : "...") + parts[i];
  return all + (open_end ? "..." : "");
}

std::vector<Message> messages_below(const std::string& folder) {
  std::vector<Message> all;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (entry.path().extension() != ".cpp" && entry.path().extension() != ".h") continue;
    std::ifstream file(entry.path());
    std::stringstream content;
    content << file.rdbuf();
    const std::string text = content.str();
    constexpr std::string_view kMark = "ErrorKind::";
    for (size_t i = text.find(kMark); i != text.npos; i = text.find(kMark, i + 1)) {
      const size_t comma =
          text.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ", i + kMark.size());
      const size_t before = text.find_last_not_of(" \n", i - 1);
      if (text[comma] != ',' || text[before] != '(' || text.compare(i + kMark.size(), 8, "Internal") == 0) continue;
      Message start;
      start.place = entry.path().filename().string() + ":" +
                    std::to_string(1 + std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(i), '\n'));
      const size_t end = find_outside(text, comma + 1, ",");
      std::vector<Message> found;
      read(std::string_view(text).substr(comma + 1, end - comma - 1), false, start, found);
      for (Message& m : found)
        if (!m.parts.empty()) all.push_back(std::move(m));
    }
  }
  return all;
}

}  // namespace lazuli::errors
