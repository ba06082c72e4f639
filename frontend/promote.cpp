// Type promotion: the lattice of types, and the rule for weights.
#include "frontend/promote.h"

#include <algorithm>

#include "lazuli/base/error.h"

namespace lazuli {

DType promote_types(DType a, DType b) {
  if (!is_supported(a) || !is_supported(b))
    throw Error(ErrorKind::Unsupported,
                "promotion of " + std::string(name(a)) + " and " + std::string(name(b)) + " is not supported");
  if (a == b) return a;
  if (is_floating(a) && is_floating(b)) return is_half(a) && is_half(b) ? kFloat32 : std::max(a, b);
  if (is_floating(a)) return a;
  if (is_floating(b)) return b;
  if ((a == kUInt8 && b == kInt8) || (a == kInt8 && b == kUInt8)) return kInt16;
  return std::max(a, b);  // the enum is ordered by size otherwise
}

bool can_cast(DType from, DType to) {
  if (is_floating(from) && !is_floating(to)) return false;
  return is_bool(from) || !is_bool(to);
}

std::string_view torch_name(DType t) {
  constexpr std::string_view names[] = {"Bool",         "Byte",          "Char",          "Short",      "Int",
                                        "Long",         "Half",          "BFloat16",      "Float",      "Double",
                                        "ComplexFloat", "ComplexDouble", "Float8_e4m3fn", "Float8_e5m2"};
  return names[static_cast<size_t>(t)];
}

void ResultType::merge(DType& into, DType t) {
  into = into == kUndefined ? t : promote_types(into, t);
}

void ResultType::add_scalar(const Scalar& s) {
  merge(scalar_, s.is_floating() ? kDefaultDType : s.kind());
}

DType ResultType::combine(DType higher, DType lower) {
  if (higher == kUndefined) return lower;
  if (lower == kUndefined || is_floating(higher)) return higher;
  if (is_bool(higher) || is_floating(lower)) return promote_types(higher, lower);
  return higher;
}

DType ResultType::get() const {
  return combine(dim_, combine(zero_dim_, scalar_));
}

}  // namespace lazuli
