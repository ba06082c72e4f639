// lazuli-opgen: writes the public functions of every elementwise op from its row in the op table.
//
//   lazuli-opgen <folder of headers> <source file> <markdown file> <table of calls, for tests>
//
// A row gives a function per combination of tensors and numbers, an _out form, a method, and an in-place method unless
// its result has another type. A file whose text would not change is left alone, so that nothing is rebuilt for it.
#include <fmt/format.h>

#include <string>
#include <vector>

#include "ir/op.h"
#include "tools/write_if_changed.h"

namespace {

using lazuli::write_if_changed;

using lazuli::ir::Family;
using lazuli::ir::Gradient;
using lazuli::ir::Op;
using lazuli::ir::OpInfo;
using lazuli::ir::Promote;
using lazuli::ir::Types;

struct Alias {
  std::string_view name, op;
};

/// Further names that PyTorch has for the same op.
constexpr Alias kAliases[] = {
    {"multiply", "mul"},     {"subtract", "sub"},  {"divide", "div"},    {"true_divide", "div"}, {"negative", "neg"},
    {"absolute", "abs"},     {"arccos", "acos"},   {"arccosh", "acosh"}, {"arcsin", "asin"},     {"arcsinh", "asinh"},
    {"arctan", "atan"},      {"arctanh", "atanh"}, {"arctan2", "atan2"}, {"fix", "trunc"},       {"greater", "gt"},
    {"greater_equal", "ge"}, {"less", "lt"},       {"less_equal", "le"}, {"not_equal", "ne"},
};

/// One function name and the row behind it.
struct Entry {
  std::string name;
  Op op;
  bool alias;
};

constexpr const char* kParameters[] = {"x", "y", "z"};
constexpr const char* kLocation = "Location loc = Location::current()";

bool in_place(const OpInfo& row) {
  return (row.flags & lazuli::ir::kNoInplace) == 0;
}

/// Which operands are numbers, as a bit mask: every combination with a tensor left; the condition of a selection is
/// one.
std::vector<unsigned> scalar_masks(const OpInfo& row) {
  const unsigned all = (1u << row.min_arity) - 1;
  std::vector<unsigned> masks;
  for (unsigned mask = 0; mask < all; ++mask) {
    const bool first_is_number = (mask & 1) != 0;
    if (row.min_arity == 3 && first_is_number) continue;
    masks.push_back(mask);
  }
  return masks;
}

/// "const Tensor& x, Scalar y, ". `skip` leaves an operand out.
std::string parameters(const OpInfo& row, unsigned mask, int skip = -1) {
  std::string text;
  for (int i = 0; i < row.min_arity; ++i)
    if (i != skip) text += fmt::format("{} {}, ", (mask >> i & 1) != 0 ? "Scalar" : "const Tensor&", kParameters[i]);
  return text;
}

/// "x, y", with `self` in place of one.
std::string arguments(const OpInfo& row, int self = -1) {
  std::string text;
  for (int i = 0; i < row.min_arity; ++i) {
    if (i != 0) text += ", ";
    text += i == self ? "*this" : kParameters[i];
  }
  return text;
}

/// The operand that a method is called on: y of where(x, y, z), x of everything else.
int self_operand(const OpInfo& row) {
  return row.promote == Promote::Select ? 1 : 0;
}

std::string doc(const Entry& e, const OpInfo& row) {
  if (e.alias) return fmt::format("/// The same as {}.\n", row.name);
  return fmt::format("/// {}\n", row.doc);
}

void functions(const Entry& e, std::string& header, std::string& source) {
  const OpInfo& row = info(e.op);
  header += doc(e, row);
  for (unsigned mask : scalar_masks(row)) {
    header += fmt::format("Tensor {}({}{});\n", e.name, parameters(row, mask), kLocation);
    source += fmt::format("Tensor {}({}Location loc) {{ return apply(Op::{}, {{{}}}, loc); }}\n", e.name,
                          parameters(row, mask), row.name, arguments(row));
  }
  header += "/// Into `out`.\n";
  for (unsigned mask : scalar_masks(row)) {
    header += fmt::format("Tensor& {}_out(Tensor& out, {}{});\n", e.name, parameters(row, mask), kLocation);
    source +=
        fmt::format("Tensor& {}_out(Tensor& out, {}Location loc) {{ return apply_out(Op::{}, out, {{{}}}, loc); }}\n",
                    e.name, parameters(row, mask), row.name, arguments(row));
  }
}

void methods(const Entry& e, std::string& header, std::string& source) {
  const OpInfo& row = info(e.op);
  const int self = self_operand(row);
  header += doc(e, row);
  for (unsigned mask : scalar_masks(row)) {
    if ((mask >> self & 1) != 0) continue;
    const std::string list = parameters(row, mask, self);
    header += fmt::format("Tensor {}({}{}) const;\n", e.name, list, kLocation);
    source += fmt::format("Tensor Tensor::{}({}Location loc) const {{ return apply(Op::{}, {{{}}}, loc); }}\n", e.name,
                          list, row.name, arguments(row, self));
    if (!in_place(row)) continue;
    header += fmt::format("Tensor& {}_({}{});\n", e.name, list, kLocation);
    source +=
        fmt::format("Tensor& Tensor::{}_({}Location loc) {{ return apply_inplace(Op::{}, *this, {{{}}}, loc); }}\n",
                    e.name, list, row.name, arguments(row, self));
  }
}

std::string_view types_text(const OpInfo& row) {
  if (row.promote == Promote::ToFloat) return "any; integers become float32";
  if (row.promote == Promote::Logical) return "any";
  switch (row.types) {
    case Types::Any:
      return "any";
    case Types::NoBool:
      return "integers, floats";
    case Types::Float:
      return "floats";
    case Types::Integral:
      return "integers";
    case Types::IntegralOrBool:
      return "integers, bool";
    case Types::BoolOnly:
      return "bool";
  }
  return "";
}

std::string_view result_text(const OpInfo& row) {
  switch (row.promote) {
    case Promote::Same:
      return "promoted";
    case Promote::ToFloat:
      return "float";
    case Promote::Compare:
    case Promote::Logical:
      return "bool";
    case Promote::Select:
      return "promoted y, z";
  }
  return "";
}

std::string_view gradient_text(const OpInfo& row) {
  switch (row.gradient.kind) {
    case Gradient::Kind::Rule:
      return "yes";
    case Gradient::Kind::Zero:
      return "0";
    default:
      return "no";
  }
}

std::string table_row(const Entry& e) {
  const OpInfo& row = info(e.op);
  std::string operands = arguments(row), forms = e.name + "_out, method";
  if (in_place(row)) forms += fmt::format(", {}_", e.name);
  std::string text{row.doc};
  for (size_t at = 0; (at = text.find('|', at)) != std::string::npos; at += 2) text.replace(at, 1, "\\|");
  return fmt::format("| `{}({})` | {} | {} | {} | {} | {} |\n", e.name, operands, types_text(row), result_text(row),
                     gradient_text(row), forms, e.alias ? fmt::format("The same as {}.", row.name) : text);
}

/// One line of the table that tests walk: every form of the function, over operands a[0], a[1], a[2].
std::string calls(const Entry& e) {
  const OpInfo& row = info(e.op);
  const int self = self_operand(row);
  std::string all, rest;
  for (int i = 0; i < row.min_arity; ++i) {
    all += fmt::format("{}a[{}]", i == 0 ? "" : ", ", i);
    if (i != self) rest += fmt::format("{}a[{}]", rest.empty() ? "" : ", ", i);
  }
  return fmt::format(
      "{{\"{}\", ir::Op::{}, [](Tensor* a) {{ return {}({}); }}, [](Tensor* a) {{ return a[{}].{}({}); }},\n"
      " [](Tensor& out, Tensor* a) -> Tensor& {{ return {}_out(out, {}); }}, {}}},\n",
      e.name, row.name, e.name, all, self, e.name, rest, e.name, all,
      in_place(row) ? fmt::format("[](Tensor* a) -> Tensor& {{ return a[{}].{}_({}); }}", self, e.name, rest)
                    : "nullptr");
}

std::vector<Entry> entries() {
  std::vector<Entry> all;
  for (int i = 0; i < lazuli::ir::op_count(); ++i) {
    const Op op = static_cast<Op>(i);
    const OpInfo& row = info(op);
    if (row.family != Family::Elementwise || (row.flags & lazuli::ir::kInternal) != 0) continue;
    all.push_back({std::string(row.name), op, false});
  }
  for (const Alias& a : kAliases) {
    Op op{};
    if (!find_op(a.op, &op)) throw std::runtime_error(fmt::format("alias {} of unknown op {}", a.name, a.op));
    all.push_back({std::string(a.name), op, true});
  }
  return all;
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc != 5) {
    fmt::print(stderr, "usage: lazuli-opgen <folder of headers> <source file> <markdown file> <table of calls>\n");
    return 2;
  }
  const std::string folder = argv[1];
  std::string header =
      "// Elementwise functions. Written by lazuli-opgen from ir/ops/elementwise.def.\n"
      "// Operands are promoted and broadcast together as in PyTorch; at least one is a tensor.\n"
      "#pragma once\n#include \"lazuli/tensor.h\"\n\nnamespace lazuli {\n\n";
  std::string members = "// Elementwise methods of Tensor. Written by lazuli-opgen from ir/ops/elementwise.def.\n";
  std::string source =
      "// Definitions of the elementwise functions. Written by lazuli-opgen from ir/ops/elementwise.def.\n"
      "#include \"frontend/apply.h\"\n#include \"lazuli/generated/ops.h\"\n\nnamespace lazuli {\n\nusing ir::Op;\n\n";
  std::string table =
      "# Elementwise operations\n\nWritten by `lazuli-opgen` from `ir/ops/elementwise.def`. Every row is a function, a "
      "method and the forms named.\n\n| call | types | result | gradient | forms | meaning "
      "|\n|---|---|---|---|---|---|\n";
  std::string forms = "// {name, op, function, method, out form, in-place form}. Written by lazuli-opgen.\n";
  for (const Entry& e : entries()) {
    forms += calls(e);
    functions(e, header, source);
    methods(e, members, source);
    table += table_row(e);
  }
  header += "\n}  // namespace lazuli\n";
  source += "\n}  // namespace lazuli\n";
  write_if_changed(folder + "/ops.h", header);
  write_if_changed(folder + "/tensor_methods.inc", members);
  write_if_changed(argv[2], source);
  write_if_changed(argv[3], table);
  write_if_changed(argv[4], forms);
  return 0;
} catch (const std::exception& e) {
  fmt::print(stderr, "lazuli-opgen: {}\n", e.what());
  return 1;
}
