// Behind the handles. A Storage is a root: the current value of a whole tensor as a node, and the memory that it was
// last computed into. A TensorImpl is a base (no steps) or a view (a chain of movement steps from the root to its
// value).
//
// Always holds: the graph is pure; only Storage::value is re-pointed, under Context::mutex. A storage is ready exactly
// when its value, seen through its history (frontend/history.h), is the leaf of what it holds. Views keep no nodes, so
// that a stale read never looks like a pending one.
#pragma once
#include <initializer_list>
#include <memory>
#include <span>
#include <vector>

#include "ir/node.h"
#include "lazuli/tensor.h"
#include "runtime/buffer.h"

namespace lazuli {

class Context;
struct GradSlot;

/// Ops that say how a value came about and compute nothing: their value is that of their first operand.
inline bool is_history(ir::Op op) {
  return op == ir::Op::variable || op == ir::Op::custom_result || op == ir::Op::stop_gradient;
}
/// The value without its history.
inline const ir::Node* plain(const ir::Node* n) {
  while (is_history(n->op())) n = n->input(0);
  return n;
}
/// The operands that the value of a node is computed from.
inline std::span<const ir::Node* const> operands_of(const ir::Node* n) {
  return n->op() == ir::Op::custom_result ? n->inputs().first(1) : n->inputs();
}

/// A computed value in memory: the data leaf that stands for it. Shared by storages that have the same value (a write
/// to one of them then takes fresh memory), and found by other graphs through Node::cached.
struct Materialized {
  ir::NodeRef leaf;
  std::shared_ptr<runtime::Buffer> buffer;  // the leaf's payload
};

struct Storage : std::enable_shared_from_this<Storage> {
  Storage(ir::NodeRef v, Location loc);
  ~Storage();
  Storage(const Storage&) = delete;
  Storage& operator=(const Storage&) = delete;

  const ir::Shape shape;  // of every value
  const DType dtype;
  const Device device;
  ir::NodeRef value;                   // never null
  std::shared_ptr<Materialized> held;  // the memory of the last evaluation; older than value while a write is pending
  uint64_t version = 0;                // counts writes
  bool in_flight = false;              // being evaluated by some thread: readers wait
  bool used = false;                   // read with its history since it was last written
  bool read_only = false;              // memory of somebody who forbids writing; set before the first handle
  Location where;                      // the call that last wrote it
  Storage *prev = nullptr, *next = nullptr;  // the context's list of pending storages
  bool linked = false, tracked = false;      // on that list; its value has a history
  const uint64_t trace;                      // the trace that made it, 0 outside of traces; see compile/scope.h

  bool ready() const { return held && plain(value.get()) == held->leaf.get(); }
  /// Memory that somebody outside may read or write at any time.
  bool escaped() const { return held && held->buffer->external(); }
};

/// One op from the value before it to the value after it (shape): a movement (or a gather or bitcast: view_steps.h), or
/// `variable` (this handle and what is made from it are differentiated up to here) or `stop_gradient` (they are not:
/// detach).
struct ViewStep {
  ir::Op op;
  ir::Attr attr;
  ir::Shape shape;
  std::shared_ptr<ir::Payload> payload = nullptr;  // variable: see GradSlot
  DType dtype = kFloat32;                          // bitcast: what the bits are read as
};

struct TensorImpl;

/// A handle that keeps nothing alive.
class WeakTensor {
 public:
  explicit WeakTensor(const Tensor& t);
  /// Undefined when the storage is gone.
  Tensor lock() const;

 private:
  std::shared_ptr<TensorImpl> impl_;  // without its root
  std::weak_ptr<Storage> root_;
};

/// Where elements at index tensors were read: a new tensor, whose temporary still can be assigned to. Once the tensor
/// or an index is gone nobody can.
struct TakenFrom {
  WeakTensor tensor;
  std::vector<std::pair<TensorIndex, std::optional<WeakTensor>>> indices;
  TakenFrom(const Tensor& t, std::span<const TensorIndex> list);
  /// x.index_put_(indices, value).
  void put(const Tensor& value, const Location& loc) const;
  void put(const Scalar& value, const Location& loc) const;

 private:
  std::vector<TensorIndex> locked() const;
};

struct TensorImpl {
  std::shared_ptr<Storage> root;
  std::vector<ViewStep> steps;  // from the root outwards
  ir::Shape shape;
  ir::Dims strides;  // of the root, in elements of dtype
  int64_t offset = 0;
  DType dtype;
  Device device;
  Location where;                          // the call that made the handle
  std::shared_ptr<const TakenFrom> taken;  // elements at index tensors: assignment to the temporary writes there
  std::shared_ptr<GradSlot> slot;  // where backward() leaves the gradient; of this tensor alone, not of views of it

  /// Whether it is a view of another tensor.
  bool is_view() const {
    for (const ViewStep& s : steps)
      if (s.op != ir::Op::variable) return true;
    return false;
  }
};

// ---- What the operations of the frontend are written with. ----

/// The process's context. Never destroyed.
Context& context();
ir::Interner& interner();

/// The current value; without history where gradients are off (no_grad). Throws Error(Value) when the handle is
/// undefined.
ir::NodeRef node_of(const Tensor& t);
/// A new tensor with this value. In eager mode it is evaluated at once.
Tensor wrap(ir::NodeRef value, Location loc = {});
/// As wrap, of what an operation has computed, never an operand itself: its history is no other tensor's, though
/// another may have been computed by the same operation from the same operands.
Tensor wrap_result(ir::NodeRef value, Location loc = {});
/// The new tensor, requiring gradients where the options say so.
Tensor as_wanted(Tensor made, const TensorOptions& options, const Location& loc);
/// As wrap, of the very node: nothing is evaluated or copied, whatever the mode, and node_of gives it back.
Tensor as_tensor(ir::NodeRef value, Location loc = {});
/// Writes `value` (of dst's shape and dtype) into dst, through its chain of views. Callers hold no NodeRef of their own
/// to dst's old value or to `value` (pass a temporary): such a reference is a pending reader, and costs a copy when
/// dst's memory has escaped or operations are eager.
void assign(Tensor& dst, ir::NodeRef value, Location loc = {});

/// make() with a location: errors thrown without one are rethrown with it.
ir::NodeRef make_node(ir::Op op, std::initializer_list<const ir::Node*> inputs, ir::Attr attr, const Location& loc);
ir::NodeRef make_node(ir::NodeSpec spec, const Location& loc);
/// A host scalar of the user's: a 0-d argument leaf of its own, so that its value is in no key.
ir::NodeRef argument(const Scalar& v, DType dtype, const Location& loc);
/// A 0-d constant of a composition.
ir::NodeRef constant(const Scalar& v, DType dtype, const Location& loc);
/// The node itself where nothing changes.
ir::NodeRef cast_to(const ir::NodeRef& n, DType dtype, const Location& loc);
ir::NodeRef expand_to(const ir::NodeRef& n, const ir::Shape& shape, const Location& loc);
ir::NodeRef reshape_to(const ir::NodeRef& n, const ir::Shape& shape, const Location& loc);
/// Row-major host elements as a data leaf of their own (a copy).
ir::NodeRef host_leaf(const void* data, const ir::Shape& shape, DType dtype, const Location& loc);

/// A handle on the whole storage.
Tensor base_of(std::shared_ptr<Storage> root, const Location& loc);
/// A tensor over the elements that a materialised value has.
Tensor tensor_of(std::shared_ptr<Materialized> value, Location loc);

/// The impl behind a handle; throws Error(Value) when it is undefined.
const std::shared_ptr<TensorImpl>& impl_of(const Tensor& t, const Location& loc = {});
/// A handle on the same root with one step more, which must be strides-expressible: its layout is given.
Tensor view_of(const Tensor& t, ViewStep step, ir::Dims strides, int64_t offset, const Location& loc);

/// Bit pattern of a number in a dtype, zero-extended; integers saturate as cast does.
uint64_t scalar_bits(const Scalar& v, DType dtype);

/// A dimension counted from either end, as an index; throws "Dimension out of range ..." (rank 0 counts as 1).
int64_t wrap_dim(int64_t dim, int64_t rank, const Location& loc);

}  // namespace lazuli
