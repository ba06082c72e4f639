// Padding, with numbers or with what the tensor itself holds: pieces of the tensor joined along the last axis, and
// slices read along the others, so gradients are those of views and of index_select.
#include <fmt/format.h>

#include <algorithm>

#include "frontend/apply.h"
#include "frontend/build.h"
#include "frontend/promote.h"
#include "lazuli/join.h"
#include "lazuli/take.h"

namespace lazuli {
namespace {

using ir::NodeRef;
using ir::Op;
using ir::Shape;

NodeRef pad_constant(NodeRef n, IntArrayRef pad, const Scalar& value, const Location& loc) {
  const size_t axes = pad.size() / 2, rank = n->rank();
  if (axes > rank)
    throw Error(
        ErrorKind::Shape,
        fmt::format("Padding length should be less than or equal to two times the input dimension but got padding "
                    "length {} and input of dimension {}",
                    pad.size(), rank),
        {}, loc);
  const Build b(loc);
  ir::PadAttr attr{ir::Dims(rank, 0), ir::Dims(rank, 0)};
  bool grows = false;
  for (size_t i = 0; i < axes; ++i) {
    const size_t axis = rank - 1 - i;
    const int64_t before = pad[2 * i], after = pad[2 * i + 1], size = n->shape()[axis];
    if (size + before + after < 0)
      throw Error(
          ErrorKind::Shape,
          fmt::format("The input size {}, plus negative padding {} and {}, resulted in a negative output size, which "
                      "is invalid.",
                      size, before, after),
          fmt::format("check dimension {} of your input", axis), loc);
    const int64_t front = std::max<int64_t>(-before, 0), back = std::max<int64_t>(-after, 0);
    // Only what exists is cut; the rest of a cut shortens the padding of the other side.
    const int64_t cut_front = std::min(front, size), cut_back = std::min(back, size - cut_front);
    if (cut_front != 0 || cut_back != 0) n = b.slice(n, axis, cut_front, size - cut_front - cut_back);
    attr.low[axis] = std::max<int64_t>(before, 0) - (back - cut_back);
    attr.high[axis] = std::max<int64_t>(after, 0) - (front - cut_front);
    grows = grows || attr.low[axis] != 0 || attr.high[axis] != 0;
  }
  if (!grows) return n;
  const NodeRef filling = on_device(scalar_operand(value, n->dtype(), loc), n->device(), loc);
  return make_node(Op::pad, {n.get(), filling.get()}, std::move(attr), loc);
}

enum class Mode : uint8_t { Reflect, Replicate, Circular };

/// One axis. Negative numbers cut; what is mirrored or repeated is what the uncut axis holds, what goes round the end
/// is what is left.
NodeRef pad_axis(const NodeRef& x, size_t axis, int64_t before, int64_t after, Mode mode, const Location& loc) {
  const Build b(loc);
  const int64_t n = x->shape()[axis];
  const int64_t from = std::max<int64_t>(-before, 0), to = n - std::max<int64_t>(-after, 0);
  const auto piece = [&](int64_t start, int64_t size) { return b.slice(x, axis, start, size); };
  const auto mirrored = [&](int64_t start, int64_t size) {
    return make_node(Op::flip, {piece(start, size).get()}, ir::AxesAttr{{static_cast<int64_t>(axis)}}, loc);
  };
  const auto repeated = [&](int64_t at, int64_t times) {
    Shape shape = x->shape();
    shape[axis] = times;
    return b.expand(piece(at, 1), shape);
  };
  std::vector<NodeRef> parts;
  if (before > 0)
    parts.push_back(mode == Mode::Reflect     ? mirrored(1, before)
                    : mode == Mode::Replicate ? repeated(0, before)
                                              : piece(to - before, before));
  if (to > from) parts.push_back(from == 0 && to == n ? x : piece(from, to - from));
  if (after > 0)
    parts.push_back(mode == Mode::Reflect     ? mirrored(n - 1 - after, after)
                    : mode == Mode::Replicate ? repeated(n - 1, after)
                                              : piece(from, after));
  return parts.size() == 1 ? parts[0] : b.concat(parts, static_cast<int64_t>(axis));
}

/// The same by reading slices at places that are known here, which copies whole rows. Every axis that is joined of
/// three pieces would make three kinds of elements of each kind there is: only the last one is.
NodeRef read_axis(const NodeRef& x, size_t axis, int64_t before, int64_t after, Mode mode, const Location& loc) {
  const int64_t n = x->shape()[axis], from = std::max<int64_t>(-before, 0), to = n - std::max<int64_t>(-after, 0);
  std::vector<int64_t> places;
  for (int64_t i = 0; i < n + before + after; ++i) {
    int64_t at = i - before;
    if (mode == Mode::Circular)
      at = from + ((i - std::max<int64_t>(before, 0)) % (to - from) + to - from) % (to - from);
    else if (mode == Mode::Replicate)
      at = std::clamp<int64_t>(at, 0, n - 1);
    else
      at = at < 0 ? -at : at < n ? at : 2 * (n - 1) - at;
    places.push_back(at);
  }
  const Tensor index =
      from_host(places.data(), {static_cast<int64_t>(places.size())}, kInt64, loc).to(x->device(), loc);
  return node_of(index_select(wrap(x, loc), static_cast<int64_t>(axis), index, loc));
}

void check_axis(const NodeRef& n, size_t axis, size_t number, IntArrayRef pad, Mode mode, const Location& loc) {
  const int64_t before = pad[2 * number], after = pad[2 * number + 1], size = n->shape()[axis];
  const auto refuse = [&](std::string text) { throw Error(ErrorKind::Shape, std::move(text), {}, loc); };
  if (mode == Mode::Circular) {
    if (before > size || after > size) refuse("Padding value causes wrapping around more than once.");
    if (size + before + after < 0) refuse("Negative padding value is resulting in an empty dimension");
    return;
  }
  if (mode == Mode::Reflect && (before >= size || after >= size))
    refuse(
        fmt::format("Argument #{}: Padding size should be less than the corresponding input dimension, but got: "
                    "padding ({}, {}) at dimension {} of input {}",
                    4 + 2 * number, before, after, axis, ir::str(n->shape())));
  if (size + before + after < 1) {
    constexpr char kAxes[] = {'W', 'H', 'D'};
    refuse(fmt::format("input ({0}: {1}) is too small. Calculated output {0}: {2}", kAxes[number], size,
                       size + before + after));
  }
}

NodeRef pad_with_itself(NodeRef n, IntArrayRef pad, Mode mode, const Location& loc) {
  const size_t axes = pad.size() / 2, rank = n->rank();
  if (axes < 1 || axes > 3 || (rank != axes + 1 && rank != axes + 2))
    throw Error(
        ErrorKind::Unsupported, "Only 2D, 3D, 4D, 5D padding with non-constant padding are supported for now",
        fmt::format("{} numbers pad tensors with {} or {} axes; this one has {}", pad.size(), axes + 1, axes + 2, rank),
        loc);
  if (mode != Mode::Circular) {
    if (is_bool(n->dtype()))
      throw Error(ErrorKind::DType,
                  fmt::format("\"{}_pad{}d\" not implemented for 'Bool'",
                              mode == Mode::Reflect ? "reflection" : "replication", axes),
                  "convert it with to(kUInt8)", loc);
    bool empty = false;
    for (size_t d = rank == axes + 1 ? 0 : 1; d < rank; ++d) empty = empty || n->shape()[d] == 0;
    if (empty)
      throw Error(ErrorKind::Shape,
                  fmt::format("Expected {}D or {}D (batch mode) tensor with possibly 0 batch size and other non-zero "
                              "dimensions for input, but got: {}",
                              axes + 1, axes + 2, ir::str(n->shape())),
                  {}, loc);
  }
  for (size_t i = 0; i < axes; ++i) check_axis(n, rank - 1 - i, i, pad, mode, loc);
  for (size_t i = 0; i < axes; ++i)
    if (pad[2 * i] != 0 || pad[2 * i + 1] != 0)
      n = (i == 0 || n->numel() == 0 ? pad_axis : read_axis)(n, rank - 1 - i, pad[2 * i], pad[2 * i + 1], mode, loc);
  return n;
}

}  // namespace

Tensor pad(const Tensor& x, IntArrayRef pad, std::string_view mode, std::optional<double> value, Location loc) {
  if (pad.size() % 2 != 0)
    throw Error(ErrorKind::Value, "Padding length must be divisible by 2", fmt::format("it is {}", pad.size()), loc);
  const NodeRef n = node_of(x);
  if (mode == "constant") return wrap(pad_constant(n, pad, value.value_or(0), loc), loc);
  constexpr std::pair<std::string_view, Mode> modes[] = {
      {"reflect", Mode::Reflect}, {"replicate", Mode::Replicate}, {"circular", Mode::Circular}};
  for (const auto& [name, which] : modes) {
    if (name != mode) continue;
    if (value.value_or(0) != 0)
      throw Error(ErrorKind::Value, fmt::format("Padding mode \"{}\" doesn't take in value argument", mode), {}, loc);
    return wrap_result(pad_with_itself(n, pad, which, loc), loc);
  }
  throw Error(ErrorKind::Unsupported, fmt::format("Unrecognised padding mode {}", mode),
              "it is one of \"constant\", \"reflect\", \"replicate\" and \"circular\"", loc);
}

Tensor constant_pad_nd(const Tensor& x, IntArrayRef pad, Scalar value, Location loc) {
  if (pad.size() % 2 != 0)
    throw Error(ErrorKind::Value, "Padding length must be divisible by 2", fmt::format("it is {}", pad.size()), loc);
  return wrap(pad_constant(node_of(x), pad, value, loc), loc);
}

}  // namespace lazuli
