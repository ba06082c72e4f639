// Evaluates expansions over blocks of operands and compares with the oracles.
#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <random>

#include "ir/lower_scalar.h"
#include "tests/scalar/accuracy/accuracy.h"

namespace lazuli::accuracy {
namespace {

constexpr size_t kBlock = 4096;
constexpr double kMismatch = 1e30;  // NaN against a number, or infinity against NaN

double to_double(DType t, uint64_t bits) {
  return t == kFloat64 ? std::bit_cast<double>(bits) : std::bit_cast<float>(static_cast<uint32_t>(bits));
}

/// ULP of float32 between `got` and a reference in double.
double ulp32(float got, double want) {
  if (std::isnan(want) || std::isnan(got)) return std::isnan(want) && std::isnan(got) ? 0 : kMismatch;
  if (static_cast<double>(got) == want) return 0;
  const float rounded = static_cast<float>(want);
  if (std::isinf(rounded) && got == rounded) return 0;
  if (std::isinf(want)) return kMismatch;
  const double g = std::isinf(got) ? std::copysign(0x1p128, got) : static_cast<double>(got);
  const int e = std::max(std::ilogb(want == 0 ? 0x1p-149 : want), -126);
  return std::fabs(g - want) / std::ldexp(1.0, std::min(e, 127) - 23);
}

struct Mpfr {
  mpfr_t v;
  explicit Mpfr(int bits) { mpfr_init2(v, bits); }
  ~Mpfr() { mpfr_clear(v); }
  Mpfr(const Mpfr&) = delete;
};

double ulp64(double got, mpfr_srcptr want, mpfr_ptr scratch) {
  if (mpfr_nan_p(want) || std::isnan(got)) return mpfr_nan_p(want) && std::isnan(got) ? 0 : kMismatch;
  if (mpfr_inf_p(want)) return std::isinf(got) && (got > 0) == (mpfr_sgn(want) > 0) ? 0 : kMismatch;
  if (mpfr_cmp_d(want, got) == 0) return 0;
  const double rounded = mpfr_get_d(want, MPFR_RNDN);
  if (std::isinf(rounded) && got == rounded) return 0;
  if (std::isinf(got)) {
    mpfr_set_ui_2exp(scratch, 1, 1024, MPFR_RNDN);
    if (got < 0) mpfr_neg(scratch, scratch, MPFR_RNDN);
  } else {
    mpfr_set_d(scratch, got, MPFR_RNDN);
  }
  mpfr_sub(scratch, scratch, want, MPFR_RNDN);
  const long e = mpfr_zero_p(want) ? -1022 : std::clamp<long>(mpfr_get_exp(want) - 1, -1022, 1023);
  mpfr_mul_2si(scratch, scratch, 52 - e, MPFR_RNDN);
  return std::fabs(mpfr_get_d(scratch, MPFR_RNDN));
}

/// Zeros must carry the right sign too.
bool zero_sign_differs(double got, double want) {
  return got == 0 && want == 0 && std::signbit(got) != std::signbit(want);
}

bool within_absolute(const UnaryCase& c, double got, double want, double unit) {
  return std::fabs(got - want) <= c.absolute_below_zero * unit * std::max(1.0, std::fabs(want));
}

void note(Worst& w, double ulp, std::initializer_list<uint64_t> at, uint64_t got) {
  ++w.count;
  if (!(ulp > w.ulp)) return;
  w.ulp = ulp;
  w.at = at;
  w.got = got;
}

std::vector<uint64_t> run(ir::Op op, DType t, std::initializer_list<std::span<const uint64_t>> operands) {
  const std::vector<DType> types(operands.size(), t);
  const scalar::Function f = ir::lower_elementwise(op, types);
  std::vector<const uint64_t*> in;
  for (auto o : operands) in.push_back(o.data());
  std::vector<uint64_t> out(operands.begin()->size());
  uint64_t* result = out.data();
  scalar::evaluate_block(f, in, {&result, 1}, out.size());
  return out;
}

}  // namespace

void Worst::merge(const Worst& o) {
  count += o.count;
  if (!(o.ulp > ulp)) return;
  ulp = o.ulp;
  at = o.at;
  got = o.got;
}

Worst measure32(const UnaryCase& c, std::span<const uint64_t> x) {
  const auto got = run(c.op, kFloat32, {x});
  Worst w;
  for (size_t i = 0; i < x.size(); ++i) {
    const double v = to_double(kFloat32, x[i]), want = c.reference(v), g = to_double(kFloat32, got[i]);
    double ulp = zero_sign_differs(g, want) ? kMismatch : ulp32(static_cast<float>(g), want);
    if (v < 0 && within_absolute(c, g, want, 0x1p-24)) ulp = 0;
    note(w, ulp, {x[i]}, got[i]);
  }
  return w;
}

Worst sweep32(const UnaryCase& c, uint64_t first, uint64_t last, uint64_t stride) {
  Worst w;
  std::vector<uint64_t> x;
  for (uint64_t bits = first; bits < last;) {
    x.clear();
    for (; bits < last && x.size() < kBlock; bits += stride) x.push_back(bits);
    w.merge(measure32(c, x));
  }
  return w;
}

Worst measure32(const BinaryCase& c, std::span<const uint64_t> x, std::span<const uint64_t> y) {
  const auto got = run(c.op, kFloat32, {x, y});
  Worst w;
  for (size_t i = 0; i < x.size(); ++i) {
    const double want = c.reference(to_double(kFloat32, x[i]), to_double(kFloat32, y[i]));
    const double g = to_double(kFloat32, got[i]);
    note(w, zero_sign_differs(g, want) ? kMismatch : ulp32(static_cast<float>(g), want), {x[i], y[i]}, got[i]);
  }
  return w;
}

namespace {
// Working precision; expressions of several steps (logit, silu) lose less than half of it.
constexpr int kPrecision = 240;
}  // namespace

Worst measure64(const UnaryCase& c, std::span<const uint64_t> x) {
  const auto got = run(c.op, kFloat64, {x});
  Mpfr in(kPrecision), want(kPrecision), scratch(kPrecision);
  Worst w;
  for (size_t i = 0; i < x.size(); ++i) {
    const double v = to_double(kFloat64, x[i]), g = to_double(kFloat64, got[i]);
    mpfr_set_d(in.v, v, MPFR_RNDN);
    c.exact(want.v, in.v);
    double ulp = ulp64(g, want.v, scratch.v);
    if (v < 0 && within_absolute(c, g, mpfr_get_d(want.v, MPFR_RNDN), 0x1p-53)) ulp = 0;
    note(w, ulp, {x[i]}, got[i]);
  }
  return w;
}

Worst measure64(const BinaryCase& c, std::span<const uint64_t> x, std::span<const uint64_t> y) {
  const auto got = run(c.op, kFloat64, {x, y});
  Mpfr a(kPrecision), b(kPrecision), want(kPrecision), scratch(kPrecision);
  Worst w;
  for (size_t i = 0; i < x.size(); ++i) {
    mpfr_set_d(a.v, to_double(kFloat64, x[i]), MPFR_RNDN);
    mpfr_set_d(b.v, to_double(kFloat64, y[i]), MPFR_RNDN);
    c.exact(want.v, a.v, b.v);
    note(w, ulp64(to_double(kFloat64, got[i]), want.v, scratch.v), {x[i], y[i]}, got[i]);
  }
  return w;
}

std::vector<uint64_t> samples(DType t, size_t n, uint64_t seed) {
  const bool d = t == kFloat64;
  const auto bits_of = [&](double v) -> uint64_t {
    return d ? std::bit_cast<uint64_t>(v) : std::bit_cast<uint32_t>(static_cast<float>(v));
  };
  std::vector<uint64_t> out;
  const double least = d ? 0x1p-1074 : 0x1p-149, normal = d ? 0x1p-1022 : 0x1p-126;
  const double largest = d ? std::numeric_limits<double>::max() : std::numeric_limits<float>::max();
  std::vector<double> seeds = {0,
                               least,
                               normal,
                               normal * 2,
                               largest,
                               largest / 2,
                               INFINITY,
                               NAN,
                               0.25,
                               0.5,
                               0.75,
                               1,
                               1.5,
                               2,
                               3,
                               4,
                               8,
                               16,
                               20,
                               32,
                               88,
                               89,
                               104,
                               127,
                               128,
                               150,
                               709,
                               710,
                               745,
                               1023,
                               1024,
                               0.925,
                               1.0 / 3,
                               2.0 / 3,
                               4.0 / 3,
                               1e-3,
                               1e-8,
                               1e8,
                               1e15,
                               1e22,
                               3e38,
                               1e300,
                               0.7853981633974483,
                               1.5707963267948966,
                               3.141592653589793,
                               22.0};
  const uint64_t sign = uint64_t{1} << (d ? 63 : 31), mask = d ? ~uint64_t{0} : 0xffffffffu;
  for (double v : seeds) {
    for (int64_t step = -3; step <= 3; ++step) {
      const uint64_t b = (bits_of(v) + static_cast<uint64_t>(step)) & mask;
      out.push_back(b);
      out.push_back(b ^ sign);
    }
  }
  std::mt19937_64 random(seed);
  std::uniform_real_distribution<double> unit(0, 1);
  while (out.size() < n) {
    const uint64_t r = random();
    const double u = unit(random), side = r & 1 ? 1 : -1;
    switch (r >> 1 & 7) {
      case 0:
        out.push_back(random() & mask);
        break;
      case 1:
        out.push_back(bits_of(side * u * 100));
        break;
      case 2:
        out.push_back(bits_of(side * u * 10));
        break;
      case 3:
        out.push_back(bits_of(side * u));
        break;
      case 4:
        out.push_back(bits_of(side * std::exp2(20 * u - 10)));
        break;
      case 5:
        out.push_back(bits_of(1 + side * std::exp2(-25 * u)));
        break;
      case 6:
        out.push_back(bits_of(side * std::exp2(40 * u)));
        break;
      default:
        out.push_back(bits_of(side * u * 1000));
        break;
    }
  }
  return out;
}

BinaryOperands binary_samples(DType t, size_t n, uint64_t seed) {
  const auto a = samples(t, n, seed), b = samples(t, n, seed + 1000);
  BinaryOperands out{a, b};
  const size_t step = n > 100000 ? 3 : 17, specials = std::min<size_t>(a.size(), 600);
  for (size_t i = 0; i < specials; i += step) {
    for (size_t j = 0; j < specials; j += step) {
      out.x.push_back(a[i]);
      out.y.push_back(b[j]);
    }
  }
  return out;
}

std::string describe(ir::Op op, DType t, const Worst& w) {
  std::string at;
  for (uint64_t b : w.at) at += fmt::format("{}{:a}", at.empty() ? "" : ", ", to_double(t, b));
  return fmt::format("{}.{}: {:.3f} ULP, {}({}) = {:a}", ir::name(op), name(t), w.ulp, ir::name(op), at,
                     to_double(t, w.got));
}

}  // namespace lazuli::accuracy
