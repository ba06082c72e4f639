// Every error of gradients on handles: kind, message, and the line of the caller.
#include <functional>

#include "lazuli/lazuli.h"
#include "tests/frontend/litmus.h"

namespace lazuli {
namespace {

using namespace litmus;

struct Case {
  uint32_t line;
  ErrorKind kind;
  const char* message;
  std::function<void()> call;
};

#define REFUSES(kind, message, expression)                                    \
  Case {                                                                      \
    __LINE__, ErrorKind::kind, message, [=]() mutable { (void)(expression); } \
  }

constexpr const char* kSecondTime =
    "Trying to backward through the graph a second time (or directly access saved tensors after they have already been "
    "freed). Saved intermediate values of the graph are freed when you call .backward() or autograd.grad(). Specify "
    "retain_graph=True if you need to backward through the graph a second time or if you need to access saved tensors "
    "after calling backward.";

TEST(HistoryErrors, Table) {
  Tensor w = floats({1, 2, 3}).requires_grad_(), x = floats({4, 5, 6}), whole = integers({1, 2, 3}), none;
  Tensor row = w[0], y = w * 2, unused = floats({7}).requires_grad_();
  Tensor done = (w * w).sum(), observed = w.exp().sum();
  done.backward();
  observed.item();
  observed.backward();
  Tensor behind = observed * 2, constant = no_grad([&] { return w * 2; }), detached = y.detach();
  const std::vector<Case> cases = {
      REFUSES(Value, "element 0 of tensors does not require grad and does not have a grad_fn", x.sum().backward()),
      REFUSES(Value, "element 0 of tensors does not require grad and does not have a grad_fn",
              constant.sum().backward()),
      REFUSES(Value, "element 1 of tensors does not require grad and does not have a grad_fn",
              autograd::backward({w.sum(), x.sum()})),
      REFUSES(Value, "element 0 of tensors does not require grad and does not have a grad_fn",
              detached.sum().backward()),
      REFUSES(Value, "grad can be implicitly created only for scalar outputs", y.backward()),
      REFUSES(Shape, "Mismatch in shape: grad_output[0] has a shape of [2] and output[0] has a shape of [3].",
              y.backward(floats({1, 1}))),
      REFUSES(DType, "grad_output[0] has dtype int64, the output has float32", y.backward(whole)),
      REFUSES(Value, "got 1 tensors and 2 gradients", autograd::backward({y}, {x, x})),
      REFUSES(Value, "One of the differentiated Tensors does not require grad", autograd::grad({y.sum()}, {x})),
      REFUSES(Value,
              "One of the differentiated Tensors appears to not have been used in the graph. Set allow_unused=True if "
              "this is the desired behavior.",
              autograd::grad({y.sum()}, {unused})),
      REFUSES(Value, "grad requires non-empty inputs.", autograd::grad({y.sum()}, {})),
      REFUSES(DType, "only Tensors of floating point dtype can require gradients", whole.requires_grad_()),
      REFUSES(DType, "only Tensors of floating point dtype can require gradients", (x > 4).requires_grad_()),
      REFUSES(Value,
              "you can only change requires_grad flags of leaf variables. If you want to use a computed variable in a "
              "subgraph that doesn't require differentiation use var_no_grad = var.detach().",
              y.requires_grad_(false)),
      REFUSES(Value, "a leaf Variable that requires grad is being used in an in-place operation.", w += 1),
      REFUSES(Value, "a leaf Variable that requires grad is being used in an in-place operation.", w.zero_()),
      REFUSES(Value, "a view of a leaf Variable that requires grad is being used in an in-place operation.", row += 1),
      REFUSES(Value, "a view of a leaf Variable that requires grad is being used in an in-place operation.", w[1] = 5),
      REFUSES(Value, "a view of a leaf Variable that requires grad is being used in an in-place operation.",
              w.index_put_({0}, 5)),
      REFUSES(Value, "a leaf Variable that requires grad is being used in an in-place operation.",
              w.index_put_({w > 1}, 5)),
      REFUSES(Value, kSecondTime, done.backward()),
      REFUSES(Value, kSecondTime, observed.backward()),
      REFUSES(Value, kSecondTime, behind.backward()),
      REFUSES(Value, kSecondTime, autograd::grad({behind}, {w})),
      REFUSES(Value, "can't retain_grad on Tensor that has requires_grad=False", x.retain_grad()),
      REFUSES(Unsupported,
              "a value that requires grad is being written in place into a detached tensor, which would lose its "
              "gradient",
              detached.copy_(y)),
      REFUSES(Value, "an undefined Tensor has no value", none.backward()),
      REFUSES(Value, "an undefined Tensor has no value", none.requires_grad_()),
  };
  for (const Case& c : cases) {
    try {
      c.call();
      ADD_FAILURE() << "line " << c.line << " threw nothing";
    } catch (const Error& e) {
      EXPECT_EQ(e.message(), c.message) << "line " << c.line;
      EXPECT_EQ(e.kind(), c.kind) << "line " << c.line;
      EXPECT_EQ(e.where().line(), c.line);
    }
  }
  EXPECT_THAT(values(w), ElementsAre(1, 2, 3));  // nothing was written
}

TEST(HistoryErrors, WhatReadsNothingMayBeDoneAgain) {
  Tensor w = floats({1, 2}).requires_grad_();
  Tensor loss = (w + 1).sum();
  loss.backward();
  loss.backward();  // as in PyTorch: nothing was saved, so nothing is gone
  EXPECT_THAT(values(w.grad()), ElementsAre(2, 2));
  EXPECT_FALSE(
      autograd::grad({loss}, {floats({1}).requires_grad_()}, {}, {}, false, /*allow_unused=*/true)[0].defined());
}

TEST(HistoryErrors, AFailedBackwardPassChangesNothing) {
  Tensor w = floats({1, 2}).requires_grad_();
  Tensor y = w * w;
  EXPECT_THROW(y.backward(), Error);
  EXPECT_FALSE(w.grad().defined());
  y.sum().backward();
  EXPECT_THAT(values(w.grad()), ElementsAre(2, 4));
}

}  // namespace
}  // namespace lazuli
