// What PyTorch's page "Tensor Basics" shows: functions and their in-place forms, elements through accessors, memory
// that was there before, numbers and tensors without axes.
#include "port.h"

namespace {

void functions() {
  const p::Tensor angle = p::tensor({0.5, -1.0, 2.0}), other = p::tensor({1.0, 2.0, -0.5});
  show("atan2", angle.atan2(other));
  p::Tensor t = angle.clone();
  t.atan2_(other);
  show("atan2_", t);
  show("pow number", angle.pow(2));
  show("pow tensor", other.abs().pow(angle));
  t = angle.clone();
  t.pow_(3);
  show("pow_ number", t);
  t = other.abs();
  t.pow_(angle);
  show("pow_ tensor", t);
  show("pow function", p::pow(other.abs(), 0.5));
  show("lerp", angle.lerp(other, 0.25));
  t = angle.clone();
  t.lerp_(other, 0.75);
  show("lerp_", t);
  show("lerp weights", angle.lerp(other, p::tensor({0.0, 0.5, 1.0})));
  p::Tensor out = p::empty({3});
  p::add_out(out, angle, other);
  show("add_out", out);
}

void accessors() {
  const p::Tensor grid = p::arange(12, p::kFloat32).reshape({3, 4});
  auto a = grid.accessor<float, 2>();
  float trace = 0;
  for (int64_t i = 0; i < a.size(0); ++i) trace += a[i][i];
  show("trace", trace);
  show("columns", static_cast<double>(a.size(1)));
  a[1][2] = 100;
  show("written through an accessor", grid);
  const p::Tensor turned = grid.t();
  auto b = turned.accessor<float, 2>();
  show("b[3][0]", b[3][0]);
  auto row = b[2];
  show("row of an accessor", row[1]);
  show_refused("an accessor of another type", [&] { grid.accessor<double, 2>(); });
  show_refused("an accessor of another rank", [&] { grid.accessor<float, 3>(); });
}

void memory_of_others() {
  float data[] = {1, 2, 3, 4, 5, 6};
  p::Tensor f = p::from_blob(data, {2, 3});
  show("from_blob", f);
  data[4] = 50;
  show("written behind it", f);
  f += 1;
  f[0][0] = -1;
  show("data[0]", data[0]);
  show("data[5]", data[5]);
  show("from_blob with strides", p::from_blob(data, {3, 2}, {1, 3}));
  double wide[] = {0.5, 1.5};
  show("from_blob of a type", p::from_blob(wide, {2}, p::kFloat64));
  int deleted = 0;
  {
    const p::Tensor own = p::from_blob(data, {6}, [&](void*) { ++deleted; }, p::TensorOptions().dtype(p::kFloat32));
    show("sum", own.sum());
  }
  show("deleted", static_cast<double>(deleted));
}

void numbers() {
  const p::Tensor c = p::ones({2, 2}), a = p::full({2, 3}, 2.0), b = p::full({3, 2}, 0.5);
  const p::Scalar beta = 2, alpha = 0.5;
  show("addmm", p::addmm(c, a, b, beta, alpha));
  show("addmm of plain numbers", p::addmm(c, a, b, 3.0, 1));
  show("sum", c.sum());
  p::Tensor two = p::zeros({3, 4});
  two[1][2] = 4;
  show("two", two);
  const p::Tensor element = two[1][2];
  show("element", element);
  show("its rank", static_cast<double>(element.dim()));
  show("its number", element.item<float>());
  two.select(0, 1).select(0, 2).fill_(7);
  show("seen through it", element);
  show("used as an operand", two + element);
}

}  // namespace

int main() {
  functions();
  accessors();
  memory_of_others();
  numbers();
}
