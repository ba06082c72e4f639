// Losses as compositions on nodes. Class indices are compared with a running index along the class axis: so written,
// the gradient fuses into the kernel of the softmax. Where the logits stand in memory, the rule `sum-of-one` makes the
// sum a look-up (passes/rewrites_pick.cpp).
#include "lazuli/loss.h"

#include <fmt/format.h>

#include "frontend/apply.h"
#include "frontend/build.h"
#include "frontend/promote.h"
#include "lazuli/random.h"

namespace lazuli {
namespace {

using ir::Dims;
using ir::NodeRef;
using ir::Op;
using ir::Shape;

NodeRef checked_float(std::string_view function, const Tensor& x, const Location& loc) {
  NodeRef n = node_of(x);
  if (!is_floating(n->dtype()))
    throw Error(ErrorKind::DType, fmt::format("{} expects floats, but the input is {}", function, name(n->dtype())),
                "convert the input with to(kFloat32)", loc);
  return n;
}

DType computed_in(DType t) {
  return t == kFloat64 ? kFloat64 : kFloat32;
}

Dims every_axis(const NodeRef& x) {
  Dims axes;
  for (size_t i = 0; i < x->rank(); ++i) axes.push_back(static_cast<int64_t>(i));
  return axes;
}

NodeRef sum_of(const Build& b, const NodeRef& x) {
  return x->rank() == 0 ? x : b.reduce(Op::sum, x, every_axis(x), false);
}

/// The losses reduced and rounded to the type that the user's input has.
Tensor finish(const Build& b, NodeRef losses, Reduction reduction, DType type, const Location& loc) {
  if (reduction == Reduction::Mean && losses->rank() > 0)
    losses = b.composite(Op::mean, losses, every_axis(losses), 0, false);
  if (reduction == Reduction::Sum) losses = sum_of(b, losses);
  if (losses->dtype() != type) losses = b.cast(losses, type);
  return wrap_result(std::move(losses), loc);
}

/// Two operands in the type that the loss computes in, broadcast to each other.
struct Pair {
  NodeRef x, y;
  DType result;
};

Pair pair_of(std::string_view function, const Tensor& input, const Tensor& target, const Location& loc) {
  checked_float(function, input, loc);
  const Operand both[] = {input, target};
  const DType result = result_type(std::span<const Operand>(both)), type = computed_in(result);
  NodeRef x = cast_to(node_of(input), type, loc), y = cast_to(node_of(target), type, loc);
  if (x->device() != y->device())
    throw Error(
        ErrorKind::Device,
        fmt::format("{}: the input is on {} and the target on {}", function, x->device().str(), y->device().str()), {},
        loc);
  const Shape shape = broadcast_or_throw(function, x->shape(), y->shape(), loc);
  return {expand_to(x, shape, loc), expand_to(y, shape, loc), result};
}

/// An optional factor in the type and shape of x; null if there is none.
NodeRef factor(std::string_view what, const Tensor& t, const NodeRef& x, const Location& loc) {
  if (!t.defined()) return {};
  const NodeRef n = cast_to(node_of(t), x->dtype(), loc);
  const auto both = ir::broadcast(n->shape(), x->shape());
  if (!both || !(*both == x->shape()))
    throw Error(ErrorKind::Shape,
                fmt::format("{} of shape {} does not broadcast to the input's shape {}", what, ir::str(n->shape()),
                            ir::str(x->shape())),
                {}, loc);
  return expand_to(n, x->shape(), loc);
}

// ---- Classes. ----

int64_t class_axis(const NodeRef& x) {
  return x->rank() == 1 ? 0 : 1;
}

Shape without(const Shape& shape, int64_t axis) {
  Shape rest;
  for (size_t i = 0; i < shape.size(); ++i)
    if (static_cast<int64_t>(i) != axis) rest.push_back(shape[i]);
  return rest;
}

void check_target(const NodeRef& x, const NodeRef& target, const Location& loc) {
  if (target->dtype() != kInt64)
    throw Error(ErrorKind::DType, fmt::format("expected scalar type Long but found {}", torch_name(target->dtype())),
                "class indices are int64: convert the target with to(kInt64)", loc);
  const Shape expected = without(x->shape(), class_axis(x));
  if (target->shape() == expected) return;
  if (x->rank() == 2 && target->rank() == 1)
    throw Error(ErrorKind::Shape,
                fmt::format("Expected input batch_size ({}) to match target batch_size ({}).", x->shape()[0],
                            target->shape()[0]),
                {}, loc);
  throw Error(ErrorKind::Shape,
              fmt::format("Expected target size {}, got {}", ir::str(expected), ir::str(target->shape())),
              fmt::format("the target has the input's shape {} without axis {}, the classes", ir::str(x->shape()),
                          class_axis(x)),
              loc);
}

NodeRef class_weight(const Tensor& weight, const NodeRef& x, const Location& loc) {
  if (!weight.defined()) return {};
  const int64_t axis = class_axis(x), classes = x->shape()[static_cast<size_t>(axis)];
  NodeRef w = cast_to(node_of(weight), x->dtype(), loc);
  if (w->rank() != 1 || w->shape()[0] != classes)
    throw Error(ErrorKind::Shape,
                fmt::format("weight tensor should be defined either for all {} classes or no classes but got weight "
                            "tensor of shape: {}",
                            classes, ir::str(w->shape())),
                {}, loc);
  Shape column(x->rank(), 1);
  column[static_cast<size_t>(axis)] = classes;
  return expand_to(reshape_to(w, column, loc), x->shape(), loc);
}

/// Loss and weight of every sample. Both are 0 where the sample is ignored.
struct Samples {
  NodeRef losses, weights;
};

Samples by_index(const Build& b, const NodeRef& logs, const NodeRef& target, const NodeRef& weight, double smoothing,
                 int64_t ignore_index) {
  const int64_t axis = class_axis(logs), classes = logs->shape()[static_cast<size_t>(axis)];
  const Dims over{axis};
  const NodeRef kept = b.op(Op::ne, target, b.integer(ignore_index, target));
  const NodeRef index = b.op(Op::check_index, b.where(kept, target, b.integer(0, target)), b.integer(classes, target));
  Shape column = logs->shape();
  column[static_cast<size_t>(axis)] = 1;
  const NodeRef spread = b.expand(b.reshape(index, column), logs->shape());
  const NodeRef mask = b.op(Op::eq, b.iota(logs->shape(), axis, kInt64, logs->device()), spread);
  const NodeRef zero = b.number(0, logs);
  const NodeRef scaled = weight ? b.op(Op::mul, logs, weight) : logs;
  Samples s;
  s.losses = b.op(Op::neg, b.reduce(Op::sum, b.where(mask, scaled, zero), over, false));
  if (smoothing > 0) {
    const NodeRef all = b.reduce(Op::sum, scaled, over, false);
    s.losses = b.op(Op::sub, b.op(Op::mul, s.losses, 1 - smoothing),
                    b.op(Op::mul, all, smoothing / static_cast<double>(classes)));
  }
  s.losses = b.where(kept, s.losses, zero);
  s.weights =
      b.where(kept, weight ? b.reduce(Op::sum, b.where(mask, weight, zero), over, false) : b.number(1, logs), zero);
  return s;
}

Tensor finish_classes(const Build& b, const Samples& s, Reduction reduction, DType type, const Location& loc) {
  NodeRef value = s.losses;
  if (reduction == Reduction::Sum) value = sum_of(b, value);
  if (reduction == Reduction::Mean) value = b.op(Op::div, sum_of(b, value), sum_of(b, s.weights));
  if (value->dtype() != type) value = b.cast(value, type);
  return wrap_result(std::move(value), loc);
}

void check_classes(std::string_view function, const NodeRef& x, const Location& loc) {
  if (x->rank() == 0)
    throw Error(ErrorKind::Shape, fmt::format("{} expects an input with a class axis, but it is 0-d", function), {},
                loc);
}

}  // namespace

Tensor nll_loss(const Tensor& log_probabilities, const Tensor& target, const NllOptions& options, Location loc) {
  const Build b(loc);
  const NodeRef x = checked_float("nll_loss", log_probabilities, loc), t = node_of(target);
  check_classes("nll_loss", x, loc);
  check_target(x, t, loc);
  const NodeRef logs = b.cast(x, computed_in(x->dtype()));
  const Samples s = by_index(b, logs, t, class_weight(options.weight, logs, loc), 0, options.ignore_index);
  return finish_classes(b, s, options.reduction, x->dtype(), loc);
}

Tensor cross_entropy(const Tensor& input, const Tensor& target, const CrossEntropyOptions& options, Location loc) {
  const Build b(loc);
  const NodeRef x = checked_float("cross_entropy", input, loc), t = node_of(target);
  check_classes("cross_entropy", x, loc);
  const double smoothing = options.label_smoothing;
  if (!(smoothing >= 0 && smoothing <= 1))
    throw Error(ErrorKind::Value, fmt::format("label_smoothing must be between 0.0 and 1.0. Got: {}", smoothing), {},
                loc);
  const int64_t axis = class_axis(x), classes = x->shape()[static_cast<size_t>(axis)];
  const NodeRef computed = b.cast(x, computed_in(x->dtype()));
  const NodeRef logs = b.composite(Op::log_softmax, computed, {axis}, 0, false);
  const NodeRef weight = class_weight(options.weight, logs, loc);
  if (!(t->shape() == x->shape())) {
    check_target(x, t, loc);
    const Samples s = by_index(b, logs, t, weight, smoothing, options.ignore_index);
    return finish_classes(b, s, options.reduction, x->dtype(), loc);
  }
  if (!is_floating(t->dtype()))
    throw Error(
        ErrorKind::DType,
        fmt::format("Expected floating point type for target with class probabilities, got {}", torch_name(t->dtype())),
        "class indices have the input's shape without its class axis", loc);
  NodeRef p = b.cast(t, logs->dtype());
  if (smoothing > 0) p = b.op(Op::add, b.op(Op::mul, p, 1 - smoothing), smoothing / static_cast<double>(classes));
  NodeRef terms = b.op(Op::mul, logs, p);
  if (weight) terms = b.op(Op::mul, terms, weight);
  const NodeRef losses = b.op(Op::neg, b.reduce(Op::sum, terms, {axis}, false));
  // The mean is over samples, and not weighted.
  return finish(b, losses, options.reduction, x->dtype(), loc);
}

Tensor mse_loss(const Tensor& input, const Tensor& target, Reduction reduction, Location loc) {
  const Build b(loc);
  const Pair p = pair_of("mse_loss", input, target, loc);
  return finish(b, b.op(Op::square, b.op(Op::sub, p.x, p.y)), reduction, p.result, loc);
}

Tensor l1_loss(const Tensor& input, const Tensor& target, Reduction reduction, Location loc) {
  const Build b(loc);
  const Pair p = pair_of("l1_loss", input, target, loc);
  return finish(b, b.op(Op::abs, b.op(Op::sub, p.x, p.y)), reduction, p.result, loc);
}

Tensor huber_loss(const Tensor& input, const Tensor& target, double delta, Reduction reduction, Location loc) {
  if (!(delta > 0))
    throw Error(ErrorKind::Value, "huber_loss does not support non-positive values for delta.", {}, loc);
  const Build b(loc);
  const Pair p = pair_of("huber_loss", input, target, loc);
  const NodeRef d = b.op(Op::sub, p.x, p.y), size = b.op(Op::abs, d);
  const NodeRef inner = b.op(Op::mul, b.op(Op::square, d), 0.5);
  const NodeRef outer = b.op(Op::mul, b.op(Op::sub, size, delta / 2), delta);
  return finish(b, b.where(b.op(Op::le, size, b.number(delta, d)), inner, outer), reduction, p.result, loc);
}

Tensor binary_cross_entropy(const Tensor& input, const Tensor& target, const BinaryCrossEntropyOptions& options,
                            Location loc) {
  if (options.pos_weight.defined())
    throw Error(ErrorKind::Value, "binary_cross_entropy takes no pos_weight", "binary_cross_entropy_with_logits does",
                loc);
  const Build b(loc);
  const Pair p = pair_of("binary_cross_entropy", input, target, loc);
  const auto cut_log = [&](const NodeRef& v) { return b.op(Op::clamp_min, b.op(Op::log, v), -100); };
  const NodeRef positive = b.op(Op::mul, p.y, cut_log(p.x));
  const NodeRef negative = b.op(Op::mul, b.op(Op::sub, 1, p.y), cut_log(b.op(Op::sub, 1, p.x)));
  NodeRef losses = b.op(Op::neg, b.op(Op::add, positive, negative));
  if (const NodeRef w = factor("weight", options.weight, p.x, loc)) losses = b.op(Op::mul, losses, w);
  return finish(b, losses, options.reduction, p.result, loc);
}

Tensor binary_cross_entropy_with_logits(const Tensor& input, const Tensor& target,
                                        const BinaryCrossEntropyOptions& options, Location loc) {
  const Build b(loc);
  const Pair p = pair_of("binary_cross_entropy_with_logits", input, target, loc);
  // t softplus(-x) + (1 - t) softplus(x), with softplus(x) = x + softplus(-x).
  NodeRef low = b.op(Op::softplus, b.op(Op::neg, p.x));
  if (const NodeRef w = factor("pos_weight", options.pos_weight, p.x, loc))
    low = b.op(Op::mul, low, b.op(Op::add, b.op(Op::mul, b.op(Op::sub, w, 1), p.y), 1));
  NodeRef losses = b.op(Op::add, b.op(Op::mul, b.op(Op::sub, 1, p.y), p.x), low);
  if (const NodeRef w = factor("weight", options.weight, p.x, loc)) losses = b.op(Op::mul, losses, w);
  return finish(b, losses, options.reduction, p.result, loc);
}

Tensor dropout(const Tensor& x, double p, bool training, Location loc) {
  if (!(p >= 0 && p <= 1))
    throw Error(ErrorKind::Value, fmt::format("dropout probability has to be between 0 and 1, but got {}", p), {}, loc);
  checked_float("dropout", x, loc);
  if (!training || p == 0) return x;
  const Tensor zero =
      wrap(expand_to(on_device(constant(0, x.dtype(), loc), x.device(), loc), ir::Shape(x.sizes()), loc), loc);
  if (p == 1) return zero;
  const Tensor drawn = rand(x.sizes(), TensorOptions(x.device()), {}, loc);
  const Tensor kept = apply(Op::ge, {drawn, p}, loc);
  return apply(Op::where, {kept, apply(Op::mul, {x, 1 / (1 - p)}, loc), zero}, loc);
}

}  // namespace lazuli
