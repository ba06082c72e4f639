// The trace that a thread is in: a function given to compile() is run once on placeholders, and everything it does to
// tensors is recorded instead of evaluated.
//
// A dynamic scope, like the grad mode: it says which values this thread's operations may read, and ends with the
// function. Nothing below the frontend knows of it. What holds inside:
//   - A storage made inside carries the scope's id, is on no list of pending storages and is never evaluated.
//   - A storage from outside is a captured one: it is read as a placeholder, and a write to it changes what this trace
//     reads, not the storage.
//   - Positions of random streams and symbolic scalars are argument leaves whose bits every call supplies.
//   - A storage of another trace, or of one that has ended, is refused.
#pragma once
#include <memory>
#include <unordered_map>
#include <unordered_set>
#include <variant>
#include <vector>

#include "frontend/tensor_impl.h"
#include "lazuli/random.h"

namespace lazuli {

/// Payload of an argument leaf whose bits differ from call to call.
class SlotPayload final : public ir::Payload {
 public:
  enum class Kind : uint8_t {
    Scalar,  // symbolic scalar `index`, converted to the leaf's type
    Draw,    // random stream: draw `index`; word 0 is the seed, word 1 + i the i-th position
  };
  SlotPayload(Kind k, uint32_t i, uint32_t w = 0) : kind(k), index(i), word(w) {}
  const void* host_data() const override { return nullptr; }
  const Kind kind;
  const uint32_t index, word;
};

/// What a function does to random streams, in order. Every call does it again.
struct RandomAction {
  enum class Kind : uint8_t { Take, Seed, Position } kind;
  Generator generator;
  uint64_t number;  // blocks taken, new seed, new position
};

class TraceScope {
 public:
  /// `where`: the call of compile(), for messages.
  explicit TraceScope(Location where);
  ~TraceScope();
  TraceScope(const TraceScope&) = delete;
  TraceScope& operator=(const TraceScope&) = delete;

  static TraceScope* current();
  /// 0 outside of traces.
  static uint64_t current_id();

  /// A tensor without elements to read, made inside.
  Tensor placeholder(const ir::Shape& shape, DType dtype, Device device, Location loc);
  /// A tensor made inside.
  Tensor wrap(ir::NodeRef value, const Location& loc);

  /// The value of a storage as the trace sees it.
  ir::NodeRef read(const std::shared_ptr<Storage>& root);
  void write(const std::shared_ptr<Storage>& root, ir::NodeRef value, const Location& loc);

  /// The leaves of one draw: the seed and `blocks` positions, 0-d int64 on the CPU.
  std::vector<ir::NodeRef> draw(const Generator& generator, uint32_t blocks, const Location& loc);
  void record(RandomAction action) { random_.push_back(std::move(action)); }

  /// Notes that the function needs the number of a symbolic scalar.
  void observe_scalar(uint32_t slot) { observed_.insert(slot); }
  const std::unordered_set<uint32_t>& observed_scalars() const { return observed_; }

  struct Capture {
    std::shared_ptr<Storage> root;
    ir::NodeRef placeholder, value;
    Location written;  // the last write
  };
  std::vector<Capture>& captures() { return captures_; }
  std::vector<RandomAction>& random() { return random_; }

 private:
  Capture& capture(const std::shared_ptr<Storage>& root);

  const uint64_t id_;
  const Location where_;
  TraceScope* const outer_;
  std::vector<Capture> captures_;
  std::unordered_map<const Storage*, size_t> index_;
  std::vector<RandomAction> random_;
  std::unordered_set<uint32_t> observed_;
};

/// A data leaf that stands for memory which every call supplies.
ir::NodeRef placeholder_leaf(const ir::Shape& shape, DType dtype, Device device, const Location& loc);

/// Whether the storage's value is the business of a trace rather than of evaluation.
bool is_traced(const Storage& root);
/// Its value there. Throws Error(Value) when it belongs to a trace that has ended, or to one of another thread.
ir::NodeRef traced_value(const std::shared_ptr<Storage>& root);
void write_traced(const std::shared_ptr<Storage>& root, ir::NodeRef value, const Location& loc);

/// Throws Error(Value) inside a trace: `what` ("item") would observe a value that is not there.
void refuse_observation(const Storage& root, const char* what, const Location& loc);

/// Throws Error(Value) inside a trace: the values of a tensor decide the shape of what `op` returns.
void need_values(const char* op, const Location& loc);

}  // namespace lazuli
