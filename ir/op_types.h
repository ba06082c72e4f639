// Which element types a row's `Types` stands for, and how messages say it.
#pragma once
#include <string_view>

#include "ir/op.h"

namespace lazuli::ir {

constexpr bool takes(Types types, DType t) {
  switch (types) {
    case Types::Any:
      return true;
    case Types::NoBool:
      return !is_bool(t);
    case Types::Float:
      return is_floating(t);
    case Types::Integral:
      return is_integral(t);
    case Types::IntegralOrBool:
      return is_integral(t) || is_bool(t);
    case Types::BoolOnly:
      return is_bool(t);
  }
  return false;
}

constexpr std::string_view text(Types types) {
  switch (types) {
    case Types::Any:
      return "any type";
    case Types::NoBool:
      return "integers and floats";
    case Types::Float:
      return "floats";
    case Types::Integral:
      return "integers";
    case Types::IntegralOrBool:
      return "integers and bool";
    case Types::BoolOnly:
      return "bool";
  }
  return "";
}

}  // namespace lazuli::ir
