// Random choices of the generator: the same seed makes the same choices.
#pragma once
#include <algorithm>
#include <random>

#include "ir/node.h"
#include "ir/shape.h"

namespace lazuli::fuzz {

class Chance {
 public:
  explicit Chance(uint64_t seed) : random_(seed * 0x9e3779b97f4a7c15u + 0x632be59bd9b4e019u) {}

  size_t below(size_t n) { return random_() % n; }
  bool one_in(size_t n) { return below(n) == 0; }
  template <class T, size_t N>
  T pick(const T (&from)[N]) {
    return from[below(N)];
  }
  /// A size of an axis, `most` at most.
  int64_t dim(int64_t most) {
    constexpr int64_t kDims[] = {0, 1, 2, 3, 7, 8, 9, 31, 33, 100, 2049};
    constexpr int kWeights[] = {1, 5, 8, 10, 7, 7, 7, 7, 7, 5, 4};
    std::discrete_distribution<size_t> weights(std::begin(kWeights), std::end(kWeights));
    for (;;) {
      const int64_t d = kDims[weights(random_)];
      if (d <= most && (d > 0 || one_in(3))) return d;
    }
  }
  ir::Dims some_axes(size_t rank) {
    ir::Dims axes;
    for (size_t d = 0; d < rank; ++d)
      if (one_in(2)) axes.push_back(static_cast<int64_t>(d));
    return axes;
  }
  ir::Dims some_order(size_t rank) {
    ir::Dims axes;
    for (size_t d = 0; d < rank; ++d) axes.push_back(static_cast<int64_t>(d));
    std::shuffle(axes.begin(), axes.end(), random_);
    return axes;
  }

  /// Part of a tensor of these sizes.
  ir::SliceAttr range(const ir::Shape& s, ir::Shape* sizes) {
    ir::SliceAttr a;
    for (int64_t d : s) {
      const auto extent = static_cast<size_t>(d);
      const int64_t start = d == 0 || one_in(2) ? 0 : static_cast<int64_t>(below(extent + (one_in(20) ? 1 : 0)));
      const int64_t step = one_in(2) ? 1 : 1 + static_cast<int64_t>(below(one_in(4) ? 40 : 3));
      const int64_t most = (d - start + step - 1) / step;
      a.start.push_back(start);
      a.step.push_back(step);
      sizes->push_back(most == 0 || one_in(2) ? most
                       : one_in(30)           ? 0
                                              : 1 + static_cast<int64_t>(below(static_cast<size_t>(most))));
    }
    return a;
  }

 protected:
  std::mt19937_64 random_;
};

}  // namespace lazuli::fuzz
