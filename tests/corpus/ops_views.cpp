// Views, what writes through them do, joining and padding. NAME gives the view's elements, and its strides and offset
// where they were recorded; NAME.write adds to the view and gives the tensor below it.
#include "tests/corpus/ops.h"

namespace lazuli::corpus {
namespace {

using View = Tensor (*)(const Tensor& x, const Args& a);
using Parts = std::vector<Tensor> (*)(const Tensor& x, const Args& a);

Slice::Bound bound(const Args& a, size_t i) {
  if (!a.has(i)) return None;
  return a.integer(i);
}

/// Strides, then the offset, as far as they mean something: not of axes of size 1, nor where there are no elements.
Tensor place_of(const Tensor& v) {
  std::vector<int64_t> place;
  for (int64_t d = 0; d < v.dim() && v.numel() > 0; ++d)
    if (v.size(d) != 1) place.push_back(v.stride(d));
  if (v.numel() > 0) place.push_back(v.storage_offset());
  return tensor(place);
}

void add_view(OpTable& table, const std::string& name, View view, bool with_place = true) {
  table.add(name, kExact, [view, with_place](auto& t, const Args& a) -> Results {
    const Tensor v = view(t[0], a);
    if (!with_place) return v;
    return std::vector<Tensor>{v, place_of(v)};
  });
  table.add(name + ".write", kExact, [view](auto& t, const Args& a) -> Results {
    view(t[0], a).add_(100);
    return t[0];
  });
}

void add_parts(OpTable& table, const std::string& name, Parts parts) {
  table.add(name, kExact, [parts](auto& t, const Args& a) -> Results { return parts(t[0], a); });
  table.add(name + ".write", kExact, [parts](auto& t, const Args& a) -> Results {
    int64_t n = 0;
    for (Tensor& part : parts(t[0], a)) part.add_(100 * ++n);
    return t[0];
  });
}

void add_new(OpTable& table, const std::string& name, View make) {
  table.add(name, kExact, [make](auto& t, const Args& a) -> Results { return make(t[0], a); });
}

void add_views(OpTable& table) {
  add_view(table, "view", [](const Tensor& x, const Args& a) { return x.view(a.list(0)); });
  add_view(table, "permute", [](const Tensor& x, const Args& a) { return x.permute(a.list(0)); });
  add_view(table, "transpose", [](const Tensor& x, const Args& a) { return x.transpose(a.integer(0), a.integer(1)); });
  add_view(table, "movedim", [](const Tensor& x, const Args& a) {
    if (a[0].kind == Arg::Kind::Int) return x.movedim(a.integer(0), a.integer(1));
    return x.movedim(a.list(0), a.list(1));
  });
  add_view(table, "t", [](const Tensor& x, const Args&) { return x.t(); });
  add_view(table, "T", [](const Tensor& x, const Args&) { return x.T(); });
  add_view(table, "mT", [](const Tensor& x, const Args&) { return x.mT(); });
  add_view(table, "squeeze",
           [](const Tensor& x, const Args& a) { return a.has(0) ? x.squeeze(a.integer(0)) : x.squeeze(); });
  add_view(table, "unsqueeze", [](const Tensor& x, const Args& a) { return x.unsqueeze(a.integer(0)); });
  add_view(table, "expand", [](const Tensor& x, const Args& a) { return x.expand(a.list(0)); });
  add_view(table, "select", [](const Tensor& x, const Args& a) { return x.select(a.integer(0), a.integer(1)); });
  add_view(table, "slice", [](const Tensor& x, const Args& a) {
    return x.slice(a.integer(0), bound(a, 1), bound(a, 2), a.integer(3, 1));
  });
  add_view(table, "narrow",
           [](const Tensor& x, const Args& a) { return x.narrow(a.integer(0), a.integer(1), a.integer(2)); });
  add_view(table, "unflatten", [](const Tensor& x, const Args& a) { return x.unflatten(a.integer(0), a.list(1)); });
  add_view(table, "reshape", [](const Tensor& x, const Args& a) { return x.reshape(a.list(0)); }, false);
  add_view(
      table, "flatten", [](const Tensor& x, const Args& a) { return x.flatten(a.integer(0, 0), a.integer(1, -1)); },
      false);
  add_view(table, "diagonal", [](const Tensor& x, const Args& a) {
    return x.diagonal(a.integer(0, 0), a.integer(1, 0), a.integer(2, 1));
  });
  add_view(table, "unfold",
           [](const Tensor& x, const Args& a) { return x.unfold(a.integer(0), a.integer(1), a.integer(2)); });
  add_view(table, "as_strided",
           [](const Tensor& x, const Args& a) { return x.as_strided(a.list(0), a.list(1), a.maybe(2)); });
  // Where the result is no view.
  for (const char* name : {"unfold", "as_strided"})
    table.add(std::string(name) + ".values", kExact,
              [view = table.find(name)->call](auto& t, const Args& a) -> Results { return view(t, a).all[0]; });
  add_parts(table, "split.sizes",
            [](const Tensor& x, const Args& a) { return x.split(IntArrayRef(a.list(0)), a.integer(1, 0)); });
  add_parts(table, "tensor_split", [](const Tensor& x, const Args& a) {
    if (a[0].kind == Arg::Kind::Int) return x.tensor_split(a.integer(0), a.integer(1, 0));
    return x.tensor_split(IntArrayRef(a.list(0)), a.integer(1, 0));
  });
  add_parts(table, "split", [](const Tensor& x, const Args& a) { return x.split(a.integer(0), a.integer(1, 0)); });
  add_parts(table, "chunk", [](const Tensor& x, const Args& a) { return x.chunk(a.integer(0), a.integer(1, 0)); });
  add_parts(table, "unbind", [](const Tensor& x, const Args& a) { return x.unbind(a.integer(0, 0)); });

  add_new(table, "clone", [](const Tensor& x, const Args&) { return x.clone(); });
  add_new(table, "contiguous", [](const Tensor& x, const Args&) { return x.contiguous(); });
  add_new(table, "flip", [](const Tensor& x, const Args& a) { return x.flip(a.list(0)); });
  table.add("is_contiguous", kExact, [](auto& t, const Args&) -> Results { return t[0].is_contiguous(); });
  table.add("shift", kExact, [](auto& t, const Args& a) -> Results {
    t[0].slice(0, bound(a, 0), bound(a, 1)).copy_(t[0].slice(0, bound(a, 2), bound(a, 3)));
    return t[0];
  });
  table.add("swap_rows", kExact, [](auto& t, const Args&) -> Results { return t[0].copy_(t[0].flip({0})); });
  table.add("add_transposed", kExact, [](auto& t, const Args&) -> Results { return t[0].add_(t[0].t()); });
}

}  // namespace

void add_view_ops(OpTable& table) {
  add_views(table);
  table.add("cat", kExact, [](auto& t, const Args& a) -> Results { return cat(t, a.integer(0)); });
  table.add("stack", kExact, [](auto& t, const Args& a) -> Results { return stack(t, a.integer(0)); });
  table.add("pad", kExact, [](auto& t, const Args& a) -> Results {
    return pad(t[0], a.list(0), a.text(1), a.has(2) ? std::optional(a.number(2)) : std::nullopt);
  });
}

}  // namespace lazuli::corpus
