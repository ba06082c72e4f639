// Operations with a gradient of their own in the form of PyTorch's torch::autograd::Function: a class with two static
// functions. custom_gradient (lazuli/custom_gradient.h) is the same for plain functions.
//
//   struct Cube : autograd::Function<Cube> {
//     static Tensor forward(autograd::AutogradContext* ctx, Tensor x) {
//       ctx->save_for_backward({x});
//       return x * x * x;
//     }
//     static autograd::variable_list backward(autograd::AutogradContext* ctx, autograd::variable_list g) {
//       auto x = ctx->get_saved_variables()[0];
//       return {g[0] * 3 * x * x};
//     }
//   };
//   auto y = Cube::apply(x);
#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "lazuli/custom_gradient.h"
#include "lazuli/scalar.h"

namespace lazuli::autograd {

using Variable = Tensor;
using variable_list = std::vector<Tensor>;

/// A number or a text that forward() leaves for backward(). Throws Error(DType) when asked for what it is not.
class SavedValue {
 public:
  SavedValue() = default;
  template <class T>
    requires std::is_arithmetic_v<T>
  SavedValue(T v) : number_(v),
                    kind_(number_.kind() == kBool ? 'b'
                          : number_.is_integral() ? 'i'
                                                  : 'd') {}
  SavedValue(std::string text) : text_(std::move(text)), kind_('s') {}
  SavedValue(const char* text) : SavedValue(std::string(text)) {}

  bool toBool(Location loc = Location::current()) const { return need('b', loc).number_.to_bool(); }
  int64_t toInt(Location loc = Location::current()) const { return need('i', loc).number_.to_int64(); }
  double toDouble(Location loc = Location::current()) const { return need('d', loc).number_.to_double(); }
  const std::string& toStringRef(Location loc = Location::current()) const { return need('s', loc).text_; }

 private:
  const SavedValue& need(char kind, const Location& loc) const;
  Scalar number_ = 0;
  std::string text_;
  char kind_ = '-';
};

/// What forward() leaves for backward(). Tensors go through save_for_backward, which keeps nothing alive that the
/// gradient does not need; numbers and texts through saved_data.
class AutogradContext {
 public:
  std::map<std::string, SavedValue> saved_data;
  void save_for_backward(variable_list tensors) { saved_ = std::move(tensors); }
  variable_list get_saved_variables() const { return saved_; }
  /// Whether the i-th argument is a tensor that requires gradients.
  bool needs_input_grad(size_t i) const { return i < needs_.size() && needs_[i]; }

 private:
  template <class T>
  friend class Function;
  variable_list saved_;
  std::vector<bool> needs_;
};

/// For the library itself.
namespace detail {

/// The call without its types: tensors among the arguments, results, and where each saved tensor is found again.
struct FunctionCall {
  std::vector<Tensor> tensors, constants;  // the defined tensors among the arguments; what forward() is given for them
  std::vector<int> places;                 // of each argument among them, -1: none
  std::vector<bool> needs;

  explicit FunctionCall(std::vector<const Tensor*> arguments);
  /// Results with a gradient. `backward` is called with a context whose saved tensors are those of this derivation.
  std::vector<Tensor> finish(std::vector<Tensor> results, variable_list saved,
                             std::function<variable_list(variable_list saved, variable_list arriving)> backward,
                             const Location& loc) const;
};

}  // namespace detail

/// T has `static R forward(AutogradContext*, arguments...)`, where R is Tensor or variable_list, and `static
/// variable_list backward(AutogradContext*, variable_list gradients)`, which gives a gradient per argument: an
/// undefined Tensor for arguments that are no tensors, or have none. forward() runs without recording; backward() is
/// differentiated for higher orders.
template <class T>
class Function {
 public:
  template <class... Args>
  static auto apply(const Args&... args) {
    const Location loc;  // unknown: arguments may be of any number
    auto call = std::make_shared<detail::FunctionCall>(std::vector<const Tensor*>{tensor_of(args)...});
    auto ctx = std::make_shared<AutogradContext>();
    ctx->needs_ = call->needs;
    size_t at = 0;
    // Braces evaluate in order.
    std::tuple<Args...> own{of_call(args, *call, at)...};
    auto result = [&] {
      const NoGradGuard forward;
      return std::apply([&](const Args&... a) { return T::forward(ctx.get(), a...); }, own);
    }();
    auto saved = std::exchange(ctx->saved_, {});
    std::function<variable_list(variable_list, variable_list)> backward = [ctx](variable_list own_saved,
                                                                                variable_list arriving) {
      AutogradContext own = *ctx;
      own.saved_ = std::move(own_saved);
      return T::backward(&own, std::move(arriving));
    };
    if constexpr (std::is_same_v<std::decay_t<decltype(result)>, Tensor>) {
      return call->finish({std::move(result)}, std::move(saved), std::move(backward), loc)[0];
    } else {
      return call->finish(std::move(result), std::move(saved), std::move(backward), loc);
    }
  }

 private:
  template <class A>
  static const Tensor* tensor_of(const A& a) {
    if constexpr (std::is_same_v<A, Tensor>) {
      return &a;
    } else {
      return nullptr;
    }
  }
  template <class A>
  static A of_call(const A& a, const detail::FunctionCall& call, size_t& at) {
    const int place = call.places[at++];
    if constexpr (std::is_same_v<A, Tensor>) {
      return place < 0 ? a : call.constants[static_cast<size_t>(place)];
    } else {
      return a;
    }
  }
};

}  // namespace lazuli::autograd
