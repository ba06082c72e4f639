// What PyTorch's pages on autograd in C++ show: gradients of leaves, of vectors, of gradients; modes; functions with a
// gradient of their own.
#include "port.h"

namespace {

void leaves() {
  const p::Tensor x = p::ones({2, 2}, p::requires_grad());
  const p::Tensor y = x + 2, z = y * y * 3, out = z.mean();
  show("y", y);
  show("z", z);
  show("out", out);
  out.backward();
  show("grad", x.grad());

  p::Tensor a = p::arange(4, p::kFloat32).reshape({2, 2});
  a = ((a * 3) / (a - 5));
  show("requires_grad", a.requires_grad());
  a.requires_grad_(true);
  show("requires_grad_", a.requires_grad());
  show("is_leaf", a.is_leaf());
  const p::Tensor b = (a * a).sum();
  show("of a result", b.requires_grad());
  show("is_leaf of a result", b.is_leaf());
  b.backward();
  show("2a", a.grad());
  (a * 2).sum().backward();
  show("accumulated", a.grad());
  a.mutable_grad() = p::Tensor();
  show("dropped", a.grad());
}

void vectors() {
  const p::Tensor x = p::tensor({0.5, -1.0, 0.25}, p::requires_grad());
  p::Tensor y = x * 2;
  while (y.norm().item<double>() < 1000) y = y * 2;
  show("y", y);
  const auto v = p::tensor({0.1, 1.0, 0.0001}, p::kFloat);
  y.backward(v);
  show("product with v", x.grad());
  show_refused("no vector", [&] { (x * 2).backward(); });
}

void modes() {
  const p::Tensor x = p::ones({2}, p::requires_grad());
  show("recorded", x.pow(2).requires_grad());
  {
    p::NoGradGuard no_grad;
    show("in NoGradGuard", x.pow(2).requires_grad());
    {
      p::AutoGradMode enable(true);
      show("enabled again", x.pow(2).requires_grad());
    }
  }
  show("after it", x.pow(2).requires_grad());
  {
    p::InferenceMode guard;
    show("in InferenceMode", (x * 2).requires_grad());
  }
  const p::Tensor y = x.detach();
  show("detached", y.requires_grad());
  show("same content", x.eq(y).all().item<bool>());
  p::Tensor z = x * 2;
  z.detach_();
  show("detach_", z.requires_grad());
  p::Tensor kept = x * 3;
  kept.retain_grad();
  kept.sum().backward();
  show("retained", kept.grad());
  show("data", x.data().requires_grad());
}

void of_gradients() {
  const p::Tensor weight = p::tensor({{0.5, -1.0}, {2.0, 0.25}, {1.0, 1.0}});
  const p::Tensor input = p::tensor({{1.0, 2.0}, {-1.0, 0.5}}).requires_grad_(true);
  const p::Tensor output = input.mm(weight.t()).pow(2), target = p::ones({2, 3});
  const p::Tensor loss = p::mse_loss(output, target);
  const p::Tensor grad_output = p::ones_like(output);
  p::Tensor gradient = p::autograd::grad({output}, {input}, /*grad_outputs=*/{grad_output},
                                         /*retain_graph=*/true, /*create_graph=*/true, /*allow_unused=*/true)[0];
  show("gradient", gradient);
  gradient = gradient.view({-1, 1});
  const p::Tensor penalty = p::pow((gradient.norm(2, /*dim=*/1) - 1), 2).mean();
  show("penalty", penalty);
  const p::Tensor combined = loss + penalty;
  combined.backward();
  show("input.grad", input.grad());

  const p::Tensor x = p::tensor({2.0, 3.0}, p::requires_grad()), unused = p::ones({2}, p::requires_grad());
  const auto first = p::autograd::grad({x.pow(3).sum()}, {x}, {}, true, true);
  const auto second = p::autograd::grad({first[0].sum()}, {x}, {}, true, true);
  show("first", first);
  show("second", second);
  show("unused", p::autograd::grad({x.sum()}, {x, unused}, {}, {}, false, /*allow_unused=*/true));
  show_refused("unused without leave", [&] { p::autograd::grad({x.sum()}, {unused}); });
  p::autograd::backward({x.sum(), (x * x).sum()});
  show("of two outputs", x.grad());
  p::autograd::backward({x * 2}, {p::tensor({1.0, 10.0})});
  show("accumulated", x.grad());
}

using p::autograd::AutogradContext;
using p::autograd::Function;
using p::autograd::Variable;
using p::autograd::variable_list;

class LinearFunction : public Function<LinearFunction> {
 public:
  static Variable forward(AutogradContext* ctx, Variable input, Variable weight, Variable bias = Variable()) {
    ctx->save_for_backward({input, weight, bias});
    auto output = input.mm(weight.t());
    if (bias.defined()) output += bias.unsqueeze(0).expand_as(output);
    return output;
  }
  static variable_list backward(AutogradContext* ctx, variable_list grad_outputs) {
    const auto saved = ctx->get_saved_variables();
    const auto input = saved[0], weight = saved[1], bias = saved[2];
    const auto g = grad_outputs[0];
    auto grad_bias = Variable();
    if (bias.defined()) grad_bias = g.sum(0);
    return {g.mm(weight), g.t().mm(input), grad_bias};
  }
};

class MulConstant : public Function<MulConstant> {
 public:
  static Variable forward(AutogradContext* ctx, Variable variable, double constant) {
    ctx->saved_data["constant"] = constant;
    return variable * constant;
  }
  static variable_list backward(AutogradContext* ctx, variable_list grad_outputs) {
    return {grad_outputs[0] * ctx->saved_data["constant"].toDouble(), Variable()};
  }
};

/// Two results; what it saves is one of them and a value between.
class SineAndCube : public Function<SineAndCube> {
 public:
  static variable_list forward(AutogradContext* ctx, Variable x) {
    const auto square = x * x, cube = square * x, sine = x.sin();
    ctx->save_for_backward({x, square, cube});
    return {sine, cube};
  }
  static variable_list backward(AutogradContext* ctx, variable_list grad_outputs) {
    const auto saved = ctx->get_saved_variables();
    return {grad_outputs[0] * saved[0].cos() + grad_outputs[1] * saved[1] * 3};
  }
};

void own_functions() {
  auto x = p::tensor({{1.0, 2.0, 3.0}, {-1.0, 0.5, 0.0}}).requires_grad_();
  auto weight = p::arange(12, p::kFloat32).reshape({4, 3}).requires_grad_();
  auto bias = p::ones({4}).requires_grad_();
  auto y = LinearFunction::apply(x, weight);
  show("y", y);
  y.sum().backward();
  show("x.grad", x.grad());
  show("weight.grad", weight.grad());
  LinearFunction::apply(x, weight, bias).pow(2).sum().backward();
  show("bias.grad", bias.grad());
  show("x.grad of both", x.grad());

  auto z = p::tensor({1.0, -2.0}).requires_grad_();
  MulConstant::apply(z, 5.5).sum().backward();
  show("z.grad", z.grad());

  auto w = p::tensor({0.5, 1.5}).requires_grad_();
  const auto both = SineAndCube::apply(w);
  show("both", both);
  (both[0] * 2 + both[1]).sum().backward();
  show("w.grad", w.grad());
}

}  // namespace

int main() {
  leaves();
  vectors();
  modes();
  of_gradients();
  own_functions();
}
