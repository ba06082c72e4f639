// scaled_dot_product_attention: operands of any rank become those of the op, [batch, heads, places, depth].
#include "lazuli/attention.h"

#include <fmt/format.h>

#include <cmath>

#include "frontend/apply.h"
#include "frontend/build.h"
#include "frontend/promote.h"

namespace lazuli {
namespace {

using ir::NodeRef;
using ir::Op;
using ir::Shape;

[[noreturn]] void refuse(ErrorKind kind, std::string text, const Location& loc, std::string hint = {}) {
  throw Error(kind, std::move(text), std::move(hint), loc);
}

/// All axes but the last two.
Shape leading(const NodeRef& x) {
  return Shape(std::span<const int64_t>(x->shape().data(), x->rank() - 2));
}
int64_t from_end(const NodeRef& x, size_t i) {
  return x->shape()[x->rank() - i];
}

/// Leading axes as batch and heads. The heads stand in the last of two or more; one is the batch.
std::pair<int64_t, int64_t> batch_and_heads(const Shape& lead) {
  const size_t outer = lead.size() < 2 ? lead.size() : lead.size() - 1;
  int64_t batch = 1;
  for (size_t d = 0; d < outer; ++d) batch *= lead[d];
  return {batch, lead.size() < 2 ? 1 : lead.back()};
}

NodeRef in_four_axes(const Build& b, const NodeRef& x) {
  const auto [batch, heads] = batch_and_heads(leading(x));
  return b.reshape(x, {batch, heads, from_end(x, 2), from_end(x, 1)});
}

void check_types(const NodeRef& q, const NodeRef& k, const NodeRef& v, const Location& loc) {
  if (q->rank() < 2 || k->rank() < 2 || v->rank() < 2)
    refuse(ErrorKind::Shape,
           fmt::format("Expected query, key, and value to all be at least 2 dimensional, but got query.dim: {}, "
                       "key.dim: {} and value.dim: {} instead.",
                       q->rank(), k->rank(), v->rank()),
           loc, "the last two axes are places and depth");
  if (q->dtype() != k->dtype() || q->dtype() != v->dtype())
    refuse(ErrorKind::DType,
           fmt::format("Expected query, key, and value to have the same dtype, but got query.dtype: {} key.dtype: {} "
                       "and value.dtype: {} instead.",
                       torch_name(q->dtype()), torch_name(k->dtype()), torch_name(v->dtype())),
           loc, "convert them with to()");
  if (!is_floating(q->dtype()))
    refuse(ErrorKind::DType, fmt::format("scaled_dot_product_attention: takes floats, not {}", name(q->dtype())), loc,
           "convert the operands with to(kFloat32)");
  if (q->device() != k->device() || q->device() != v->device())
    refuse(ErrorKind::Device,
           fmt::format("Expected query, key, and value to have the same device type, but got query.device: {} "
                       "key.device: {} and value.device: {} instead.",
                       q->device().str(), k->device().str(), v->device().str()),
           loc);
  if (q->device().is_cuda())
    refuse(ErrorKind::Unsupported, "scaled_dot_product_attention: there is no kernel for CUDA devices yet", loc,
           "softmax(matmul(query, key.transpose(-2, -1)) * scale, -1) and another matmul run there");
}

/// Broadcasts leading axes; key and value may have fewer heads where the options say so.
void match_shapes(const Build& b, NodeRef& q, NodeRef& k, NodeRef& v, bool grouped, const Location& loc) {
  const auto shapes = [&] {
    return fmt::format("query {}, key {} and value {}", ir::str(q->shape()), ir::str(k->shape()), ir::str(v->shape()));
  };
  if (from_end(q, 1) != from_end(k, 1))
    refuse(ErrorKind::Shape, fmt::format("scaled_dot_product_attention: the depths of {} differ", shapes()), loc,
           "the last axes of query and key are equal");
  if (from_end(k, 2) != from_end(v, 2))
    refuse(ErrorKind::Shape, fmt::format("scaled_dot_product_attention: the places of {} differ", shapes()), loc,
           "key and value have the same number of places");
  int64_t group = 1;
  if (grouped) {
    if (q->rank() < 3 || k->rank() < 3 || v->rank() < 3 || from_end(k, 3) != from_end(v, 3) || from_end(k, 3) == 0 ||
        from_end(q, 3) % from_end(k, 3) != 0)
      refuse(ErrorKind::Shape, fmt::format("scaled_dot_product_attention: the heads of {} do not group", shapes()), loc,
             "the number of heads of the query is a multiple of that of key and value");
    group = from_end(q, 3) / from_end(k, 3);
  }
  // As if key and value had all heads of the query.
  const auto lead = [&](const NodeRef& x, int64_t times) {
    Shape s = leading(x);
    if (times != 1) s.back() *= times;
    return s;
  };
  const auto both = ir::broadcast(lead(q, 1), lead(k, group));
  const auto all = both ? ir::broadcast(*both, lead(v, group)) : both;
  if (!all)
    refuse(ErrorKind::Shape,
           fmt::format("scaled_dot_product_attention: the leading axes of {} do not broadcast", shapes()), loc,
           grouped ? "" : "with enable_gqa key and value may have fewer heads");
  const auto widen = [&](NodeRef& x, int64_t by) {
    Shape s = *all;
    if (by != 1) s.back() /= by;
    s.push_back(from_end(x, 2));
    s.push_back(from_end(x, 1));
    x = b.expand(x, s);
  };
  widen(q, 1);
  widen(k, group);
  widen(v, group);
}

/// The mask in four axes, each of the full size or 1.
NodeRef mask_of(const Build& b, const Tensor& t, const NodeRef& q, const NodeRef& k, DType computed,
                const Location& loc) {
  NodeRef m = node_of(t);
  if (!is_bool(m->dtype()) && m->dtype() != q->dtype() && m->dtype() != kFloat32)
    refuse(ErrorKind::DType,
           fmt::format("Expected attn_mask dtype to be bool or float or to match query dtype, but got "
                       "attn_mask.dtype: {} and query.dtype: {} instead.",
                       torch_name(m->dtype()), torch_name(q->dtype())),
           loc, "bool: true where a key is seen; floats are added to the scores");
  if (!is_bool(m->dtype())) m = b.cast(m, computed);
  Shape full = leading(q);
  full.push_back(from_end(q, 2));
  full.push_back(from_end(k, 2));
  const auto both = ir::broadcast(m->shape(), full);
  if (!both || !(*both == full))
    refuse(ErrorKind::Shape,
           fmt::format("scaled_dot_product_attention: attn_mask of shape {} does not broadcast to {}",
                       ir::str(m->shape()), ir::str(full)),
           loc, "(query's leading axes, places of the query, places of the key)");
  Shape aligned(full.size() - m->rank(), 1);
  for (int64_t d : m->shape()) aligned.push_back(d);
  m = b.reshape(m, aligned);
  const size_t outer = q->rank() < 4 ? q->rank() - 2 : q->rank() - 3;  // axes that become the batch
  bool whole = false, one = true;
  for (size_t d = 0; d < outer; ++d) {
    whole |= aligned[d] != full[d];
    one &= aligned[d] == 1;
  }
  if (whole && !one) {
    for (size_t d = 0; d < outer; ++d) aligned[d] = full[d];
    m = b.expand(m, aligned);
  }
  return in_four_axes(b, m);
}

NodeRef lengths_of(const Build& b, const Tensor& t, const NodeRef& q, const Location& loc) {
  const NodeRef n = node_of(t);
  if (is_floating(n->dtype()) || is_bool(n->dtype()))
    refuse(ErrorKind::DType,
           fmt::format("scaled_dot_product_attention: key_lengths are integers, not {}", name(n->dtype())), loc);
  const int64_t first = q->rank() == 2 ? 1 : q->shape()[0];
  if (n->rank() != 1 || n->shape()[0] != first)
    refuse(ErrorKind::Shape,
           fmt::format("scaled_dot_product_attention: key_lengths of shape {} for a query of shape {}",
                       ir::str(n->shape()), ir::str(q->shape())),
           loc, fmt::format("one per element of the first axis: ({})", first));
  const int64_t batch = batch_and_heads(leading(q)).first;
  const NodeRef lengths = b.cast(n, kInt64);
  return first == batch
             ? lengths
             : b.reshape(b.expand(b.reshape(lengths, {first, 1}), {first, batch / std::max<int64_t>(1, first)}),
                         {batch});
}

}  // namespace

Tensor scaled_dot_product_attention(const Tensor& query, const Tensor& key, const Tensor& value,
                                    const AttentionOptions& options, Location loc) {
  const Build b(loc);
  NodeRef q = node_of(query), k = node_of(key), v = node_of(value);
  check_types(q, k, v, loc);
  if (options.is_causal && options.attn_mask.defined())
    refuse(ErrorKind::Value, "scaled_dot_product_attention: Explicit attn_mask should not be set when is_causal=True",
           loc, "combine them: attn_mask.logical_and(ones({L, S}, kBool).tril())");
  match_shapes(b, q, k, v, options.enable_gqa, loc);
  const DType type = q->dtype(), computed = type == kFloat64 ? kFloat64 : kFloat32;
  const auto depth = static_cast<double>(from_end(q, 1));
  const double scale = options.scale ? *options.scale : depth == 0 ? 1 : 1 / std::sqrt(depth);
  Shape shape = leading(q);
  shape.push_back(from_end(q, 2));
  shape.push_back(from_end(v, 1));

  std::vector<NodeRef> operands;
  for (const NodeRef* x : {&q, &k, &v}) operands.push_back(in_four_axes(b, b.cast(*x, computed)));
  if (options.attn_mask.defined()) operands.push_back(mask_of(b, options.attn_mask, q, k, computed, loc));
  if (options.key_lengths.defined()) operands.push_back(lengths_of(b, options.key_lengths, q, loc));
  ir::NodeSpec spec{.op = Op::attention, .attr = ir::CompositeAttr{{options.is_causal ? 1 : 0}, scale}};
  for (const NodeRef& x : operands) spec.inputs.push_back(x.get());
  const NodeRef result = make_node(std::move(spec), loc);
  return wrap_result(b.cast(b.reshape(result, shape), type), loc);
}

}  // namespace lazuli
