// Trees: what functions that are compiled or differentiated take and return. A tree is a Tensor, a host value
// (arithmetic, enumeration, Scalar, std::string), or a pair, tuple, std::array, std::vector, std::optional, std::map
// from strings, or plain aggregate (up to 16 fields, no base classes) of trees:
//
//   struct Layer { Tensor w, b; };
//   struct Model { std::vector<Layer> layers; Tensor head; double dropout; };
//   Model next = tree_map([&](Tensor p, Tensor g) { return p - lr * g; }, model, gradients);
//
// The leaves are the defined tensors, in order: fields as declared, elements by index, map entries by key. An undefined
// Tensor and an empty optional hold no leaf. Everything but the leaves (which fields are there, lengths, keys, the
// types of host values) is the structure; the numbers in host values belong to neither.
#pragma once
#include <array>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "lazuli/tensor.h"
#include "lazuli/tree_fields.h"

namespace lazuli {

/// What a tree is made of, leaves aside: equal for trees that can be mapped together.
class TreeStructure {
 public:
  TreeStructure() = default;
  TreeStructure(std::string text, size_t leaves) : text_(std::move(text)), leaves_(leaves) {}
  /// "{layers: [{w: *, b: *}], head: *, dropout: float64}"; * is a leaf.
  const std::string& str() const { return text_; }
  size_t leaf_count() const { return leaves_; }
  bool operator==(const TreeStructure&) const = default;

 private:
  std::string text_;
  size_t leaves_ = 0;
};

namespace detail {

enum class TreeKind : uint8_t { None, Leaf, Host, Tuple, Array, Sequence, Optional, Map, Aggregate };

template <class T>
inline constexpr bool is_std_array = false;
template <class T, size_t N>
inline constexpr bool is_std_array<std::array<T, N>> = true;
template <class T>
inline constexpr bool is_vector = false;
template <class T, class A>
inline constexpr bool is_vector<std::vector<T, A>> = !std::is_same_v<T, bool>;
template <class T>
inline constexpr bool is_product = is_tuple<T>;
template <class A, class B>
inline constexpr bool is_product<std::pair<A, B>> = true;
/// An ordered map; named by what it offers, so that <map> is not needed here.
template <class T>
inline constexpr bool is_string_map = requires {
  typename T::mapped_type;
  typename T::key_compare;
  requires std::is_same_v<typename T::key_type, std::string>;
};

template <class T>
constexpr TreeKind tree_kind() {
  if constexpr (std::is_same_v<T, Tensor>) {
    return TreeKind::Leaf;
  } else if constexpr (std::is_arithmetic_v<T> || std::is_enum_v<T> || std::is_same_v<T, Scalar> ||
                       std::is_same_v<T, std::string>) {
    return TreeKind::Host;
  } else if constexpr (is_product<T>) {
    return TreeKind::Tuple;
  } else if constexpr (is_std_array<T>) {
    return TreeKind::Array;
  } else if constexpr (is_vector<T>) {
    return TreeKind::Sequence;
  } else if constexpr (is_optional<T>) {
    return TreeKind::Optional;
  } else if constexpr (is_string_map<T>) {
    return TreeKind::Map;
  } else if constexpr (std::is_class_v<T> && std::is_aggregate_v<T>) {
    return TreeKind::Aggregate;
  } else {
    return TreeKind::None;
  }
}

template <class T>
constexpr bool is_tree();
template <class T, size_t... I>
constexpr bool are_trees(std::index_sequence<I...>) {
  return (is_tree<std::remove_cvref_t<std::tuple_element_t<I, T>>>() && ...);
}
template <class T>
constexpr bool is_tree() {
  constexpr TreeKind kind = tree_kind<T>();
  if constexpr (kind == TreeKind::Tuple) {
    return are_trees<T>(std::make_index_sequence<std::tuple_size_v<T>>());
  } else if constexpr (kind == TreeKind::Array || kind == TreeKind::Optional) {
    return is_tree<typename T::value_type>();
  } else if constexpr (kind == TreeKind::Aggregate) {
    if constexpr (field_count<T> > kMaxFields) {
      return false;
    } else {
      return are_trees<decltype(fields(std::declval<T&>()))>(std::make_index_sequence<field_count<T>>());
    }
  } else {
    // Elements of vectors and maps are looked at when they are walked: their type may be the one that holds them.
    return kind != TreeKind::None;
  }
}

/// What a walk calls; visitors hide what they want to see.
struct TreeVisitor {
  void open(TreeKind, size_t) {}
  void close() {}
  void index(size_t) {}
  void key(const std::string&) {}
  template <class T, size_t I>
  void field() {}
  void present(bool) {}
  template <class T>
  void host(T&) {}
};

template <class T, class V>
void walk_tree(T& tree, V& v);

template <class T, class V, size_t... I>
void walk_tuple(T& tree, V& v, std::index_sequence<I...>) {
  v.open(TreeKind::Tuple, sizeof...(I));
  ((v.index(I), walk_tree(std::get<I>(tree), v)), ...);
  v.close();
}

template <class T, class V, size_t... I>
void walk_fields(T& tree, V& v, std::index_sequence<I...>) {
  [[maybe_unused]] const auto parts = fields(tree);
  v.open(TreeKind::Aggregate, sizeof...(I));
  ((v.template field<std::remove_const_t<T>, I>(), walk_tree(std::get<I>(parts), v)), ...);
  v.close();
}

/// Visits the tree in order: v.leaf(tensor) (undefined ones too), v.host(value), and its structure.
template <class T, class V>
void walk_tree(T& tree, V& v) {
  using U = std::remove_const_t<T>;
  constexpr TreeKind kind = tree_kind<U>();
  static_assert(kind != TreeKind::None,
                "lazuli: this type is not a tree. A tree is a Tensor, a host value (arithmetic, enum, Scalar, "
                "std::string), or a pair, tuple, array, vector, optional, map from std::string or plain aggregate "
                "(no constructors, no private fields, no base classes) of trees");
  if constexpr (kind == TreeKind::Leaf) {
    v.leaf(tree);
  } else if constexpr (kind == TreeKind::Host) {
    v.host(tree);
  } else if constexpr (kind == TreeKind::Tuple) {
    walk_tuple(tree, v, std::make_index_sequence<std::tuple_size_v<U>>());
  } else if constexpr (kind == TreeKind::Array || kind == TreeKind::Sequence) {
    v.open(kind, tree.size());
    size_t i = 0;
    for (auto& element : tree) {
      v.index(i++);
      walk_tree(element, v);
    }
    v.close();
  } else if constexpr (kind == TreeKind::Optional) {
    v.present(tree.has_value());
    if (tree) walk_tree(*tree, v);
  } else if constexpr (kind == TreeKind::Map) {
    v.open(kind, tree.size());
    for (auto& [key, element] : tree) {
      v.key(key);
      walk_tree(element, v);
    }
    v.close();
  } else if constexpr (kind == TreeKind::Aggregate) {
    walk_fields(tree, v, std::make_index_sequence<field_count<U>>());
  }
}

/// Name of a field from field_spelling(); empty if it cannot be read.
std::string_view name_in(std::string_view spelling);

/// Writes the text of a structure.
class StructureWriter : public TreeVisitor {
 public:
  void open(TreeKind kind, size_t size);
  void close();
  void index(size_t i);
  void key(const std::string& k);
  template <class T, size_t I>
  void field() {
    name(field_spelling<T, I>(), I);
  }
  void present(bool is);
  template <class T>
  void host(T&) {
    using U = std::remove_const_t<T>;
    if constexpr (std::is_enum_v<U>) {
      text("enum");
    } else if constexpr (std::is_same_v<U, Scalar>) {
      text("scalar");
    } else if constexpr (std::is_same_v<U, std::string>) {
      text("string");
    } else {
      number(std::is_same_v<U, bool>       ? 'b'
             : std::is_floating_point_v<U> ? 'f'
             : std::is_signed_v<U>         ? 'i'
                                           : 'u',
             sizeof(U));
    }
  }
  void leaf(const Tensor& t);
  TreeStructure take() { return {std::move(text_), leaves_}; }

 private:
  void name(std::string_view spelling, size_t i);
  void separate(size_t i);
  void text(std::string_view s) { text_ += s; }
  void number(char kind, size_t bytes);

  std::string text_, ends_;
  size_t leaves_ = 0;
  bool first_ = true;
};

/// Collects the path of every leaf, and of everything else that the structure says.
class PathWriter : public TreeVisitor {
 public:
  struct Entry {
    std::string path, what;
    bool leaf;
  };
  void open(TreeKind kind, size_t size);
  void close();
  void index(size_t i);
  void key(const std::string& k);
  template <class T, size_t I>
  void field() {
    name(field_spelling<T, I>(), I);
  }
  void present(bool is);
  template <class T>
  void host(T& x) {
    StructureWriter w;
    w.host(x);
    entry(w.take().str(), false);
  }
  void leaf(const Tensor& t);
  std::vector<Entry> take() { return std::move(entries_); }

 private:
  void name(std::string_view spelling, size_t i);
  void step(std::string_view s);
  void entry(std::string what, bool leaf);

  std::string path_;
  std::vector<size_t> marks_;
  std::vector<Entry> entries_;
};

struct LeafCollector : TreeVisitor {
  std::vector<Tensor>& leaves;
  explicit LeafCollector(std::vector<Tensor>& to) : leaves(to) {}
  void leaf(const Tensor& t) {
    if (t.defined()) leaves.push_back(t);
  }
};

template <class F>
struct LeafCaller : TreeVisitor {
  F& f;
  explicit LeafCaller(F& fn) : f(fn) {}
  template <class T>
  void leaf(T& t) {
    if (t.defined()) f(t);
  }
};

/// Throws Error(Value) that names the first path at which the trees differ.
[[noreturn]] void throw_mismatch(std::string_view what, const std::vector<PathWriter::Entry>& a,
                                 const std::vector<PathWriter::Entry>& b, const Location& loc);
[[noreturn]] void throw_leaf_count(size_t wanted, size_t given, const Location& loc);

}  // namespace detail

/// Whether the type is a tree, as far as it can be told without elements.
template <class T>
inline constexpr bool is_tree_v = detail::is_tree<std::remove_cvref_t<T>>();

/// Everything of a tree but its leaves and numbers, to compare and to print.
template <class T>
TreeStructure tree_structure(const T& tree) {
  detail::StructureWriter w;
  detail::walk_tree(tree, w);
  return w.take();
}

/// The defined tensors, in order.
template <class T>
std::vector<Tensor> tree_leaves(const T& tree) {
  std::vector<Tensor> leaves;
  detail::LeafCollector collector(leaves);
  detail::walk_tree(tree, collector);
  return leaves;
}

/// ".layers[0].w", ".head": how each leaf is reached.
template <class T>
std::vector<std::string> tree_paths(const T& tree) {
  detail::PathWriter w;
  detail::walk_tree(tree, w);
  std::vector<std::string> paths;
  for (auto& e : w.take())
    if (e.leaf) paths.push_back(std::move(e.path));
  return paths;
}

/// A copy of `like` with other leaves. Throws Value when their number differs.
template <class T>
T tree_unflatten(const T& like, std::span<const Tensor> leaves, Location loc = Location::current()) {
  T result = like;
  size_t next = 0;
  const auto put = [&](Tensor& t) {
    if (next < leaves.size()) t = leaves[next];
    ++next;
  };
  detail::LeafCaller caller(put);
  detail::walk_tree(result, caller);
  if (next != leaves.size()) detail::throw_leaf_count(next, leaves.size(), loc);
  return result;
}

/// Throws Error(Value) naming the first path at which the structures differ, unless they are equal.
template <class A, class B>
void check_same_structure(std::string_view what, const A& a, const B& b, const Location& loc = {}) {
  if (tree_structure(a) == tree_structure(b)) return;
  detail::PathWriter pa, pb;
  detail::walk_tree(a, pa);
  detail::walk_tree(b, pb);
  detail::throw_mismatch(what, pa.take(), pb.take(), loc);
}

/// Calls f(leaf, leaf of rest...) for corresponding leaves, in order. The trees need one structure (Error Value), not
/// one C++ type.
template <class F, class T, class... Rest>
void for_each_leaf(F&& f, T&& tree, const Rest&... rest) {
  (check_same_structure("for_each_leaf", tree, rest), ...);
  const std::array<std::vector<Tensor>, sizeof...(Rest)> others{tree_leaves(rest)...};
  size_t next = 0;
  const auto visit = [&](auto& t) {
    [&]<size_t... I>(std::index_sequence<I...>) { f(t, others[I][next]...); }(std::index_sequence_for<Rest...>());
    ++next;
  };
  detail::LeafCaller caller(visit);
  detail::walk_tree(tree, caller);
}

/// A tree like the first, with f(leaf, leaf of rest...) in the place of every leaf. Host values are the first tree's.
template <class F, class T, class... Rest>
T tree_map(F&& f, const T& tree, const Rest&... rest) {
  (check_same_structure("tree_map", tree, rest), ...);
  const std::array<std::vector<Tensor>, sizeof...(Rest)> others{tree_leaves(rest)...};
  T result = tree;
  size_t next = 0;
  const auto put = [&](Tensor& t) {
    [&]<size_t... I>(std::index_sequence<I...>) {
      using Result = decltype(f(std::as_const(t), others[I][next]...));
      constexpr bool is_tensor = std::is_convertible_v<Result, Tensor>;
      static_assert(is_tensor,
                    "lazuli: the function of tree_map returns a Tensor; use for_each_leaf for anything else");
      if constexpr (is_tensor) t = Tensor(f(std::as_const(t), others[I][next]...));
    }(std::index_sequence_for<Rest...>());
    ++next;
  };
  detail::LeafCaller caller(put);
  detail::walk_tree(result, caller);
  return result;
}

}  // namespace lazuli
