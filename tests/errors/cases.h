// Calls that are refused: what each says, and tensors to make them with.
#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "lazuli/lazuli.h"

namespace lazuli::errors {

struct Case {
  const char* file;
  uint32_t line;
  ErrorKind kind;
  const char* message;
  std::function<void()> call;
  bool anywhere = false;  // a call of any number of arguments, which cannot know its line
};

/// A row of a table: the call, its kind and its first sentence.
#define REFUSES(kind, message, ...)                                           \
  Case {                                                                      \
    __FILE__, __LINE__, ErrorKind::kind, message, [] { (void)(__VA_ARGS__); } \
  }

#define REFUSES_ANYWHERE(kind, message, ...)                                        \
  Case {                                                                            \
    __FILE__, __LINE__, ErrorKind::kind, message, [] { (void)(__VA_ARGS__); }, true \
  }

std::vector<Case> arithmetic_cases();
std::vector<Case> attention_cases();
std::vector<Case> autograd_cases();
std::vector<Case> compile_cases();
std::vector<Case> conv_cases();
std::vector<Case> creation_cases();
std::vector<Case> exchange_cases();
std::vector<Case> index_cases();
std::vector<Case> nn_cases();
std::vector<Case> product_cases();
std::vector<Case> statistics_cases();
std::vector<Case> view_cases();

// ---- Operands: 0, 1, 2 ... of these shapes. ----
inline Tensor m() {
  return arange(12, kFloat32).reshape({3, 4});
}
inline Tensor cube() {
  return arange(24, kFloat32).reshape({2, 3, 4});
}
inline Tensor v() {
  return arange(4, kFloat32);
}
inline Tensor s() {
  return full({}, 2.0);
}
inline Tensor e() {
  return zeros({0});
}
inline Tensor i() {
  return arange(3);
}
inline Tensor k() {
  return arange(12).reshape({3, 4});
}
inline Tensor b() {
  return m() > 6;
}
inline Tensor u8() {
  return arange(4, kUInt8);
}
inline Tensor w() {
  return tensor({1.0, 2.0, 3.0}).requires_grad_();
}

}  // namespace lazuli::errors
