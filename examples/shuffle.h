// A shuffle that is the same with every standard library, which std::shuffle does not promise.
#pragma once
#include <cstdint>
#include <numeric>
#include <random>
#include <utility>
#include <vector>

namespace examples {

inline void shuffle(std::vector<int64_t>& order, std::mt19937& random) {
  for (size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[random() % i]);
}

/// 0, 1, ... n-1 in another order.
inline std::vector<int64_t> shuffled(int64_t n, std::mt19937& random) {
  std::vector<int64_t> order(static_cast<size_t>(n));
  std::iota(order.begin(), order.end(), 0);
  shuffle(order, random);
  return order;
}

}  // namespace examples
