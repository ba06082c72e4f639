// The graph's nodes. A node is immutable and interned: equal (op, dtype, device, shape, attributes, inputs) is one
// node, so common subexpressions never exist and equality is pointer equality. Debug facts (origin) and runtime
// facts (payload, cached value) hang beside the node and are in no hash and no key.
// Nothing recurses over nodes: destruction uses a work list.
#pragma once
#include <atomic>
#include <bit>
#include <memory>
#include <variant>
#include <vector>

#include "ir/op.h"
#include "ir/shape.h"
#include "lazuli/base/device.h"
#include "lazuli/base/error.h"

namespace lazuli::ir {

class CustomRule;
class Interner;
class Node;

// ---- Attributes: one closed variant. ----
struct NoAttr {
  bool operator==(const NoAttr&) const = default;
};
/// constant: bit pattern of the node's dtype, zero-extended. The node is 0-d.
struct ConstantAttr {
  uint64_t bits;
  bool operator==(const ConstantAttr&) const = default;
};
/// data, argument, variable, barrier: identity. Two leaves are equal only if they are the same one, and two barriers
/// over one operand only if they have one id.
struct LeafAttr {
  uint64_t id;
  bool operator==(const LeafAttr&) const = default;
};
/// permute: the permutation; flip, reductions, gather, scatters: the axes, ascending; concat, iota: one axis.
struct AxesAttr {
  Dims axes;
  bool operator==(const AxesAttr&) const = default;
};
/// slice, slice_update: element i of axis d stands at start[d] + i*step[d]; step >= 1.
struct SliceAttr {
  Dims start, step;
  bool operator==(const SliceAttr&) const = default;
};
/// pad: elements added before and after each axis, all >= 0.
struct PadAttr {
  Dims low, high;
  bool operator==(const PadAttr&) const = default;
};
/// dot_general: result axes are batch, then lhs free, then rhs free. Boxed because it is large and rare.
struct DotDims {
  Dims lhs_batch, rhs_batch, lhs_contract, rhs_contract;
  bool operator==(const DotDims&) const = default;
};
struct DotAttr {
  std::shared_ptr<const DotDims> dims;
  bool operator==(const DotAttr& o) const { return *dims == *o.dims; }
};
/// windows, fold, convolution: one entry per windowed axis, which are the last ones. Boxed as DotDims are.
struct WindowDims {
  Dims size;            // of a window; a convolution has that of its weight
  Dims step, dilation;  // from window to window, and from element to element of one
  Dims low = {}, high = {},
       spread = {};  // convolution: padding (negative: cut off), and `spread - 1` zeros between elements
  Dims groups = {};  // convolution: one entry
  bool operator==(const WindowDims&) const = default;
};
struct WindowAttr {
  std::shared_ptr<const WindowDims> dims;
  bool operator==(const WindowAttr& o) const { return *dims == *o.dims; }
};
/// Composite ops: axes and one number (correction, epsilon), read by the op's expansion. Attention: one entry, whether
/// it is causal, and the scale.
struct CompositeAttr {
  Dims axes;
  double number = 0;
  /// By bits: 0 and -0 are different epsilons.
  bool operator==(const CompositeAttr& o) const {
    return axes == o.axes && std::bit_cast<uint64_t>(number) == std::bit_cast<uint64_t>(o.number);
  }
};
/// custom_result: where the gradient comes from, and which result of it the node is. A graph read from text has no
/// rule.
struct CustomAttr {
  std::shared_ptr<const CustomRule> rule;
  int64_t result = 0;
  bool operator==(const CustomAttr&) const = default;
};
using Attr = std::variant<NoAttr, ConstantAttr, LeafAttr, AxesAttr, SliceAttr, PadAttr, DotAttr, CompositeAttr,
                          CustomAttr, WindowAttr>;

/// What a leaf stands for at run time. The runtime derives its buffers and argument slots from it.
class Payload {
 public:
  virtual ~Payload() = default;
  /// Host-readable row-major elements, or null if there are none.
  virtual const void* host_data() const = 0;
};

/// Counted reference to a node.
class NodeRef {
 public:
  NodeRef() = default;
  NodeRef(std::nullptr_t) {}
  /// Shares: adds a reference.
  explicit NodeRef(const Node* n);
  NodeRef(const NodeRef& o);
  NodeRef(NodeRef&& o) noexcept : node_(o.node_) { o.node_ = nullptr; }
  NodeRef& operator=(NodeRef o) noexcept {
    std::swap(node_, o.node_);
    return *this;
  }
  ~NodeRef();
  /// Takes over a reference that the caller owns.
  static NodeRef adopt(const Node* n) {
    NodeRef r;
    r.node_ = n;
    return r;
  }

  const Node* get() const { return node_; }
  const Node* operator->() const { return node_; }
  const Node& operator*() const { return *node_; }
  explicit operator bool() const { return node_ != nullptr; }
  friend bool operator==(const NodeRef& a, const NodeRef& b) { return a.node_ == b.node_; }

 private:
  const Node* node_ = nullptr;
};

class Node {
 public:
  Op op() const { return op_; }
  DType dtype() const { return dtype_; }
  Device device() const { return device_; }
  const Shape& shape() const { return shape_; }
  size_t rank() const { return shape_.size(); }
  int64_t numel() const { return numel_; }
  int64_t nbytes() const { return numel_ * static_cast<int64_t>(itemsize(dtype_)); }

  std::span<const Node* const> inputs() const { return inputs_; }
  const Node* input(size_t i) const { return inputs_[i]; }
  size_t input_count() const { return inputs_.size(); }

  const Attr& attr() const { return attr_; }
  template <class A>
  const A& attr_as() const {
    return std::get<A>(attr_);
  }
  uint64_t hash() const { return hash_; }
  /// Whether a gradient could arrive at a `variable` through this node.
  bool differentiable() const { return differentiable_; }
  /// Grows with creation: inputs have smaller serials than their users. Never part of a key.
  uint64_t serial() const { return serial_; }
  /// Where the user's call that first made this node stands; line 0 if unknown.
  const Location& origin() const { return origin_; }
  /// What the user called, where that is not the op's own name: for messages.
  const char* called() const { return called_ ? called_ : name(op_).data(); }
  /// Number of references held anywhere (other nodes, handles, storages).
  uint32_t use_count() const { return refs_.load(std::memory_order_acquire); }

  /// Leaves and variables only: what the leaf stands for.
  const std::shared_ptr<Payload>& payload() const { return payload_; }

  /// A value computed for this node that somebody else owns. Guarded by the runtime's evaluation lock.
  mutable std::weak_ptr<void> cached;

 private:
  friend class Interner;
  friend class NodeRef;
  Node() = default;
  ~Node() = default;

  Op op_{};
  DType dtype_{};
  Device device_{};
  bool differentiable_ = false;
  mutable std::atomic<uint32_t> refs_{1};
  Shape shape_;
  int64_t numel_ = 0;
  SmallVec<const Node*, 3> inputs_;
  Attr attr_;
  uint64_t hash_ = 0;
  uint64_t serial_ = 0;
  Location origin_{};
  const char* called_ = nullptr;
  std::shared_ptr<Payload> payload_;
  Interner* owner_ = nullptr;
  Node* chain_ = nullptr;  // next in the interner's bucket while interned, next to destroy afterwards
};

/// What make() is asked for. dtype and shape are read only by ops whose result they define
/// (leaves, cast, reshape, expand, slice, fold); every other op infers them.
struct NodeSpec {
  Op op;
  SmallVec<const Node*, 3> inputs = {};
  Attr attr = NoAttr{};
  DType dtype = kFloat32;
  Shape shape = {};
  Device device = kCPU;
  std::shared_ptr<Payload> payload = nullptr;  // leaves and variables
  Location origin{};
  const char* called = nullptr;  // a literal; null for the op's name
};

/// The gradient of custom_result nodes: of one call of a function that says itself how it is differentiated.
class CustomRule {
 public:
  virtual ~CustomRule() = default;
  /// Cotangents of the operands (null for none), given those of the results by their number (null for zero; as many as
  /// the largest result that was used asks for).
  virtual std::vector<NodeRef> vjp(Interner& interner, std::span<const NodeRef> operands,
                                   std::span<const NodeRef> cotangents) const = 0;
};

/// The table of live nodes, held weakly: a node leaves it when its last reference goes. Thread-safe.
/// It must outlive its nodes; nodes of different interners may be inputs of each other.
class Interner {
 public:
  Interner();
  ~Interner();
  Interner(const Interner&) = delete;
  Interner& operator=(const Interner&) = delete;

  /// The one way to make a node: validates, infers dtype and shape, interns.
  /// Throws Error (Shape, DType, Value, Unsupported) that names the op and the operands' shapes and dtypes.
  NodeRef make(NodeSpec spec);
  /// A fresh leaf id.
  uint64_t next_leaf_id() { return leaf_ids_.fetch_add(1); }
  size_t live_nodes() const { return live_.load(); }

 private:
  friend class NodeRef;
  /// Drops one reference; destroys the node and every input that nothing else holds, with no stack and no allocation.
  static void release(const Node* n);
  void unlink(Node* n);
  struct Shard;
  std::unique_ptr<Shard[]> shards_;
  std::atomic<uint64_t> leaf_ids_{1}, serials_{1};
  std::atomic<size_t> live_{0};
};

inline NodeRef::NodeRef(const Node* n) : node_(n) {
  if (n) n->refs_.fetch_add(1, std::memory_order_relaxed);
}
inline NodeRef::NodeRef(const NodeRef& o) : NodeRef(o.node_) {}
inline NodeRef::~NodeRef() {
  if (node_) Interner::release(node_);
}

}  // namespace lazuli::ir
