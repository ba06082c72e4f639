// Reductions. Arguments: dim (none, a number or a list), keepdim.
#include "tests/corpus/ops.h"

namespace lazuli::corpus {
namespace {

/// Without arguments over all axes.
template <class All, class Some>
auto over(All all, Some some) {
  return [all, some](std::vector<Tensor>& t, const Args& a) -> Results {
    if (a.size() == 0) return all(t[0]);
    const std::vector<int64_t> dims = a.dims(0);
    return some(t[0], DimList(dims), a.flag(1));
  };
}

}  // namespace

void add_reduction_ops(OpTable& table) {
  table.add("sum", sums(4),
            over([](const Tensor& x) { return sum(x); },
                 [](const Tensor& x, DimList d, bool keep) { return sum(x, d, keep); }));
  table.add("mean", sums(4),
            over([](const Tensor& x) { return mean(x); },
                 [](const Tensor& x, DimList d, bool keep) { return mean(x, d, keep); }));
  table.add("var", sums(4),
            over([](const Tensor& x) { return var(x); },
                 [](const Tensor& x, DimList d, bool keep) { return var(x, d, 1, keep); }));
  table.add("std", sums(4),
            over([](const Tensor& x) { return lazuli::std(x); },
                 [](const Tensor& x, DimList d, bool keep) { return lazuli::std(x, d, 1, keep); }));
  table.add("amax", kExact,
            over([](const Tensor& x) { return amax(x); },
                 [](const Tensor& x, DimList d, bool keep) { return amax(x, d, keep); }));
  table.add("amin", kExact,
            over([](const Tensor& x) { return amin(x); },
                 [](const Tensor& x, DimList d, bool keep) { return amin(x, d, keep); }));
  table.add("any", kExact,
            over([](const Tensor& x) { return any(x); },
                 [](const Tensor& x, DimList d, bool keep) { return any(x, d, keep); }));
  table.add("all", kExact,
            over([](const Tensor& x) { return all(x); },
                 [](const Tensor& x, DimList d, bool keep) { return all(x, d, keep); }));
  table.add("count_nonzero", kExact,
            over([](const Tensor& x) { return count_nonzero(x); },
                 [](const Tensor& x, DimList d, bool) { return count_nonzero(x, d); }));
  table.add("logsumexp", ulps(4),
            over([](const Tensor& x) { return logsumexp(x, 0); },
                 [](const Tensor& x, DimList d, bool keep) { return logsumexp(x, d, keep); }));
  table.add("prod", ulps(2), [](auto& t, const Args& a) -> Results {
    return a.size() == 0 ? prod(t[0]) : prod(t[0], a.integer(0), a.flag(1));
  });
  table.add("max", kExact, [](auto& t, const Args& a) -> Results {
    if (a.size() == 0) return max(t[0]);
    return max(t[0], a.integer(0), a.flag(1));
  });
  table.add("min", kExact, [](auto& t, const Args& a) -> Results {
    if (a.size() == 0) return min(t[0]);
    return min(t[0], a.integer(0), a.flag(1));
  });
  table.add("max.other", kExact, [](auto& t, const Args&) -> Results { return max(t[0], t[1]); });
  table.add("min.other", kExact, [](auto& t, const Args&) -> Results { return min(t[0], t[1]); });
  table.add("argmax", kExact, [](auto& t, const Args& a) -> Results { return argmax(t[0], a.maybe(0), a.flag(1)); });
  table.add("argmin", kExact, [](auto& t, const Args& a) -> Results { return argmin(t[0], a.maybe(0), a.flag(1)); });

  // Arguments: dtype, dim, keepdim.
  table.add("sum.dtype", kExact, [](auto& t, const Args& a) -> Results {
    return a.size() == 1 ? sum(t[0], a.dtype(0)) : sum(t[0], a.dims(1), a.flag(2), a.dtype(0));
  });
  table.add("prod.dtype", kExact, [](auto& t, const Args& a) -> Results {
    return a.size() == 1 ? prod(t[0], a.dtype(0)) : prod(t[0], a.integer(1), a.flag(2), a.dtype(0));
  });
  table.add("mean.dtype", sums(1), [](auto& t, const Args& a) -> Results { return mean(t[0], a.dtype(0)); });
  // dim, correction, keepdim.
  table.add("var.correction", sums(4),
            [](auto& t, const Args& a) -> Results { return var(t[0], a.dims(0), a.number(1), a.flag(2)); });
  table.add("std.correction", sums(4),
            [](auto& t, const Args& a) -> Results { return lazuli::std(t[0], a.dims(0), a.number(1), a.flag(2)); });
  table.add("var.unbiased", sums(4), [](auto& t, const Args& a) -> Results { return var(t[0], a.flag(0)); });
  table.add("std.unbiased", sums(4), [](auto& t, const Args& a) -> Results { return lazuli::std(t[0], a.flag(0)); });
  // p, dim, keepdim.
  table.add("norm", sums(4), [](auto& t, const Args& a) -> Results {
    return a.size() == 1 ? norm(t[0], a.scalar(0)) : norm(t[0], a.scalar(0), a.dims(1), a.flag(2));
  });
}

}  // namespace lazuli::corpus
