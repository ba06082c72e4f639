// The error function.
#include "ir/scalar/math_parts.h"

namespace lazuli::scalar {
using namespace parts;

// Near 0 x + x P(x^2); beyond, 1 - e^(t G(t)). The second needs no care: there e^(tG) is at most 0.2.
Value erf(Builder& s, Value x) {
  const Value a = s.abs(x), one = s.like(x, 1);
  // Remez, relative error: float32 2^-25.8 on [0, 0.93], float64 2^-62 on [0, 1].
  const Value z = s.mul(x, x);
  const Value p = poly(
      s, z, {-5.958925e-04, 4.987244e-03, -2.6762912e-02, 1.128173e-01, -3.761249e-01, 1.2837915e-01},
      {1.4425929369506304e-10, -1.6503036214188064e-9, 1.6020735882668665e-8, -1.6557936318560614e-7,
       1.6481110504686773e-6, -1.4926883459057913e-5, 0.000120553862378307, -0.00085483285362814032,
       0.0052239776526932227, -0.026866170648030863, 0.11283791670971097, -0.37612638903184098, 0.12837916709551259});
  const Value small = s.fma(p, x, x);
  // Remez, relative to erf: float32 2^-28.3 on [0.92, 4], float64 2^-55.1 on [1, 6].
  const Value t = at_most(s, a, pick(s, x, 4, 6));
  const Value g = poly(
      s, t, {2.1398762e-04, -3.2149819e-03, 2.2890063e-02, -1.0526202e-01, -6.3571817e-01, -1.1285144e+00},
      {-8.5656816445986197e-12, 3.4406538298895612e-10, -6.4175170157660532e-9, 7.3628866250810235e-8,
       -5.7885454948822721e-7, 3.2722396547236201e-6, -1.3429674055966913e-5, 3.8270431944784768e-5,
       -5.9537499418410492e-5, -5.6356053977869057e-5, 0.00064632545833818837, -0.0017619795827691577,
       0.00026295103811260865, 0.019097597760218795, -0.10276067364892559, -0.63662257478233719, -1.1283788643123325});
  const auto [r, n] = reduce_exp(s, s.mul(t, g));
  const Value e = s.mul(s.fma(s.fma(exp_tail(s, r), r, one), r, one), pow2(s, n.bits, x));
  const Value large = s.copysign(s.sub(one, e), x);
  return s.select(s.lt(pick(s, x, 0.925, 1), a), large, small);
}

}  // namespace lazuli::scalar
