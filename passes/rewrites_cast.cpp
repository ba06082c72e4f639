// Casts: to the same type, and chains whose middle loses nothing that the end could see.
#include "passes/rewrites.h"

namespace lazuli::passes {
namespace {

using ir::Node;
using ir::NodeRef;
using ir::Op;

/// Bits of integers that a type holds exactly, sign not included.
int integer_bits(DType t) {
  switch (t) {
    case kBool:
      return 1;
    case kUInt8:
      return 8;
    case kInt8:
      return 7;
    case kInt16:
      return 15;
    case kInt32:
      return 31;
    case kInt64:
      return 63;
    case kFloat16:
      return 11;
    case kBFloat16:
      return 8;
    case kFloat32:
      return 24;
    case kFloat64:
      return 53;
    default:
      return 0;
  }
}

/// Whether every value of `from` is a value of `to` (and NaN stays NaN).
bool is_exact(DType from, DType to) {
  if (from == to) return true;
  if (is_floating(from)) {
    if (!is_floating(to) || is_half(to)) return false;  // float16 and bfloat16 do not contain each other
    return itemsize(to) > itemsize(from);
  }
  if (is_bool(to)) return false;
  if (is_signed(from) && !is_signed(to)) return false;
  return integer_bits(from) <= integer_bits(to);  // all integer types lie within float16's range or fail here
}

NodeRef cast_same(const Node* n, Rewriter&) {
  return n->input(0)->dtype() == n->dtype() ? NodeRef(n->input(0)) : nullptr;
}

/// cast<c>(cast<b>(x : a)) = cast<c>(x).
NodeRef cast_cast(const Node* n, Rewriter& r) {
  const Node* inner = n->input(0);
  if (inner->op() != Op::cast) return nullptr;
  const Node* x = inner->input(0);
  const DType a = x->dtype(), b = inner->dtype(), c = n->dtype();
  bool same = false;
  if (is_exact(a, b)) {
    // The middle holds the same number. The end reads it by its type: integers wrap but floats saturate, so an
    // integer may pass through a float only if the end holds it anyway.
    same = is_floating(a) || !is_floating(b) || is_bool(c) || is_floating(c) || is_exact(a, c);
    // Wide integers reach half types by way of float32, which rounds them in between.
    if (is_half(c) && !is_floating(a) && !is_exact(a, kFloat32)) same = false;
  } else if (is_integral(a) && is_integral(b) && is_integral(c)) {
    same = itemsize(b) >= itemsize(c);  // both wrap, the end keeps no bit that the middle lost
  }
  return same ? r.cast(x, c) : nullptr;
}

constexpr Rule kRules[] = {
    {"cast-same", Op::cast, cast_same},
    {"cast-cast", Op::cast, cast_cast},
};

}  // namespace

std::span<const Rule> cast_rules() {
  return kRules;
}

}  // namespace lazuli::passes
