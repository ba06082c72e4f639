// Training steps in float64, to judge float32 ones by: values are matrices on a tape, whose gradients are computed
// backwards. Plain loops; only the product is written to be fast enough for a whole network.
#pragma once
#include <cstdint>
#include <functional>
#include <vector>

namespace bench {

class Tape {
 public:
  using Id = size_t;
  using Numbers = std::vector<double>;

  Id leaf(const float* at, int64_t count);
  /// x (rows, inner) w (inner, columns) + b (columns).
  Id affine(Id x, Id w, Id b, int64_t rows, int64_t inner, int64_t columns);
  Id add(Id x, Id y);
  Id relu(Id x);
  Id gelu(Id x);
  /// Every row less its mean over its deviation (epsilon 1e-5), times w plus b.
  Id layer_norm(Id x, Id w, Id b, int64_t rows, int64_t columns);
  /// Causal attention of every head: qkv (batch, places, 3, heads, depth) to (batch, places, heads, depth).
  Id attention(Id qkv, int64_t batch, int64_t places, int64_t heads, int64_t depth);
  /// Row index[i] of the table plus row i modulo `places` of the positions.
  Id embedding(Id table, Id positions, const int64_t* index, int64_t rows, int64_t places, int64_t columns);
  /// x (images, from, side, side), w (to, from, 3, 3), one pixel of zeros around.
  Id convolution(Id x, Id w, Id b, int64_t images, int64_t from, int64_t to, int64_t side);
  /// The largest of every two by two pixels of `planes` planes.
  Id pool(Id x, int64_t planes, int64_t side);
  /// The mean over rows of -log softmax(x)[target].
  Id cross_entropy(Id x, const int64_t* target, int64_t rows, int64_t classes);
  /// The mean of (x - y)^2.
  Id squared_error(Id x, const float* y);

  const Numbers& value(Id id) const { return nodes_[id].value; }
  const Numbers& gradient(Id id) const { return nodes_[id].gradient; }
  /// The gradients of everything with respect to a result, times what `gradient` says of its elements.
  void backward(Id result, Numbers gradient);

 private:
  struct Node {
    Numbers value, gradient;
    std::function<void()> back;  // adds to the gradients of what the node was computed from
  };
  Id push(Numbers value);

  std::vector<Node> nodes_;
};

}  // namespace bench
