// The table of calls of the corpus: what a recorded op name calls in the public API, and how close the result must be
// to what was recorded.
#pragma once
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/corpus/corpus.h"

namespace lazuli::corpus {

/// What a call returns: one tensor or several, or something that is observed at once.
class Results {
 public:
  Results(Tensor t) : all{std::move(t)} {}
  Results(std::vector<Tensor> list) : all(std::move(list)) {}
  Results(const std::pair<Tensor, Tensor>& p) : all{p.first, p.second} {}
  Results(bool v) : all{full({}, v)} {}
  Results(DType t) : all{empty({0}, t)} {}
  std::vector<Tensor> all;
};

/// How far a result may be from the recorded one. All zero: the same bits (any NaN matches any NaN).
struct Tolerance {
  double ulps = 0;    // of functions whose value is rounded: units in the last place of the result's type
  double sums = 0;    // of sums: times the type's epsilon, times the case's magnitude
  double scaled = 0;  // times the type's epsilon, times max(1, |result|): where large numbers cancel
};
constexpr Tolerance kExact{};
constexpr Tolerance ulps(double n) {
  return {.ulps = n};
}
constexpr Tolerance scaled(double n) {
  return {.scaled = n};
}
constexpr Tolerance sums(double n) {
  return {.ulps = 1, .sums = n};
}

struct Op {
  Tolerance tolerance;
  std::function<Results(std::vector<Tensor>& t, const Args& a)> call;
};

class OpTable {
 public:
  void add(std::string name, Tolerance tolerance, std::function<Results(std::vector<Tensor>& t, const Args& a)> call) {
    ops_[std::move(name)] = {tolerance, std::move(call)};
  }
  const Op* find(std::string_view name) const {
    const auto it = ops_.find(name);
    return it == ops_.end() ? nullptr : &it->second;
  }

 private:
  std::map<std::string, Op, std::less<>> ops_;
};

void add_elementwise_ops(OpTable& table);
void add_reduction_ops(OpTable& table);
void add_view_ops(OpTable& table);
void add_index_ops(OpTable& table);
void add_function_ops(OpTable& table);
void add_creation_ops(OpTable& table);
void add_more_ops(OpTable& table);
void add_form_ops(OpTable& table);
void add_surface_ops(OpTable& table);
/// All of them.
const OpTable& op_table();

}  // namespace lazuli::corpus
