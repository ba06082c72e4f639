// Random graphs around attention: every option (masks of both kinds that broadcast, causality, key lengths, grouped
// heads), shapes around blocks of 64 and register tiles, operands that are views, joins and elementwise work, and what
// stands behind it: residuals, activations, sums, the product that joins the heads.
#include "tests/fuzz/chance.h"
#include "tests/fuzz/generator.h"

namespace lazuli::fuzz {
namespace {

using namespace ir;

class AttentionGenerator : private Chance {
 public:
  AttentionGenerator(uint64_t seed, Interner& in) : Chance(seed), in_(in) {}

  Graph run() {
    constexpr int64_t kPlaces[] = {1, 2, 3, 5, 8, 9, 17, 33, 63, 64, 65, 70, 127, 130, 200, 0};
    constexpr int64_t kDepths[] = {1, 2, 3, 4, 7, 8, 16, 17, 32, 33, 64};
    constexpr int64_t kMostWork = 300000;
    type_ = one_in(5) ? kFloat64 : kFloat32;
    do {
      batch_ = pick({1, 1, 1, 2, 3});
      key_heads_ = pick({1, 1, 2, 3});
      heads_ = key_heads_ * (one_in(3) ? pick({2, 3, 4}) : 1);
      queries_ = pick(kPlaces);
      keys_ = one_in(2) ? queries_ : pick(kPlaces);
      depth_ = pick(kDepths);
      value_depth_ = one_in(2) ? depth_ : pick(kDepths);
    } while (batch_ * heads_ * (queries_ + 1) * (keys_ + 1) * (depth_ + value_depth_) > kMostWork ||
             batch_ * heads_ * std::max(queries_, keys_) * std::max(depth_, value_depth_) > kMostElements ||
             ((queries_ == 0 || keys_ == 0) && !one_in(4)));

    NodeRef q, k, v;
    if (queries_ == keys_ && heads_ == key_heads_ && depth_ == value_depth_ && one_in(2)) {
      // One product for all three, cut apart.
      const NodeRef all = operand({batch_, queries_, 3, heads_, depth_});
      const auto part = [&](int64_t i) {
        const NodeRef x =
            node(Op::slice, {all}, SliceAttr{{0, 0, i, 0, 0}, {1, 1, 1, 1, 1}}, {batch_, queries_, 1, heads_, depth_});
        const NodeRef rows = node(Op::reshape, {x}, NoAttr{}, {batch_, queries_, heads_, depth_});
        return node(Op::permute, {rows}, AxesAttr{{0, 2, 1, 3}});
      };
      q = part(0), k = part(1), v = part(2);
    } else {
      q = by_heads(heads_, queries_, depth_);
      k = by_heads(key_heads_, keys_, depth_);
      v = one_in(8) && value_depth_ == depth_ ? k : by_heads(key_heads_, keys_, value_depth_);
    }
    std::vector<NodeRef> inputs{q, k, v};
    if (one_in(3)) inputs.push_back(mask());
    if (one_in(4)) inputs.push_back(lengths());
    const CompositeAttr attr{.axes = {one_in(2) ? 1 : 0}, .number = pick({0.125, 1.0, 0.3, -0.5})};
    const auto attend = [&](Op op) {
      NodeSpec spec{.op = op, .attr = attr};
      for (const NodeRef& n : inputs) spec.inputs.push_back(n.get());
      return in_.make(std::move(spec));
    };
    Graph g;
    const NodeRef y = attend(Op::attention);
    g.outputs.push_back(followed(y));
    if (one_in(4)) g.outputs.push_back(y);
    if (one_in(5)) g.outputs.push_back(attend(Op::attention_lse));
    if (one_in(6)) g.outputs.push_back(node(Op::mul, {q, q}));
    return g;
  }

 private:
  NodeRef node(Op op, std::initializer_list<NodeRef> inputs, Attr attr = NoAttr{}, Shape shape = {},
               DType dtype = kFloat32) {
    NodeSpec spec{.op = op, .attr = std::move(attr), .dtype = dtype, .shape = std::move(shape)};
    for (const NodeRef& input : inputs) spec.inputs.push_back(input.get());
    return in_.make(std::move(spec));
  }
  NodeRef leaf(DType t, const Shape& s) { return node(Op::data, {}, LeafAttr{in_.next_leaf_id()}, s, t); }
  NodeRef expand(const NodeRef& x, const Shape& s) { return node(Op::expand, {x}, NoAttr{}, s); }
  NodeRef number(double v) {
    const uint64_t bits =
        type_ == kFloat64 ? std::bit_cast<uint64_t>(v) : std::bit_cast<uint32_t>(static_cast<float>(v));
    return node(Op::constant, {}, ConstantAttr{bits}, {}, type_);
  }

  /// Mostly moderate numbers, so that weights are neither 0 nor 1 and NaN does not hide all else.
  NodeRef operand(const Shape& s) {
    if (one_in(6)) return leaf(type_, s);
    const NodeRef x = node(Op::cast, {leaf(kInt8, s)}, NoAttr{}, {}, type_);
    const NodeRef y = node(Op::mul, {x, expand(number(pick({0.01, 0.03, 0.1})), s)});
    return one_in(3) ? node(Op::add, {y, expand(leaf(type_, {s[s.size() - 1]}), s)}) : y;
  }
  /// [batch, heads, places, depth], as a view of something or as it is.
  NodeRef by_heads(int64_t heads, int64_t places, int64_t depth) {
    switch (below(5)) {
      case 0:
        return node(Op::permute, {operand({batch_, places, heads, depth})}, AxesAttr{{0, 2, 1, 3}});
      case 1:
        return node(Op::permute, {operand({batch_, heads, depth, places})}, AxesAttr{{0, 1, 3, 2}});
      case 2:
        return expand(operand({1, heads, places, depth}), {batch_, heads, places, depth});
      case 3:
        return node(Op::slice, {operand({batch_, heads, places + 2, depth})},
                    SliceAttr{{0, 0, one_in(2) ? 1 : 0, 0}, {1, 1, 1, 1}}, {batch_, heads, places, depth});
      default:
        return operand({batch_, heads, places, depth});
    }
  }
  NodeRef mask() {
    Shape s{batch_, heads_, queries_, keys_};
    for (int64_t& d : s)
      if (one_in(2)) d = 1;
    const NodeRef x = operand(s);
    if (one_in(2)) return x;
    return one_in(2) ? leaf(kBool, s) : node(Op::lt, {x, expand(number(0.5), s)});
  }
  /// Around the number of keys; some sees none.
  NodeRef lengths() {
    const NodeRef few = node(Op::cast, {leaf(kUInt8, {batch_})}, NoAttr{}, {}, kInt64);
    if (one_in(3)) return few;
    return node(
        Op::minimum,
        {few, expand(node(Op::constant, {}, ConstantAttr{static_cast<uint64_t>(keys_ + 1)}, {}, kInt64), {batch_})});
  }
  /// What users do with the result.
  NodeRef followed(NodeRef y) {
    if (one_in(3)) y = node(Op::add, {y, operand(y->shape())});
    if (one_in(3)) y = node(pick({Op::tanh, Op::square, Op::neg}), {y});
    if (one_in(4)) y = node(Op::sum, {y}, AxesAttr{{pick({1, 2, 3})}});
    if (y->rank() == 4 && one_in(2)) {
      const int64_t width = heads_ * value_depth_;
      const NodeRef rows = node(Op::permute, {y}, AxesAttr{{0, 2, 1, 3}});
      y = node(Op::reshape, {rows}, NoAttr{}, {batch_ * queries_, width});
      if (one_in(2)) {
        DotDims dims;
        dims.lhs_contract = {1};
        dims.rhs_contract = {0};
        y = node(Op::dot_general, {y, operand({width, pick({1, 7, 16, 33})})},
                 DotAttr{std::make_shared<const DotDims>(dims)});
      }
    }
    return y;
  }

  Interner& in_;
  DType type_ = kFloat32;
  int64_t batch_ = 1, heads_ = 1, key_heads_ = 1, queries_ = 1, keys_ = 1, depth_ = 1, value_depth_ = 1;
};

}  // namespace

Graph generate_attention(uint64_t seed, Interner& interner) {
  return AttentionGenerator(seed, interner).run();
}

}  // namespace lazuli::fuzz
