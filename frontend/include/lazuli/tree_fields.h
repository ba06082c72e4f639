// What the fields of a plain aggregate are: how many, references to them, and their names. Nothing is registered:
// fields are counted by how many initialisers the braces of the type take, reached by structured bindings, and their
// names are read off the compiler's spelling of pointers to them.
#pragma once
#include <cstddef>
#include <memory>
#include <optional>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

namespace lazuli::detail {

inline constexpr size_t kMaxFields = 16;

template <class T>
inline constexpr bool is_optional = false;
template <class T>
inline constexpr bool is_optional<std::optional<T>> = true;
template <class T>
inline constexpr bool is_tuple = false;
template <class... T>
inline constexpr bool is_tuple<std::tuple<T...>> = true;

/// Stands for any field in braces. Never made; the bodies are for types without linkage.
struct AnyField {
  template <class T>
  operator T() const noexcept {
    __builtin_unreachable();
  }
};
/// For fields whose constructors take anything that their element can be made of, and which AnyField therefore
/// initialises in two ways.
struct AnyHolder {
  template <class T>
    requires(is_optional<T> || is_tuple<T>)
  operator T() const noexcept {
    __builtin_unreachable();
  }
};

template <class T, class... F>
inline constexpr bool takes_fields = requires { T{std::declval<F>()...}; };

template <size_t>
using NumberedField = AnyField;
template <class T, size_t... I>
constexpr bool takes_plain(std::index_sequence<I...>) {
  return takes_fields<T, NumberedField<I>...>;
}
/// The largest number of plain fields: a smaller one would do only if all others had defaults.
template <class T, size_t N>
constexpr size_t plain_fields() {
  if constexpr (N == 0) {
    return 0;
  } else if constexpr (takes_plain<T>(std::make_index_sequence<N>())) {
    return N;
  } else {
    return plain_fields<T, N - 1>();
  }
}

template <class... F>
struct FieldList {};
template <size_t... I>
FieldList<NumberedField<I>...> plain_list(std::index_sequence<I...>);
template <class T, class... F>
constexpr size_t grow_fields(FieldList<F...>) {
  if constexpr (sizeof...(F) > kMaxFields) {
    return sizeof...(F);
  } else if constexpr (takes_fields<T, F..., AnyField>) {
    return grow_fields<T>(FieldList<F..., AnyField>());
  } else if constexpr (takes_fields<T, F..., AnyHolder>) {
    return grow_fields<T>(FieldList<F..., AnyHolder>());
  } else {
    return sizeof...(F);
  }
}

/// More than kMaxFields if there are too many.
template <class T>
inline constexpr size_t field_count =
    grow_fields<T>(decltype(plain_list(std::make_index_sequence<plain_fields<T, kMaxFields + 1>()>()))());

/// References to the fields of an aggregate.
template <class T>
constexpr auto fields(T& t) {
  constexpr size_t n = field_count<std::remove_const_t<T>>;
  static_assert(n <= kMaxFields, "lazuli: an aggregate of more than 16 fields is not a tree: nest a smaller one");
  if constexpr (n == 0) {
    return std::tuple<>();
  } else if constexpr (n == 1) {
    auto& [a] = t;
    return std::tie(a);
  } else if constexpr (n == 2) {
    auto& [a, b] = t;
    return std::tie(a, b);
  } else if constexpr (n == 3) {
    auto& [a, b, c] = t;
    return std::tie(a, b, c);
  } else if constexpr (n == 4) {
    auto& [a, b, c, d] = t;
    return std::tie(a, b, c, d);
  } else if constexpr (n == 5) {
    auto& [a, b, c, d, e] = t;
    return std::tie(a, b, c, d, e);
  } else if constexpr (n == 6) {
    auto& [a, b, c, d, e, f] = t;
    return std::tie(a, b, c, d, e, f);
  } else if constexpr (n == 7) {
    auto& [a, b, c, d, e, f, g] = t;
    return std::tie(a, b, c, d, e, f, g);
  } else if constexpr (n == 8) {
    auto& [a, b, c, d, e, f, g, h] = t;
    return std::tie(a, b, c, d, e, f, g, h);
  } else if constexpr (n == 9) {
    auto& [a, b, c, d, e, f, g, h, i] = t;
    return std::tie(a, b, c, d, e, f, g, h, i);
  } else if constexpr (n == 10) {
    auto& [a, b, c, d, e, f, g, h, i, j] = t;
    return std::tie(a, b, c, d, e, f, g, h, i, j);
  } else if constexpr (n == 11) {
    auto& [a, b, c, d, e, f, g, h, i, j, k] = t;
    return std::tie(a, b, c, d, e, f, g, h, i, j, k);
  } else if constexpr (n == 12) {
    auto& [a, b, c, d, e, f, g, h, i, j, k, l] = t;
    return std::tie(a, b, c, d, e, f, g, h, i, j, k, l);
  } else if constexpr (n == 13) {
    auto& [a, b, c, d, e, f, g, h, i, j, k, l, m] = t;
    return std::tie(a, b, c, d, e, f, g, h, i, j, k, l, m);
  } else if constexpr (n == 14) {
    auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, o] = t;
    return std::tie(a, b, c, d, e, f, g, h, i, j, k, l, m, o);
  } else if constexpr (n == 15) {
    auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, o, p] = t;
    return std::tie(a, b, c, d, e, f, g, h, i, j, k, l, m, o, p);
  } else if constexpr (n == 16) {
    auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, o, p, q] = t;
    return std::tie(a, b, c, d, e, f, g, h, i, j, k, l, m, o, p, q);
  }
}

// ---- Names. ----
#if defined(__clang__)
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wundefined-var-template"
#pragma clang diagnostic ignored "-Wundefined-internal"
#endif
template <class T>
struct Nowhere {
  T value;
};
/// Declared, never defined: only addresses in it are named, at compile time.
template <class T>
extern const Nowhere<T> nowhere;

template <class M>
struct FieldPointer {
  const M* at;
};
template <class T, size_t I>
constexpr auto field_pointer() {
  using M = std::remove_cvref_t<std::tuple_element_t<I, decltype(fields(std::declval<T&>()))>>;
  return FieldPointer<M>{std::addressof(std::get<I>(fields(nowhere<T>.value)))};
}
template <auto P>
constexpr std::string_view spelled() {
  return __PRETTY_FUNCTION__;
}
/// The compiler's spelling of something that ends in the field's name.
template <class T, size_t I>
constexpr std::string_view field_spelling() {
  return spelled<field_pointer<T, I>()>();
}
#if defined(__clang__)
#pragma clang diagnostic pop
#endif

}  // namespace lazuli::detail
