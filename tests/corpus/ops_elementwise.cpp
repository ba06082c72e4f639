// Elementwise calls: those of the op table through its generated calls, those with numbers by a list.
#include "ir/op.h"
#include "tests/corpus/ops.h"

namespace lazuli::corpus {
namespace {

struct Call {
  const char* name;
  ir::Op op;
  Tensor (*function)(Tensor*);
  Tensor (*method)(Tensor*);
  Tensor& (*out)(Tensor&, Tensor*);
  Tensor& (*in_place)(Tensor*);
};
const Call kCalls[] = {
#include "op_calls.inc"
};

/// Functions whose results both sides round in their own way. The bound is ours plus PyTorch's.
struct Rounded {
  const char* name;
  Tolerance tolerance;
};
constexpr Rounded kRounded[] = {
    {"sqrt", ulps(1)},  {"rsqrt", ulps(2)},    {"cbrt", ulps(2)},       {"hypot", ulps(2)},     {"exp", ulps(2)},
    {"exp2", ulps(2)},  {"expm1", ulps(3)},    {"log", ulps(2)},        {"log2", ulps(2)},      {"log10", ulps(3)},
    {"log1p", ulps(3)}, {"sin", ulps(3)},      {"cos", ulps(3)},        {"tan", ulps(3)},       {"asin", ulps(3)},
    {"acos", ulps(3)},  {"atan", ulps(3)},     {"atan2", ulps(3)},      {"sinh", ulps(3)},      {"cosh", ulps(3)},
    {"tanh", ulps(3)},  {"asinh", ulps(3)},    {"acosh", ulps(3)},      {"atanh", ulps(3)},     {"erf", ulps(3)},
    {"erfc", ulps(3)},  {"lgamma", scaled(4)}, {"digamma", scaled(24)}, {"sigmoid", ulps(3)},   {"logit", scaled(2)},
    {"silu", ulps(4)},  {"gelu", scaled(4)},   {"softplus", ulps(3)},   {"logaddexp", ulps(4)}, {"xlogy", ulps(3)},
    {"pow", ulps(3)},
};

Tolerance tolerance_of(std::string_view op) {
  for (const Rounded& r : kRounded)
    if (op == r.name) return r.tolerance;
  return kExact;
}

void add_generated(OpTable& table) {
  for (const Call& call : kCalls) {
    const std::string name = call.name;
    const Tolerance tolerance = tolerance_of(name);
    table.add(name, tolerance, [call](auto& t, const Args&) -> Results { return call.function(t.data()); });
    table.add(name + ".method", tolerance, [call](auto& t, const Args&) -> Results { return call.method(t.data()); });
    table.add(name + ".out", tolerance, [call](auto& t, const Args&) -> Results {
      Tensor out = t.back();
      call.out(out, t.data());
      return out;
    });
    if (call.in_place)
      table.add(name + "_", tolerance, [call](auto& t, const Args&) -> Results { return call.in_place(t.data()); });
  }
}

}  // namespace

void add_elementwise_ops(OpTable& table) {
  add_generated(table);
#define LAZULI_NUMBERS(name)                                                                                        \
  {                                                                                                                 \
    const Tolerance tolerance = tolerance_of(#name);                                                                \
    const auto tensors = table.find(#name)->call;                                                                   \
    table.add(#name, tolerance, [tensors](auto& t, const Args& a) -> Results {                                      \
      return a.size() == 0 ? tensors(t, a) : Results(name(t[0], a.scalar(0)));                                      \
    });                                                                                                             \
    table.add(#name ".left", tolerance, [](auto& t, const Args& a) -> Results { return name(a.scalar(0), t[0]); }); \
  }
  LAZULI_NUMBERS(add)
  LAZULI_NUMBERS(sub)
  LAZULI_NUMBERS(mul)
  LAZULI_NUMBERS(div)
  LAZULI_NUMBERS(floor_divide)
  LAZULI_NUMBERS(remainder)
  LAZULI_NUMBERS(fmod)
  LAZULI_NUMBERS(pow)
  LAZULI_NUMBERS(copysign)
  LAZULI_NUMBERS(xlogy)
  LAZULI_NUMBERS(clamp_min)
  LAZULI_NUMBERS(clamp_max)
  LAZULI_NUMBERS(eq)
  LAZULI_NUMBERS(ne)
  LAZULI_NUMBERS(lt)
  LAZULI_NUMBERS(le)
  LAZULI_NUMBERS(gt)
  LAZULI_NUMBERS(ge)
  LAZULI_NUMBERS(bitwise_and)
  LAZULI_NUMBERS(bitwise_or)
  LAZULI_NUMBERS(bitwise_xor)
  LAZULI_NUMBERS(bitwise_left_shift)
  LAZULI_NUMBERS(bitwise_right_shift)
#undef LAZULI_NUMBERS

  table.add("div.mode", kExact, [](auto& t, const Args& a) -> Results {
    return t.size() == 2 ? div(t[0], t[1], a.text(0)) : div(t[0], a.scalar(0), a.text(1));
  });
  table.add("add.alpha", kExact, [](auto& t, const Args& a) -> Results { return add(t[0], t[1], a.scalar(0)); });
  table.add("sub.alpha", kExact, [](auto& t, const Args& a) -> Results { return sub(t[0], t[1], a.scalar(0)); });
  table.add("clamp", kExact, [](auto& t, const Args& a) -> Results {
    if (a.size() == 0) return clamp(t[0], t[1], t[2]);
    if (!a.has(0)) return clamp(t[0], std::nullopt, a.scalar(1));
    if (!a.has(1)) return clamp(t[0], a.scalar(0));
    return clamp(t[0], a.scalar(0), a.scalar(1));
  });
  table.add("where.right", kExact, [](auto& t, const Args& a) -> Results { return where(t[0], t[1], a.scalar(0)); });
  table.add("where.left", kExact, [](auto& t, const Args& a) -> Results { return where(t[0], a.scalar(0), t[1]); });
  table.add("where.numbers", kExact,
            [](auto& t, const Args& a) -> Results { return where(t[0], a.scalar(0), a.scalar(1)); });
  table.add("lerp.weight", kExact, [](auto& t, const Args& a) -> Results { return lerp(t[0], t[1], a.scalar(0)); });
  table.add("to", kExact, [](auto& t, const Args& a) -> Results { return t[0].to(*a.dtype(0)); });
  table.add("result_type", kExact, [](auto& t, const Args& a) -> Results {
    return t.size() == 2 ? result_type(t[0], t[1]) : result_type(t[0], a.scalar(0));
  });
  table.add("add_.scalar", kExact, [](auto& t, const Args& a) -> Results { return t[0].add_(a.scalar(0)); });
  table.add("copy_", kExact, [](auto& t, const Args&) -> Results { return t[0].copy_(t[1]); });
}

}  // namespace lazuli::corpus
