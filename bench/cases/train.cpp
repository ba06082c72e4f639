// Whole training steps: forward, loss, gradients and the optimiser's update in place. Operands are the parameters, the
// optimiser's means of gradients (and of their squares, and the steps taken, for AdamW), then the batch; results are
// the same state after the step, by the same names, and the loss before it.
#include <algorithm>
#include <cmath>

#include "cases/case.h"
#include "cases/tape.h"

namespace bench {
namespace {

enum class Optimiser : uint8_t { Momentum, AdamW };

constexpr double kRate = 1e-3, kBeta1 = 0.9, kBeta2 = 0.999, kDecay = 0.01, kMomentum = 0.9;

Value uniform(std::string name, Dims dims, double most) {
  return {std::move(name), Type::F32, std::move(dims), -most, most};
}

/// Parameters of a layer of `inner` inputs.
void add_affine(std::vector<Value>& params, const std::string& name, Dims weight, int64_t inner, int64_t outer) {
  params.push_back(uniform(name + "_w", std::move(weight), std::sqrt(3.0 / static_cast<double>(inner))));
  params.push_back(uniform(name + "_b", {outer}, 0.1));
}
void add_affine(std::vector<Value>& params, const std::string& name, int64_t inner, int64_t outer) {
  add_affine(params, name, {inner, outer}, inner, outer);
}
void add_norm(std::vector<Value>& params, const std::string& name, int64_t width) {
  params.push_back({name + "_w", Type::F32, {width}, 0.5, 1.5});
  params.push_back(uniform(name + "_b", {width}, 0.1));
}

/// The loss of a network, from its parameters and the batch.
using Network = std::function<Tape::Id(Tape& tape, const std::vector<Tape::Id>& params, const Memory& batch)>;

/// After a step: how far results may be off is relative to the largest gradient of their tensor.
Check after_step(const Case& c, Optimiser optimiser, size_t params, const Memory& in, const Network& network) {
  Tape tape;
  std::vector<Tape::Id> ids;
  for (size_t p = 0; p < params; ++p) ids.push_back(tape.leaf(in.f32(p), count(c.inputs[p].dims)));
  const bool adam = optimiser == Optimiser::AdamW;
  const size_t state = adam ? 3 * params + 1 : 2 * params;
  const Memory batch{{in.at.begin() + static_cast<int64_t>(state), in.at.end()}};
  const Tape::Id loss = network(tape, ids, batch);
  tape.backward(loss, {1});

  std::vector<Expected> e;
  for (const Value& v : c.outputs) e.emplace_back(count(v.dims));
  for (size_t p = 0; p < params; ++p) {
    const Tape::Numbers& gradient = tape.gradient(ids[p]);
    double most = 0;
    for (const double g : gradient) most = std::max(most, std::abs(g));
    for (size_t i = 0; i < gradient.size(); ++i) {
      const auto at = static_cast<int64_t>(i);
      const double now = in.f32(p)[i], g = gradient[i];
      // A pixel next to 0, or to another one, may fall on either side of relu and pooling, and take its gradient along.
      const double size = (most + 1e-3) * (adam ? 1 : 100);
      if (!adam) {
        const double v = kMomentum * in.f32(params + p)[i] + g;
        e[p].set(at, now - kRate * v, std::abs(now) + kRate * size);
        e[params + p].set(at, v, size);
        continue;
      }
      const double m = kBeta1 * in.f32(params + p)[i] + (1 - kBeta1) * g,
                   v = kBeta2 * in.f32(2 * params + p)[i] + (1 - kBeta2) * g * g;
      const double root = std::sqrt(v / (1 - kBeta2)) + 1e-8;
      e[p].set(at, now * (1 - kRate * kDecay) - kRate * m / (1 - kBeta1) / root, std::abs(now) + kRate * size / root);
      e[params + p].set(at, m, size);
      e[2 * params + p].set(at, v, v + size * size);
    }
  }
  if (adam) e[3 * params].set(0, 1, 1);
  e.back().set(0, tape.value(loss)[0], tape.value(loss)[0]);
  return near(c, std::move(e), 2e-5);
}

/// `amount`: what its products and convolutions multiply and add, forward and backward.
Case step(const char* name, std::string size, Optimiser optimiser, const std::vector<Value>& params,
          std::vector<Value> batch, double amount, Network network) {
  Case c{.name = name,
         .size = std::move(size),
         .inputs = params,
         .outputs = {},
         .limit = Limit::Fma,
         .amount = amount,
         .judge = {}};
  for (const Value& p : params) c.inputs.push_back(uniform(p.name + "_mean", p.dims, 1e-3));
  if (optimiser == Optimiser::AdamW) {
    for (const Value& p : params) c.inputs.push_back({p.name + "_square", Type::F32, p.dims, 1e-4, 2e-4});
    c.inputs.push_back({"steps", Type::I64, {}, 0, 1});
  }
  c.outputs = c.inputs;
  c.outputs.push_back({"loss", Type::F32, {}});
  for (Value& v : batch) c.inputs.push_back(std::move(v));
  c.judge = [c, optimiser, n = params.size(), network = std::move(network)](const Memory& in) {
    return after_step(c, optimiser, n, in, network);
  };
  return c;
}

/// A network of two hidden layers, 784 to 10.
Case mlp() {
  constexpr int64_t kRows = 256, kPixels = 784, kWidth = 1024, kClasses = 10;
  std::vector<Value> params;
  add_affine(params, "first", kPixels, kWidth);
  add_affine(params, "second", kWidth, kWidth);
  add_affine(params, "third", kWidth, kClasses);
  // Nobody asks for the gradient of the batch.
  const double amount = 2.0 * kRows * (2 * kPixels * kWidth + 3 * kWidth * kWidth + 3 * kWidth * kClasses);
  return step("e2e/mlp_step", "256x1024", Optimiser::AdamW, params,
              {{"x", Type::F32, {kRows, kPixels}}, {"target", Type::I64, {kRows}, 0, kClasses}}, amount,
              [](Tape& t, const std::vector<Tape::Id>& p, const Memory& batch) {
                Tape::Id x = t.leaf(batch.f32(0), kRows * kPixels);
                x = t.relu(t.affine(x, p[0], p[1], kRows, kPixels, kWidth));
                x = t.relu(t.affine(x, p[2], p[3], kRows, kWidth, kWidth));
                return t.cross_entropy(t.affine(x, p[4], p[5], kRows, kWidth, kClasses), batch.i64(1), kRows, kClasses);
              });
}

constexpr int64_t kModel = 256, kDepth = 64, kHeads = kModel / kDepth, kPlaces = 128;

/// Parameters of one layer of a transformer, twelve of them.
void add_block(std::vector<Value>& params, const std::string& name) {
  add_norm(params, name + "norm1", kModel);
  add_affine(params, name + "qkv", kModel, 3 * kModel);
  add_affine(params, name + "join", kModel, kModel);
  add_norm(params, name + "norm2", kModel);
  add_affine(params, name + "up", kModel, 4 * kModel);
  add_affine(params, name + "down", 4 * kModel, kModel);
}
constexpr size_t kBlockParams = 12;

Tape::Id block(Tape& t, const Tape::Id* p, Tape::Id x, int64_t batch) {
  const int64_t rows = batch * kPlaces;
  Tape::Id y = t.affine(t.layer_norm(x, p[0], p[1], rows, kModel), p[2], p[3], rows, kModel, 3 * kModel);
  y = t.affine(t.attention(y, batch, kPlaces, kHeads, kDepth), p[4], p[5], rows, kModel, kModel);
  x = t.add(x, y);
  y = t.gelu(t.affine(t.layer_norm(x, p[6], p[7], rows, kModel), p[8], p[9], rows, kModel, 4 * kModel));
  return t.add(x, t.affine(y, p[10], p[11], rows, 4 * kModel, kModel));
}

/// Forward and backward of a layer: 12 squares of weights, and the half of the scores that is seen.
double block_amount(int64_t batch) {
  const double rows = static_cast<double>(batch * kPlaces);
  return 6 * rows * 12 * kModel * kModel + 7 * rows * kPlaces * kModel;
}

Case transformer_block() {
  constexpr int64_t kBatch = 8;
  std::vector<Value> params;
  add_block(params, "");
  const Dims dims{kBatch, kPlaces, kModel};
  return step("e2e/transformer_block_step", "8x128x256", Optimiser::AdamW, params,
              {{"x", Type::F32, dims}, {"y", Type::F32, dims}}, block_amount(kBatch),
              [](Tape& t, const std::vector<Tape::Id>& p, const Memory& batch) {
                return t.squared_error(block(t, p.data(), t.leaf(batch.f32(0), kBatch * kPlaces * kModel), kBatch),
                                       batch.f32(1));
              });
}

/// A small language model: words and places, layers, a last norm, and the next word.
Case transformer(int64_t layers) {
  constexpr int64_t kBatch = 4, kWords = 1024, kRows = kBatch * kPlaces;
  std::vector<Value> params{uniform("words", {kWords, kModel}, 1), uniform("places", {kPlaces, kModel}, 1)};
  for (int64_t l = 0; l < layers; ++l) add_block(params, "layer" + std::to_string(l) + "_");
  add_norm(params, "norm", kModel);
  add_affine(params, "head", kModel, kWords);
  const Value words{"index", Type::I64, {kBatch, kPlaces}, 0, kWords};
  const double amount = static_cast<double>(layers) * block_amount(kBatch) + 6.0 * kRows * kModel * kWords;
  const std::string name = "e2e/transformer_" + std::to_string(layers) + "_layers_step";
  return step(
      name.c_str(), "4x128x256", Optimiser::AdamW, params, {words, {"target", Type::I64, {kBatch, kPlaces}, 0, kWords}},
      amount, [layers](Tape& t, const std::vector<Tape::Id>& p, const Memory& batch) {
        Tape::Id x = t.embedding(p[0], p[1], batch.i64(0), kRows, kPlaces, kModel);
        for (int64_t l = 0; l < layers; ++l)
          x = block(t, p.data() + 2 + static_cast<size_t>(l) * kBlockParams, x, kBatch);
        const Tape::Id* last = p.data() + p.size() - 4;
        x = t.layer_norm(x, last[0], last[1], kRows, kModel);
        return t.cross_entropy(t.affine(x, last[2], last[3], kRows, kModel, kWords), batch.i64(1), kRows, kWords);
      });
}

/// Two pairs of convolutions with a pooling behind each, and ten classes.
Case convnet() {
  constexpr int64_t kImages = 32, kSide = 32, kClasses = 10;
  static constexpr int64_t kChannels[] = {3, 32, 32, 64, 64};
  std::vector<Value> params;
  double amount = 0;
  for (int64_t l = 0; l < 4; ++l) {
    const int64_t from = kChannels[l], to = kChannels[l + 1], side = l < 2 ? kSide : kSide / 2;
    add_affine(params, "conv" + std::to_string(l), {to, from, 3, 3}, from * 9, to);
    amount += (l == 0 ? 4.0 : 6.0) * static_cast<double>(kImages * (3 * side - 2) * (3 * side - 2) * from * to);
  }
  constexpr int64_t kFlat = 64 * kSide / 4 * kSide / 4;
  add_affine(params, "last", kFlat, kClasses);
  amount += 6.0 * kImages * kFlat * kClasses;
  return step("e2e/convnet_step", "32x3x32x32", Optimiser::Momentum, params,
              {{"x", Type::F32, {kImages, 3, kSide, kSide}}, {"target", Type::I64, {kImages}, 0, kClasses}}, amount,
              [](Tape& t, const std::vector<Tape::Id>& p, const Memory& batch) {
                Tape::Id x = t.leaf(batch.f32(0), kImages * 3 * kSide * kSide);
                for (size_t l = 0; l < 4; ++l) {
                  const int64_t to = kChannels[l + 1], side = l < 2 ? kSide : kSide / 2;
                  x = t.relu(t.convolution(x, p[2 * l], p[2 * l + 1], kImages, kChannels[l], to, side));
                  if (l % 2) x = t.pool(x, kImages * to, side);
                }
                return t.cross_entropy(t.affine(x, p[8], p[9], kImages, kFlat, kClasses), batch.i64(1), kImages,
                                       kClasses);
              });
}

}  // namespace

void add_train_cases(std::vector<Case>& cases) {
  cases.push_back(mlp());
  cases.push_back(transformer_block());
  cases.push_back(transformer(12));
  cases.push_back(convnet());
}

}  // namespace bench
