// Further functions: shapes, scans, sorting, products of several tensors.
#include "tests/corpus/ops.h"

namespace lazuli::corpus {
namespace {

using Unary = Tensor (*)(const Tensor& x, const Args& a);

void add_new(OpTable& table, const std::string& name, Unary make, Tolerance tolerance = kExact) {
  table.add(name, tolerance, [make](auto& t, const Args& a) -> Results { return make(t[0], a); });
}

void add_shapes(OpTable& table) {
  add_new(table, "roll", [](const Tensor& x, const Args& a) { return roll(x, a.list(0), a.list(1)); });
  add_new(table, "rot90", [](const Tensor& x, const Args& a) {
    return a.has(1) ? rot90(x, a.integer(0), a.list(1)) : rot90(x, a.integer(0, 1));
  });
  add_new(table, "repeat", [](const Tensor& x, const Args& a) { return x.repeat(a.list(0)); });
  add_new(table, "tile", [](const Tensor& x, const Args& a) { return tile(x, a.list(0)); });
  add_new(table, "diag", [](const Tensor& x, const Args& a) { return diag(x, a.integer(0, 0)); });
  add_new(table, "diag_embed", [](const Tensor& x, const Args& a) {
    return diag_embed(x, a.integer(0, 0), a.integer(1, -2), a.integer(2, -1));
  });
  add_new(table, "diagflat", [](const Tensor& x, const Args& a) { return diagflat(x, a.integer(0, 0)); });
  add_new(table, "fliplr", [](const Tensor& x, const Args&) { return fliplr(x); });
  add_new(table, "flipud", [](const Tensor& x, const Args&) { return flipud(x); });
  add_new(table, "ravel", [](const Tensor& x, const Args&) { return ravel(x); });
  add_new(table, "atleast_1d", [](const Tensor& x, const Args&) { return atleast_1d(x); });
  add_new(table, "atleast_2d", [](const Tensor& x, const Args&) { return atleast_2d(x); });
  add_new(table, "atleast_3d", [](const Tensor& x, const Args&) { return atleast_3d(x); });
  add_new(table, "broadcast_to", [](const Tensor& x, const Args& a) { return broadcast_to(x, a.list(0)); });
  table.add("repeat_interleave", kExact, [](auto& t, const Args& a) -> Results {
    return t.size() == 2 ? repeat_interleave(t[0], t[1], a.maybe(0))
                         : repeat_interleave(t[0], a.integer(0), a.maybe(1));
  });
  table.add("hstack", kExact, [](auto& t, const Args&) -> Results { return hstack(t); });
  table.add("vstack", kExact, [](auto& t, const Args&) -> Results { return vstack(t); });
  table.add("dstack", kExact, [](auto& t, const Args&) -> Results { return dstack(t); });
  table.add("column_stack", kExact, [](auto& t, const Args&) -> Results { return column_stack(t); });
  table.add("broadcast_tensors", kExact, [](auto& t, const Args&) -> Results { return broadcast_tensors(t); });
}

void add_scans(OpTable& table) {
  // Terms of one sign or small whole numbers: the sums of both sides are rounded at most once per term.
  add_new(table, "cumsum", [](const Tensor& x, const Args& a) { return cumsum(x, a.integer(0), a.dtype(1)); }, sums(4));
  add_new(
      table, "cumprod", [](const Tensor& x, const Args& a) { return cumprod(x, a.integer(0), a.dtype(1)); }, ulps(4));
  add_new(
      table, "logcumsumexp", [](const Tensor& x, const Args& a) { return logcumsumexp(x, a.integer(0)); }, scaled(4));
  table.add("cummax", kExact, [](auto& t, const Args& a) -> Results { return cummax(t[0], a.integer(0)); });
  table.add("cummin", kExact, [](auto& t, const Args& a) -> Results { return cummin(t[0], a.integer(0)); });
  add_new(table, "diff", [](const Tensor& x, const Args& a) { return diff(x, a.integer(0, 1), a.integer(1, -1)); });
  add_new(
      table, "trapezoid", [](const Tensor& x, const Args& a) { return trapezoid(x, a.number(0, 1), a.integer(1, -1)); },
      sums(2));
}

void add_order(OpTable& table) {
  table.add("sort", kExact, [](auto& t, const Args& a) -> Results { return sort(t[0], a.integer(0, -1), a.flag(1)); });
  table.add("sort.stable", kExact,
            [](auto& t, const Args& a) -> Results { return sort(t[0], true, a.integer(0, -1), a.flag(1)); });
  add_new(table, "argsort", [](const Tensor& x, const Args& a) { return argsort(x, a.integer(0, -1), a.flag(1)); });
  add_new(table, "msort", [](const Tensor& x, const Args&) { return msort(x); });
  table.add("topk", kExact, [](auto& t, const Args& a) -> Results {
    return topk(t[0], a.integer(0), a.integer(1, -1), !a.has(2) || a.flag(2));
  });
  table.add("kthvalue", kExact, [](auto& t, const Args& a) -> Results {
    return kthvalue(t[0], a.integer(0), a.integer(1, -1), a.flag(2));
  });
  table.add("median", kExact, [](auto& t, const Args& a) -> Results {
    if (!a.has(0)) return median(t[0]);
    return median(t[0], a.integer(0), a.flag(1));
  });
  table.add("nanmedian", kExact, [](auto& t, const Args& a) -> Results {
    if (!a.has(0)) return nanmedian(t[0]);
    return nanmedian(t[0], a.integer(0), a.flag(1));
  });
  table.add("mode", kExact, [](auto& t, const Args& a) -> Results { return mode(t[0], a.integer(0, -1), a.flag(1)); });
  table.add("quantile", ulps(2), [](auto& t, const Args& a) -> Results {
    return quantile(t[0], a.number(0), a.maybe(1), a.flag(2), a.has(3) ? a.text(3) : "linear");
  });
  table.add("unique", kExact, [](auto& t, const Args&) -> Results {
    const auto [values, inverse, counts] = unique(t[0], true, true, true);
    return std::vector<Tensor>{values, inverse, counts};
  });
  table.add("unique_consecutive", kExact, [](auto& t, const Args&) -> Results {
    const auto [values, inverse, counts] = unique_consecutive(t[0], true, true);
    return std::vector<Tensor>{values, inverse, counts};
  });
  table.add("searchsorted", kExact,
            [](auto& t, const Args& a) -> Results { return searchsorted(t[0], t[1], a.flag(0), a.flag(1)); });
  table.add("bucketize", kExact,
            [](auto& t, const Args& a) -> Results { return bucketize(t[0], t[1], a.flag(0), a.flag(1)); });
  table.add("bincount", kExact, [](auto& t, const Args& a) -> Results {
    return bincount(t[0], t.size() > 1 ? t[1] : Tensor(), a.integer(0, 0));
  });
  table.add("isin", kExact, [](auto& t, const Args&) -> Results { return isin(t[0], t[1]); });
}

void add_products(OpTable& table) {
  table.add("baddbmm", sums(2),
            [](auto& t, const Args& a) -> Results { return baddbmm(t[0], t[1], t[2], a.scalar(0), a.scalar(1)); });
  table.add("addbmm", sums(2),
            [](auto& t, const Args& a) -> Results { return addbmm(t[0], t[1], t[2], a.scalar(0), a.scalar(1)); });
  table.add("addmv", sums(2),
            [](auto& t, const Args& a) -> Results { return addmv(t[0], t[1], t[2], a.scalar(0), a.scalar(1)); });
  table.add("addr", sums(2),
            [](auto& t, const Args& a) -> Results { return addr(t[0], t[1], t[2], a.scalar(0), a.scalar(1)); });
  add_new(table, "trace", [](const Tensor& x, const Args&) { return trace(x); });
  table.add("einsum", sums(1), [](auto& t, const Args& a) -> Results { return einsum(a.text(0), t); });
  table.add("tensordot", sums(1),
            [](auto& t, const Args& a) -> Results { return tensordot(t[0], t[1], a.integer(0)); });
  table.add("tensordot.dims", sums(1),
            [](auto& t, const Args& a) -> Results { return tensordot(t[0], t[1], a.list(0), a.list(1)); });
  table.add("inner", sums(1), [](auto& t, const Args&) -> Results { return inner(t[0], t[1]); });
  table.add("kron", kExact, [](auto& t, const Args&) -> Results { return kron(t[0], t[1]); });
  table.add("cross", sums(2), [](auto& t, const Args& a) -> Results { return cross(t[0], t[1], a.maybe(0)); });
  table.add("chain_matmul", sums(4), [](auto& t, const Args&) -> Results { return chain_matmul(t); });
  table.add("matrix_power", sums(4),
            [](auto& t, const Args& a) -> Results { return matrix_power(t[0], a.integer(0)); });
}

void add_pointwise(OpTable& table) {
  table.add("addcmul.value", kExact,
            [](auto& t, const Args& a) -> Results { return addcmul(t[0], t[1], t[2], a.scalar(0)); });
  table.add("addcdiv.value", ulps(1),
            [](auto& t, const Args& a) -> Results { return addcdiv(t[0], t[1], t[2], a.scalar(0)); });
  table.add("rsub", kExact, [](auto& t, const Args& a) -> Results {
    return t.size() == 2 ? rsub(t[0], t[1], a.scalar(0)) : rsub(t[0], a.scalar(0), a.scalar(1));
  });
  table.add("float_power", ulps(3), [](auto& t, const Args& a) -> Results {
    return t.size() == 2 ? float_power(t[0], t[1]) : float_power(t[0], a.scalar(0));
  });
  table.add("logaddexp2", ulps(4), [](auto& t, const Args&) -> Results { return logaddexp2(t[0], t[1]); });
  add_new(table, "sinc", [](const Tensor& x, const Args&) { return sinc(x); }, scaled(2));
  table.add("ldexp", kExact, [](auto& t, const Args&) -> Results { return ldexp(t[0], t[1]); });
  add_new(table, "positive", [](const Tensor& x, const Args&) { return positive(x); });
  add_new(table, "sgn", [](const Tensor& x, const Args&) { return sgn(x); });
  add_new(table, "round.decimals", [](const Tensor& x, const Args& a) { return round(x, a.integer(0)); }, ulps(1));
  add_new(table, "nan_to_num.values",
          [](const Tensor& x, const Args& a) { return nan_to_num(x, a.number(0), a.number(1), a.number(2)); });
}

void add_reductions(OpTable& table) {
  table.add("aminmax", kExact, [](auto& t, const Args& a) -> Results { return aminmax(t[0], a.maybe(0), a.flag(1)); });
  add_new(table, "nansum", [](const Tensor& x, const Args& a) { return nansum(x, a.dims(0), a.flag(1)); }, sums(4));
  add_new(table, "nanmean", [](const Tensor& x, const Args& a) { return nanmean(x, a.dims(0), a.flag(1)); }, sums(4));
  table.add("var_mean", sums(4),
            [](auto& t, const Args& a) -> Results { return var_mean(t[0], a.dims(0), 1, a.flag(1)); });
  table.add("std_mean", sums(4),
            [](auto& t, const Args& a) -> Results { return std_mean(t[0], a.dims(0), 1, a.flag(1)); });
  table.add("dist", sums(4), [](auto& t, const Args& a) -> Results { return dist(t[0], t[1], a.scalar(0)); });
}

void add_indices(OpTable& table) {
  table.add("take", kExact, [](auto& t, const Args&) -> Results { return take(t[0], t[1]); });
  table.add("scatter", kExact,
            [](auto& t, const Args& a) -> Results { return scatter(t[0], a.integer(0), t[1], t[2]); });
  table.add("scatter.number", kExact,
            [](auto& t, const Args& a) -> Results { return scatter(t[0], a.integer(0), t[1], a.scalar(1)); });
  table.add("scatter_reduce", ulps(2), [](auto& t, const Args& a) -> Results {
    return scatter_reduce(t[0], a.integer(0), t[1], t[2], a.text(1), a.flag(2));
  });
  table.add("index_copy", kExact,
            [](auto& t, const Args& a) -> Results { return index_copy(t[0], a.integer(0), t[1], t[2]); });
  table.add("index_fill", kExact,
            [](auto& t, const Args& a) -> Results { return index_fill(t[0], a.integer(0), t[1], a.scalar(1)); });
  table.add("masked_fill", kExact,
            [](auto& t, const Args& a) -> Results { return masked_fill(t[0], t[1], a.scalar(0)); });
  table.add("masked_fill.tensor", kExact,
            [](auto& t, const Args&) -> Results { return masked_fill(t[0], t[1], t[2]); });
  table.add("masked_select", kExact, [](auto& t, const Args&) -> Results { return masked_select(t[0], t[1]); });
  table.add("masked_scatter", kExact, [](auto& t, const Args&) -> Results { return masked_scatter(t[0], t[1], t[2]); });
  table.add("put", kExact, [](auto& t, const Args& a) -> Results { return put(t[0], t[1], t[2], a.flag(0)); });
  add_new(table, "nonzero", [](const Tensor& x, const Args&) { return nonzero(x); });
  add_new(table, "argwhere", [](const Tensor& x, const Args&) { return argwhere(x); });
  table.add("select_scatter", kExact,
            [](auto& t, const Args& a) -> Results { return select_scatter(t[0], t[1], a.integer(0), a.integer(1)); });
  table.add("slice_scatter", kExact, [](auto& t, const Args& a) -> Results {
    return slice_scatter(t[0], t[1], a.integer(0), a.integer(1), a.integer(2), a.integer(3));
  });
  table.add("diagonal_scatter", kExact,
            [](auto& t, const Args& a) -> Results { return diagonal_scatter(t[0], t[1], a.integer(0, 0)); });
}

}  // namespace

void add_more_ops(OpTable& table) {
  add_shapes(table);
  add_scans(table);
  add_order(table);
  add_products(table);
  add_pointwise(table);
  add_reductions(table);
  add_indices(table);
}

}  // namespace lazuli::corpus
