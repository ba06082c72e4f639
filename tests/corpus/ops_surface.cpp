// What scripts/corpus/surface.py records: padding, splitting, statistics, special functions, linalg, activations, and
// out forms of functions with several results.
#include "tests/corpus/ops.h"

namespace lazuli::corpus {
namespace {

using Unary = Tensor (*)(const Tensor& x, const Args& a);
using Binary = Tensor (*)(const Tensor& x, const Tensor& y, const Args& a);
using Splitting = std::vector<Tensor> (*)(const Tensor& x, const Args& a);

void one(OpTable& table, const std::string& name, Unary make, Tolerance tolerance = kExact) {
  table.add(name, tolerance, [make](auto& t, const Args& a) -> Results { return make(t[0], a); });
}
void two(OpTable& table, const std::string& name, Binary make, Tolerance tolerance = kExact) {
  table.add(name, tolerance, [make](auto& t, const Args& a) -> Results { return make(t[0], t[1], a); });
}

Results all_of(const std::tuple<Tensor, Tensor, Tensor>& r) {
  return std::vector<Tensor>{std::get<0>(r), std::get<1>(r), std::get<2>(r)};
}

void add_arranging(OpTable& table) {
  const std::pair<const char*, Splitting> splits[] = {
      {"hsplit",
       [](const Tensor& x, const Args& a) {
         return a[0].kind == Arg::Kind::List ? hsplit(x, a.list(0)) : hsplit(x, a.integer(0));
       }},
      {"vsplit",
       [](const Tensor& x, const Args& a) {
         return a[0].kind == Arg::Kind::List ? vsplit(x, a.list(0)) : vsplit(x, a.integer(0));
       }},
      {"dsplit", [](const Tensor& x, const Args& a) {
         return a[0].kind == Arg::Kind::List ? dsplit(x, a.list(0)) : dsplit(x, a.integer(0));
       }}};
  for (const auto& [name, split] : splits)
    table.add(name, kExact, [split = split](auto& t, const Args& a) -> Results { return split(t[0], a); });
  table.add("block_diag", kExact, [](auto& t, const Args&) -> Results { return block_diag(t); });
  table.add("cartesian_prod", kExact, [](auto& t, const Args&) -> Results { return cartesian_prod(t); });
  one(table, "combinations", [](const Tensor& x, const Args& a) { return combinations(x, a.integer(0), a.flag(1)); });
  one(table, "vander", [](const Tensor& x, const Args& a) { return vander(x, a.maybe(0), a.flag(1)); }, ulps(2));
  one(table, "sum_to_size", [](const Tensor& x, const Args& a) { return x.sum_to_size(a.list(0)); }, sums(1));
  one(table, "tril", [](const Tensor& x, const Args& a) { return tril(x, a.integer(0, 0)); });
  one(table, "triu", [](const Tensor& x, const Args& a) { return triu(x, a.integer(0, 0)); });
  table.add("tril_indices", kExact,
            [](auto&, const Args& a) -> Results { return tril_indices(a.integer(0), a.integer(1), a.integer(2, 0)); });
  table.add("triu_indices", kExact,
            [](auto&, const Args& a) -> Results { return triu_indices(a.integer(0), a.integer(1), a.integer(2, 0)); });
  table.add("meshgrid", kExact, [](auto& t, const Args& a) -> Results { return meshgrid(t, a.text(0)); });
  table.add("unique_dim", kExact,
            [](auto& t, const Args& a) -> Results { return all_of(unique_dim(t[0], a.integer(0), true, true, true)); });
  table.add("unique_consecutive.dim", kExact, [](auto& t, const Args& a) -> Results {
    return all_of(unique_consecutive(t[0], true, true, a.integer(0)));
  });
}

void add_statistics(OpTable& table) {
  one(table, "histc", [](const Tensor& x, const Args& a) { return histc(x, a.integer(0), a.scalar(1), a.scalar(2)); });
  one(table, "cov", [](const Tensor& x, const Args& a) { return cov(x, a.integer(0)); }, sums(4));
  two(table, "cov.f", [](const Tensor& x, const Tensor& w, const Args& a) { return cov(x, a.integer(0), w); }, sums(4));
  two(
      table, "cov.a", [](const Tensor& x, const Tensor& w, const Args& a) { return cov(x, a.integer(0), {}, w); },
      sums(4));
  table.add("cov.fa", sums(4), [](auto& t, const Args& a) -> Results { return cov(t[0], a.integer(0), t[1], t[2]); });
  one(table, "corrcoef", [](const Tensor& x, const Args&) { return corrcoef(x); }, sums(4));
  two(
      table, "cdist", [](const Tensor& x, const Tensor& y, const Args& a) { return cdist(x, y, a.number(0)); },
      sums(2));
  one(table, "pdist", [](const Tensor& x, const Args& a) { return pdist(x, a.number(0)); }, sums(2));
  two(
      table, "pairwise_distance",
      [](const Tensor& x, const Tensor& y, const Args& a) {
        return pairwise_distance(x, y, a.number(0), a.number(1), a.flag(2));
      },
      sums(2));
  two(
      table, "cosine_similarity",
      [](const Tensor& x, const Tensor& y, const Args& a) { return cosine_similarity(x, y, a.integer(0)); }, sums(4));
  one(
      table, "renorm", [](const Tensor& x, const Args& a) { return renorm(x, a.scalar(0), a.integer(1), a.scalar(2)); },
      sums(2));
}

void add_special(OpTable& table) {
  two(table, "gcd", [](const Tensor& x, const Tensor& y, const Args&) { return gcd(x, y); });
  two(table, "lcm", [](const Tensor& x, const Tensor& y, const Args&) { return lcm(x, y); });
  table.add("frexp", kExact, [](auto& t, const Args&) -> Results { return frexp(t[0]); });
  one(table, "angle", [](const Tensor& x, const Args&) { return angle(x); });
  one(table, "erfinv", [](const Tensor& x, const Args&) { return erfinv(x); }, ulps(6));
  one(table, "polygamma", [](const Tensor& x, const Args& a) { return polygamma(a.integer(0), x); }, scaled(16));
  one(table, "mvlgamma", [](const Tensor& x, const Args& a) { return mvlgamma(x, a.integer(0)); }, scaled(8));
  one(table, "logit.eps", [](const Tensor& x, const Args& a) { return logit(x, a.number(0)); }, scaled(4));
  one(table, "special_expit", [](const Tensor& x, const Args&) { return special::expit(x); }, ulps(3));
  one(table, "special_gammaln", [](const Tensor& x, const Args&) { return special::gammaln(x); }, scaled(4));
  one(table, "special_psi", [](const Tensor& x, const Args&) { return special::psi(x); }, scaled(16));
  one(table, "special_entr", [](const Tensor& x, const Args&) { return special::entr(x); }, ulps(4));
  one(table, "special_ndtr", [](const Tensor& x, const Args&) { return special_ndtr(x); }, scaled(2));
  one(table, "special_log_ndtr", [](const Tensor& x, const Args&) { return special_log_ndtr(x); }, scaled(8));
  one(table, "special_erfcx", [](const Tensor& x, const Args&) { return special::erfcx(x); }, ulps(16));
  two(
      table, "special_xlog1py", [](const Tensor& x, const Tensor& y, const Args&) { return special::xlog1py(x, y); },
      ulps(4));
  two(
      table, "special_zeta", [](const Tensor& x, const Tensor& y, const Args&) { return special::zeta(x, y); },
      ulps(16));
}

void add_linalg(OpTable& table) {
  one(
      table, "linalg_vector_norm",
      [](const Tensor& x, const Args& a) { return linalg::vector_norm(x, a.scalar(0), a.dims(1), a.flag(2)); },
      sums(2));
  const auto axes = [](const Args& a, size_t i) { return a.has(i) ? a.list(i) : std::vector<int64_t>{-2, -1}; };
  table.add("linalg_matrix_norm", sums(2), [axes](auto& t, const Args& a) -> Results {
    if (a[0].kind == Arg::Kind::Text) return linalg::matrix_norm(t[0], a.text(0), axes(a, 1), a.flag(2));
    return linalg::matrix_norm(t[0], a.scalar(0), axes(a, 1), a.flag(2));
  });
  table.add("linalg_norm", sums(2), [](auto& t, const Args& a) -> Results {
    if (a[0].kind == Arg::Kind::Text) return linalg::norm(t[0], a.text(0));
    return a.has(0) ? linalg::norm(t[0], a.scalar(0), a.dims(1)) : linalg_norm(t[0]);
  });
  two(
      table, "linalg_cross",
      [](const Tensor& x, const Tensor& y, const Args& a) { return linalg::cross(x, y, a.integer(0)); }, sums(2));
  two(
      table, "linalg_vecdot",
      [](const Tensor& x, const Tensor& y, const Args& a) { return linalg::vecdot(x, y, a.integer(0)); }, sums(2));
  two(
      table, "linalg_matmul", [](const Tensor& x, const Tensor& y, const Args&) { return linalg_matmul(x, y); },
      sums(1));
  one(table, "linalg_diagonal", [](const Tensor& x, const Args& a) { return linalg::diagonal(x, a.integer(0)); });
  one(table, "linalg_vander", [](const Tensor& x, const Args& a) { return linalg::vander(x, a.integer(0)); });
  one(
      table, "linalg_matrix_power",
      [](const Tensor& x, const Args& a) { return linalg::matrix_power(x, a.integer(0)); }, sums(4));
  table.add("linalg_multi_dot", sums(4), [](auto& t, const Args&) -> Results { return linalg::multi_dot(t); });
}

void add_activations(OpTable& table) {
  one(table, "elu", [](const Tensor& x, const Args& a) { return elu(x, a.number(0, 1)); }, ulps(4));
  one(table, "selu", [](const Tensor& x, const Args&) { return selu(x); }, ulps(4));
  one(table, "celu", [](const Tensor& x, const Args& a) { return celu(x, a.number(0, 1)); }, ulps(4));
  one(table, "mish", [](const Tensor& x, const Args&) { return mish(x); }, ulps(6));
  one(table, "log_sigmoid", [](const Tensor& x, const Args&) { return log_sigmoid(x); }, ulps(4));
  one(table, "softsign", [](const Tensor& x, const Args&) { return softsign(x); }, ulps(1));
  one(table, "tanhshrink", [](const Tensor& x, const Args&) { return tanhshrink(x); }, scaled(2));
  one(table, "hardtanh",
      [](const Tensor& x, const Args& a) { return a.has(0) ? hardtanh(x, a.scalar(0), a.scalar(1)) : hardtanh(x); });
  one(table, "relu6", [](const Tensor& x, const Args&) { return relu6(x); });
  one(table, "hardsigmoid", [](const Tensor& x, const Args&) { return hardsigmoid(x); }, ulps(1));
  one(table, "hardswish", [](const Tensor& x, const Args&) { return hardswish(x); }, ulps(2));
  one(table, "threshold", [](const Tensor& x, const Args& a) { return threshold(x, a.scalar(0), a.scalar(1)); });
  one(table, "hardshrink", [](const Tensor& x, const Args& a) { return hardshrink(x, a.number(0, 0.5)); });
  one(table, "softshrink", [](const Tensor& x, const Args& a) { return softshrink(x, a.number(0, 0.5)); });
  two(table, "prelu", [](const Tensor& x, const Tensor& w, const Args&) { return prelu(x, w); });
  one(table, "glu", [](const Tensor& x, const Args& a) { return glu(x, a.integer(0)); }, ulps(3));
}

void add_integrals(OpTable& table) {
  one(table, "trapz", [](const Tensor& y, const Args& a) { return trapz(y, a.number(0), a.integer(1)); }, sums(2));
  table.add("cumulative_trapezoid", sums(2), [](auto& t, const Args& a) -> Results {
    return t.size() == 2 ? cumulative_trapezoid(t[0], t[1], a.integer(1))
                         : cumulative_trapezoid(t[0], a.number(0), a.integer(1));
  });
  table.add("gradient", sums(2),
            [](auto& t, const Args& a) -> Results { return gradient(t[0], a.scalar(0), a.list(1), a.integer(2)); });
  one(
      table, "nanquantile",
      [](const Tensor& x, const Args& a) { return nanquantile(x, a.number(0), a.maybe(1), a.flag(2)); }, ulps(2));
  table.add("index_reduce", ulps(2), [](auto& t, const Args& a) -> Results {
    return index_reduce(t[0], a.integer(0), t[1], t[2], a.text(1), a.flag(2));
  });
}

/// Two results into the last two inputs.
using Pair = std::tuple<Tensor&, Tensor&> (*)(Tensor& v, Tensor& i, const Tensor& x, const Args& a);
void add_outs(OpTable& table) {
  const std::pair<const char*, Pair> pairs[] = {
      {"sort", [](Tensor& v, Tensor& i, const Tensor& x, const Args& a) { return sort_out(v, i, x, a.integer(0)); }},
      {"topk", [](Tensor& v, Tensor& i, const Tensor& x,
                  const Args& a) { return topk_out(v, i, x, a.integer(0), a.integer(1)); }},
      {"kthvalue", [](Tensor& v, Tensor& i, const Tensor& x,
                      const Args& a) { return kthvalue_out(v, i, x, a.integer(0), a.integer(1)); }},
      {"median",
       [](Tensor& v, Tensor& i, const Tensor& x, const Args& a) { return median_out(v, i, x, a.integer(0)); }},
      {"mode", [](Tensor& v, Tensor& i, const Tensor& x, const Args& a) { return mode_out(v, i, x, a.integer(0)); }},
      {"max", [](Tensor& v, Tensor& i, const Tensor& x, const Args& a) { return max_out(v, i, x, a.integer(0)); }},
      {"min", [](Tensor& v, Tensor& i, const Tensor& x, const Args& a) { return min_out(v, i, x, a.integer(0)); }},
      {"cummax",
       [](Tensor& v, Tensor& i, const Tensor& x, const Args& a) { return cummax_out(v, i, x, a.integer(0)); }},
      {"cummin",
       [](Tensor& v, Tensor& i, const Tensor& x, const Args& a) { return cummin_out(v, i, x, a.integer(0)); }},
  };
  for (const auto& [name, write] : pairs)
    table.add(std::string(name) + ".outs", kExact, [write = write](auto& t, const Args& a) -> Results {
      write(t[1], t[2], t[0], a);
      return std::vector<Tensor>{t[1], t[2]};
    });
  table.add("gather.out", kExact,
            [](auto& t, const Args& a) -> Results { return gather_out(t[2], t[0], a.integer(0), t[1]); });
  table.add("index_select.out", kExact,
            [](auto& t, const Args& a) -> Results { return index_select_out(t[2], t[0], a.integer(0), t[1]); });
  table.add("take.out", kExact, [](auto& t, const Args&) -> Results { return take_out(t[2], t[0], t[1]); });
  table.add("tril.out", kExact, [](auto& t, const Args& a) -> Results { return tril_out(t[1], t[0], a.integer(0)); });
  table.add("diag.out", kExact, [](auto& t, const Args& a) -> Results { return diag_out(t[1], t[0], a.integer(0)); });
  table.add("cumsum.out", sums(4),
            [](auto& t, const Args& a) -> Results { return cumsum_out(t[1], t[0], a.integer(0)); });
  table.add("prod.out", ulps(4), [](auto& t, const Args& a) -> Results { return prod_out(t[1], t[0], a.integer(0)); });
  table.add("var.out", sums(4), [](auto& t, const Args& a) -> Results { return var_out(t[1], t[0], a.integer(0)); });
  table.add("logsumexp.out", scaled(4),
            [](auto& t, const Args& a) -> Results { return logsumexp_out(t[1], t[0], a.integer(0)); });
  table.add("softmax.out", ulps(4),
            [](auto& t, const Args& a) -> Results { return softmax_out(t[1], t[0], a.integer(0)); });
  table.add("cat.out", kExact,
            [](auto& t, const Args& a) -> Results { return cat_out(t[2], {t[0], t[1]}, a.integer(0)); });
  table.add("stack.out", kExact,
            [](auto& t, const Args& a) -> Results { return stack_out(t[2], {t[0], t[1]}, a.integer(0)); });
  table.add("hstack.out", kExact, [](auto& t, const Args&) -> Results { return hstack_out(t[2], {t[0], t[1]}); });
}

}  // namespace

void add_surface_ops(OpTable& table) {
  add_arranging(table);
  add_statistics(table);
  add_special(table);
  add_linalg(table);
  add_activations(table);
  add_integrals(table);
  add_outs(table);
}

}  // namespace lazuli::corpus
