// What PyTorch's page "Tensor Creation API" shows: every factory, sizes, options in all their spellings, conversion.
#include "port.h"

namespace {

void factories() {
  show("arange", p::arange(5));
  show("arange from to", p::arange(5, 10));
  show("arange by", p::arange(1, 2, 0.25));
  show("empty", p::zeros_like(p::empty({2, 3})));
  show("eye", p::eye(3));
  show("eye of two sizes", p::eye(2, 3, p::kInt64));
  show("full", p::full({2, 2}, 7.5));
  show("full of an integer", p::full({2}, 7, p::kInt32));
  show("linspace", p::linspace(0, 1, 5));
  show("logspace", p::logspace(0, 2, 3));
  show("logspace of base 2", p::logspace(0, 3, 4, 2));
  show("ones", p::ones({2, 2}));
  show("zeros", p::zeros({2, 2}));
  const p::Tensor uniform = p::rand({100});
  show("rand in its interval", ((uniform >= 0) & (uniform < 1)).all().item<bool>());
  show("randn of any sign", (p::randn({1000}) < 0).any().item<bool>());
  const p::Tensor drawn = p::randint(10, {5, 5});
  show("randint", ((drawn >= 0) & (drawn < 10)).all().item<bool>());
  show("type of randint", p::zeros_like(drawn));
  const p::Tensor raised = p::randint(3, 10, {5, 5});
  show("randint from", ((raised >= 3) & (raised < 10)).all().item<bool>());
  show("randperm", std::get<0>(p::randperm(10).sort()));
}

void sizes() {
  show("one size", p::ones(5));
  show("a vector of sizes", p::ones(std::vector<int64_t>{2, 3}));
  const p::Tensor t = p::randn({3, 4, 5});
  show("sizes", t.sizes() == std::vector<int64_t>{3, 4, 5});
  show("size(1)", static_cast<double>(t.size(1)));
  show("sizes()[2]", static_cast<double>(t.sizes()[2]));
}

void options() {
  const auto all = p::TensorOptions().dtype(p::kFloat32).layout(p::kStrided).device(p::kCUDA, 1).requires_grad(true);
  show("device", all.device().type() == p::kCUDA);
  show("index", static_cast<double>(all.device().index()));
  show("layout", all.layout() == p::kStrided);
  show("requires_grad", all.requires_grad());
  const p::Tensor t = p::full({3, 4}, /*value=*/123, all.device(p::kCPU));
  show("dtype", t.dtype() == p::kFloat32);
  show("layout of a tensor", t.layout() == p::kStrided);
  show("on the CPU", t.device().is_cpu() && t.device().type() == p::kCPU && !t.is_cuda());
  show("requires_grad of a tensor", t.requires_grad());
  show("full", t);

  const auto defaults = p::TensorOptions();
  show("defaults", p::ones({2}, defaults));
  show("by options", p::ones(10, p::TensorOptions().dtype(p::kFloat64)));
  show("by dtype()", p::ones(10, p::dtype(p::kFloat64)));
  show("by dtype() and layout()", p::ones(10, p::dtype(p::kFloat64).layout(p::kStrided)));
  show("by layout()", p::ones(2, p::layout(p::kStrided)));
  show("by a type", p::ones(10, p::kFloat64));
  show("by device()", p::ones(2, p::device(p::kCPU)));
  show("by a device", p::ones(2, p::kCPU));
  show("by a text", p::ones(2, p::device(p::Device("cpu"))));
  show("by requires_grad()", p::ones(2, p::requires_grad()).requires_grad());
  show("by requires_grad(false)", p::ones(2, p::requires_grad(false)).requires_grad());
  show("chained", p::zeros_like(p::randn({3, 4}, p::dtype(p::kFloat64).device(p::kCPU).requires_grad(true))));
  show("shorthands", p::zeros({1}, p::kF32).dtype() == p::kFloat && p::zeros({1}, p::kI64).dtype() == p::kLong);
  show("options of a tensor", p::ones(2, p::arange(3).options()));
}

void alike() {
  const p::Tensor x = p::arange(4).reshape({2, 2});
  show("zeros_like", p::zeros_like(x));
  show("ones_like", p::ones_like(x, p::kFloat64));
  show("full_like", p::full_like(x, 3));
  show("empty_like", p::empty_like(x, p::dtype(p::kInt8)).zero_());
  show("rand_like", p::zeros_like(p::rand_like(x, p::kFloat32)));
  show("randn_like", p::zeros_like(p::randn_like(x, p::kFloat64)));
  show("randint_like", p::zeros_like(p::randint_like(x, 5)));
  show("new_zeros", x.new_zeros({3}));
  show("new_ones", x.new_ones({3}, p::kFloat32));
  show("new_full", x.new_full({2}, 9));
}

void values() {
  show("tensor of integers", p::tensor({1, 2, 3}));
  show("tensor of rows", p::tensor({{1.5, 2.0}, {3.0, 4.0}}));
  show("tensor of rank 3", p::tensor({{{1, 2}, {3, 4}}, {{5, 6}, {7, 8}}}));
  show("tensor of a type", p::tensor({1, 2}, p::dtype(p::kFloat64)));
  show("tensor of a number", p::tensor(2.5));
  show("tensor of bools", p::tensor({true, false}));
  show("tensor of a vector", p::tensor(std::vector<double>{1, 2}));
  show("tensor of nothing", p::tensor({}));
}

void conversion() {
  show_refused("randn of integers", [] { p::randn({2, 3}, p::kInt64); });
  const p::Tensor source = p::randint(10, {2, 3}, p::kInt64);
  const p::Tensor converted = source.to(p::kFloat32);
  show("converted", p::zeros_like(converted));
  show("to itself", source.to(p::kInt64).is_same(source));
  show("to a device", source.to(p::Device(p::kCPU)).equal(source));
  show("without blocking", source.to(p::kCPU, /*non_blocking=*/true).equal(source));
  show("to options", p::arange(3).to(p::dtype(p::kInt8).device(p::kCPU)));
  show("type_as", p::arange(3).type_as(converted));
  const p::Device second(p::kCUDA, 1);
  show("index of a device", static_cast<double>(second.index()));
  show("name of a device", second.str() == "cuda:1");
}

}  // namespace

int main() {
  factories();
  sizes();
  options();
  alike();
  values();
  conversion();
}
