// Updates of optimisers, leaf by leaf. What all leaves share (rate, bias corrections) is 0-d and made once. Half types
// are computed in float32; parameters and state keep their types.
#include "lazuli/optim.h"

#include <fmt/format.h>

#include <cmath>

#include "frontend/build.h"

namespace lazuli::optim::detail {
namespace {

using ir::NodeRef;
using ir::Op;

void check_option(std::string_view what, double value, bool fits, const Location& loc) {
  if (!fits) throw Error(ErrorKind::Value, fmt::format("Invalid {}: {}", what, value), {}, loc);
}

DType computed_in(DType t) {
  return t == kFloat64 ? kFloat64 : kFloat32;
}

/// Numbers of the update as 0-d leaves, one per value and type however many parameters there are.
class Numbers {
 public:
  Numbers(const Operand& rate, const Location& loc) : rate_(rate), loc_(loc) {
    if (rate.is_tensor() && rate.tensor().dim() != 0)
      throw Error(ErrorKind::Shape,
                  fmt::format("the learning rate is a number or a 0-d tensor, but has shape {}",
                              ir::str(ir::Shape(rate.tensor().sizes()))),
                  {}, loc);
  }
  NodeRef rate(const NodeRef& like) {
    NodeRef& r = rates_[like->dtype() == kFloat64];
    if (!r) r = rate_.is_tensor() ? cast_to(node_of(rate_.tensor()), like->dtype(), loc_) : make(rate_.scalar(), like);
    return r;
  }
  NodeRef make(const Scalar& v, const NodeRef& like) const {
    return on_device(argument(v, like->dtype(), loc_), like->device(), loc_);
  }

 private:
  const Operand& rate_;
  const Location& loc_;
  NodeRef rates_[2];
};

/// A leaf in the type that the update computes in. Throws unless it has the shape of its parameter.
NodeRef operand(std::string_view what, const Tensor& t, const NodeRef& parameter, const Location& loc) {
  NodeRef n = node_of(t);
  if (!(n->shape() == parameter->shape()))
    throw Error(ErrorKind::Shape,
                fmt::format("{} of shape {} for a parameter of shape {}", what, ir::str(n->shape()),
                            ir::str(parameter->shape())),
                {}, loc);
  return cast_to(n, computed_in(parameter->dtype()), loc);
}

NodeRef parameter_of(const Tensor& t, const Location& loc) {
  NodeRef p = node_of(t);
  if (!is_floating(p->dtype()))
    throw Error(ErrorKind::DType, fmt::format("a parameter of type {} cannot be optimised", name(p->dtype())),
                "parameters are floats; keep other tensors outside of the tree of parameters", loc);
  return p;
}

Tensor rounded(const NodeRef& value, const Tensor& like, const Location& loc) {
  return wrap(cast_to(value, like.dtype(), loc), loc);
}

}  // namespace

std::pair<Leaves, Leaves> sgd(const Leaves& params, const Leaves& gradients, const Leaves& momentum,
                              const Operand& rate, const SgdOptions& options, Location loc) {
  check_option("momentum value", options.momentum, options.momentum >= 0, loc);
  check_option("weight_decay value", options.weight_decay, options.weight_decay >= 0, loc);
  if (options.nesterov && options.momentum == 0)
    throw Error(ErrorKind::Value, "Nesterov momentum requires a momentum", {}, loc);
  const Build b(loc);
  Numbers numbers(rate, loc);
  std::pair<Leaves, Leaves> next;
  for (size_t i = 0; i < params.size(); ++i) {
    const NodeRef p = parameter_of(params[i], loc), x = b.cast(p, computed_in(p->dtype()));
    NodeRef g = operand("a gradient", gradients[i], p, loc);
    if (options.weight_decay != 0) g = b.op(Op::add, g, b.op(Op::mul, x, numbers.make(options.weight_decay, x)));
    if (options.momentum != 0) {
      const NodeRef factor = numbers.make(options.momentum, x);
      const NodeRef v = b.op(Op::add, b.op(Op::mul, operand("a momentum", momentum[i], p, loc), factor), g);
      next.second.push_back(rounded(v, momentum[i], loc));
      g = options.nesterov ? b.op(Op::add, g, b.op(Op::mul, v, factor)) : v;
    } else {
      next.second.push_back(momentum[i]);
    }
    next.first.push_back(rounded(b.op(Op::sub, x, b.op(Op::mul, g, numbers.rate(x))), params[i], loc));
  }
  return next;
}

AdamLeaves adam(const AdamLeaves& now, const Leaves& gradients, const Operand& rate, const AdamOptions& options,
                bool decoupled, Location loc) {
  check_option("beta parameter at index 0", options.beta1, options.beta1 >= 0 && options.beta1 < 1, loc);
  check_option("beta parameter at index 1", options.beta2, options.beta2 >= 0 && options.beta2 < 1, loc);
  check_option("epsilon value", options.epsilon, options.epsilon >= 0, loc);
  check_option("weight_decay value", options.weight_decay, options.weight_decay >= 0, loc);
  const Build b(loc);
  Numbers numbers(rate, loc);
  AdamLeaves next;
  const NodeRef before = node_of(now.steps);
  if (before->rank() != 0)
    throw Error(ErrorKind::Shape, fmt::format("steps is 0-d, but has shape {}", ir::str(before->shape())), {}, loc);
  const NodeRef steps = b.op(Op::add, before, b.integer(1, before));
  next.steps = wrap(steps, loc);

  struct Shared {
    NodeRef size, root, gain1, decay2, gain2, epsilon;
  };
  Shared of_type[2];
  // 1 - beta^steps, without the cancellation of computing it so.
  const auto correction = [&](double beta, const NodeRef& like) {
    if (beta == 0) return numbers.make(1, like);
    const NodeRef power = b.op(Op::mul, b.cast(steps, like->dtype()), numbers.make(std::log(beta), like));
    return b.op(Op::neg, b.op(Op::expm1, power));
  };
  const auto shared = [&](const NodeRef& like) -> const Shared& {
    Shared& s = of_type[like->dtype() == kFloat64];
    if (s.size) return s;
    s.size = b.op(Op::div, numbers.rate(like), correction(options.beta1, like));
    s.root = b.op(Op::sqrt, correction(options.beta2, like));
    s.gain1 = numbers.make(1 - options.beta1, like);
    s.decay2 = numbers.make(options.beta2, like);
    s.gain2 = numbers.make(1 - options.beta2, like);
    s.epsilon = numbers.make(options.epsilon, like);
    return s;
  };

  for (size_t i = 0; i < now.params.size(); ++i) {
    const NodeRef p = parameter_of(now.params[i], loc);
    NodeRef x = b.cast(p, computed_in(p->dtype())), g = operand("a gradient", gradients[i], p, loc);
    const Shared& s = shared(x);
    if (options.weight_decay != 0) {
      const NodeRef decay = numbers.make(options.weight_decay, x);
      if (decoupled) {
        x = b.op(Op::sub, x, b.op(Op::mul, x, b.op(Op::mul, numbers.rate(x), decay)));
      } else {
        g = b.op(Op::add, g, b.op(Op::mul, x, decay));
      }
    }
    const NodeRef m = operand("a mean", now.mean[i], p, loc), v = operand("a mean square", now.square[i], p, loc);
    const NodeRef mean = b.op(Op::add, m, b.op(Op::mul, b.op(Op::sub, g, m), s.gain1));
    const NodeRef square = b.op(Op::add, b.op(Op::mul, v, s.decay2), b.op(Op::mul, b.op(Op::mul, g, g), s.gain2));
    const NodeRef scale = b.op(Op::add, b.op(Op::div, b.op(Op::sqrt, square), s.root), s.epsilon);
    const NodeRef step = b.op(Op::mul, b.op(Op::div, mean, scale), s.size);
    next.params.push_back(rounded(b.op(Op::sub, x, step), now.params[i], loc));
    next.mean.push_back(rounded(mean, now.mean[i], loc));
    next.square.push_back(rounded(square, now.square[i], loc));
  }
  return next;
}

Tensor no_steps(const Leaves& params, Location loc) {
  TensorOptions options(kInt64);
  if (!params.empty()) options = options.device(params[0].device());
  return zeros({}, options, loc);
}

}  // namespace lazuli::optim::detail
