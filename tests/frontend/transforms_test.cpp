// Gradients of functions over trees.
#include "lazuli/transforms.h"

#include <map>

#include "lazuli/lazuli.h"
#include "tests/frontend/litmus.h"

namespace lazuli {
namespace {

using namespace litmus;

struct Layer {
  Tensor w, b;
};
struct Model {
  std::vector<Layer> layers;
  Tensor scale;
  double rate = 0.5;
};

Tensor loss(const Model& m, const Tensor& x, const Tensor& y) {
  Tensor h = x;
  for (const Layer& l : m.layers) h = tanh(matmul(h, l.w) + l.b);
  return (h * m.scale * m.rate - y).pow(2).mean();
}

Model model() {
  Model m;
  m.layers.push_back({counting({3, 4}) * 0.1 - 0.5, floats({0.1f, 0.2f, 0.3f, 0.4f})});
  m.layers.push_back({counting({4, 2}) * 0.1 - 0.3, floats({0.5f, -0.5f})});
  m.scale = floats({1.5f, 0.5f});
  return m;
}

TEST(Transforms, ValueAndGradOverAModel) {
  const Model m = model();
  const Tensor x = counting({5, 3}) * 0.1, y = counting({5, 2}) * 0.05;
  Watch w;
  auto [l, g] = value_and_grad(loss)(m, x, y);
  EXPECT_EQ(w.programs(), 0);
  static_assert(std::is_same_v<decltype(g), Model>);
  EXPECT_FALSE(l.requires_grad());
  EXPECT_FALSE(g.scale.requires_grad());
  EXPECT_EQ(g.rate, 0.5);
  EXPECT_EQ(values(l), values(loss(m, x, y)));

  Model leaves = model();
  for_each_leaf([](Tensor& t) { t.requires_grad_(); }, leaves);
  loss(leaves, x, y).backward();
  for_each_leaf(
      [](const Tensor& t, const Tensor& d) {
        EXPECT_EQ(values(t.grad()), values(d));
        EXPECT_EQ(d.sizes(), t.sizes());
      },
      leaves, g);

  EXPECT_EQ(values(grad(loss)(m, x, y).layers[0].w), values(g.layers[0].w));
  auto [gx, gy] = grad(loss, argnums<1, 2>)(m, x, y);
  EXPECT_EQ(gx.sizes(), x.sizes());
  EXPECT_EQ(gy.sizes(), y.sizes());
  const Tensor only = grad(loss, argnums<1>)(m, x, y);
  EXPECT_EQ(values(only), values(gx));
}

TEST(Transforms, FurtherResultsComeAlong) {
  const auto f = [](Tensor x) { return std::pair(x.pow(2).sum(), std::map<std::string, Tensor>{{"twice", x * 2}}); };
  const auto [result, g] = value_and_grad(f)(floats({1, 2}));
  EXPECT_THAT(values(result.second.at("twice")), ElementsAre(2, 4));
  EXPECT_FALSE(result.second.at("twice").requires_grad());
  EXPECT_THAT(values(g), ElementsAre(2, 4));
}

TEST(Transforms, NestToAnyOrder) {
  const auto f = [](Tensor x) { return x.pow(2) * x * x; };  // x^4
  const auto d1 = grad([&](Tensor x) { return f(x); });
  const auto d2 = grad([&](Tensor x) { return d1(x); });
  const auto d3 = grad([&](Tensor x) { return d2(x); });
  const Tensor x = floats({2}, {});
  EXPECT_EQ(d1(x).item<float>(), 32);
  EXPECT_EQ(d2(x).item<float>(), 48);
  EXPECT_EQ(d3(x).item<float>(), 48);
  const auto mixed =
      grad([](Tensor a) { return grad([&](Tensor b) { return (a * a * b).sum(); })(floats({5})).sum(); });
  EXPECT_THAT(values(mixed(floats({3}))), ElementsAre(6));
}

TEST(Transforms, HistoryOutsideStaysOutside) {
  Tensor w = floats({3}).requires_grad_();
  const auto f = [&](Tensor x) { return (x * x * w).sum(); };
  const Tensor g = grad(f)(floats({2}));
  EXPECT_TRUE(g.requires_grad());  // depends on w
  g.sum().backward();
  EXPECT_THAT(values(w.grad()), ElementsAre(4));
  const Tensor h = grad([](Tensor x) { return (x * x).sum(); })(w);
  EXPECT_TRUE(h.requires_grad());
  const Tensor k = no_grad([&] { return grad([](Tensor x) { return (x * x).sum(); })(w); });
  EXPECT_FALSE(k.requires_grad());
  EXPECT_THAT(values(k), ElementsAre(6));
}

TEST(Transforms, InPlaceWorkInside) {
  const auto f = [](Tensor x) {
    Tensor y = x * 1;
    y[0] = y[1] * 3;
    y *= x;
    x += 100;  // its own argument: the caller's tensor is another
    return y.sum();
  };
  const Tensor x = floats({2, 5});
  const Tensor g = grad(f)(x);  // 3 x1 x0 + x1 x1
  EXPECT_THAT(values(g), ElementsAre(15, 3 * 2 + 2 * 5));
  EXPECT_THAT(values(x), ElementsAre(2, 5));
}

TEST(Transforms, VjpAndJvpAgree) {
  const auto f = [](Tensor x, Layer l) { return std::pair(matmul(x, l.w).exp() + l.b, x.sum()); };
  const Tensor x = counting({2, 3}) * 0.1;
  const Layer l{counting({3, 2}) * 0.2, floats({1, 2})};
  const auto [out, pull_back] = vjp(f, x, l);
  const std::pair cotangent(counting({2, 2}) + 1, floats({3}, {}));
  const auto [gx, gl] = pull_back(cotangent);
  const Tensor dx = counting({2, 3}) - 2;
  const Layer dl{counting({3, 2}) * 0.5, floats({-1, 1})};
  const auto [same, tangent] = jvp(f, std::tuple(x, l), std::tuple(dx, dl));
  EXPECT_EQ(values(out.first), values(same.first));
  const float forwards = ((tangent.first * cotangent.first).sum() + tangent.second * cotangent.second).item<float>();
  const float backwards = ((gx * dx).sum() + (gl.w * dl.w).sum() + (gl.b * dl.b).sum()).item<float>();
  EXPECT_NEAR(forwards, backwards, 1e-3 * std::abs(forwards));
  EXPECT_FALSE(out.first.requires_grad());
  EXPECT_FALSE(gx.requires_grad());
  EXPECT_FALSE(tangent.first.requires_grad());
  EXPECT_EQ(values(std::get<0>(pull_back(cotangent))), values(gx));
}

TEST(Transforms, ForwardOverReverse) {
  const auto f = [](Tensor x) { return (x * x * x).sum(); };
  const auto [g, hv] = jvp(grad(f), floats({1, 2}), floats({1, 10}));
  EXPECT_THAT(values(g), ElementsAre(3, 12));
  EXPECT_THAT(values(hv), ElementsAre(6, 120));
}

TEST(Transforms, ValuesMayBeObservedInside) {
  const auto f = [](Tensor x) {
    Tensor y = x.exp();
    if (y.sum().item<float>() > 0) y = y * 2;
    return y.sum();
  };
  const Tensor x = floats({0, 1});
  const float e = std::exp(1.f);
  EXPECT_NEAR(values(grad(f)(x))[1], 2 * e, 1e-5);
  EXPECT_NEAR(values(grad([&](Tensor t) { return grad(f)(t).sum(); })(x))[1], 2 * e, 1e-5);
  EXPECT_NEAR(jvp(f, x, floats({1, 1})).second.item<float>(), 2 + 2 * e, 1e-5);
}

TEST(Transforms, CustomGradients) {
  int calls = 0;
  const auto rounded = custom_gradient([](Tensor x) { return x.round(); }, [](Tensor g, Tensor, Tensor) { return g; });
  EXPECT_THAT(values(grad([&](Tensor x) { return (rounded(x) * x).sum(); })(floats({1.4f, 2.6f}))),
              ElementsAre(1 + 1.4f, 3 + 2.6f));
  // exp by its own result, to any order.
  const auto my_exp = custom_gradient([](Tensor x) { return x.exp(); },
                                      [&](Tensor g, Tensor out, Tensor) {
                                        ++calls;
                                        return g * out;
                                      });
  const auto d1 = grad([&](Tensor x) { return my_exp(x).sum(); });
  const auto d2 = grad([&](Tensor x) { return d1(x).sum(); });
  EXPECT_EQ(values(d1(floats({1}))), values(floats({1}).exp()));
  EXPECT_EQ(values(d2(floats({1}))), values(floats({1}).exp()));
  EXPECT_GT(calls, 0);
  // Several arguments and results, one of them not differentiated.
  const auto split = custom_gradient([](Tensor x, Tensor y, double k) { return std::pair(x * k, y * x); },
                                     [](std::pair<Tensor, Tensor> g, std::pair<Tensor, Tensor>, Tensor, Tensor y,
                                        double k) { return std::tuple(g.first * k + g.second * y, Tensor(), 0.0); });
  const auto both = [&](Tensor x, Tensor y) {
    auto [a, b] = split(x, y, 3.0);
    return (a + b).sum();
  };
  auto [gx, gy] = grad(both, argnums<0, 1>)(floats({1, 2}), floats({5, 7}));
  EXPECT_THAT(values(gx), ElementsAre(8, 10));
  EXPECT_THAT(values(gy), ElementsAre(0, 0));
  EXPECT_EQ(rounded(floats({1.6f})).item<float>(), 2);  // without gradients: the function itself
  EXPECT_THROW(jvp([&](Tensor x) { return my_exp(x); }, floats({1}), floats({1})), Error);
}

TEST(Transforms, CustomGradientsOnHandles) {
  Tensor x = floats({1.4f, 2.6f}).requires_grad_();
  const auto rounded = custom_gradient([](Tensor t) { return t.round(); }, [](Tensor g, Tensor, Tensor) { return g; });
  Tensor y = (rounded(x) * x).sum();
  y.item();
  y.backward();
  EXPECT_THAT(values(x.grad()), ElementsAre(1 + 1.4f, 3 + 2.6f));
  Tensor w = floats({2}).requires_grad_();
  const auto captures = custom_gradient([&](Tensor t) { return t * w; }, [](Tensor g, Tensor, Tensor) { return g; });
  EXPECT_THROW(captures(x.sum()), Error);
  const auto wrong = custom_gradient([](Tensor t) { return t * 2; }, [](Tensor g, Tensor, Tensor) { return g.sum(); });
  EXPECT_THROW(wrong(x).sum().backward(), Error);
}

TEST(Transforms, CheckpointsGiveTheSameGradients) {
  const Tensor x = counting({4, 3}) * 0.1, w1 = counting({3, 3}) * 0.2 - 0.5, w2 = counting({3, 2}) * 0.1;
  const auto block = [](Tensor h, Tensor w) { return tanh(matmul(h, w)) * h.sum(); };
  const auto plain = [&](Tensor w, Tensor v) {
    return (block(block(x, w), w).pow(2).sum() * matmul(x, v).exp().sum());
  };
  const auto kept = [&](Tensor w, Tensor v) {
    const auto c = checkpoint(block);
    const auto d = checkpoint([&](Tensor t) { return matmul(t, v).exp().sum(); });  // captures v
    return c(c(x, w), w).pow(2).sum() * d(x);
  };
  const auto [l, g] = value_and_grad(plain, argnums<0, 1>)(w1, w2);
  const auto [cl, cg] = value_and_grad(kept, argnums<0, 1>)(w1, w2);
  EXPECT_EQ(values(l), values(cl));
  EXPECT_EQ(values(std::get<0>(g)), values(std::get<0>(cg)));
  EXPECT_EQ(values(std::get<1>(g)), values(std::get<1>(cg)));
  const auto second = [&](auto f) {
    return grad([&](Tensor w) { return grad([&](Tensor u) { return f(u, w2); })(w).sum(); })(w1);
  };
  const auto once = values(second(plain)), again = values(second(kept));
  for (size_t i = 0; i < once.size(); ++i) EXPECT_NEAR(once[i], again[i], 1e-5 * std::abs(once[i]));  // added otherwise
  const auto forwards = [&](auto f) { return jvp([&](Tensor u) { return f(u, w2); }, w1, w1).second; };
  EXPECT_EQ(values(forwards(plain)), values(forwards(kept)));
}

TEST(Transforms, Refusals) {
  const auto message = [](auto call) {
    try {
      call();
    } catch (const Error& e) {
      return e.message();
    }
    return std::string();
  };
  const Tensor x = floats({1, 2});
  struct Mixed {
    Tensor w, step;
  };
  EXPECT_EQ(message([&] { grad([](Tensor t) { return t * 2; })(x); }),
            "grad can be implicitly created only for scalar outputs, and the function of value_and_grad returns "
            "float32[2]");
  EXPECT_EQ(message([&] { grad([](Mixed m) { return m.w.sum(); })(Mixed{x, integers({1})}); }),
            "value_and_grad: only Tensors of floating point dtype can require gradients, and the argument has int64 at "
            ".step");
  EXPECT_EQ(message([&] { grad([](double v) { return full({}, v); })(2.0); }),
            "value_and_grad: there is no tensor to differentiate with respect to");
  EXPECT_EQ(message([&] { grad([](Tensor t) { return (t > 1).any(); })(x); }),
            "value_and_grad: the result is bool, which has no gradient");
  EXPECT_EQ(message([&] { vjp([](Tensor t) { return t * 2; }, x).second(floats({1})); }),
            "a cotangent of float32[1] given for a value of float32[2]");
  EXPECT_EQ(message([&] { jvp([](Tensor t) { return t * 2; }, x, floats({1})); }),
            "a tangent of float32[1] given for a value of float32[2]");
  EXPECT_THAT(values(grad([](Tensor) { return full({}, 2.0); })(x)), ElementsAre(0, 0));
}

}  // namespace
}  // namespace lazuli
