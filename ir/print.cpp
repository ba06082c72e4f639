// Graph -> text (ir/text.h).
#include <fmt/format.h>

#include "ir/scalar/function.h"
#include "ir/text.h"
#include "ir/text_attr.h"

namespace lazuli::ir {
namespace {

using Buffer = fmt::memory_buffer;

template <class... Args>
void put(Buffer& out, fmt::format_string<Args...> format, Args&&... args) {
  fmt::format_to(std::back_inserter(out), format, std::forward<Args>(args)...);
}

void put_attr(Buffer& out, const Node* n) {
  const std::span<const AttrField> fields = attr_fields(n->op());
  if (fields.empty()) return;
  std::string_view separator = " {";
  for (const AttrField& field : fields) {
    put(out, "{}{} = ", separator, field.key);
    separator = ", ";
    switch (field.kind) {
      case AttrField::Kind::List:
        put(out, "{}", str(field.list(n->attr())));
        break;
      case AttrField::Kind::One:
        put(out, "{}", field.list(n->attr())[0]);
        break;
      case AttrField::Kind::Number:
        put(out, "{}", n->attr_as<CompositeAttr>().number);
        break;
      case AttrField::Kind::Result:
        put(out, "{}", n->attr_as<CustomAttr>().result);
        break;
    }
  }
  put(out, "}}");
}

void put_node(Buffer& out, const Node* n, const std::function<std::string(const Node*)>& name_of) {
  put(out, "{}", name(n->op()));
  if (n->op() == Op::constant) put(out, " {}", scalar::literal(n->dtype(), n->attr_as<ConstantAttr>().bits));
  for (size_t i = 0; i < n->input_count(); ++i) put(out, "{}{}", i == 0 ? " " : ", ", name_of(n->input(i)));
  put_attr(out, n);
  put(out, " : {}{}", name(n->dtype()), str(n->shape()));
  // Other ops stand where their operands are, but for `to`.
  const bool buffer = n->op() == Op::data || n->op() == Op::argument;
  if (family(n->op()) == Family::Transfer || (family(n->op()) == Family::Leaf && (buffer || n->device() != kCPU)))
    put(out, " @{}", n->device().str());
}

}  // namespace

std::string print_node(const Node* n, const std::function<std::string(const Node*)>& name) {
  Buffer out;
  put_node(out, n, name);
  return fmt::to_string(out);
}

std::string print(const Graph& g, const PrintOptions& options) {
  const std::vector<const Node*> order = topological_order(g);
  const NodeIndex index = index_of(order);
  const auto name_of = [&](const Node* n) { return fmt::format("%{}", index.at(n)); };
  Buffer out;
  put(out, "graph {{\n");
  for (size_t i = 0; i < order.size(); ++i) {
    put(out, "  %{} = ", i);
    put_node(out, order[i], name_of);
    const Location& origin = order[i]->origin();
    if (options.locations && origin.line() != 0) put(out, "  // loc(\"{}\":{})", origin.file_name(), origin.line());
    put(out, "\n");
  }
  put(out, "  return");
  for (size_t i = 0; i < g.outputs.size(); ++i) put(out, "{}{}", i == 0 ? " " : ", ", name_of(g.outputs[i].get()));
  put(out, "\n}}\n");
  return fmt::to_string(out);
}

}  // namespace lazuli::ir
