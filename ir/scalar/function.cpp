// Text of scalar functions and of literals.
#include "ir/scalar/function.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>
#include <limits>

#include "lazuli/base/half.h"

namespace lazuli::scalar {
namespace {

/// The quiet NaN that literals spell "nan".
uint64_t canonical_nan(DType t) {
  switch (t) {
    case kFloat16:
      return 0x7e00;
    case kBFloat16:
      return 0x7fc0;
    case kFloat32:
      return 0x7fc00000;
    default:
      return 0x7ff8000000000000;
  }
}

double to_double(DType t, uint64_t bits) {
  switch (t) {
    case kFloat16:
      return half_bits_to_float(static_cast<uint16_t>(bits));
    case kBFloat16:
      return bfloat16_bits_to_float(static_cast<uint16_t>(bits));
    case kFloat32:
      return std::bit_cast<float>(static_cast<uint32_t>(bits));
    default:
      return std::bit_cast<double>(bits);
  }
}

uint64_t from_float(DType t, float v) {
  if (t == kFloat16) return float_to_half_bits(v);
  if (t == kBFloat16) return float_to_bfloat16_bits(v);
  return std::bit_cast<uint32_t>(v);
}

int64_t sign_extend(DType t, uint64_t bits) {
  if (!is_signed(t)) return static_cast<int64_t>(bits);
  const int unused = 64 - 8 * static_cast<int>(itemsize(t));
  return static_cast<int64_t>(bits << unused) >> unused;
}

uint64_t width_mask(DType t) {
  return ~uint64_t{0} >> (64 - 8 * itemsize(t));
}

template <class T>
bool parse_number(std::string_view text, T* out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *out);
  return error == std::errc() && end == text.data() + text.size();
}

bool parse_float(DType t, std::string_view text, uint64_t* bits) {
  const bool negative = text.starts_with('-');
  const std::string_view magnitude = negative ? text.substr(1) : text;
  const uint64_t sign = negative ? uint64_t{1} << (8 * itemsize(t) - 1) : 0;
  if (magnitude == "nan") {
    *bits = canonical_nan(t) | sign;
    return true;
  }
  if (magnitude == "inf") {
    *bits = (t == kFloat64 ? 0x7ff0000000000000 : from_float(t, std::numeric_limits<float>::infinity())) | sign;
    return true;
  }
  if (magnitude.starts_with("nan(0x") && magnitude.ends_with(')')) {
    const std::string_view digits = magnitude.substr(6, magnitude.size() - 7);
    uint64_t payload = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), payload, 16);
    if (negative || error != std::errc() || end != digits.data() + digits.size()) return false;
    *bits = payload;
    return (payload & ~width_mask(t)) == 0 && std::isnan(to_double(t, payload));
  }
  // from_chars would take other spellings of infinity and NaN.
  if (magnitude.empty() || !(magnitude[0] == '.' || (magnitude[0] >= '0' && magnitude[0] <= '9'))) return false;
  if (t == kFloat64) {
    double v;
    if (!parse_number(text, &v)) return false;
    *bits = std::bit_cast<uint64_t>(v);
  } else {
    float v;
    if (!parse_number(text, &v)) return false;
    *bits = from_float(t, v);
  }
  return !std::isinf(to_double(t, *bits));
}

}  // namespace

std::string literal(DType t, uint64_t bits) {
  if (t == kBool) return bits & 1 ? "true" : "false";
  if (!is_floating(t)) return fmt::format("{}", sign_extend(t, bits));
  const double v = to_double(t, bits);
  if (std::isnan(v)) return bits == canonical_nan(t) ? "nan" : fmt::format("nan({:#x})", bits);
  return t == kFloat64 ? fmt::format("{}", v) : fmt::format("{}", static_cast<float>(v));
}

bool parse_literal(DType t, std::string_view text, uint64_t* bits) {
  if (t == kBool) {
    *bits = text == "true";
    return text == "true" || text == "false";
  }
  if (is_floating(t)) return parse_float(t, text, bits);
  int64_t v;
  if (!parse_number(text, &v)) return false;
  *bits = static_cast<uint64_t>(v) & width_mask(t);
  return sign_extend(t, *bits) == v;
}

bool Function::has_checks() const {
  return std::any_of(insts.begin(), insts.end(), [](const Inst& i) { return i.prim == Prim::check; });
}

std::string Function::str() const {
  std::string out = "(";
  for (size_t i = 0; i < params.size(); ++i) out += fmt::format("{}%{}: {}", i ? ", " : "", i, name(params[i]));
  out += ") {\n";
  for (size_t k = 0; k < insts.size(); ++k) {
    const Inst& inst = insts[k];
    out += fmt::format("  %{} = {}", params.size() + k, info(inst.prim).name);
    for (int i = 0; i < info(inst.prim).arity; ++i) out += fmt::format("{} %{}", i ? "," : "", inst.args[i]);
    if (inst.prim == Prim::constant) out += " " + literal(inst.type, inst.imm);
    if (inst.prim == Prim::check) out += fmt::format(", code {}", inst.imm);
    out += fmt::format(" : {}\n", name(inst.type));
  }
  out += "  return";
  for (size_t i = 0; i < results.size(); ++i) out += fmt::format("{} %{}", i ? "," : "", results[i]);
  return out + "\n}\n";
}

}  // namespace lazuli::scalar
