// Rules of the attention ops.
#include "ir/attention.h"

#include <fmt/format.h>

#include "ir/ops/rules.h"

namespace lazuli::ir {
namespace {

void want_shape(const NodeSpec& spec, const char* what, const Node* n, const Shape& shape) {
  if (n->shape() == shape) return;
  reject(spec, ErrorKind::Shape, fmt::format("the {} is {}, not of shape {}", what, describe(n), str(shape)));
}

}  // namespace

AttentionOperands::AttentionOperands(const Node* n)
    : query(n->input(0)),
      key(n->input(1)),
      value(n->input(2)),
      batch(query->shape()[0]),
      heads(query->shape()[1]),
      key_heads(key->shape()[1]),
      queries(query->shape()[2]),
      keys(key->shape()[2]),
      depth(query->shape()[3]),
      value_depth(value->shape()[3]),
      causal(n->attr_as<CompositeAttr>().axes[0] != 0),
      scale(n->attr_as<CompositeAttr>().number) {
  size_t next = attention_operands(n->op());
  if (next > 3) {
    gradient = n->input(3);
    lse = n->input(4);
    row_sums = n->input(5);
  }
  for (; next < n->input_count(); ++next) (n->input(next)->rank() == 1 ? lengths : mask) = n->input(next);
}

double AttentionOperands::scores() const {
  const auto rows = static_cast<double>(batch * heads), all = static_cast<double>(queries) * static_cast<double>(keys);
  if (!causal) return rows * all;
  const auto seen = static_cast<double>(std::min(queries, keys));
  return rows * (seen * seen / 2 + static_cast<double>(queries - std::min(queries, keys)) * seen);
}

Inferred infer_attention(const NodeSpec& spec) {
  const CompositeAttr& attr = std::get<CompositeAttr>(spec.attr);
  if (attr.axes.size() != 1 || (attr.axes[0] != 0 && attr.axes[0] != 1))
    reject(spec, ErrorKind::Internal, "says by one number whether it is causal");
  const size_t fixed = attention_operands(spec.op);
  const Node *query = spec.inputs[0], *key = spec.inputs[1], *value = spec.inputs[2];
  const DType type = query->dtype();
  if (type != kFloat32 && type != kFloat64)
    reject(spec, ErrorKind::DType, fmt::format("takes float32 and float64, not {}", describe(query)), "cast it first");
  for (size_t i = 0; i < fixed; ++i)
    if (spec.inputs[i]->dtype() != type)
      reject(spec, ErrorKind::DType, fmt::format("operands {} differ in type", describe_operands(spec)),
             "cast them to one type");
  for (size_t i = 0; i < 3; ++i)
    if (spec.inputs[i]->rank() != 4)
      reject(spec, ErrorKind::Shape, fmt::format("takes operands of four axes, not {}", describe(spec.inputs[i])));
  const Shape &q = query->shape(), &k = key->shape();
  if (k[0] != q[0] || k[3] != q[3] || (k[1] == 0 ? q[1] != 0 : q[1] % k[1] != 0))
    reject(spec, ErrorKind::Shape, fmt::format("query and key {} do not fit", describe_operands(spec)),
           "batch and depth are equal, and heads a multiple of the key's");
  want_shape(spec, "value", value, {k[0], k[1], k[2], value->shape()[3]});
  const int64_t e = value->shape()[3];
  const Shape rows{q[0], q[1], q[2]}, result{q[0], q[1], q[2], e};
  if (fixed == 6) {
    want_shape(spec, "gradient", spec.inputs[3], result);
    want_shape(spec, "log-sum-exp", spec.inputs[4], rows);
    want_shape(spec, "row sums", spec.inputs[5], rows);
  }
  size_t next = fixed;
  if (next < spec.inputs.size() && spec.inputs[next]->rank() == 4) {
    const Node* mask = spec.inputs[next++];
    const Shape full{q[0], q[1], q[2], k[2]};
    for (size_t d = 0; d < 4; ++d)
      if (mask->shape()[d] != 1 && mask->shape()[d] != full[d])
        reject(spec, ErrorKind::Shape, fmt::format("the mask {} does not broadcast to {}", describe(mask), str(full)));
    if (!is_bool(mask->dtype()) && mask->dtype() != type)
      reject(spec, ErrorKind::DType, fmt::format("the mask is bool or of the operands' type, not {}", describe(mask)),
             "cast it first");
  }
  if (next < spec.inputs.size()) {
    const Node* lengths = spec.inputs[next++];
    if (lengths->dtype() != kInt64)
      reject(spec, ErrorKind::DType, fmt::format("key lengths are int64, not {}", describe(lengths)),
             "cast them first");
    want_shape(spec, "tensor of key lengths", lengths, {q[0]});
  }
  if (next != spec.inputs.size()) reject(spec, ErrorKind::Shape, "takes one mask, then key lengths");
  if (spec.op == Op::attention_lse) return {type, rows, query->device()};
  if (spec.op == Op::attention_query_gradient) return {type, q, query->device()};
  if (spec.op == Op::attention_key_gradient) return {type, {k[0], k[1], k[2], k[3] + e}, query->device()};
  return {type, result, query->device()};
}

}  // namespace lazuli::ir
