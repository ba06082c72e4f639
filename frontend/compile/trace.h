// One run of a compiled function, recorded: its graph, where each leaf gets its memory from at a call, and what becomes
// of each output. Immutable once made, but for programs prepared on demand.
#pragma once
#include <mutex>
#include <string>
#include <vector>

#include "frontend/compile/scope.h"
#include "ir/graph.h"
#include "lazuli/compile.h"
#include "runtime/prepared.h"

namespace lazuli::detail {

/// How a tensor argument enters a trace. Whole, Window and Copied arguments are a placeholder of their own shape.
enum class Enter : uint8_t {
  Whole,   // it is its storage
  Window,  // a row-major part of its storage, read at its place
  Steps,   // a placeholder for the storage, and the argument's view of it: permutes, expands, reshapes. Also whatever
           // shares a storage with another argument, if the function writes to arguments.
  Copied,  // any other view, copied before the call
};

/// What a trace knows of an argument tensor.
struct LeafFacts {
  Enter enter = Enter::Whole;
  uint32_t group = 0;  // the first leaf with this placeholder
  DType dtype, root_dtype;
  Device device;
  ir::Shape shape, root_shape;
  std::vector<ViewStep> steps;  // Steps: from the root
  std::string str() const;
};

struct Trace {
  struct Input {
    uint32_t leaf;  // the argument tensor that it stands for (the first of its group)
    Enter enter;
    ir::NodeRef placeholder;
    bool donatable;
  };
  struct Captured {
    std::shared_ptr<Storage> root;
    ir::NodeRef placeholder;
  };
  /// The storage that output `output` is written back to: of a captured tensor, or of an input.
  struct Write {
    size_t index;
    bool captured;
    size_t output;
    Location where;
  };
  struct Result {
    enum class Kind : uint8_t {
      Fresh,   // a handle on storage `index` of the call's new ones
      Input,   // a handle on the storage of input `index`
      Outer,   // `handle` itself, from outside
      Repeat,  // result `index` again
    } kind;
    size_t index;
    Tensor handle;  // as the trace saw it
  };
  /// Where a leaf of the graph gets its memory.
  struct Source {
    enum class Kind : uint8_t { Input, Captured, Constant, Scalar, Draw } kind;
    uint32_t index, word;
    const ir::Node* leaf;
  };
  struct Variant {
    std::string donated;  // '1' per donated input
    std::shared_ptr<const runtime::Prepared> prepared;
  };

  const void* types = nullptr;
  std::string key, hosts;
  /// What the reasons of later traces are told from. Shared by traces with one key.
  struct Names {
    std::vector<std::string> structures, leaf_names, leaf_texts;
  };
  std::shared_ptr<const Names> names;
  bool direct = false;  // results carry gradients: the function is called itself

  ir::Graph graph;  // distinct outputs
  std::vector<Input> inputs;
  std::vector<Captured> captured;
  std::vector<RandomAction> random;
  std::vector<Write> writes;
  std::vector<size_t> fresh;  // per new storage: its output
  std::vector<Result> results;
  std::shared_ptr<const void> tree;
  std::vector<Source> sources;  // per leaf of the prepared programs
  std::mutex mutex;
  std::vector<Variant> variants;
};

/// What the trace of a function has found out that changes how it must be traced.
struct TraceDemands {
  std::unordered_set<uint32_t> known_scalars;  // slots whose numbers the function reads
  bool writes_arguments = false;               // those that share a storage then share a placeholder
};

/// Runs the function once on placeholders. Null when `demands` has grown: the facts must be made again.
std::shared_ptr<Trace> make_trace(std::span<const LeafFacts> leaves, std::span<const CallArguments::Leaf> arguments,
                                  std::span<const Scalar> scalars, CallBody& body, const CompileOptions& options,
                                  TraceDemands& demands, const Location& where);

}  // namespace lazuli::detail
