// What is refused in gradients and trees.
#include "tests/errors/cases.h"

namespace lazuli::errors {
namespace {

using autograd::AutogradContext;
using autograd::variable_list;

Tensor no_leaf() {
  return w() * 2;
}
void twice() {
  const Tensor loss = (w() * w()).sum();
  loss.backward();
  loss.backward();
}
Tensor captures_tracked() {
  const Tensor weight = w();
  const auto f = custom_gradient([&](Tensor x) { return x * weight; }, [](Tensor g, Tensor, Tensor) { return g; });
  return f(w());
}

template <class B>
void derived_by(B backward) {
  const Tensor x = w();
  custom_gradient([](Tensor y) { return y * 2; }, backward)(x).sum().backward();
}

struct Few : autograd::Function<Few> {
  static Tensor forward(AutogradContext*, Tensor x, Tensor y) { return x * y; }
  static variable_list backward(AutogradContext*, variable_list g) { return {g[0]}; }
};
struct Many : autograd::Function<Many> {
  static Tensor forward(AutogradContext*, Tensor x) { return x * 2; }
  static variable_list backward(AutogradContext*, variable_list g) { return {g[0], g[0]}; }
};
struct ForNumbers : autograd::Function<ForNumbers> {
  static Tensor forward(AutogradContext*, Tensor x, double n) { return x * n; }
  static variable_list backward(AutogradContext*, variable_list g) { return {g[0], g[0]}; }
};
struct WrongKind : autograd::Function<WrongKind> {
  static Tensor forward(AutogradContext* ctx, Tensor x, double n) {
    ctx->saved_data["n"] = n;
    return x * n;
  }
  static variable_list backward(AutogradContext* ctx, variable_list g) {
    return {g[0] * ctx->saved_data["n"].toInt(), Tensor()};
  }
};

}  // namespace

std::vector<Case> autograd_cases() {
  return {
      REFUSES(Value, "element 0 of tensors does not require grad and does not have a grad_fn", m().sum().backward()),
      REFUSES(Value, "grad can be implicitly created only for scalar outputs", (w() * 2).backward()),
      REFUSES(Shape, "Mismatch in shape: grad_output[0] has a shape of [2] and output[0] has a shape of [3].",
              (w() * 2).backward(zeros({2}))),
      REFUSES(DType, "grad_output[0] has dtype int64, the output has float32", (w() * 2).backward(arange(3))),
      REFUSES(Value, "got 1 tensors and 2 gradients", autograd::backward({w().sum()}, {s(), s()})),
      REFUSES(Value, "One of the differentiated Tensors does not require grad", autograd::grad({w().sum()}, {m()})),
      REFUSES(Value,
              "One of the differentiated Tensors appears to not have been used in the graph. Set allow_unused=True if "
              "this is the desired behavior.",
              autograd::grad({w().sum()}, {w()})),
      REFUSES(Value, "grad requires non-empty inputs.", autograd::grad({w().sum()}, {})),
      REFUSES(Value,
              "Trying to backward through the graph a second time (or directly access saved tensors after they have "
              "already been freed). Saved intermediate values of the graph are freed when you call .backward() or "
              "autograd.grad(). Specify retain_graph=True if you need to backward through the graph a second time or "
              "if you need to access saved tensors after calling backward.",
              twice()),
      REFUSES(Value,
              "you can only change requires_grad flags of leaf variables. If you want to use a computed variable in a "
              "subgraph that doesn't require differentiation use var_no_grad = var.detach().",
              no_leaf().requires_grad_(false)),
      REFUSES(Value, "can't retain_grad on Tensor that has requires_grad=False", m().retain_grad()),
      REFUSES(Value, "a leaf Variable that requires grad is being used in an in-place operation.", w().add_(1)),
      REFUSES(Value, "a view of a leaf Variable that requires grad is being used in an in-place operation.",
              w()[0].add_(1)),
      REFUSES(
          Unsupported,
          "a value that requires grad is being written in place into a detached tensor, which would lose its gradient",
          w().detach().copy_(w() * 2)),
      REFUSES(
          Unsupported,
          "a value that requires grad is being written in place into a detached tensor, which would lose its gradient",
          (w() * 2).detach().copy_(w() * 2)),
      REFUSES(DType,
              "value_and_grad: only Tensors of floating point dtype can require gradients, and the argument has int64 "
              "at its only leaf",
              grad([](Tensor x) { return x.sum(); })(k())),
      REFUSES(Value,
              "grad can be implicitly created only for scalar outputs, and the function of value_and_grad returns "
              "float32[3, 4]",
              grad([](Tensor x) { return x; })(m())),
      REFUSES(DType, "value_and_grad: the result is int64, which has no gradient",
              grad([](Tensor x) { return x.argmax(); })(m())),
      REFUSES(Value, "value_and_grad: there is no tensor to differentiate with respect to",
              grad([](double x) { return full({}, x); })(1.0)),
      REFUSES_ANYWHERE(Shape, "a cotangent of float32[4] given for a value of float32[3, 4]",
                       vjp([](Tensor x) { return x * 2; }, m()).second(v())),
      REFUSES_ANYWHERE(Shape, "a tangent of float32[4] given for a value of float32[3, 4]",
                       jvp([](Tensor x) { return x * 2; }, m(), v())),
      REFUSES(Shape,
              "custom_gradient: the backward function returned an invalid gradient at index 0 - got float32[7] but "
              "expected float32[3]",
              derived_by([](Tensor, Tensor, Tensor) { return zeros({7}); })),
      REFUSES(Value,
              "custom_gradient: the backward function returned an incorrect number of gradients (expected 1, got 2)",
              derived_by([](Tensor g, Tensor, Tensor) { return std::pair(g, g); })),
      REFUSES(Value, "custom_gradient: the function uses a tensor that requires grad and is not among its arguments",
              captures_tracked()),
      REFUSES(Unsupported, "custom_result: a custom gradient is defined backwards only",
              jvp(custom_gradient([](Tensor x) { return x * 2; }, [](Tensor g, Tensor, Tensor) { return g * 2; }), m(),
                  m())),
      REFUSES_ANYWHERE(Value, "function returned an incorrect number of gradients (expected 2, got 1)",
                       Few::apply(w(), w()).sum().backward()),
      REFUSES_ANYWHERE(Value, "function returned an incorrect number of gradients (expected 1, got 2)",
                       Many::apply(w()).sum().backward()),
      REFUSES_ANYWHERE(Value,
                       "function returned a gradient different than None at position 2, but the corresponding forward "
                       "input was not a Variable",
                       ForNumbers::apply(w(), 2.0).sum().backward()),
      REFUSES(DType, "saved_data holds a double, not an integer", WrongKind::apply(w(), 2.0).sum().backward()),
      REFUSES(Value, "tree_unflatten: 1 leaves for a tree of 2",
              tree_unflatten(std::pair(m(), m()), std::vector<Tensor>{m()})),
      REFUSES_ANYWHERE(
          Value,
          "tree_map: the trees have different structures: at the whole tree one has a list of 1, the other a list of 0",
          tree_map([](Tensor a, Tensor) { return a; }, std::vector<Tensor>{m()}, std::vector<Tensor>{})),
      REFUSES(Value, "an undefined Tensor has no value", Tensor().backward()),
      REFUSES(Value, "an undefined Tensor has no value", Tensor().requires_grad_()),
      REFUSES(Value, "an undefined Tensor has no value", Tensor().detach()),
  };
}

}  // namespace lazuli::errors
