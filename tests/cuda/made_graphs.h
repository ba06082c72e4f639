// Products whose operands are computed on the way to the matrix units, as text: casts, scaled and unpacked weights.
// Every one defines the left operand as %20, the right one as %21 and the product as %22.
#pragma once
#include <fmt/format.h>

#include <string>
#include <vector>

namespace lazuli::testing {

struct MadeProduct {
  std::string name, type;
  int64_t m, k, n;
  std::string layout;    // of both operands: n as written, t turned
  std::string operands;  // text
  std::string shape(bool right) const {
    const bool turned = layout[right] == 't';
    const int64_t rows = right ? k : m, columns = right ? n : k;
    return fmt::format("{}[{}, {}]", type, turned ? columns : rows, turned ? rows : columns);
  }
  std::string text() const {
    return fmt::format(
        "graph {{\n{}%22 = dot_general %20, %21 {{lhs_batch = [], rhs_batch = [], lhs_contract = [{}], rhs_contract = "
        "[{}]}} : {}[{}, {}]\nreturn %22\n}}\n",
        operands, layout[0] == 't' ? 0 : 1, layout[1] == 't' ? 1 : 0, type, m, n);
  }
  /// The operands alone.
  std::string operands_text() const { return "graph {\n" + operands + "return %20, %21\n}\n"; }
};

/// Bytes with a scale per column.
inline MadeProduct scaled_bytes(int64_t m, int64_t k, int64_t n) {
  return {"scaled bytes",
          "bfloat16",
          m,
          k,
          n,
          "nt",
          fmt::format("%20 = data : bfloat16[{0}, {1}]\n%1 = data : int8[{2}, {1}]\n%2 = data : bfloat16[{2}, 1]\n"
                      "%3 = cast %1 : bfloat16[{2}, {1}]\n%4 = expand %2 : bfloat16[{2}, {1}]\n"
                      "%21 = mul %3, %4 : bfloat16[{2}, {1}]\n",
                      m, k, n)};
}

/// float32 on both sides.
inline MadeProduct cast_floats(const std::string& type, int64_t m, int64_t k, int64_t n, const std::string& layout) {
  MadeProduct p{"cast floats", type, m, k, n, layout, {}};
  const auto stored = [&](bool right) { return "float32" + p.shape(right).substr(type.size()); };
  p.operands = fmt::format("%0 = data : {}\n%1 = data : {}\n%20 = cast %0 : {}\n%21 = cast %1 : {}\n", stored(false),
                           stored(true), p.shape(false), p.shape(true));
  return p;
}

/// Two to a byte, in groups of 16 that have a scale.
inline MadeProduct packed_halves(int64_t m, int64_t k, int64_t n) {
  const std::string bytes = fmt::format("[{}, {}, 8]", n, k / 16), all = fmt::format("[{}, {}, 16]", n, k / 16);
  return {"packed halves of bytes",
          "bfloat16",
          m,
          k,
          n,
          "nt",
          fmt::format("%20 = data : bfloat16[{0}, {1}]\n%1 = data : uint8{3}\n%2 = constant 15 : uint8[]\n"
                      "%3 = expand %2 : uint8{3}\n%4 = bitwise_and %1, %3 : uint8{3}\n%5 = constant 4 : uint8[]\n"
                      "%6 = expand %5 : uint8{3}\n%7 = bitwise_right_shift %1, %6 : uint8{3}\n"
                      "%8 = concat %4, %7 {{axis = 2}} : uint8{4}\n%9 = cast %8 : float32{4}\n"
                      "%10 = constant 8 : float32[]\n%11 = expand %10 : float32{4}\n%12 = sub %9, %11 : float32{4}\n"
                      "%13 = data : float32[{2}, {5}, 1]\n%14 = expand %13 : float32{4}\n"
                      "%15 = mul %12, %14 : float32{4}\n%16 = cast %15 : bfloat16{4}\n"
                      "%21 = reshape %16 : bfloat16[{2}, {1}]\n",
                      m, k, n, bytes, all, k / 16)};
}

/// A function of the left operand, which lies across, and of a number.
inline MadeProduct function_of_left(int64_t m, int64_t k, int64_t n) {
  return {"a function of the left operand",
          "bfloat16",
          m,
          k,
          n,
          "tn",
          fmt::format("%0 = data : float32[{1}, {0}]\n%1 = argument : float32[]\n%2 = expand %1 : float32[{1}, {0}]\n"
                      "%3 = mul %0, %2 : float32[{1}, {0}]\n%4 = gelu_tanh %3 : float32[{1}, {0}]\n"
                      "%20 = cast %4 : bfloat16[{1}, {0}]\n%21 = data : bfloat16[{1}, {2}]\n",
                      m, k, n)};
}

/// Signed bytes that lie across, of which one side is less than what is stored.
inline MadeProduct bytes_across(int64_t m, int64_t k, int64_t n) {
  return {"bytes across",
          "int8",
          m,
          k,
          n,
          "nn",
          fmt::format("%20 = data : int8[{0}, {1}]\n%1 = data : uint8[{1}, {2}]\n%2 = cast %1 : int8[{1}, {2}]\n"
                      "%3 = constant 8 : int8[]\n%4 = expand %3 : int8[{1}, {2}]\n%21 = sub %2, %4 : int8[{1}, {2}]\n",
                      m, k, n)};
}

}  // namespace lazuli::testing
