// The meaning of every primitive, on bit patterns, and the evaluation of functions over it.
// All evaluation runs through apply(): one primitive over a block of elements, so that a single value and a block
// cannot differ. Nothing here may be contracted or reassociated; the compiler's default (strict ISO) mode is assumed.
#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <type_traits>

#include "ir/scalar/function.h"
#include "lazuli/base/error.h"
#include "lazuli/base/half.h"

namespace lazuli::scalar {
namespace {

template <class T>
using Bits = std::conditional_t<
    sizeof(T) == 1, uint8_t,
    std::conditional_t<sizeof(T) == 2, uint16_t, std::conditional_t<sizeof(T) == 4, uint32_t, uint64_t>>>;

template <class T>
T from_bits(uint64_t v) {
  return std::bit_cast<T>(static_cast<Bits<T>>(v));
}
template <>
bool from_bits<bool>(uint64_t v) {
  return v & 1;
}
template <class T>
uint64_t to_bits(T v) {
  if constexpr (std::is_same_v<T, bool>)
    return v;
  else
    return std::bit_cast<Bits<T>>(v);
}

[[noreturn]] void refuse(Prim p, DType t) {
  throw Error(ErrorKind::Internal,
              "primitive " + std::string(info(p).name) + " does not take operands of type " + std::string(name(t)));
}

template <class T>
using Tag = std::type_identity<T>;

template <class F>
void visit_float(Prim p, DType t, F f) {
  if (t == kFloat32) return f(Tag<float>{});
  if (t == kFloat64) return f(Tag<double>{});
  refuse(p, t);
}
template <class F>
void visit_int(Prim p, DType t, F f) {
  switch (t) {
    case kUInt8:
      return f(Tag<uint8_t>{});
    case kInt8:
      return f(Tag<int8_t>{});
    case kInt16:
      return f(Tag<int16_t>{});
    case kInt32:
      return f(Tag<int32_t>{});
    case kInt64:
      return f(Tag<int64_t>{});
    default:
      refuse(p, t);
  }
}
template <class F>
void visit_any(Prim p, DType t, F f) {
  if (t == kBool) return f(Tag<bool>{});
  if (is_integral(t)) return visit_int(p, t, f);
  visit_float(p, t, f);
}

/// Arithmetic that wraps: done in an unsigned type at least as wide as unsigned int.
template <class T>
using Wrap = std::conditional_t<sizeof(T) == 8, uint64_t, uint32_t>;

template <class T>
T neg_of(T a) {
  if constexpr (std::is_same_v<T, bool>)
    return a;
  else if constexpr (std::is_floating_point_v<T>)
    return -a;
  else
    return static_cast<T>(Wrap<T>{0} - static_cast<Wrap<T>>(a));
}

template <class T>
T minimum_of(T a, T b) {
  if constexpr (std::is_floating_point_v<T>) {
    if (a != a) return a;
    if (b != b) return b;
    if (a == b) return std::signbit(a) ? a : b;
  }
  return a < b ? a : b;
}
template <class T>
T maximum_of(T a, T b) {
  if constexpr (std::is_floating_point_v<T>) {
    if (a != a) return a;
    if (b != b) return b;
    if (a == b) return std::signbit(a) ? b : a;
  }
  return a > b ? a : b;
}

template <class T>
T idiv_of(T a, T b) {
  if (b == 0) return 0;
  if constexpr (std::is_signed_v<T>) {
    if (b == -1) return neg_of(a);
  }
  return static_cast<T>(a / b);
}
template <class T>
T irem_of(T a, T b) {
  if (b == 0) return 0;
  if constexpr (std::is_signed_v<T>) {
    if (b == -1) return 0;
  }
  return static_cast<T>(a % b);
}

template <class To, class From>
To convert_of(From a) {
  if constexpr (std::is_same_v<To, bool>) {
    return a != From{0};
  } else if constexpr (std::is_floating_point_v<From> && std::is_integral_v<To>) {
    if (a != a) return 0;
    // 2^digits is representable in every float type here, unlike max() itself.
    const From above = std::ldexp(From{1}, std::numeric_limits<To>::digits);
    if (a >= above) return std::numeric_limits<To>::max();
    if (a <= static_cast<From>(std::numeric_limits<To>::min())) return std::numeric_limits<To>::min();
    return static_cast<To>(a);
  } else {
    return static_cast<To>(a);
  }
}

using In = const uint64_t*;

template <class T, class F>
void map1(In a, uint64_t* o, size_t n, F f) {
  for (size_t i = 0; i < n; ++i) o[i] = to_bits(f(from_bits<T>(a[i])));
}
template <class T, class F>
void map2(In a, In b, uint64_t* o, size_t n, F f) {
  for (size_t i = 0; i < n; ++i) o[i] = to_bits(f(from_bits<T>(a[i]), from_bits<T>(b[i])));
}

template <class T>
void fma_block(In a, In b, In c, uint64_t* o, size_t n) {
  for (size_t i = 0; i < n; ++i) o[i] = to_bits(std::fma(from_bits<T>(a[i]), from_bits<T>(b[i]), from_bits<T>(c[i])));
}
#if defined(__x86_64__)
// The same loop with the instruction instead of a call per element; both are correctly rounded.
template <class T>
__attribute__((target("avx2,fma"))) void fma_block_hw(In a, In b, In c, uint64_t* o, size_t n) {
  for (size_t i = 0; i < n; ++i) {
    const T x = std::bit_cast<T>(static_cast<Bits<T>>(a[i])), y = std::bit_cast<T>(static_cast<Bits<T>>(b[i]));
    const T z = std::bit_cast<T>(static_cast<Bits<T>>(c[i]));
    T r;
    if constexpr (sizeof(T) == 4)
      r = __builtin_fmaf(x, y, z);
    else
      r = __builtin_fma(x, y, z);
    o[i] = std::bit_cast<Bits<T>>(r);
  }
}
const bool kHardwareFma = __builtin_cpu_supports("fma") && __builtin_cpu_supports("avx2");
#endif

void convert_block(DType result, DType operand, In a, uint64_t* o, size_t n) {
  if (operand == kFloat16 && result == kFloat32) {
    for (size_t i = 0; i < n; ++i) o[i] = to_bits(half_bits_to_float(static_cast<uint16_t>(a[i])));
    return;
  }
  if (operand == kFloat32 && result == kFloat16) {
    for (size_t i = 0; i < n; ++i) o[i] = float_to_half_bits(from_bits<float>(a[i]));
    return;
  }
  visit_any(Prim::convert, operand, [&](auto from) {
    visit_any(Prim::convert, result, [&](auto to) {
      using From = typename decltype(from)::type;
      using To = typename decltype(to)::type;
      map1<From>(a, o, n, [](From x) { return convert_of<To>(x); });
    });
  });
}

/// One primitive over n elements. `operand` is the type of the first operand (of the arms for select).
void apply(Prim p, DType result, DType operand, const In* args, uint64_t* o, size_t n) {
  const In a = args[0], b = args[1], c = args[2];
  const auto any2 = [&](auto f) {
    visit_any(p, operand, [&](auto t) { map2<typename decltype(t)::type>(a, b, o, n, f); });
  };
  const auto float1 = [&](auto f) {
    visit_float(p, operand, [&](auto t) { map1<typename decltype(t)::type>(a, o, n, f); });
  };
  const auto int2 = [&](auto f) {
    visit_int(p, operand, [&](auto t) { map2<typename decltype(t)::type>(a, b, o, n, f); });
  };
  switch (p) {
    case Prim::constant:
      break;
    case Prim::add:
      return any2([]<class T>(T x, T y) -> T {
        if constexpr (std::is_same_v<T, bool>)
          return x | y;
        else if constexpr (std::is_floating_point_v<T>)
          return x + y;
        else
          return static_cast<T>(static_cast<Wrap<T>>(x) + static_cast<Wrap<T>>(y));
      });
    case Prim::sub:
      return any2([]<class T>(T x, T y) -> T {
        if constexpr (std::is_same_v<T, bool>)
          return x ^ y;
        else if constexpr (std::is_floating_point_v<T>)
          return x - y;
        else
          return static_cast<T>(static_cast<Wrap<T>>(x) - static_cast<Wrap<T>>(y));
      });
    case Prim::mul:
      return any2([]<class T>(T x, T y) -> T {
        if constexpr (std::is_same_v<T, bool>)
          return x & y;
        else if constexpr (std::is_floating_point_v<T>)
          return x * y;
        else
          return static_cast<T>(static_cast<Wrap<T>>(x) * static_cast<Wrap<T>>(y));
      });
    case Prim::div:
      return visit_float(p, operand, [&](auto t) {
        using T = typename decltype(t)::type;
        map2<T>(a, b, o, n, [](T x, T y) { return x / y; });
      });
    case Prim::idiv:
      return int2([]<class T>(T x, T y) { return idiv_of(x, y); });
    case Prim::irem:
      return int2([]<class T>(T x, T y) { return irem_of(x, y); });
    case Prim::neg:
      return visit_any(p, operand, [&](auto t) {
        using T = typename decltype(t)::type;
        map1<T>(a, o, n, [](T x) { return neg_of(x); });
      });
    case Prim::abs:
      return visit_any(p, operand, [&](auto t) {
        using T = typename decltype(t)::type;
        map1<T>(a, o, n, [](T x) -> T {
          if constexpr (std::is_floating_point_v<T>)
            return std::fabs(x);
          else if constexpr (std::is_signed_v<T>)
            return x < 0 ? neg_of(x) : x;
          else
            return x;
        });
      });
    case Prim::fma:
      return visit_float(p, operand, [&](auto t) {
        using T = typename decltype(t)::type;
#if defined(__x86_64__)
        if (kHardwareFma) return fma_block_hw<T>(a, b, c, o, n);
#endif
        fma_block<T>(a, b, c, o, n);
      });
    case Prim::scale2:
      return visit_float(p, operand, [&](auto t) {
        using T = typename decltype(t)::type;
        map2<T>(a, b, o, n, [](T x, T e) { return std::isnan(e) ? e : std::ldexp(x, static_cast<int>(e)); });
      });
    case Prim::sqrt:
      return float1([](auto x) { return std::sqrt(x); });
    case Prim::floor:
      return float1([](auto x) { return std::floor(x); });
    case Prim::ceil:
      return float1([](auto x) { return std::ceil(x); });
    case Prim::trunc:
      return float1([](auto x) { return std::trunc(x); });
    case Prim::roundeven:
      return float1([](auto x) { return std::nearbyint(x); });
    case Prim::minimum:
      return any2([]<class T>(T x, T y) { return minimum_of(x, y); });
    case Prim::maximum:
      return any2([]<class T>(T x, T y) { return maximum_of(x, y); });
    // The high bits of a pattern are zero, so the bitwise ones need no types (but not has to cut).
    case Prim::bit_and:
      for (size_t i = 0; i < n; ++i) o[i] = a[i] & b[i];
      return;
    case Prim::bit_or:
      for (size_t i = 0; i < n; ++i) o[i] = a[i] | b[i];
      return;
    case Prim::bit_xor:
      for (size_t i = 0; i < n; ++i) o[i] = a[i] ^ b[i];
      return;
    case Prim::bit_not: {
      const uint64_t mask = operand == kBool ? 1 : ~uint64_t{0} >> (64 - 8 * itemsize(operand));
      for (size_t i = 0; i < n; ++i) o[i] = a[i] ^ mask;
      return;
    }
    case Prim::shl:
      return int2([]<class T>(T x, T y) { return static_cast<T>(static_cast<uint64_t>(x) << (y & 63)); });
    case Prim::lshr: {
      for (size_t i = 0; i < n; ++i) o[i] = a[i] >> (b[i] & 63);
      return;
    }
    case Prim::ashr:
      return int2([]<class T>(T x, T y) { return static_cast<T>(static_cast<int64_t>(x) >> (y & 63)); });
    case Prim::umulhi:
      if (operand != kInt32) refuse(p, operand);
      for (size_t i = 0; i < n; ++i) o[i] = ((a[i] & 0xffffffffu) * (b[i] & 0xffffffffu)) >> 32;
      return;
    case Prim::eq:
      return any2([](auto x, auto y) { return x == y; });
    case Prim::ne:
      return any2([](auto x, auto y) { return x != y; });
    case Prim::lt:
      return any2([](auto x, auto y) { return x < y; });
    case Prim::le:
      return any2([](auto x, auto y) { return x <= y; });
    case Prim::ult:
      for (size_t i = 0; i < n; ++i) o[i] = a[i] < b[i];
      return;
    case Prim::select:
      for (size_t i = 0; i < n; ++i) o[i] = (a[i] & 1) ? b[i] : c[i];
      return;
    case Prim::convert:
      return convert_block(result, operand, a, o, n);
    case Prim::bitcast:
    case Prim::check:
      std::copy(a, a + n, o);
      return;
  }
  refuse(p, operand);
}

}  // namespace

uint64_t evaluate_prim(Prim p, DType result, DType operand, const uint64_t* args) {
  const In in[3] = {args, args + 1, args + 2};
  uint64_t out = 0;
  apply(p, result, operand, in, &out, 1);
  return out;
}

size_t evaluate_block(const Function& f, std::span<const uint64_t* const> args, std::span<uint64_t* const> results,
                      size_t n, uint64_t* failed) {
  if (failed) *failed = 0;
  // Small enough that the values of a long function stay in the second-level cache.
  constexpr size_t kChunk = 128;
  const size_t chunk = std::min(n, kChunk);
  const size_t params = f.params.size();
  std::vector<uint64_t> scratch(f.insts.size() * chunk);
  size_t first_failed = n;
  for (size_t k = 0; k < f.insts.size(); ++k) {  // constants once
    if (f.insts[k].prim == Prim::constant) std::fill_n(&scratch[k * chunk], chunk, f.insts[k].imm);
  }
  for (size_t begin = 0; begin < n; begin += chunk) {
    const size_t count = std::min(chunk, n - begin);
    const auto at = [&](ValueId v) -> const uint64_t* {
      return v < params ? args[v] + begin : &scratch[(v - params) * chunk];
    };
    for (size_t k = 0; k < f.insts.size(); ++k) {
      const Inst& inst = f.insts[k];
      if (inst.prim == Prim::constant) continue;
      const int arity = info(inst.prim).arity;
      In in[3] = {};
      for (int i = 0; i < arity; ++i) in[i] = at(inst.args[i]);
      uint64_t* out = &scratch[k * chunk];
      apply(inst.prim, inst.type, f.type(inst.args[inst.prim == Prim::select ? 1 : 0]), in, out, count);
      if (inst.prim == Prim::check) {
        for (size_t i = 0; i < count && begin + i < first_failed; ++i) {
          if (out[i] & 1) continue;
          first_failed = begin + i;
          if (failed) *failed = inst.imm;
        }
      }
    }
    for (size_t r = 0; r < f.results.size(); ++r) {
      const uint64_t* from = at(f.results[r]);
      std::copy(from, from + count, results[r] + begin);
    }
  }
  return first_failed;
}

std::vector<uint64_t> evaluate(const Function& f, const std::vector<uint64_t>& args, uint64_t* failed) {
  if (args.size() != f.params.size()) throw Error(ErrorKind::Internal, "scalar function called with a wrong count");
  std::vector<const uint64_t*> in(args.size());
  for (size_t i = 0; i < args.size(); ++i) in[i] = &args[i];
  std::vector<uint64_t> values(f.results.size());
  std::vector<uint64_t*> out(values.size());
  for (size_t i = 0; i < values.size(); ++i) out[i] = &values[i];
  evaluate_block(f, in, out, 1, failed);
  return values;
}

}  // namespace lazuli::scalar
