// Inside of ir/: how attributes are spelled in the text form. Printer and parser read the same list, so they cannot
// differ.
#pragma once
#include <span>
#include <string_view>

#include "ir/node.h"

namespace lazuli::ir {

struct AttrField {
  // [1, 2]; 1 (a list of one entry); 0.5 (CompositeAttr::number); 1 (CustomAttr::result)
  enum class Kind { List, One, Number, Result };
  std::string_view key;
  Kind kind = Kind::List;
  /// The list that the key names inside the attribute; not used by Number and Result.
  const Dims& (*list)(const Attr&) = nullptr;
};

/// The keys of an op in the order in which they are printed; empty for ops whose attribute has no text in braces.
std::span<const AttrField> attr_fields(Op op);
/// The attribute from the values of its keys: lists[i] and number belong to attr_fields(op)[i]. The values have been
/// parsed, not checked.
Attr make_attr(Op op, std::span<const Dims> lists, double number);

}  // namespace lazuli::ir
