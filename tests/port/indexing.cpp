// What PyTorch's page "Tensor Indexing API" shows: every kind of index, read and written, and the slices of its table.
#include "port.h"

namespace {

using namespace p::indexing;

void read() {
  const p::Tensor t = p::arange(24).reshape({2, 3, 4});
  show("None", t.index({None}));
  show("Ellipsis twice", t.index({Ellipsis, "..."}));
  show("Ellipsis", t.index({Ellipsis, 0}));
  show("...", t.index({"...", 1}));
  show("1, 2", t.index({1, 2}));
  show("-1, -2", t.index({-1, -2}));
  show("true, false", t.index({true, false}));
  show("true", t.index({true}));
  show("1::2", t.index({Slice(), Slice(1, None, 2)}));
  show("tensor", t.index({Slice(), p::tensor({1, 2})}));
  show("mask", t.index({t > 20}));
  show("mask of rows", t.index({p::tensor({true, false})}));
  show("two tensors", t.index({p::tensor({0, 1}), p::tensor({2, 0})}));
  show("tensor and slice", t.index({p::tensor({1}), Slice(None, 2), p::tensor({3})}));
}

void everything_at_once() {
  const p::Tensor t = p::arange(48).reshape({2, 3, 2, 4});
  show("..., 0, True, 1::2, tensor", t.index({"...", 0, true, Slice(1, None, 2), p::tensor({1, 2})}));
}

void slices() {
  const p::Tensor t = p::arange(8);
  show(":", t.index({Slice()}));
  show(": of two", t.index({Slice(None, None)}));
  show(": of three", t.index({Slice(None, None, None)}));
  show("1:", t.index({Slice(1, None)}));
  show("1::", t.index({Slice(1, None, None)}));
  show(":3", t.index({Slice(None, 3)}));
  show(":3:", t.index({Slice(None, 3, None)}));
  show("::2", t.index({Slice(None, None, 2)}));
  show("1:3", t.index({Slice(1, 3)}));
  show("1::2", t.index({Slice(1, None, 2)}));
  show(":3:2", t.index({Slice(None, 3, 2)}));
  show("1:3:2", t.index({Slice(1, 3, 2)}));
  show("-3:-1", t.index({Slice(-3, -1)}));
  show("beyond the end", t.index({Slice(5, 100)}));
  show_refused("a negative step", [&] { t.index({Slice(None, None, -1)}); });
  show_refused("an index out of range", [&] { t.index({8}); });
  show_refused("too many indices", [&] { t.index({0, 0}); });
}

void written() {
  const auto put = [](const char* name, auto&& write) {
    p::Tensor t = p::zeros({2, 3}, p::kInt64);
    write(t);
    show(name, t);
  };
  put("None = 1", [](p::Tensor& t) { t.index_put_({None}, 1); });
  put("Ellipsis twice = 1", [](p::Tensor& t) { t.index_put_({Ellipsis, "..."}, 1); });
  put("1, 2 = 1", [](p::Tensor& t) { t.index_put_({1, 2}, 1); });
  put("true, false = 1", [](p::Tensor& t) { t.index_put_({true, false}, 1); });
  put("true = 1", [](p::Tensor& t) { t.index_put_({true}, 1); });
  put("1::2 = 1", [](p::Tensor& t) { t.index_put_({Slice(1, None, 2)}, 1); });
  put("tensor = 1", [](p::Tensor& t) { t.index_put_({p::tensor({0, 1})}, 1); });
  put("columns = 1", [](p::Tensor& t) { t.index_put_({Slice(), p::tensor({2, 0})}, 1); });
  put("row = tensor", [](p::Tensor& t) { t.index_put_({0}, p::tensor({7, 8, 9})); });
  put("places = tensor", [](p::Tensor& t) { t.index_put_({p::tensor({0, 1}), p::tensor({1, 2})}, p::tensor({5, 6})); });
  put("mask = 1", [](p::Tensor& t) { t.index_put_({t == 0}, 1); });
  p::Tensor t = p::zeros({3, 2, 4}, p::kInt64);
  t.index_put_({"...", 0, true, Slice(1, None, 2), p::tensor({1, 2})}, 1);
  show("left alone where the indices name none of it", t);
}

}  // namespace

int main() {
  read();
  everything_at_once();
  slices();
  written();
}
