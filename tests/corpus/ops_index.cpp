// Indexing, and the functions that read and add at indices. Of index and index_put_ the arguments are the index, and
// the inputs that it does not name are the tensor (first) and the value (last).
#include "tests/corpus/ops.h"

namespace lazuli::corpus {
namespace {

std::vector<TensorIndex> index_of(const std::vector<Tensor>& t, const Args& a, size_t count) {
  std::vector<TensorIndex> index;
  for (size_t i = 0; i < count; ++i) switch (a[i].kind) {
      case Arg::Kind::Int:
        index.emplace_back(a.integer(i));
        break;
      case Arg::Kind::Slice:
        index.emplace_back(a[i].slice);
        break;
      case Arg::Kind::Ellipsis:
        index.emplace_back(Ellipsis);
        break;
      case Arg::Kind::None:
        index.emplace_back(None);
        break;
      default:
        index.emplace_back(t[static_cast<size_t>(a.integer(i))]);
    }
  return index;
}

void add_indexing(OpTable& table) {
  table.add("index", kExact, [](auto& t, const Args& a) -> Results { return t[0].index(index_of(t, a, a.size())); });
  const auto put = [](auto& t, const Args& a) -> Results {
    return t[0].index_put_(index_of(t, a, a.size()), t.back());
  };
  const auto put_number = [](auto& t, const Args& a) -> Results {
    return t[0].index_put_(index_of(t, a, a.size() - 1), a.scalar(a.size() - 1));
  };
  table.add("index_put_.accumulate", ulps(1), [](auto& t, const Args& a) -> Results {
    return t[0].index_put_(index_of(t, a, a.size()), t.back(), true);
  });
  table.add("index_put_", kExact, put);
  table.add("index_put_.number", kExact, put_number);
  table.add("index_put_.tensors", kExact, put);
  table.add("index_put_.tensors.number", kExact, put_number);
}

}  // namespace

void add_index_ops(OpTable& table) {
  add_indexing(table);
  table.add("index_select", kExact,
            [](auto& t, const Args& a) -> Results { return index_select(t[0], a.integer(0), t[1]); });
  table.add("gather", kExact, [](auto& t, const Args& a) -> Results { return gather(t[0], a.integer(0), t[1]); });
  table.add("take_along_dim", kExact,
            [](auto& t, const Args& a) -> Results { return take_along_dim(t[0], t[1], a.maybe(0)); });
  table.add("embedding", kExact, [](auto& t, const Args&) -> Results { return embedding(t[0], t[1]); });
  // PyTorch rounds sums of the half types after every addition.
  table.add("index_add", ulps(1), [](auto& t, const Args& a) -> Results {
    return index_add(t[0], a.integer(0), t[1], t[2], a.has(1) ? a.scalar(1) : Scalar(1));
  });
  table.add("index_add_", ulps(1),
            [](auto& t, const Args& a) -> Results { return t[0].index_add_(a.integer(0), t[1], t[2]); });
  table.add("scatter_add", ulps(1),
            [](auto& t, const Args& a) -> Results { return scatter_add(t[0], a.integer(0), t[1], t[2]); });
  table.add("scatter_add_", ulps(1),
            [](auto& t, const Args& a) -> Results { return t[0].scatter_add_(a.integer(0), t[1], t[2]); });
}

}  // namespace lazuli::corpus
