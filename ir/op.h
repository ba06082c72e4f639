// The op set of the graph. The rows stand in ir/ops/*.def; this header turns them into an enum and a table.
#pragma once
#include <cstdint>
#include <span>
#include <string_view>

#include "ir/scalar/builder.h"

namespace lazuli::ir {

enum class Op : uint16_t {
#define LAZULI_STRUCTURAL(name, ...) name,
#define LAZULI_ELEMENTWISE(name, ...) name,
#include "ir/ops/all.def"
#undef LAZULI_STRUCTURAL
#undef LAZULI_ELEMENTWISE
};

enum class Family : uint8_t {
  Leaf,
  Elementwise,
  Cast,
  Movement,
  Indexed,
  Order,
  Scan,
  Reduce,
  Contract,
  Attention,
  Composite,
  Custom,
  Transfer
};

/// Operand types that an elementwise op takes in the graph (the frontend promotes before).
enum class Types : uint8_t {
  Any,
  NoBool,
  Float,
  Integral,  // integers without bool
  IntegralOrBool,
  BoolOnly,
};

/// How the frontend arrives at the operand type, and what type comes out.
enum class Promote : uint8_t {
  Same,     // operands promoted together; result of that type
  ToFloat,  // like Same, but integers and bool become the default float
  Compare,  // promoted together; result bool
  Logical,  // each operand converted to bool; result bool
  Select,   // first operand bool, the others promoted together; result of that type
};

enum Flags : uint32_t {
  kNone = 0,
  kCommutative = 1,
  kChecked = 2,     // may fail on some element values (integer division by zero ...)
  kExpensive = 4,   // worth materialising rather than computing twice
  kInternal = 8,    // no public function is generated
  kNoInplace = 16,  // result type differs, so there is no in-place form
  kFloatOnlyMath = 32,
};

class Node;
namespace gradient {
class Expr;
struct Place;
}  // namespace gradient

/// The gradient column of a row (ir/ops/*.def). Rules write graph expressions; passes/vjp.h and jvp.h follow them.
struct Gradient {
  enum class Kind : uint8_t {
    None,       // the result is no float, or no gradient is known
    Stop,       // a constant to gradients, by its meaning
    Zero,       // zero wherever it exists
    Rule,       // vjp and jvp below
    Expansion,  // that of the primitives which define the op
    Custom,     // that of the node's CustomAttr
  };
  /// The cotangent of one operand of `n`, given the cotangent of its result; null for zero.
  using Vjp = gradient::Expr (*)(const gradient::Expr& cotangent, const Node* n, size_t operand);
  /// The tangent of `n`, given those of its operands (null for zero, never all null).
  using Jvp = gradient::Expr (*)(const gradient::Place& at, const Node* n, std::span<const gradient::Expr> tangents);
  Kind kind = Kind::None;
  int8_t operands = -1;  // elementwise: how many expressions there are
  Vjp vjp = nullptr;
  Jvp jvp = nullptr;
};

struct OpInfo {
  std::string_view name;
  Family family;
  int8_t min_arity, max_arity;  // -1: any number
  Types types;
  Promote promote;
  uint32_t flags;
  std::string_view doc;
  /// Elementwise: builds the body on the builder; operands are already in a type the op computes in.
  scalar::Value (*body)(scalar::Builder& s, scalar::Value x, scalar::Value y, scalar::Value z);
  Gradient gradient;
};

const OpInfo& info(Op op);
int op_count();
/// Looks a name up as it stands in IR text; returns false if there is none.
bool find_op(std::string_view name, Op* op);
inline std::string_view name(Op op) {
  return info(op).name;
}
inline Family family(Op op) {
  return info(op).family;
}
inline bool is_elementwise(Op op) {
  return family(op) == Family::Elementwise;
}
inline bool is_movement(Op op) {
  return family(op) == Family::Movement;
}
inline bool is_indexed(Op op) {
  return family(op) == Family::Indexed;
}
/// scatter, scatter_add, ...: the first operand, changed at indices.
inline bool is_scatter(Op op) {
  return is_indexed(op) && op != Op::gather;
}
/// cumsum, cumprod ...: what has been combined so far, along one axis.
inline bool is_scan(Op op) {
  return family(op) == Family::Scan;
}
inline bool is_attention(Op op) {
  return family(op) == Family::Attention;
}
inline bool is_reduce(Op op) {
  return family(op) == Family::Reduce;
}

}  // namespace lazuli::ir
