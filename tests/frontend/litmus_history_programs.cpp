// Litmus programs: small trainings and derivations, written as in PyTorch (history_figures.py, line by line) and
// compared with the figures it gives. Each runs in all ways of being observed: not at all, every value evaluated where
// it comes about, read while gradients are off, evaluated at a small limit, and eagerly. All must give the same bits.
#include <cmath>

#include "lazuli/lazuli.h"
#include "tests/frontend/litmus.h"

namespace lazuli {
namespace {

enum class Way { Lazy, Evaluated, Read, Limited, Eager };
constexpr Way kWays[] = {Way::Lazy, Way::Evaluated, Way::Read, Way::Limited, Way::Eager};
const char* const kNames[] = {"lazy", "evaluated", "read", "limited", "eager"};

void interpreted(const Tensor& t) {
  EvalOptions options;
  options.interpret = true;
  eval(std::span<const Tensor>(&t, 1), options);
}

/// What a program does to its values on the way.
struct See {
  Way way = Way::Lazy;
  const Tensor& operator()(const Tensor& t) const {
    if (way == Way::Evaluated) interpreted(t);
    if (way == Way::Read) interpreted(no_grad([&] { return (t * t).sum(); }));
    return t;
  }
};
using Results = std::vector<Tensor>;
using Program = Results (*)(const See&);

Tensor counting(IntArrayRef sizes) {
  return litmus::counting(sizes).to(kFloat64);
}
Tensor vector(std::initializer_list<double> v) {
  return from_host(v.begin(), {static_cast<int64_t>(v.size())}, kFloat64);
}
Tensor leaf(std::initializer_list<double> v) {
  return vector(v).requires_grad_();
}

struct Net {
  const See& see;
  Tensor x = counting({6, 3}) * 0.1 - 0.4, y = sin(counting({6, 2}));
  Tensor w1 = sin(counting({3, 4})).requires_grad_(), b1 = (counting({4}) * 0.1).requires_grad_();
  Tensor w2 = cos(counting({4, 2})).requires_grad_();

  Results parameters() const { return {w1, b1, w2}; }
  Results grads() const { return {w1.grad(), b1.grad(), w2.grad()}; }
  void zero_grad() {
    for (Tensor p : parameters()) p.mutable_grad() = Tensor();
  }
  Tensor forward(const Tensor& in) const { return see(matmul(see(tanh(see(matmul(in, w1)) + b1)), w2)); }
  Tensor loss(const Tensor& in, const Tensor& out) const { return see(see(forward(in) - out).pow(2).mean()); }
};

void append(Results& to, const Results& from) {
  to.insert(to.end(), from.begin(), from.end());
}

Results write_after_read(const See& see) {
  Tensor w = leaf({0.5, -1, 2}), b = vector({1, 2, 3});
  Tensor y = b + w;
  b *= 2;
  see(y);
  Tensor z = see(b * y);
  (z * y).sum().backward();
  b += 1;
  return {w.grad(), b, z};
}

Results leaf_written_between_uses(const See& see) {
  Tensor w = leaf({0.5, -1, 2});
  Tensor first = w + 1;
  no_grad([&] { w *= 3; });
  Tensor second = see(w * 2);
  (first * first * second).sum().backward();
  return {w.grad(), w, second};
}

Results detached_view_written(const See& see) {
  Tensor w = leaf({0.5, -1, 2, 3});
  Tensor y = w * 3;
  see(y);
  y.detach().view({2, 2})[1].fill_(7);
  see(see(y) * y).sum().backward();
  return {w.grad(), y};
}

Results detached_is_constant(const See& see) {
  Tensor w = leaf({0.5, -1, 2, 3});
  Tensor h = see(sin(w));
  Tensor d = h.detach();
  see(h * d + see(d.slice(0, 1, 3).exp().sum()) * w).sum().backward();
  return {w.grad(), d};
}

Results momentum_steps(const See& see) {
  Net n{see};
  Results velocity, losses;
  for (const Tensor& p : n.parameters()) velocity.push_back(zeros_like(p));
  for (int i = 0; i < 3; ++i) {
    Tensor loss = n.loss(n.x, n.y);
    n.zero_grad();
    loss.backward();
    NoGradGuard off;
    Results p = n.parameters();
    for (size_t k = 0; k < p.size(); ++k) {
      velocity[k] *= 0.9;
      velocity[k] += see(p[k].grad());
      p[k] -= 0.1 * see(velocity[k]);
    }
    losses.push_back(see(loss).detach());
  }
  Results results = n.parameters();
  append(results, losses);
  return results;
}

Results retained_twice(const See& see) {
  Net n{see};
  Tensor loss = n.loss(n.x, n.y);
  loss.backward({}, /*retain_graph=*/true);
  see(n.w1.grad());
  loss.backward({}, /*retain_graph=*/true);
  see(n.w2.grad());
  loss.backward();
  EXPECT_THROW(loss.backward(), Error);
  return n.grads();
}

Results micro_batches(const See& see) {
  Net n{see};
  Results results;
  for (int step = 0; step < 2; ++step) {
    for (int64_t i = 0; i < 6; i += 2) {
      see(n.loss(n.x.slice(0, i, i + 2), n.y.slice(0, i, i + 2)) / 3).backward();
      see(n.b1.grad());
    }
    for (const Tensor& g : n.grads()) results.push_back(g.clone());
    NoGradGuard off;
    for (Tensor p : n.parameters()) {
      p -= 0.2 * p.grad();
      p.grad().zero_();
      see(p);
    }
  }
  append(results, n.parameters());
  return results;
}

Results validation_between_steps(const See& see) {
  Net n{see};
  Results results;
  const auto validate = [&] { results.push_back(no_grad([&] { return n.loss(n.x * 2, n.y); })); };
  for (int i = 0; i < 2; ++i) {
    Tensor loss = n.loss(n.x, n.y);
    validate();
    n.zero_grad();
    loss.backward();
    NoGradGuard off;
    for (Tensor p : n.parameters()) p -= 0.1 * p.grad();
    validate();
    see(results.back());
  }
  append(results, n.parameters());
  return results;
}

Results item_in_the_forward_pass(const See& see) {
  Tensor w = leaf({0.5, -1, 2});
  Tensor h = w * w;
  int steps = 0;
  for (; h.sum().item<double>() < 100; ++steps) h = see(h * h + w / max(h).item<double>());
  h.sum().backward();
  return {w.grad(), h, vector({static_cast<double>(steps)})};
}

Results written_in_place_on_the_way(const See& see) {
  Tensor w = leaf({0.5, -1, 2});
  Tensor y = w * 2;
  y += 1;
  see(y);
  y[0] = w[1] * w[2];
  see(y);
  y *= w;
  y.slice(0, 1) -= see(sin(w.slice(0, 0, 2)));
  see(y + 1).pow(3).sum().backward();
  return {w.grad(), y};
}

Results gradient_penalty(const See& see) {
  Net n{see};
  Tensor x = n.x.clone().requires_grad_();
  Tensor out = n.forward(x).sum();
  Tensor g = autograd::grad({out}, {x}, {}, {}, /*create_graph=*/true)[0];
  see(g);
  see(out + (norm(g) - 1).pow(2)).backward();
  Results results = n.grads();
  append(results, {x.grad(), g});
  return results;
}

Results hessian_times_vector(const See& see) {
  Tensor w = leaf({0.5, -1, 2}), v = vector({1, 2, 3});
  Tensor y = see(w.exp() * sin(w)).sum() * w[0];
  Tensor g = see(autograd::grad({y}, {w}, {}, {}, /*create_graph=*/true)[0]);
  Tensor hv = see(autograd::grad({g}, {w}, {v}, {}, /*create_graph=*/true)[0]);
  return {g, hv, autograd::grad({hv.sum()}, {w})[0]};
}

Results checkpointed(const See& see) {
  Net n{see};
  Tensor square = cos(counting({2, 2})).requires_grad_();
  const auto layers = [](Tensor x, Tensor w1, Tensor b1, Tensor w2) { return matmul(tanh(matmul(x, w1) + b1), w2); };
  Tensor h = see(checkpoint(layers)(n.x.clone().requires_grad_(), n.w1, n.b1, n.w2));
  h = see(checkpoint([](Tensor t, Tensor w) { return sigmoid(matmul(t, w)) * t; })(h, square));
  see((h - n.y).pow(2).mean()).backward();
  Results results = n.grads();
  append(results, {square.grad(), h});
  return results;
}

Results intermediates_that_retain(const See& see) {
  Net n{see};
  Tensor h = tanh(matmul(n.x, n.w1) + n.b1);
  h.retain_grad();
  Tensor out = matmul(see(h), n.w2);
  out.retain_grad();
  see(see(out) - n.y).pow(2).mean().backward();
  Results results = n.grads();
  append(results, {h.grad(), out.grad()});
  return results;
}

Results frozen_and_thawed(const See& see) {
  Net n{see};
  n.loss(n.x, n.y).backward();
  n.w1.requires_grad_(false);
  n.loss(n.x, n.y).backward();
  n.w1.requires_grad_(true);
  n.b1.requires_grad_(false);
  n.loss(n.x, n.y).backward();
  return n.grads();
}

struct Recurrent {
  Tensor w = (sin(counting({3, 3})) * 0.5).requires_grad_(), u = cos(counting({2, 3})).requires_grad_();
  Tensor x = counting({5, 4, 2}) * 0.05 - 1, h = zeros({4, 3}, kFloat64);
  // A leaf that is computed between two uses is two nodes, whose gradients are added at the end: other bits.
  Recurrent() { eval(w, u); }
};

Results recurrent(const See& see) {
  Recurrent r;
  Tensor loss = zeros({}, kFloat64);
  for (int64_t t = 0; t < 5; ++t) {
    r.h = see(tanh(matmul(r.h, r.w) + matmul(r.x[t], r.u)));
    loss = see(loss + r.h.pow(2).mean());
  }
  loss.backward();
  return {r.w.grad(), r.u.grad(), r.h};
}

Results recurrent_truncated(const See& see) {
  Recurrent r;
  for (int64_t t = 0; t < 5; ++t) {
    r.h = see(tanh(matmul(r.h.detach(), r.w) + matmul(r.x[t], r.u)));
    r.h.pow(2).mean().backward();
    see(r.u.grad());
  }
  return {r.w.grad(), r.u.grad(), r.h};
}

Results tied_weights(const See& see) {
  Tensor w = sin(counting({3, 4})).requires_grad_();
  Tensor x = counting({6, 3}) * 0.1 - 0.4;
  Tensor code = see(relu(matmul(x, w)));
  see(matmul(code, w.t()) - x).abs().mean().backward();
  return {w.grad(), code};
}

Results running_statistics(const See& see) {
  Net n{see};
  Tensor mean = zeros({4}, kFloat64), var = ones({4}, kFloat64);
  for (int64_t i = 0; i < 2; ++i) {
    Tensor h = see(matmul(n.x.slice(0, i, i + 4), n.w1));
    no_grad([&] {
      mean *= 0.9;
      mean += h.mean(0) * 0.1;
      var *= 0.9;
      var += h.var(0) * 0.1;
    });
    see(mean);
    see(matmul(tanh((h - mean) / (var + 1e-5).sqrt()), n.w2)).pow(2).mean().backward();
  }
  return {n.w1.grad(), n.w2.grad(), mean, var};
}

Results two_losses_of_one_trunk(const See& see) {
  Net n{see};
  Tensor h = see(tanh(matmul(n.x, n.w1) + n.b1));
  see(h.pow(2).mean()).backward({}, /*retain_graph=*/true);
  Results results = {n.w1.grad().clone(), n.b1.grad().clone()};
  see(sin(see(matmul(h, n.w2)))).mean().backward();
  append(results, n.grads());
  return results;
}

Results target_network(const See& see) {
  Net n{see};
  Results target, results;
  for (const Tensor& p : n.parameters()) target.push_back(p.detach().clone());
  for (int i = 0; i < 2; ++i) {
    Tensor goal = see(matmul(tanh(matmul(n.x, target[0]) + target[1]), target[2]) * 0.9 + n.y);
    Tensor loss = n.loss(n.x, goal);
    n.zero_grad();
    loss.backward();
    no_grad([&] {
      Results p = n.parameters();
      for (size_t k = 0; k < p.size(); ++k) {
        p[k] -= 0.1 * p[k].grad();
        target[k] *= 0.8;
        target[k] += 0.2 * see(p[k]);
      }
    });
    results.push_back(loss.detach());
  }
  append(results, n.parameters());
  append(results, target);
  return results;
}

Results clipped(const See& see) {
  Net n{see};
  Results results;
  for (int i = 0; i < 2; ++i) {
    n.zero_grad();
    (n.loss(n.x, n.y) * 10).backward();
    NoGradGuard off;
    Tensor squares = zeros({}, kFloat64);
    for (const Tensor& g : n.grads()) squares = squares + g.pow(2).sum();
    results.push_back(see(squares.sqrt()));
    for (Tensor p : n.parameters()) {
      Tensor g = p.grad();
      g *= 0.5 / results.back();
      p -= see(g);
    }
  }
  append(results, n.parameters());
  return results;
}

Results rows_looked_up(const See& see) {
  Tensor table = sin(counting({5, 3})).requires_grad_();
  const Tensor ids = litmus::integers({1, 3, 1, 0});
  Results results;
  for (int i = 0; i < 2; ++i) {
    Tensor rows = see(table.index({ids}));
    see(rows * rows.slice(0, 0, 1)).sum().backward();
    no_grad([&] { table.index_add_(0, ids, table.grad().index({ids}) * -0.1); });
    results.push_back(table.grad().clone());
    table.mutable_grad() = Tensor();
  }
  results.push_back(table);
  return results;
}

struct Case {
  const char* name;
  Program program;
  std::vector<double> figures;
};
const std::vector<Case>& cases() {
  static const std::vector<Case> all = {
#include "tests/frontend/history_figures.inc"
  };
  return all;
}

std::vector<double> run(Program program, Way way) {
  const int64_t limit = pending_limit();
  if (way == Way::Limited) {
    set_pending_limit(6);
    set_log_sink([](LogLevel, std::string_view) {});
  }
  set_eager(way == Way::Eager);
  std::vector<double> all;
  const See see{way};
  for (const Tensor& t : program(see)) {
    if (way != Way::Lazy) interpreted(t);  // whose programs are compiled
    const auto v = t.to_vector<double>();
    all.insert(all.end(), v.begin(), v.end());
  }
  set_eager(false);
  set_pending_limit(limit);
  set_log_sink(nullptr);
  return all;
}

class LitmusHistoryPrograms : public testing::TestWithParam<Case> {};

TEST_P(LitmusHistoryPrograms, GiveWhatPyTorchGives) {
  const std::vector<double> lazy = run(GetParam().program, Way::Lazy);
  ASSERT_EQ(lazy.size(), GetParam().figures.size());
  for (size_t i = 0; i < lazy.size(); ++i) {
    const double want = GetParam().figures[i];
    EXPECT_NEAR(lazy[i], want, 1e-11 * std::max(1.0, std::abs(want))) << "figure " << i;
  }
  for (const Way way : kWays) EXPECT_EQ(run(GetParam().program, way), lazy) << kNames[static_cast<int>(way)];
}

INSTANTIATE_TEST_SUITE_P(All, LitmusHistoryPrograms, testing::ValuesIn(cases()),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace lazuli
