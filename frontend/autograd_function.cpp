// autograd::Function without its types. A saved tensor that is neither argument nor result becomes a further result of
// the call that nobody sees, so that rules own no nodes.
#include "lazuli/autograd_function.h"

#include <fmt/format.h>

namespace lazuli::autograd {

const SavedValue& SavedValue::need(char kind, const Location& loc) const {
  if (kind_ == kind) return *this;
  const auto name_of = [](char k) {
    return k == 'b' ? "a bool" : k == 'i' ? "an integer" : k == 'd' ? "a double" : k == 's' ? "a text" : "nothing";
  };
  throw Error(ErrorKind::DType, fmt::format("saved_data holds {}, not {}", name_of(kind_), name_of(kind)),
              "read it as what forward() stored", loc);
}

namespace detail {

FunctionCall::FunctionCall(std::vector<const Tensor*> arguments) {
  for (const Tensor* t : arguments) {
    const bool given = t && t->defined();
    places.push_back(given ? static_cast<int>(tensors.size()) : -1);
    needs.push_back(given && t->requires_grad());
    if (given) tensors.push_back(*t);
  }
  constants = lazuli::detail::constants_of(tensors);
}

std::vector<Tensor> FunctionCall::finish(
    std::vector<Tensor> results, variable_list saved,
    std::function<variable_list(variable_list saved, variable_list arriving)> backward, const Location& loc) const {
  struct Found {
    bool argument = false;
    int place = -1;  // -1: undefined
  };
  const size_t visible = results.size();
  std::vector<Found> found;
  for (const Tensor& t : saved) {
    Found f;
    for (size_t i = 0; t.defined() && i < constants.size() && f.place < 0; ++i)
      if (t.is_same(constants[i])) f = {true, static_cast<int>(i)};
    for (size_t i = 0; t.defined() && i < results.size() && f.place < 0; ++i)
      if (t.is_same(results[i])) f = {false, static_cast<int>(i)};
    if (t.defined() && f.place < 0) {
      f = {false, static_cast<int>(results.size())};
      results.push_back(t);
    }
    found.push_back(f);
  }
  auto erased = [found, visible, loc, places = places, backward = std::move(backward)](
                    std::span<const Tensor> arguments, std::span<const Tensor> values,
                    std::span<const Tensor> arriving) {
    variable_list own_saved;
    for (const Found& f : found)
      own_saved.push_back(f.place < 0 ? Tensor() : (f.argument ? arguments : values)[static_cast<size_t>(f.place)]);
    const variable_list given =
        backward(std::move(own_saved), {arriving.begin(), arriving.begin() + static_cast<std::ptrdiff_t>(visible)});
    if (given.size() < places.size())
      throw Error(ErrorKind::Value,
                  fmt::format("function returned an incorrect number of gradients (expected {}, got {})", places.size(),
                              given.size()),
                  "backward() gives one per argument of forward(), undefined where there is none", loc);
    for (size_t i = places.size(); i < given.size(); ++i)
      if (given[i].defined())
        throw Error(ErrorKind::Value,
                    fmt::format("function returned an incorrect number of gradients (expected {}, got {})",
                                places.size(), given.size()),
                    {}, loc);
    std::vector<Tensor> chosen;
    for (size_t i = 0; i < places.size(); ++i) {
      if (places[i] >= 0) {
        chosen.push_back(given[i]);
      } else if (given[i].defined()) {
        throw Error(ErrorKind::Value,
                    "function returned a gradient different than None at position " + std::to_string(i + 1) +
                        ", but the corresponding forward input was not a Variable",
                    {}, loc);
      }
    }
    return chosen;
  };
  std::vector<Tensor> wrapped = lazuli::detail::with_gradient(tensors, results, std::move(erased), loc);
  wrapped.resize(visible);
  return wrapped;
}

}  // namespace detail
}  // namespace lazuli::autograd
