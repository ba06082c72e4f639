// New tensors. The last argument may be a dtype.
#include "tests/corpus/ops.h"

namespace lazuli::corpus {
namespace {

/// The dtype at the end, where there is one.
TensorOptions options_of(const Args& a) {
  if (a.size() == 0 || a[a.size() - 1].kind != Arg::Kind::DType) return {};
  return a[a.size() - 1].dtype;
}
/// How many arguments stand before it.
size_t count_of(const Args& a) {
  return a.size() - (options_of(a).has_dtype() ? 1 : 0);
}

}  // namespace

void add_creation_ops(OpTable& table) {
  table.add("arange", kExact, [](auto&, const Args& a) -> Results {
    switch (count_of(a)) {
      case 1:
        return arange(a.scalar(0), options_of(a));
      case 2:
        return arange(a.scalar(0), a.scalar(1), options_of(a));
      default:
        return arange(a.scalar(0), a.scalar(1), a.scalar(2), options_of(a));
    }
  });
  table.add("linspace", scaled(1), [](auto&, const Args& a) -> Results {
    return linspace(a.scalar(0), a.scalar(1), a.integer(2), options_of(a));
  });
  table.add("logspace", ulps(4), [](auto&, const Args& a) -> Results {
    return logspace(a.scalar(0), a.scalar(1), a.integer(2), 10.0, options_of(a));
  });
  table.add("logspace.base", ulps(4), [](auto&, const Args& a) -> Results {
    return logspace(a.scalar(0), a.scalar(1), a.integer(2), a.number(3));
  });
  table.add("eye", kExact, [](auto&, const Args& a) -> Results {
    return count_of(a) == 1 ? eye(a.integer(0), options_of(a)) : eye(a.integer(0), a.integer(1), options_of(a));
  });
  table.add("zeros", kExact, [](auto&, const Args& a) -> Results { return zeros(a.list(0), options_of(a)); });
  table.add("ones", kExact, [](auto&, const Args& a) -> Results { return ones(a.list(0), options_of(a)); });
  table.add("full", kExact,
            [](auto&, const Args& a) -> Results { return full(a.list(0), a.scalar(1), options_of(a)); });
  table.add("zeros_like", kExact, [](auto& t, const Args& a) -> Results { return zeros_like(t[0], options_of(a)); });
  table.add("ones_like", kExact, [](auto& t, const Args& a) -> Results { return ones_like(t[0], options_of(a)); });
  table.add("full_like", kExact,
            [](auto& t, const Args& a) -> Results { return full_like(t[0], a.scalar(0), options_of(a)); });
  table.add("new_zeros", kExact, [](auto& t, const Args& a) -> Results { return t[0].new_zeros(a.list(0)); });
  table.add("new_ones", kExact, [](auto& t, const Args& a) -> Results { return t[0].new_ones(a.list(0)); });
  table.add("new_full", kExact,
            [](auto& t, const Args& a) -> Results { return t[0].new_full(a.list(0), a.scalar(1)); });
  table.add("fill_", kExact, [](auto& t, const Args& a) -> Results { return t[0].fill_(a.scalar(0)); });
  table.add("zero_", kExact, [](auto& t, const Args&) -> Results { return t[0].zero_(); });
}

}  // namespace lazuli::corpus
