// Symbolic indices: where an element of one node is found in another, as a function of loop variables.
// An expression is affine over atoms: loop variables, and quotients or remainders of other expressions by a constant.
// Everything is hash-consed and kept in one normal form, so that equal ids mean equal indices.
//
// This is all the movement algebra there is: reshape, permute, expand, slice, flip, pad and concat become index
// expressions when a region is analysed or lowered. Views are never stacked into objects.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "ir/node.h"

namespace lazuli::ir {

using IndexId = uint32_t;
using AtomId = uint32_t;
using PredicateId = uint32_t;
using IndexVec = SmallVec<IndexId, 4>;

struct IndexTerm {
  AtomId atom;
  int64_t coefficient;  // never 0
  bool operator==(const IndexTerm&) const = default;
};

struct IndexExpr {
  std::vector<IndexTerm> terms;  // ascending by atom
  int64_t offset = 0;
  int64_t low = 0, high = 0;  // inclusive bounds over all values of the variables
  bool operator==(const IndexExpr& o) const { return terms == o.terms && offset == o.offset; }
};

enum class AtomKind : uint8_t { Variable, Quotient, Remainder };
struct IndexAtom {
  AtomKind kind;
  uint32_t variable = 0;  // Variable
  IndexId of = 0;         // Quotient, Remainder: of this expression by `divisor`
  int64_t divisor = 1;
  int64_t low = 0, high = 0;
};

/// low <= expr < high
struct IndexBound {
  IndexId expr;
  int64_t low, high;
  bool operator==(const IndexBound&) const = default;
};

class IndexArena {
 public:
  IndexArena();

  /// A loop variable in [0, extent). Extent 1 gives the constant 0.
  IndexId variable(int64_t extent);
  IndexId constant(int64_t v);
  IndexId add(IndexId a, IndexId b) { return combine(a, 1, b, 1); }
  /// a*x + b*y
  IndexId combine(IndexId x, int64_t a, IndexId y, int64_t b);
  IndexId scale(IndexId x, int64_t a) { return combine(x, a, zero(), 1); }
  IndexId offset(IndexId x, int64_t c) { return combine(x, 1, constant(c), 1); }
  /// Floor quotient and remainder by d >= 1.
  IndexId quotient(IndexId x, int64_t d);
  IndexId remainder(IndexId x, int64_t d);
  IndexId zero() const { return 0; }

  /// Row-major position of `index` in `shape`.
  IndexId flatten(const IndexVec& index, const Shape& shape);
  IndexVec unflatten(IndexId flat, const Shape& shape);

  /// Conjunction of bounds; 0 is "always true", kNever "always false".
  static constexpr PredicateId kAlways = 0, kNever = 1;
  PredicateId both(PredicateId p, IndexBound bound);
  const std::vector<IndexBound>& bounds(PredicateId p) const { return predicates_[p]; }

  const IndexExpr& expr(IndexId id) const { return exprs_[id]; }
  const IndexAtom& atom(AtomId id) const { return atoms_[id]; }
  size_t variable_count() const { return variable_atoms_.size(); }
  AtomId variable_atom(uint32_t v) const { return variable_atoms_[v]; }
  int64_t extent(uint32_t v) const { return atoms_[variable_atoms_[v]].high + 1; }
  /// The variable that the expression is, or -1.
  int64_t as_variable(IndexId id) const;
  bool is_constant(IndexId id) const { return exprs_[id].terms.empty(); }
  /// Adds every variable that the expression depends on, also inside quotients and remainders.
  void collect_variables(IndexId id, std::vector<bool>* used) const;
  std::string str(IndexId id) const;

 private:
  IndexId intern(IndexExpr e);
  AtomId intern_atom(IndexAtom a);
  void fold_quotient_pairs(IndexExpr* e);
  /// Splits x into d * first + rest.
  void split(IndexId x, int64_t d, IndexExpr* first, IndexExpr* rest) const;
  void bound(IndexExpr* e) const;

  std::vector<IndexExpr> exprs_;
  std::vector<IndexAtom> atoms_;
  std::vector<AtomId> variable_atoms_;
  std::vector<std::vector<IndexBound>> predicates_;
  std::unordered_multimap<uint64_t, IndexId> expr_table_;
  std::unordered_multimap<uint64_t, AtomId> atom_table_;
};

/// Index into the operand of a reshape, permute, expand, slice, flip or windows at `index` of its result.
IndexVec operand_index(const Node* movement, const IndexVec& index, IndexArena& arena);

/// A node whose elements come from one of several operands: pad, concat, slice_update.
struct Piece {
  PredicateId inside;  // where this piece is defined; it is taken there unless an earlier piece was
  uint32_t operand;
  IndexVec index;
};
/// The pieces in order of precedence; the last is taken where no other is.
std::vector<Piece> operand_pieces(const Node* node, const IndexVec& index, IndexArena& arena);

/// Indices into both operands of a dot_general at `index` of its result and `contracted`, one per contracting axis.
std::pair<IndexVec, IndexVec> dot_operand_indices(const Node* dot, const IndexVec& index,
                                                  std::span<const IndexId> contracted);

/// Where the operands of a scatter_add are found: its values at `values`, its index operands at `place`, given the
/// index of its result and one loop variable per axis of the index operands.
struct ScatterIndices {
  IndexVec place, values;
};
ScatterIndices scatter_operand_indices(const Node* scatter, const IndexVec& index, std::span<const IndexId> places);

/// A scatter of at most one value per element: the positions of each axis of its index operands are the
/// index along one axis of the result, and the other indexed axes choose among them (the gradient of picking one
/// element per row). It is elementwise: base + value where the chosen indices are those of the element, else base.
struct PointScatter {
  std::vector<int64_t> place;  // per axis of the index operands: the axis of the result, -1 where there is one place
  std::vector<size_t> chosen;  // numbers of the index operands that choose
};
std::optional<PointScatter> as_point_scatter(const Node* scatter);
/// Indices of a point scatter's chosen operands and of its values, at `index` of its result.
ScatterIndices point_operand_indices(const Node* scatter, const PointScatter& point, const IndexVec& index);

inline bool has_pieces(Op op) {
  return op == Op::pad || op == Op::concat || op == Op::slice_update;
}

}  // namespace lazuli::ir
