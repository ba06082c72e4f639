// Functions that say how they are differentiated.
#pragma once
#include <functional>
#include <span>
#include <tuple>
#include <utility>
#include <vector>

#include "lazuli/grad_mode.h"
#include "lazuli/tree.h"

namespace lazuli {

namespace detail {

/// Every tensor of a tree, undefined ones too.
struct TensorCollector : TreeVisitor {
  std::vector<Tensor> all;
  void leaf(const Tensor& t) { all.push_back(t); }
};
template <class T>
std::vector<Tensor> all_tensors(const T& tree) {
  TensorCollector c;
  walk_tree(tree, c);
  return std::move(c.all);
}

/// A tensor that nothing is done with.
const Tensor& placeholder();
/// The tree with one and the same tensor in the place of all: its structure, holding nothing.
template <class T>
T hollow(const T& tree) {
  std::vector<Tensor> leaves = tree_leaves(tree);
  for (Tensor& t : leaves) t = placeholder();
  return tree_unflatten(tree, std::span<const Tensor>(leaves));
}
using ErasedBackward =
    std::function<std::vector<Tensor>(std::span<const Tensor>, std::span<const Tensor>, std::span<const Tensor>)>;
std::vector<Tensor> constants_of(std::span<const Tensor> tensors);
std::vector<Tensor> with_gradient(std::span<const Tensor> arguments, std::span<const Tensor> results,
                                  ErasedBackward backward, const Location& loc);
std::vector<Tensor> checkpointed(std::span<const Tensor> arguments, std::span<const Tensor> results,
                                 const Location& loc);
[[noreturn]] void throw_gradient_count(size_t wanted, size_t given, const Location& loc);

}  // namespace detail

/// f with a gradient of its own: backward(cotangent, result, args...) gives the gradients of the arguments, a tree like
/// the argument (a tuple of them, when there are several); an undefined Tensor stands for none. It is a function of its
/// arguments alone, is called whenever a gradient graph is built, and is differentiated itself for higher orders. What
/// it reads of the forward pass is kept for it. Tensors of f that require gradients must be arguments. Forward mode
/// through it is Error(Unsupported).
///
///   auto straight_through = custom_gradient([](Tensor x) { return x.round(); },
///                                           [](Tensor g, Tensor, Tensor) { return g; });
template <class F, class B>
auto custom_gradient(F f, B backward, Location loc = Location::current()) {
  return [f = std::move(f), backward = std::move(backward), loc](auto&&... args) {
    using Args = std::tuple<std::decay_t<decltype(args)>...>;
    const Args given(std::forward<decltype(args)>(args)...);
    const std::vector<Tensor> leaves = tree_leaves(given);
    auto result = [&] {
      const EnableGradGuard recording;
      return std::apply(f, tree_unflatten(given, std::span<const Tensor>(detail::constants_of(leaves)), loc));
    }();
    using Result = decltype(result);
    detail::ErasedBackward erased = [backward, loc, like = detail::hollow(given), like_result = detail::hollow(result)](
                                        std::span<const Tensor> arguments, std::span<const Tensor> results,
                                        std::span<const Tensor> arriving) {
      const Args own = tree_unflatten(like, arguments, loc);
      const Result g = tree_unflatten(like_result, arriving, loc), out = tree_unflatten(like_result, results, loc);
      auto gradients = std::apply([&](const auto&... a) { return backward(g, out, a...); }, own);
      const std::vector<Tensor> places = detail::all_tensors(like), all = detail::all_tensors(gradients);
      if (places.size() != all.size()) detail::throw_gradient_count(places.size(), all.size(), loc);
      std::vector<Tensor> chosen;
      for (size_t i = 0; i < all.size(); ++i)
        if (places[i].defined()) chosen.push_back(all[i]);
      return chosen;
    };
    const auto results = detail::with_gradient(leaves, tree_leaves(result), std::move(erased), loc);
    return tree_unflatten(result, std::span<const Tensor>(results), loc);
  };
}

/// f, whose intermediate values are computed again by a backward pass instead of being kept: memory for time. Gradients
/// are those of f, to any order, also of tensors that f captures.
template <class F>
auto checkpoint(F f, Location loc = Location::current()) {
  return [f = std::move(f), loc](auto&&... args) {
    std::tuple<std::decay_t<decltype(args)>...> own(std::forward<decltype(args)>(args)...);
    const std::vector<Tensor> leaves = tree_leaves(own);
    auto result = std::apply(f, std::move(own));
    const auto results = detail::checkpointed(leaves, tree_leaves(result), loc);
    return tree_unflatten(result, std::span<const Tensor>(results), loc);
  };
}

}  // namespace lazuli
