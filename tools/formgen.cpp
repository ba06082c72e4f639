// lazuli-formgen: writes the further forms of the functions that the public headers declare: methods, in-place methods,
// functions that are methods, and functions that write into `out`.
//
//   lazuli-formgen <table> <folder of headers to write> <source file to write> <header to read>...
//
// A line of the table is `FORM NAME...`; it holds for every overload of these names in the headers, which are plain
// declarations in namespace lazuli (or one below it) that end in a Location. The definition that a form calls is the
// only one there is. A file whose text would not change is left alone, so that nothing is rebuilt for it.
#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <regex>
#include <set>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "tools/write_if_changed.h"

namespace {

using lazuli::write_if_changed;

struct Parameter {
  std::string type, name, otherwise;  // the last: with " = ", or empty
};

/// One overload of a function.
struct Declaration {
  std::string doc, result, scope, name;  // scope: "" or "linalg::"
  std::vector<Parameter> parameters;     // without the Location
  std::string header;
};

std::string read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) throw std::runtime_error("cannot read " + path);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::string trimmed(const std::string& s) {
  const size_t first = s.find_first_not_of(" \n\t"), last = s.find_last_not_of(" \n\t");
  return first == std::string::npos ? "" : s.substr(first, last - first + 1);
}

/// At commas that stand in no bracket.
std::vector<std::string> split(const std::string& list) {
  std::vector<std::string> parts;
  std::string part;
  int depth = 0;
  for (const char c : list) {
    if (c == '<' || c == '(' || c == '{') ++depth;
    if (c == '>' || c == ')' || c == '}') --depth;
    if (c == ',' && depth == 0) {
      parts.push_back(trimmed(part));
      part.clear();
    } else {
      part += c == '\n' ? ' ' : c;
    }
  }
  if (!trimmed(part).empty()) parts.push_back(trimmed(part));
  return parts;
}

Parameter parameter(std::string text, int number) {
  Parameter p;
  if (const size_t at = text.find(" = "); at != std::string::npos) {
    p.otherwise = text.substr(at);
    text = text.substr(0, at);
  }
  const size_t space = text.rfind(' ');
  // A type alone: std::nullopt_t.
  if (space == std::string::npos) return {text, fmt::format("argument{}", number), p.otherwise};
  p.type = trimmed(text.substr(0, space));
  p.name = text.substr(space + 1);
  return p;
}

/// The declarations of functions in a header. What is defined there, and what stands in classes, is passed over.
std::vector<Declaration> declarations(const std::string& path) {
  std::istringstream lines(read_file(path));
  std::vector<Declaration> all;
  std::string line, doc, text, scope;
  static const std::regex function(
      R"(^(Tensor|std::(?:pair|tuple|vector)<[\w, ]+>|bool|int64_t) (\w+)\(([\s\S]*)\);$)");
  while (std::getline(lines, line)) {
    if (line.starts_with("///")) {
      if (text.empty()) doc += line + "\n";
      continue;
    }
    if (const size_t comment = line.find("//"); comment != std::string::npos) line.resize(comment);
    if (line.starts_with("#")) continue;
    if (line.starts_with("namespace ")) {
      const std::string name = trimmed(line.substr(10, line.find('{') - 10));
      scope = name == "lazuli" ? "" : name + "::";
      continue;
    }
    if (text.empty() && trimmed(line) == "}") {  // of a namespace
      scope.clear();
      continue;
    }
    if (trimmed(line).empty()) {
      if (text.empty()) doc.clear();
      continue;
    }
    text += (text.empty() ? "" : "\n") + line;
    int open = 0;
    for (const char c : text) open += c == '{' ? 1 : c == '}' ? -1 : 0;
    if (open != 0 || (text.back() != ';' && text.back() != '}')) continue;
    std::smatch m;
    if (std::regex_match(text, m, function)) {
      Declaration d{doc, m[1], scope, m[2], {}, std::filesystem::path(path).filename().string()};
      int number = 0;
      for (const std::string& p : split(m[3])) d.parameters.push_back(parameter(p, number++));
      bool plain = !d.parameters.empty() && d.parameters.back().type == "Location";
      for (const Parameter& p : d.parameters) plain = plain && !p.type.ends_with("auto");
      if (plain) {
        d.parameters.pop_back();
        all.push_back(std::move(d));
      }
    }
    doc.clear();
    text.clear();
  }
  return all;
}

constexpr const char* kLocation = "Location loc";

std::string list_of(const std::vector<Parameter>& parameters, size_t from, bool defaults) {
  std::string text;
  for (size_t i = from; i < parameters.size(); ++i) {
    const Parameter& p = parameters[i];
    text += fmt::format("{} {}{}, ", p.type, p.name, defaults ? p.otherwise : "");
  }
  return text + kLocation + (defaults ? " = Location::current()" : "");
}

std::string arguments_of(const std::vector<Parameter>& parameters, size_t from) {
  std::string text;
  for (size_t i = from; i < parameters.size(); ++i) text += parameters[i].name + ", ";
  return text + "loc";
}

/// What one run writes.
struct Output {
  std::string header, members, source;
};

void need_self(const Declaration& d, const char* form) {
  if (d.parameters.empty() || d.parameters[0].type != "const Tensor&")
    throw std::runtime_error(fmt::format("{} of {}: its first parameter is no tensor", form, d.name));
}

void write_method(const Declaration& d, Output& out) {
  need_self(d, "method");
  out.members += fmt::format("{}{} {}({}) const;\n", d.doc, d.result, d.name, list_of(d.parameters, 1, true));
  out.source += fmt::format("{} Tensor::{}({}) const {{\n  return lazuli::{}{}(*this, {});\n}}\n", d.result, d.name,
                            list_of(d.parameters, 1, false), d.scope, d.name, arguments_of(d.parameters, 1));
}

void write_in_place(const Declaration& d, Output& out) {
  need_self(d, "inplace");
  if (d.result != "Tensor") throw std::runtime_error("inplace of " + d.name + ": it does not return a tensor");
  out.members += fmt::format("Tensor& {}_({});\n", d.name, list_of(d.parameters, 1, true));
  out.source += fmt::format(
      "Tensor& Tensor::{}_({}) {{\n  return write_in_place(*this, deferred([&] {{ return lazuli::{}{}(*this, {}); }}), "
      "\"{}_\", loc);\n}}\n",
      d.name, list_of(d.parameters, 1, false), d.scope, d.name, arguments_of(d.parameters, 1), d.name);
}

void write_function(const Declaration& d, Output& out) {
  need_self(d, "function");
  out.source +=
      fmt::format("{} {}({}) {{\n  return {}.{}({});\n}}\n", d.result, d.name, list_of(d.parameters, 0, false),
                  d.parameters[0].name, d.name, arguments_of(d.parameters, 1));
}

void write_flat(const Declaration& d, Output& out) {
  const std::string name = d.scope.substr(0, d.scope.size() - 2) + "_" + d.name;
  out.header += fmt::format("{} {}({});\n", d.result, name, list_of(d.parameters, 0, true));
  out.source += fmt::format("{} {}({}) {{\n  return {}{}({});\n}}\n", d.result, name, list_of(d.parameters, 0, false),
                            d.scope, d.name, arguments_of(d.parameters, 0));
}

/// Options are those of `out`. `exact`: its type must be the result's; `typed`: a type that is left out is that of
/// `out`.
void write_out(const Declaration& d, bool exact, bool typed, Output& out) {
  size_t count = 1;
  if (d.result != "Tensor") {
    if (!d.result.starts_with("std::pair<") && !d.result.starts_with("std::tuple<"))
      throw std::runtime_error("out of " + d.name + ": what it returns is not to be written");
    for (const char c : d.result) count += c == ',' ? 1 : 0;
  }
  std::string outs, result = "Tensor&", names;
  for (size_t i = 0; i < count; ++i) {
    const std::string name = count == 1 ? "out" : fmt::format("out{}", i);
    outs += fmt::format("Tensor& {}, ", name);
    names += (i == 0 ? "" : ", ") + name;
  }
  if (count > 1) {
    result = "std::tuple<";
    for (size_t i = 0; i < count; ++i) result += i == 0 ? "Tensor&" : ", Tensor&";
    result += ">";
  }
  std::vector<Parameter> kept;
  std::string arguments;
  for (const Parameter& p : d.parameters) {
    const bool options = p.type == "TensorOptions";
    if (!options) kept.push_back(p);
    const bool takes_type = typed && p.type == "OptionalDType";
    arguments += (options ? "options_of(out)" : takes_type ? fmt::format("type_of({}, out)", p.name) : p.name) + ", ";
  }
  arguments += "loc";
  std::string begin, end;
  if (!d.scope.empty()) {
    begin = fmt::format("namespace {} {{\n", d.scope.substr(0, d.scope.size() - 2));
    end = "}\n";
  }
  out.header += fmt::format("{}{} {}_out({}{});\n{}", begin, result, d.name, outs, list_of(kept, 0, true), end);
  if (!d.scope.empty()) {
    const std::string flat = d.scope.substr(0, d.scope.size() - 2) + "_" + d.name;
    out.header += fmt::format("{} {}_out({}{});\n", result, flat, outs, list_of(kept, 0, true));
    out.source += fmt::format("{} {}_out({}{}) {{\n  return {}{}_out({}, {});\n}}\n", result, flat, outs,
                              list_of(kept, 0, false), d.scope, d.name, names, arguments_of(kept, 0));
  }
  out.source +=
      fmt::format("{}{} {}_out({}{}) {{\n  return {}({}, deferred([&] {{ return lazuli::{}{}({}); }}), loc);\n}}\n{}",
                  begin, result, d.name, outs, list_of(kept, 0, false),
                  count > 1 ? "write_outs"
                  : exact   ? "write_out_exact"
                            : "write_out",
                  names, d.scope, d.name, arguments, end);
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc < 5) {
    fmt::print(stderr, "usage: lazuli-formgen <table> <folder of headers> <source file> <header>...\n");
    return 2;
  }
  std::map<std::string, std::vector<Declaration>> functions;
  std::set<std::string> headers;
  for (int i = 4; i < argc; ++i)
    for (Declaration& d : declarations(argv[i])) functions[d.scope + d.name].push_back(std::move(d));

  Output out;
  std::istringstream table(read_file(argv[1]));
  std::string line;
  while (std::getline(table, line)) {
    if (const size_t comment = line.find('#'); comment != std::string::npos) line.resize(comment);
    std::istringstream words(line);
    std::string form, name;
    words >> form;
    while (words >> name) {
      const auto found = functions.find(name);
      if (found == functions.end()) throw std::runtime_error(fmt::format("no header declares {}", name));
      for (const Declaration& d : found->second) {
        headers.insert(d.header);
        if (form == "method")
          write_method(d, out);
        else if (form == "inplace")
          write_in_place(d, out);
        else if (form == "function")
          write_function(d, out);
        else if (form == "flat")
          write_flat(d, out);
        else if (form == "out" || form == "exact" || form == "typed")
          write_out(d, form == "exact", form == "typed", out);
        else
          throw std::runtime_error("unknown form " + form);
      }
    }
  }

  constexpr const char* kOrigin = "Written by lazuli-formgen from frontend/forms.def";
  std::string includes;
  for (const std::string& h : headers) includes += fmt::format("#include \"lazuli/{}\"\n", h);
  const std::string folder = argv[2];
  write_if_changed(folder + "/forms.h",
                   fmt::format("// Functions that write their result into `out`, which keeps its memory: it has the "
                               "result's shape, or no elements.\n// And functions of namespaces below by one name.\n// "
                               "{}.\n#pragma once\n#include <tuple>\n\n{}\nnamespace "
                               "lazuli {{\n\n{}\n}}  // namespace lazuli\n",
                               kOrigin, includes, out.header));
  write_if_changed(
      folder + "/form_methods.inc",
      fmt::format("// Methods that are functions of the same name with this tensor as first argument; in-place "
                  "ones end in _. {}.\n{}",
                  kOrigin, out.members));
  write_if_changed(argv[3],
                   fmt::format("// {}.\n#include \"frontend/forms.h\"\n#include \"lazuli/generated/forms.h\"\n\n"
                               "namespace lazuli {{\n\n{}\n}}  // namespace lazuli\n",
                               kOrigin, out.source));
  return 0;
} catch (const std::exception& e) {
  fmt::print(stderr, "lazuli-formgen: {}\n", e.what());
  return 1;
}
