// Gradients of functions: value_and_grad, grad, vjp and jvp take a function on trees (lazuli/tree.h) and give a
// function, or call it, on trees. custom_gradient and checkpoint (lazuli/custom_gradient.h) say how a function is
// differentiated.
//
//   struct Model { Tensor w, b; };
//   Tensor loss(const Model& m, const Tensor& x, const Tensor& y);
//   auto [l, g] = value_and_grad(loss)(m, x, y);   // g is a Model
//   auto second = grad([](Tensor x) { return grad(f)(x).sum(); })(x);
//
// Functions are to be pure: what they write into tensors from outside is lost to, or keeps, history that is not theirs.
// Nothing is evaluated; results have no more history than the arguments had. They work inside compile(), inside each
// other, and to any order. Host values in a differentiated argument are constants, and stand unchanged in its gradient.
// Tensors in it must be of floating types: Error(DType) names the path of one that is not.
#pragma once
#include <algorithm>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "lazuli/grad_mode.h"
#include "lazuli/tree.h"

namespace lazuli {

namespace detail {

/// One call of a transformed function: the variables that its gradients are taken with respect to. Shared by copies.
class Tape {
 public:
  /// Puts variables of its own in the place of the tensors, whose paths say where they stand in the arguments.
  Tape(std::string_view what, std::span<Tensor> leaves, std::span<const std::string> paths, const Location& loc);

  /// Gradients of the variables; zeros where nothing arrives. An undefined cotangent stands for 1, which needs an
  /// output of one element. The results still depend on the variables.
  std::vector<Tensor> pull_back(std::span<const Tensor> outputs, std::span<const Tensor> cotangents) const;
  /// Tangents of the outputs, likewise.
  std::vector<Tensor> push_forward(std::span<const Tensor> tangents, std::span<const Tensor> outputs) const;
  /// The tensors with the arguments in the place of the variables.
  void close(std::span<Tensor> results) const;

 private:
  struct Impl;
  std::shared_ptr<const Impl> impl_;
};

/// Checks a tangent or cotangent tree against what it belongs to, and gives its leaves.
template <class A, class B>
std::vector<Tensor> derivative_leaves(std::string_view what, const A& given, const B& of) {
  check_same_structure(what, of, given);
  return tree_leaves(given);
}

template <class T>
const Tensor& loss_of(const T& result) {
  if constexpr (std::is_same_v<T, Tensor>) {
    return result;
  } else if constexpr (is_product<T>) {
    static_assert(std::is_same_v<std::tuple_element_t<0, T>, Tensor>,
                  "lazuli: the first of several results is the one that is differentiated: a Tensor");
    return std::get<0>(result);
  } else {
    static_assert(std::is_same_v<T, Tensor>,
                  "lazuli: a function to be differentiated returns a Tensor, or a pair or tuple that begins with one");
  }
}

/// Leaves of several trees in a row, replaced and put back.
class LeafRow {
 public:
  template <class T>
  void add(const T& tree) {
    auto leaves = tree_leaves(tree);
    auto paths = tree_paths(tree);
    counts_.push_back(leaves.size());
    for (auto& l : leaves) leaves_.push_back(std::move(l));
    for (auto& p : paths) paths_.push_back(std::move(p));
  }
  std::vector<Tensor>& leaves() { return leaves_; }
  const std::vector<std::string>& paths() const { return paths_; }
  /// The next tree like this one, with the leaves of the row.
  template <class T>
  T take(const T& like) {
    const size_t n = counts_[taken_++];
    T result = tree_unflatten(like, std::span<const Tensor>(leaves_).subspan(next_, n));
    next_ += n;
    return result;
  }

 private:
  std::vector<Tensor> leaves_;
  std::vector<std::string> paths_;
  std::vector<size_t> counts_;
  size_t taken_ = 0, next_ = 0;
};

/// Trees like these with the given leaves; one tree alone is itself.
template <class... T>
auto back_to_trees(const std::tuple<T...>& like, std::vector<Tensor> leaves) {
  LeafRow row;
  std::apply([&](const auto&... trees) { (row.add(trees), ...); }, like);
  row.leaves() = std::move(leaves);
  auto trees = std::apply([&](const auto&... t) { return std::tuple<T...>{row.take(t)...}; }, like);
  if constexpr (sizeof...(T) == 1) {
    return std::get<0>(std::move(trees));
  } else {
    return trees;
  }
}

/// The results of a call and its derivatives, closed together.
template <class Result>
Result close_with(const Tape& tape, const Result& result, std::vector<Tensor>& derivatives) {
  std::vector<Tensor> all = tree_leaves(result);
  const size_t n = all.size();
  all.insert(all.end(), derivatives.begin(), derivatives.end());
  tape.close(all);
  std::copy(all.begin() + static_cast<std::ptrdiff_t>(n), all.end(), derivatives.begin());
  return tree_unflatten(result, std::span<const Tensor>(all).first(n));
}

}  // namespace detail

/// Positions of arguments: value_and_grad(f, argnums<0, 2>).
template <size_t... I>
struct Argnums {};
template <size_t... I>
inline constexpr Argnums<I...> argnums{};

namespace detail {

template <size_t... I, class F, class Given>
auto call_value_and_grad(Argnums<I...>, const F& f, Given own, const Location& loc) {
  static_assert(sizeof...(I) > 0, "lazuli: value_and_grad needs a position to differentiate with respect to");
  static_assert(((I < std::tuple_size_v<Given>) && ...), "lazuli: there is no argument at that position");
  const std::tuple<std::tuple_element_t<I, Given>...> like(std::get<I>(own)...);
  LeafRow row;
  (row.add(std::get<I>(own)), ...);
  const Tape tape("value_and_grad", row.leaves(), row.paths(), loc);
  ((std::get<I>(own) = row.take(std::get<I>(own))), ...);
  const EnableGradGuard recording;
  auto result = std::apply(f, std::move(own));
  const Tensor none;
  std::vector<Tensor> gradients = tape.pull_back({&loss_of(result), 1}, {&none, 1});
  result = close_with(tape, result, gradients);
  return std::pair(std::move(result), back_to_trees(like, std::move(gradients)));
}

}  // namespace detail

/// A function with the arguments of f that returns what f returns and the gradient of its result (or, of a pair or
/// tuple, of the first of its results), a Tensor of one element, with respect to the first argument, or those at the
/// given positions: a tree like the argument, or a tuple of them when there are several.
template <class F, class Which = Argnums<0>>
auto value_and_grad(F f, Which = {}, Location loc = Location::current()) {
  return [f = std::move(f), loc](auto&&... args) {
    return detail::call_value_and_grad(
        Which{}, f, std::tuple<std::decay_t<decltype(args)>...>(std::forward<decltype(args)>(args)...), loc);
  };
}

/// As value_and_grad, with the gradient alone.
template <class F, class Which = Argnums<0>>
auto grad(F f, Which = {}, Location loc = Location::current()) {
  return [f = std::move(f), loc](auto&&... args) {
    return detail::call_value_and_grad(
               Which{}, f, std::tuple<std::decay_t<decltype(args)>...>(std::forward<decltype(args)>(args)...), loc)
        .second;
  };
}

/// f(args...), and a function that takes a cotangent of the result (a tree like it) to the gradients of the arguments:
/// a tree like the argument, or a tuple of them when there are several. It can be called any number of times.
template <class F, class... Args>
auto vjp(F&& f, const Args&... args) {
  detail::LeafRow row;
  (row.add(args), ...);
  const detail::Tape tape("vjp", row.leaves(), row.paths(), Location{});
  std::tuple<Args...> own{row.take(args)...};
  const EnableGradGuard recording;
  auto result = std::apply(std::forward<F>(f), std::move(own));
  std::vector<Tensor> none;
  auto closed = detail::close_with(tape, result, none);
  auto pull_back = [tape, result, like = std::tuple<Args...>(args...)](const decltype(result)& cotangent) {
    const EnableGradGuard on;
    auto gradients =
        tape.pull_back(tree_leaves(result), detail::derivative_leaves("vjp: cotangents", cotangent, result));
    tape.close(gradients);
    return detail::back_to_trees(like, std::move(gradients));
  };
  return std::pair(std::move(closed), std::move(pull_back));
}

/// f(args...), and the derivative of its result in the direction of the tangents: trees like the arguments (a tuple of
/// them, where f takes several). Custom gradients have no forward mode: Error(Unsupported).
template <class F, class... Args>
auto jvp(F&& f, const std::tuple<Args...>& args, const std::tuple<Args...>& tangents) {
  detail::LeafRow row;
  std::apply([&](const auto&... trees) { (row.add(trees), ...); }, args);
  const auto directions = detail::derivative_leaves("jvp: tangents", tangents, args);
  const detail::Tape tape("jvp", row.leaves(), row.paths(), Location{});
  auto own = std::apply([&](const auto&... trees) { return std::tuple<Args...>{row.take(trees)...}; }, args);
  const EnableGradGuard recording;
  auto result = std::apply(std::forward<F>(f), std::move(own));
  auto derivatives = tape.push_forward(directions, tree_leaves(result));
  auto closed = detail::close_with(tape, result, derivatives);
  auto tangent = tree_unflatten(result, std::span<const Tensor>(derivatives));
  return std::pair(std::move(closed), std::move(tangent));
}
template <class F, class Arg>
  requires is_tree_v<Arg>
auto jvp(F&& f, const Arg& arg, const Arg& tangent) {
  return jvp(std::forward<F>(f), std::tuple<Arg>(arg), std::tuple<Arg>(tangent));
}

}  // namespace lazuli
