// The functions that are checked, with their oracles and the bounds that docs/numerics.md promises.
#include <cmath>

#include "tests/scalar/accuracy/accuracy.h"

namespace lazuli::accuracy {
namespace {

using ir::Op;
constexpr mpfr_rnd_t N = MPFR_RNDN;

/// Working variables beside the result.
struct Temp {
  mpfr_t v;
  explicit Temp(mpfr_srcptr like) { mpfr_init2(v, mpfr_get_prec(like)); }
  ~Temp() { mpfr_clear(v); }
  Temp(const Temp&) = delete;
  operator mpfr_ptr() { return v; }
};

double ref_sigmoid(double x) {
  return x < 0 ? std::exp(x) / (1 + std::exp(x)) : 1 / (1 + std::exp(-x));
}
double ref_log_ratio(double x) {
  if (x > 0.25 && x < 0.75) return std::log1p((2 * x - 1) / (1 - x));
  return std::log(x) - std::log1p(-x);
}
double ref_gelu_tanh(double x) {
  const double u = 1.5957691216057307117 * (x + 0.044715 * x * x * x);
  if (std::isinf(x)) return x > 0 ? x : NAN;
  return u < 0 ? x * std::exp(u) / (1 + std::exp(u)) : x / (1 + std::exp(-u));
}

void exact_rsqrt(mpfr_ptr r, mpfr_srcptr x) {  // mpfr_rec_sqrt drops the sign of zero
  mpfr_sqrt(r, x, N);
  mpfr_ui_div(r, 1, r, N);
}
double ref_lgamma(double x) {
  int sign;
  return lgamma_r(x, &sign);  // std::lgamma writes a global
}
void exact_lgamma(mpfr_ptr r, mpfr_srcptr x) {
  int sign;
  mpfr_lgamma(r, &sign, x, N);
}
/// Newton's method from a starting point that is right to some digits; each step doubles them.
double ref_erfinv(double x) {
  const double a = std::fabs(x), rest = 1 - a;
  if (!(a < 1)) return a == 1 ? std::copysign(INFINITY, x) : NAN;
  const double w = std::sqrt(-std::log(rest / 2));
  double y = a < 0.9 ? a * 0.8862269254527580 : w - 0.5 * std::log(std::fmax(w * w * 3, 1)) / w;
  for (int i = 0; i < 60; ++i) {
    const double miss = a < 0.7 ? std::erf(y) - a : rest - std::erfc(y);
    const double u = miss / (1.1283791670955126 * std::exp(-y * y));
    const double next = y - u / (1 + y * u);
    if (std::fabs(next - y) <= 1e-17 * y) break;
    y = next;
  }
  return std::copysign(y, x);
}
void exact_erfinv(mpfr_ptr r, mpfr_srcptr given) {
  Temp x(r), y(r), u(r), e(r);
  mpfr_set(x, given, N);
  mpfr_set_d(y, ref_erfinv(mpfr_get_d(x, N)), N);
  if (mpfr_number_p(y) && !mpfr_zero_p(y)) {
    for (int i = 0; i < 4; ++i) {  // u = (erf(y) - x) sqrt(pi) / 2 e^(y y)
      if (mpfr_cmp_d(x, 0.5) > 0) {
        mpfr_erfc(u, y, N);
        mpfr_ui_sub(e, 1, x, N);
        mpfr_sub(u, e, u, N);
      } else if (mpfr_cmp_d(x, -0.5) < 0) {
        mpfr_neg(u, y, N);
        mpfr_erfc(u, u, N);
        mpfr_add_ui(e, x, 1, N);
        mpfr_sub(u, u, e, N);
      } else {
        mpfr_erf(u, y, N);
        mpfr_sub(u, u, x, N);
      }
      mpfr_sqr(e, y, N);
      mpfr_exp(e, e, N);
      mpfr_mul(u, u, e, N);
      mpfr_const_pi(e, N);
      mpfr_sqrt(e, e, N);
      mpfr_mul(u, u, e, N);
      mpfr_div_2ui(u, u, 1, N);
      mpfr_sub(y, y, u, N);
    }
  }
  mpfr_set(r, y, N);
}
void exact_gelu(mpfr_ptr r, mpfr_srcptr x) {
  Temp v(r);
  mpfr_sqrt_ui(v, 2, N);
  mpfr_div(v, x, v, N);
  mpfr_neg(v, v, N);
  mpfr_erfc(v, v, N);
  mpfr_mul(r, v, x, N);
  mpfr_div_2ui(r, r, 1, N);
}
void exact_sigmoid(mpfr_ptr r, mpfr_srcptr x) {
  Temp e(r);
  mpfr_neg(e, x, N);
  mpfr_exp(e, e, N);
  mpfr_add_ui(e, e, 1, N);
  mpfr_ui_div(r, 1, e, N);
}
void exact_silu(mpfr_ptr r, mpfr_srcptr x) {
  Temp v(r);
  mpfr_set(v, x, N);
  exact_sigmoid(r, x);
  mpfr_mul(r, r, v, N);
}
void exact_softplus(mpfr_ptr r, mpfr_srcptr x) {
  mpfr_exp(r, x, N);
  mpfr_log1p(r, r, N);
  if (mpfr_inf_p(r)) mpfr_set(r, x, N);
}
void exact_logit(mpfr_ptr r, mpfr_srcptr x) {
  Temp d(r);
  mpfr_ui_sub(d, 1, x, N);
  mpfr_div(r, x, d, N);
  mpfr_log(r, r, N);
}
void exact_gelu_tanh(mpfr_ptr r, mpfr_srcptr x) {
  Temp u(r), c(r);
  mpfr_sqr(u, x, N);
  mpfr_set_str(c, "0.044715", 10, N);
  mpfr_mul(u, u, c, N);
  mpfr_add_ui(u, u, 1, N);
  mpfr_mul(u, u, x, N);
  mpfr_const_pi(c, N);
  mpfr_ui_div(c, 8, c, N);
  mpfr_sqrt(c, c, N);
  mpfr_mul(u, u, c, N);
  exact_sigmoid(r, u);
  mpfr_mul(r, r, x, N);
}

#define LAZULI_MPFR1(f) [](mpfr_ptr r, mpfr_srcptr x) { f(r, x, N); }
#define LAZULI_REF1(f) [](double x) -> double { return f(x); }

const UnaryCase kUnary[] = {
    {Op::sqrt, 0.5, 0.5, LAZULI_REF1(std::sqrt), LAZULI_MPFR1(mpfr_sqrt)},
    {Op::rsqrt, 1.5, 2, LAZULI_REF1(1 / std::sqrt), exact_rsqrt},
    {Op::cbrt, 1, 2, LAZULI_REF1(std::cbrt), LAZULI_MPFR1(mpfr_cbrt)},
    {Op::exp, 1, 2, LAZULI_REF1(std::exp), LAZULI_MPFR1(mpfr_exp)},
    {Op::exp2, 1, 2, LAZULI_REF1(std::exp2), LAZULI_MPFR1(mpfr_exp2)},
    {Op::expm1, 2, 2, LAZULI_REF1(std::expm1), LAZULI_MPFR1(mpfr_expm1)},
    {Op::log, 1, 2, LAZULI_REF1(std::log), LAZULI_MPFR1(mpfr_log)},
    {Op::log2, 1, 2, LAZULI_REF1(std::log2), LAZULI_MPFR1(mpfr_log2)},
    {Op::log10, 2, 2, LAZULI_REF1(std::log10), LAZULI_MPFR1(mpfr_log10)},
    {Op::log1p, 2, 2, LAZULI_REF1(std::log1p), LAZULI_MPFR1(mpfr_log1p)},
    {Op::sin, 2, 2, LAZULI_REF1(std::sin), LAZULI_MPFR1(mpfr_sin)},
    {Op::cos, 2, 2, LAZULI_REF1(std::cos), LAZULI_MPFR1(mpfr_cos)},
    {Op::tan, 2, 2, LAZULI_REF1(std::tan), LAZULI_MPFR1(mpfr_tan)},
    {Op::asin, 2, 2, LAZULI_REF1(std::asin), LAZULI_MPFR1(mpfr_asin)},
    {Op::acos, 2, 2, LAZULI_REF1(std::acos), LAZULI_MPFR1(mpfr_acos)},
    {Op::atan, 2, 2, LAZULI_REF1(std::atan), LAZULI_MPFR1(mpfr_atan)},
    {Op::sinh, 2, 2, LAZULI_REF1(std::sinh), LAZULI_MPFR1(mpfr_sinh)},
    {Op::cosh, 2, 2, LAZULI_REF1(std::cosh), LAZULI_MPFR1(mpfr_cosh)},
    {Op::tanh, 2, 2, LAZULI_REF1(std::tanh), LAZULI_MPFR1(mpfr_tanh)},
    {Op::asinh, 2, 2, LAZULI_REF1(std::asinh), LAZULI_MPFR1(mpfr_asinh)},
    {Op::acosh, 2, 2, LAZULI_REF1(std::acosh), LAZULI_MPFR1(mpfr_acosh)},
    {Op::atanh, 2, 2, LAZULI_REF1(std::atanh), LAZULI_MPFR1(mpfr_atanh)},
    {Op::erf, 2, 2, LAZULI_REF1(std::erf), LAZULI_MPFR1(mpfr_erf)},
    {Op::erfc, 2, 2, LAZULI_REF1(std::erfc), LAZULI_MPFR1(mpfr_erfc)},
    {Op::erfinv, 3, 3, ref_erfinv, exact_erfinv},
    {Op::lgamma, 2, 4, ref_lgamma, exact_lgamma, 64},
    {Op::gelu, 2, 2, [](double x) { return x * 0.5 * std::erfc(-x * 0.70710678118654752440); }, exact_gelu},
    {Op::sigmoid, 2, 2, ref_sigmoid, exact_sigmoid},
    {Op::logit, 2, 2, ref_log_ratio, exact_logit},
    {Op::silu, 2, 2, [](double x) { return x * ref_sigmoid(x); }, exact_silu},
    {Op::gelu_tanh, 8, 8, ref_gelu_tanh, exact_gelu_tanh, 4},
    {Op::softplus, 2, 2, [](double x) { return x > 700 ? x : std::log1p(std::exp(x)); }, exact_softplus},
};

const BinaryCase kBinary[] = {
    {Op::atan2, 2, 2, [](double y, double x) { return std::atan2(y, x); },
     [](mpfr_ptr r, mpfr_srcptr y, mpfr_srcptr x) { mpfr_atan2(r, y, x, N); }},
    {Op::pow, 2, 2, [](double x, double y) { return std::pow(x, y); },
     [](mpfr_ptr r, mpfr_srcptr x, mpfr_srcptr y) { mpfr_pow(r, x, y, N); }},
    {Op::hypot, 2, 2, [](double x, double y) { return std::hypot(x, y); },
     [](mpfr_ptr r, mpfr_srcptr x, mpfr_srcptr y) { mpfr_hypot(r, x, y, N); }},
    {Op::fmod, 0, 0, [](double x, double y) { return std::fmod(x, y); },
     [](mpfr_ptr r, mpfr_srcptr x, mpfr_srcptr y) { mpfr_fmod(r, x, y, N); }},
};

}  // namespace

std::span<const UnaryCase> unary_cases() {
  return kUnary;
}
std::span<const BinaryCase> binary_cases() {
  return kBinary;
}

}  // namespace lazuli::accuracy
