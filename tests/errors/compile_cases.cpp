// What is refused in compiled functions.
#include "tests/errors/cases.h"

namespace lazuli::errors {
namespace {

void leaves_its_trace() {
  Tensor kept;
  const auto f = compile([&](Tensor x) {
    kept = x * 2;
    return x;
  });
  f(m());
  kept + 1;
}
void writes_into_its_blob() {
  static float memory[2] = {};
  const auto f = compile([&](Tensor x) { from_blob(memory, {2}).copy_(x); });
  f(zeros({2}));
}
void reads_a_number_later() {
  Scalar kept = 0;
  const auto f = compile([&](Tensor x, Scalar n) {
    kept = n;
    return x * n;
  });
  f(m(), Scalar(1.0));
  kept.to_double();
}
void leaves_a_gradient_outside() {
  const Tensor weight = w();
  const auto f = compile([&](Tensor x) {
    (weight * x).sum().backward();
    return x;
  });
  f(zeros({3}));
}
void writes_captured_argument() {
  Tensor x = m();
  const auto f = compile([&](Tensor y) {
    y += 1;
    return x * y;
  });
  f(x);
}

}  // namespace

std::vector<Case> compile_cases() {
  return {
      REFUSES(Value, "item would read the value of a tensor inside a compiled function",
              compile([](Tensor x) { return x.item<float>() > 0 ? x : -x; })(s())),
      REFUSES(Value, "conversion to bool would read the value of a tensor inside a compiled function",
              compile([](Tensor x) { return bool(x) ? x : -x; })(s())),
      REFUSES(Value, "compile: donate names argument 3 of a function of 1",
              compile([](Tensor x) { return x; }, {.donate = {3}})(m())),
      REFUSES_ANYWHERE(Value, "a compiled function has no graph before its first call",
                       compile([](Tensor x) { return x; }).dump()),
      REFUSES(Value, "a tensor that was made while a compiled function was traced is used outside of that trace",
              leaves_its_trace()),
      REFUSES(Unsupported, "a compiled function writes into memory that it took over with from_blob itself",
              writes_into_its_blob()),
      REFUSES(Unsupported,
              "a compiled function writes to a tensor that it is given as an argument and also uses from outside",
              writes_captured_argument()),
      REFUSES_ANYWHERE(Value, "the number of a Scalar argument is read inside a compiled function",
                       reads_a_number_later()),
      REFUSES(Unsupported,
              "backward() would leave a gradient in a tensor that was made outside of the compiled function",
              leaves_a_gradient_outside()),
      REFUSES_ANYWHERE(Value, "the position of a random stream is read inside a compiled function",
                       compile([](Tensor x) {
                         default_generator().position();
                         return x;
                       })(m())),
  };
}

}  // namespace lazuli::errors
