// The parts of trees that are no templates: names, texts of structures, paths, errors.
#include "lazuli/tree.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

namespace lazuli {
namespace detail {

// gcc: "... [with auto P = FieldPointer<Tensor>{(& nowhere<Mlp>.Nowhere<Mlp>::value.Mlp::w1)}; std::string_view = ...]"
// clang: "... [P = FieldPointer<Tensor>{&nowhere.value.w1}]"
std::string_view name_in(std::string_view spelling) {
  const size_t end = spelling.rfind('}');
  if (end == std::string_view::npos) return {};
  const auto is_word = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; };
  size_t last = end;
  while (last > 0 && !is_word(spelling[last - 1])) --last;
  size_t first = last;
  while (first > 0 && is_word(spelling[first - 1])) --first;
  const std::string_view name = spelling.substr(first, last - first);
  return name.empty() || std::isdigit(static_cast<unsigned char>(name[0])) ? std::string_view() : name;
}

namespace {

std::string field_name(std::string_view spelling, size_t i) {
  const std::string_view name = name_in(spelling);
  return name.empty() ? std::to_string(i) : std::string(name);
}

}  // namespace

// ---- StructureWriter ----

void StructureWriter::open(TreeKind kind, size_t) {
  const bool braces = kind == TreeKind::Aggregate || kind == TreeKind::Map;
  text_ += braces ? '{' : kind == TreeKind::Tuple ? '(' : '[';
  ends_ += braces ? '}' : kind == TreeKind::Tuple ? ')' : ']';
  first_ = true;
}

void StructureWriter::close() {
  text_ += ends_.back();
  ends_.pop_back();
  first_ = false;
}

void StructureWriter::separate(size_t i) {
  if (i > 0) text_ += ", ";
}

void StructureWriter::index(size_t i) {
  separate(i);
  first_ = false;
}

void StructureWriter::key(const std::string& k) {
  separate(first_ ? 0 : 1);
  first_ = false;
  text_ += fmt::format("\"{}\": ", k);
}

void StructureWriter::name(std::string_view spelling, size_t i) {
  separate(i);
  first_ = false;
  text_ += field_name(spelling, i);
  text_ += ": ";
}

void StructureWriter::present(bool is) {
  if (!is) text_ += "none";
}

void StructureWriter::number(char kind, size_t bytes) {
  if (kind == 'b') return text("bool");
  text_ += fmt::format("{}{}", kind == 'f' ? "float" : kind == 'i' ? "int" : "uint", 8 * bytes);
}

void StructureWriter::leaf(const Tensor& t) {
  if (t.defined()) ++leaves_;
  text_ += t.defined() ? "*" : "undefined";
}

// ---- PathWriter ----

void PathWriter::open(TreeKind kind, size_t size) {
  const char* what = kind == TreeKind::Map ? "a map" : kind == TreeKind::Aggregate ? "a struct" : "a list";
  entry(fmt::format("{} of {}", what, size), false);
  marks_.push_back(path_.size());
}

void PathWriter::close() {
  path_.resize(marks_.back());
  marks_.pop_back();
}

void PathWriter::step(std::string_view s) {
  path_.resize(marks_.back());
  path_ += s;
}

void PathWriter::index(size_t i) {
  step(fmt::format("[{}]", i));
}
void PathWriter::key(const std::string& k) {
  step(fmt::format("[\"{}\"]", k));
}
void PathWriter::name(std::string_view spelling, size_t i) {
  step("." + field_name(spelling, i));
}

void PathWriter::present(bool is) {
  if (!is) entry("none", false);
}

void PathWriter::leaf(const Tensor& t) {
  entry(t.defined() ? "a tensor" : "an undefined tensor", t.defined());
}

void PathWriter::entry(std::string what, bool leaf) {
  entries_.push_back({path_, std::move(what), leaf});
}

// ---- Errors ----

namespace {

std::string shown(const std::string& path) {
  return path.empty() ? "the whole tree" : path;
}

}  // namespace

void throw_mismatch(std::string_view what, const std::vector<PathWriter::Entry>& a,
                    const std::vector<PathWriter::Entry>& b, const Location& loc) {
  const auto same = [](const PathWriter::Entry& x, const PathWriter::Entry& y) {
    return x.path == y.path && x.what == y.what;
  };
  const auto [ia, ib] = std::mismatch(a.begin(), a.end(), b.begin(), b.end(), same);
  std::string message;
  if (ia == a.end() || ib == b.end()) {
    const bool more = ib == b.end() && ia != a.end();
    message = ia == a.end() && ib == b.end() ? "they differ"
                                             : fmt::format("the {} tree also has {} at {}", more ? "first" : "other",
                                                           more ? ia->what : ib->what, more ? ia->path : ib->path);
  } else if (ia->path == ib->path) {
    message = fmt::format("at {} one has {}, the other {}", shown(ia->path), ia->what, ib->what);
  } else {
    message = fmt::format("one has {} ({}) where the other has {} ({})", shown(ia->path), ia->what, shown(ib->path),
                          ib->what);
  }
  throw Error(ErrorKind::Value, fmt::format("{}: the trees have different structures: {}", what, message),
              "tree_structure(tree).str() shows the structure of a tree", loc);
}

void throw_leaf_count(size_t wanted, size_t given, const Location& loc) {
  throw Error(ErrorKind::Value, fmt::format("tree_unflatten: {} leaves for a tree of {}", given, wanted),
              "pass as many tensors as tree_leaves returns", loc);
}

}  // namespace detail
}  // namespace lazuli
