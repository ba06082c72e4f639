// scaled_dot_product_attention against softmax of all scores in float64, forward and backward, over the options;
// compiled against interpreted to the bit; and memory that grows with the number of places, not with its square.
#include "lazuli/attention.h"

#include <gtest/gtest.h>

#include <cmath>

#include "frontend/context.h"
#include "tests/frontend/values.h"

namespace lazuli {
namespace {

/// Numbers without pattern in [-1, 1], the same at every call.
Tensor noise(const Dims& sizes, uint64_t seed, DType type = kFloat32) {
  int64_t count = 1;
  for (int64_t s : sizes) count *= s;
  Values out;
  uint64_t state = seed * 2654435761u + 12345;
  for (int64_t i = 0; i < count; ++i) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    out.push_back(static_cast<double>(static_cast<int32_t>(state >> 33)) / 1073741824.0 - 1.0);
  }
  return from_host(out.data(), sizes, kFloat64).to(type);
}

/// What it means, over all scores: `seen` is a bool mask of all scores, `bias` is added.
Tensor by_softmax(const Tensor& q, const Tensor& k, const Tensor& v, double scale, const Tensor& seen,
                  const Tensor& bias) {
  Tensor scores = matmul(q, k.transpose(-2, -1)) * scale;
  if (bias.defined()) scores = scores + bias;
  if (seen.defined()) scores = where(seen, scores, -INFINITY);
  return matmul(where(seen.defined() ? seen : ones_like(scores) > 0, softmax(scores, -1), 0.0), v);
}

void expect_close(const Tensor& got, const Tensor& want, double tolerance, const char* what) {
  ASSERT_EQ(sizes(got), sizes(want)) << what;
  const Values g = values(got), w = values(want);
  for (size_t i = 0; i < g.size(); ++i) ASSERT_NEAR(g[i], w[i], tolerance) << what << " at " << i;
}

struct Operands {
  Tensor q, k, v;
};

/// Both, and their gradients of a weighted sum, in float64 and float32.
void expect_as_softmax(const Dims& q, const Dims& k, const Dims& v, const AttentionOptions& options, const Tensor& seen,
                       const Tensor& bias = {}) {
  const int64_t repeat = options.enable_gqa ? q[1] / k[1] : 1;
  const double scale = options.scale.value_or(1 / std::sqrt(static_cast<double>(q.back())));
  const auto meaning = [&](const Operands& o) {
    const auto all = [&](const Tensor& x) { return repeat == 1 ? x : x.repeat_interleave(repeat, 1); };
    return by_softmax(o.q, all(o.k), all(o.v), scale, seen, bias);
  };
  const auto loss = [](const Tensor& y) { return (y * noise(sizes(y), 9, y.dtype())).sum(); };
  for (const DType type : {kFloat64, kFloat32}) {
    const double tolerance = type == kFloat64 ? 1e-12 : 2e-5;
    AttentionOptions here = options;
    if (here.attn_mask.defined() && here.attn_mask.dtype() != kBool) here.attn_mask = here.attn_mask.to(type);
    const Operands wide{noise(q, 1, kFloat64), noise(k, 2, kFloat64), noise(v, 3, kFloat64)};
    const Operands o{wide.q.to(type), wide.k.to(type), wide.v.to(type)};
    const auto attend = [&](const Operands& x) { return scaled_dot_product_attention(x.q, x.k, x.v, here); };
    expect_close(attend(o), meaning(wide), tolerance, "result");
    const Operands got = grad([&](const Operands& x) { return loss(attend(x)); })(o);
    const Operands want = grad([&](const Operands& x) { return loss(meaning(x)); })(wide);
    expect_close(got.q, want.q, tolerance * 10, "query");
    expect_close(got.k, want.k, tolerance * 10, "key");
    expect_close(got.v, want.v, tolerance * 10, "value");
  }
}

TEST(Attention, IsSoftmaxOfScores) {
  expect_as_softmax({2, 3, 5, 8}, {2, 3, 70, 8}, {2, 3, 70, 4}, {}, {});
  expect_as_softmax({3, 5, 8}, {3, 7, 8}, {3, 7, 4}, {.scale = 1.5}, {});
  expect_as_softmax({5, 8}, {7, 8}, {7, 4}, {}, {});
  expect_as_softmax({2, 1, 2, 3, 4}, {2, 1, 2, 5, 4}, {2, 1, 2, 5, 3}, {}, {});
}

TEST(Attention, IsCausal) {
  const Tensor seen = ones({70, 70}, kBool).tril();
  expect_as_softmax({1, 2, 70, 8}, {1, 2, 70, 8}, {1, 2, 70, 4}, {.is_causal = true}, seen);
  expect_as_softmax({1, 1, 5, 4}, {1, 1, 9, 4}, {1, 1, 9, 4}, {.is_causal = true}, ones({5, 9}, kBool).tril());
}

TEST(Attention, HasMasks) {
  const Dims q{2, 3, 5, 8}, k{2, 3, 7, 8}, v{2, 3, 7, 4};
  for (const Dims& shape : {Dims{5, 7}, Dims{2, 1, 5, 7}, Dims{2, 1, 1, 7}, Dims{2, 3, 5, 7}, Dims{3, 1, 7}}) {
    const Tensor seen = noise(shape, 5) > -0.5, bias = noise(shape, 6, kFloat64);
    expect_as_softmax(q, k, v, {.attn_mask = seen}, seen);
    expect_as_softmax(q, k, v, {.attn_mask = bias}, {}, bias);
  }
  const Tensor over_batch = noise({2, 1, 1, 5, 7}, 5) > -0.5;  // heads are the third axis: the first two are the batch
  expect_as_softmax({2, 2, 3, 5, 8}, {2, 2, 3, 7, 8}, {2, 2, 3, 7, 4}, {.attn_mask = over_batch}, over_batch);
}

TEST(Attention, HasKeyLengths) {
  const Tensor lengths = tensor({3, 7});
  const Tensor seen = arange(7).reshape({1, 1, 1, 7}) < lengths.reshape({2, 1, 1, 1});
  expect_as_softmax({2, 3, 5, 8}, {2, 3, 7, 8}, {2, 3, 7, 4}, {.key_lengths = lengths}, seen);
  const Tensor k = noise({2, 1, 7, 8}, 2), v = noise({2, 1, 7, 4}, 3), q = noise({2, 1, 5, 8}, 1);
  Tensor broken = k.clone(), worse = v.clone();
  broken.slice(2, 3, 7) = NAN;
  worse.slice(2, 3, 7) = INFINITY;
  const AttentionOptions options{.key_lengths = tensor({3, 3})};
  EXPECT_EQ(values(scaled_dot_product_attention(q, broken, worse, options)),
            values(scaled_dot_product_attention(q, k, v, options)));  // padding is not read
}

TEST(Attention, SharesKeysAmongHeads) {
  expect_as_softmax({2, 6, 5, 8}, {2, 2, 7, 8}, {2, 2, 7, 4}, {.enable_gqa = true}, {});
  expect_as_softmax({1, 4, 9, 8}, {1, 1, 9, 8}, {1, 1, 9, 4}, {.is_causal = true, .enable_gqa = true},
                    ones({9, 9}, kBool).tril());
  EXPECT_EQ(sizes(scaled_dot_product_attention(noise({2, 3, 5, 8}, 1), noise({7, 8}, 2), noise({1, 7, 4}, 3))),
            (Dims{2, 3, 5, 4}));  // leading axes broadcast
}

TEST(Attention, AQueryThatSeesNothingGivesZeros) {
  const Tensor q = noise({1, 1, 2, 8}, 1), k = noise({1, 1, 3, 8}, 2), v = noise({1, 1, 3, 4}, 3);
  const Tensor seen = tensor({0, 0, 0, 1, 1, 0}).reshape({2, 3}) > 0;
  const auto loss = [&](const Tensor& x) { return scaled_dot_product_attention(x, k, v, {.attn_mask = seen}).sum(); };
  const Values y = values(scaled_dot_product_attention(q, k, v, {.attn_mask = seen}));
  for (int i = 0; i < 4; ++i) EXPECT_EQ(y[static_cast<size_t>(i)], 0);
  EXPECT_NE(y[4], 0);
  const Values g = values(grad(loss)(q));
  for (int i = 0; i < 8; ++i) EXPECT_EQ(g[static_cast<size_t>(i)], 0);
  EXPECT_EQ(values(scaled_dot_product_attention(q, zeros({1, 1, 0, 8}), zeros({1, 1, 0, 4}))), Values(8, 0));
}

TEST(Attention, TheMaskHasAGradient) {
  const Tensor q = noise({2, 3, 5, 8}, 1), k = noise({2, 3, 7, 8}, 2), v = noise({2, 3, 7, 4}, 3);
  for (const Dims& shape : {Dims{5, 7}, Dims{3, 5, 7}, Dims{2, 1, 1, 7}}) {
    const auto loss = [&](const Tensor& y) { return (y * noise({2, 3, 5, 4}, 9)).sum(); };
    const Tensor bias = noise(shape, 6);
    const Tensor got =
        grad([&](const Tensor& m) { return loss(scaled_dot_product_attention(q, k, v, {.attn_mask = m})); })(bias);
    const Tensor want =
        grad([&](const Tensor& m) { return loss(by_softmax(q, k, v, 1 / std::sqrt(8.0), {}, m)); })(bias);
    expect_close(got, want, 1e-5, "mask");
  }
}

TEST(Attention, HalfTypesAreRoundedOnce) {
  for (const DType type : {kFloat16, kBFloat16}) {
    const Tensor q = noise({1, 2, 5, 8}, 1, type), k = noise({1, 2, 7, 8}, 2, type), v = noise({1, 2, 7, 4}, 3, type);
    const Tensor wide = scaled_dot_product_attention(q.to(kFloat32), k.to(kFloat32), v.to(kFloat32));
    const Tensor got = scaled_dot_product_attention(q, k, v);
    EXPECT_EQ(got.dtype(), type);
    EXPECT_EQ(values(got), values(wide.to(type)));
  }
}

TEST(Attention, BackwardThroughHandles) {
  Tensor q = noise({1, 2, 5, 8}, 1).requires_grad_(), k = noise({1, 2, 5, 8}, 2).requires_grad_();
  Tensor v = noise({1, 2, 5, 8}, 3).requires_grad_();
  Tensor loss = scaled_dot_product_attention(q, k, v, {.is_causal = true}).pow(2).sum();
  EXPECT_GT(loss.item<double>(), 0);
  loss.backward();
  const Operands want = grad([](const Operands& x) {
    return scaled_dot_product_attention(x.q, x.k, x.v, {.is_causal = true}).pow(2).sum();
  })(Operands{q.detach(), k.detach(), v.detach()});
  EXPECT_EQ(values(q.grad()), values(want.q));
  EXPECT_EQ(values(k.grad()), values(want.k));
  EXPECT_EQ(values(v.grad()), values(want.v));
}

/// Peak bytes beyond the operands of a step, forward and backward, over so many places.
int64_t peak(int64_t places, bool causal) {
  const Dims shape{1, 2, places, 16};
  const Operands o{rand(shape), rand(shape), rand(shape)};
  eval(o.q, o.k, o.v);
  const auto loss = [&](const Operands& x) {
    return scaled_dot_product_attention(x.q, x.k, x.v, {.is_causal = causal}).pow(2).sum();
  };
  const auto [value, g] = value_and_grad(loss)(o);
  const int64_t before = retained_bytes();
  return profile(value, g.q, g.k, g.v).peak_bytes - before;
}

TEST(Attention, MemoryGrowsWithTheNumberOfPlaces) {
  for (const bool causal : {false, true}) {
    const int64_t one = peak(1024, causal), two = peak(2048, causal), four = peak(4096, causal);
    EXPECT_GT(one, 0);
    EXPECT_LE(two, 2 * one + 65536);
    EXPECT_LE(four, 2 * two + 65536);
    EXPECT_LT(four, 12 * 2 * 4096 * 16 * 4);  // a few tensors like an operand; scores of one head would be 64 MiB
  }
}

}  // namespace
}  // namespace lazuli
