// Products, functions of neural networks, losses, comparing.
#include "tests/corpus/ops.h"

namespace lazuli::corpus {
namespace {

Reduction reduction_of(const std::string& name) {
  return name == "none" ? Reduction::None : name == "sum" ? Reduction::Sum : Reduction::Mean;
}

void add_products(OpTable& table) {
  using Product = Tensor (*)(const Tensor&, const Tensor&, Location);
  const std::pair<const char*, Product> products[] = {{"matmul", matmul}, {"mm", mm},   {"bmm", bmm},
                                                      {"mv", mv},         {"dot", dot}, {"outer", outer}};
  for (const auto& [name, product] : products)
    table.add(name, sums(1), [product = product](auto& t, const Args&) -> Results {
      return product(t[0], t[1], Location::current());
    });
  table.add("addmm", sums(2),
            [](auto& t, const Args& a) -> Results { return addmm(t[0], t[1], t[2], a.scalar(0), a.scalar(1)); });
  table.add("linear", sums(1), [](auto& t, const Args&) -> Results {
    return t.size() == 2 ? linear(t[0], t[1]) : linear(t[0], t[1], t[2]);
  });
}

void add_losses(OpTable& table) {
  using Loss = Tensor (*)(const Tensor&, const Tensor&, Reduction, Location);
  for (const auto& [name, loss] : {std::pair<const char*, Loss>{"mse_loss", mse_loss}, {"l1_loss", l1_loss}})
    table.add(name, sums(1), [loss = loss](auto& t, const Args& a) -> Results {
      return loss(t[0], t[1], reduction_of(a.text(0)), Location::current());
    });
  table.add("huber_loss", sums(1), [](auto& t, const Args& a) -> Results {
    return huber_loss(t[0], t[1], a.number(1), reduction_of(a.text(0)));
  });
  table.add("binary_cross_entropy_with_logits", sums(1), [](auto& t, const Args& a) -> Results {
    return binary_cross_entropy_with_logits(t[0], t[1], {.reduction = reduction_of(a.text(0))});
  });
  table.add("binary_cross_entropy", sums(1), [](auto& t, const Args& a) -> Results {
    return binary_cross_entropy(t[0], t[1], {.reduction = reduction_of(a.text(0))});
  });
  table.add("cross_entropy", sums(1), [](auto& t, const Args& a) -> Results {
    CrossEntropyOptions o;
    if (t.size() == 3) o.weight = t[2];
    o.reduction = reduction_of(a.text(0));
    o.label_smoothing = a.number(1);
    return cross_entropy(t[0], t[1], o);
  });
  table.add("nll_loss", sums(1), [](auto& t, const Args& a) -> Results {
    return nll_loss(t[0], t[1], {.reduction = reduction_of(a.text(0))});
  });
}

}  // namespace

void add_function_ops(OpTable& table) {
  add_products(table);
  add_losses(table);
  table.add("softmax", ulps(4),
            [](auto& t, const Args& a) -> Results { return softmax(t[0], a.integer(0), a.dtype(1)); });
  table.add("log_softmax", scaled(4),
            [](auto& t, const Args& a) -> Results { return log_softmax(t[0], a.integer(0), a.dtype(1)); });
  table.add("layer_norm", scaled(8), [](auto& t, const Args& a) -> Results {
    const Tensor weight = t.size() > 1 ? t[1] : Tensor(), bias = t.size() > 2 ? t[2] : Tensor();
    return layer_norm(t[0], a.list(0), weight, bias, a.number(1, 1e-5));
  });
  table.add("gelu.approximate", scaled(4), [](auto& t, const Args& a) -> Results { return gelu(t[0], a.text(0)); });
  table.add("leaky_relu", kExact, [](auto& t, const Args& a) -> Results { return leaky_relu(t[0], a.scalar(0)); });
  table.add("isclose", kExact,
            [](auto& t, const Args& a) -> Results { return isclose(t[0], t[1], a.number(0), a.number(1), a.flag(2)); });
  table.add("allclose", kExact, [](auto& t, const Args& a) -> Results {
    return allclose(t[0], t[1], a.number(0), a.number(1), a.flag(2));
  });
  table.add("equal", kExact, [](auto& t, const Args&) -> Results { return equal(t[0], t[1]); });
}

}  // namespace lazuli::corpus
