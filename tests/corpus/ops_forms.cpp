// Other forms of what the other tables hold: in place, with out, other names.
#include "tests/corpus/ops.h"

namespace lazuli::corpus {
namespace {

void add_names(OpTable& table) {
#define LAZULI_ONE(name, tolerance) \
  table.add(#name, tolerance, [](auto& t, const Args&) -> Results { return name(t[0]); });
#define LAZULI_TWO(name, tolerance) \
  table.add(#name, tolerance, [](auto& t, const Args&) -> Results { return name(t[0], t[1]); });
  LAZULI_ONE(absolute, kExact)
  LAZULI_ONE(fix, kExact)
  LAZULI_ONE(negative, kExact)
  LAZULI_ONE(arccos, ulps(3))
  LAZULI_ONE(arccosh, ulps(3))
  LAZULI_ONE(arcsin, ulps(3))
  LAZULI_ONE(arcsinh, ulps(3))
  LAZULI_ONE(arctan, ulps(3))
  LAZULI_ONE(arctanh, ulps(3))
  LAZULI_TWO(arctan2, ulps(3))
  LAZULI_TWO(divide, kExact)
  LAZULI_TWO(true_divide, kExact)
  LAZULI_TWO(multiply, kExact)
  LAZULI_TWO(subtract, kExact)
  LAZULI_TWO(greater, kExact)
  LAZULI_TWO(greater_equal, kExact)
  LAZULI_TWO(less, kExact)
  LAZULI_TWO(less_equal, kExact)
  LAZULI_TWO(not_equal, kExact)
#undef LAZULI_ONE
#undef LAZULI_TWO
}

/// Reductions into the last input.
template <class F>
void add_reduction_out(OpTable& table, const std::string& name, F reduce, Tolerance tolerance = kExact) {
  table.add(name + ".out", tolerance, [reduce](auto& t, const Args& a) -> Results {
    reduce(t[1], t[0], a.integer(0));
    return t[1];
  });
}

void add_out(OpTable& table) {
  add_reduction_out(table, "sum", [](Tensor& out, const Tensor& x, int64_t d) { sum_out(out, x, d); }, sums(1));
  add_reduction_out(table, "mean", [](Tensor& out, const Tensor& x, int64_t d) { mean_out(out, x, d); }, sums(1));
  add_reduction_out(table, "amax", [](Tensor& out, const Tensor& x, int64_t d) { amax_out(out, x, d); });
  add_reduction_out(table, "amin", [](Tensor& out, const Tensor& x, int64_t d) { amin_out(out, x, d); });
  add_reduction_out(table, "any", [](Tensor& out, const Tensor& x, int64_t d) { any_out(out, x, d); });
  add_reduction_out(table, "all", [](Tensor& out, const Tensor& x, int64_t d) { all_out(out, x, d); });
  table.add("matmul.out", sums(1), [](auto& t, const Args&) -> Results { return matmul_out(t[2], t[0], t[1]); });
  table.add("mm.out", sums(1), [](auto& t, const Args&) -> Results { return mm_out(t[2], t[0], t[1]); });
}

void add_in_place(OpTable& table) {
  table.add("masked_fill_", kExact,
            [](auto& t, const Args& a) -> Results { return t[0].masked_fill_(t[1], a.scalar(0)); });
  table.add("masked_scatter_", kExact,
            [](auto& t, const Args&) -> Results { return t[0].masked_scatter_(t[1], t[2]); });
  table.add("index_copy_", kExact,
            [](auto& t, const Args& a) -> Results { return t[0].index_copy_(a.integer(0), t[1], t[2]); });
  table.add("index_fill_", kExact,
            [](auto& t, const Args& a) -> Results { return t[0].index_fill_(a.integer(0), t[1], a.scalar(1)); });
  table.add("scatter_", kExact,
            [](auto& t, const Args& a) -> Results { return t[0].scatter_(a.integer(0), t[1], t[2]); });
  table.add("scatter_reduce_", kExact, [](auto& t, const Args& a) -> Results {
    return t[0].scatter_reduce_(a.integer(0), t[1], t[2], a.text(1), a.flag(2));
  });
  table.add("put_", kExact, [](auto& t, const Args& a) -> Results { return t[0].put_(t[1], t[2], a.flag(0)); });
  table.add("cumsum_", kExact, [](auto& t, const Args& a) -> Results { return t[0].cumsum_(a.integer(0)); });
  table.add("cumprod_", kExact, [](auto& t, const Args& a) -> Results { return t[0].cumprod_(a.integer(0)); });
  table.add("clamp_", kExact, [](auto& t, const Args& a) -> Results { return t[0].clamp_(a.scalar(0), a.scalar(1)); });
  table.add("addmm_", sums(2),
            [](auto& t, const Args& a) -> Results { return t[0].addmm_(t[1], t[2], a.scalar(0), a.scalar(1)); });
  table.add("addr_", sums(2),
            [](auto& t, const Args& a) -> Results { return t[0].addr_(t[1], t[2], a.scalar(0), a.scalar(1)); });
}

void add_shapes(OpTable& table) {
  table.add("swapaxes", kExact,
            [](auto& t, const Args& a) -> Results { return t[0].swapaxes(a.integer(0), a.integer(1)); });
  table.add("swapdims", kExact,
            [](auto& t, const Args& a) -> Results { return t[0].swapdims(a.integer(0), a.integer(1)); });
  table.add("moveaxis", kExact,
            [](auto& t, const Args& a) -> Results { return t[0].moveaxis(a.integer(0), a.integer(1)); });
  table.add("split_with_sizes", kExact,
            [](auto& t, const Args& a) -> Results { return t[0].split_with_sizes(a.list(0), a.integer(1)); });
  table.add("expand_as", kExact, [](auto& t, const Args&) -> Results { return t[0].expand_as(t[1]); });
  table.add("reshape_as", kExact, [](auto& t, const Args&) -> Results { return t[0].reshape_as(t[1]); });
  table.add("view_as", kExact, [](auto& t, const Args&) -> Results { return t[0].view_as(t[1]); });
  table.add("type_as", kExact, [](auto& t, const Args&) -> Results { return t[0].type_as(t[1]); });
}

}  // namespace

void add_form_ops(OpTable& table) {
  add_names(table);
  add_out(table);
  add_in_place(table);
  add_shapes(table);
}

}  // namespace lazuli::corpus
