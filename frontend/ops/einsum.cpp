// einsum: the equation is read into labels, operands lose repeated and lonely labels, and what is left is multiplied
// pair by pair, each pair one contraction, in the order that costs least.
#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <limits>
#include <map>

#include "frontend/build.h"
#include "frontend/ops/contract.h"
#include "lazuli/matmul.h"
#include "lazuli/shape.h"

namespace lazuli {
namespace {

using ir::Dims;
using ir::NodeRef;
using ir::Op;

// 0 to 51 are the letters, from 52 on the axes of "...", counted from the last one.
using Label = int;
constexpr Label kLetters = 52;

Label label_of(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  return c >= 'a' && c <= 'z' ? c - 'a' + 26 : -1;
}
char letter(Label l) {
  return l < 26 ? static_cast<char>('A' + l) : static_cast<char>('a' + l - 26);
}

/// A tensor with a label per axis, each at most once.
struct Term {
  NodeRef x;
  std::vector<Label> labels;
  bool has(Label l) const { return std::find(labels.begin(), labels.end(), l) != labels.end(); }
  int64_t size(Label l) const {
    return x->shape()[static_cast<size_t>(std::find(labels.begin(), labels.end(), l) - labels.begin())];
  }
};

class Einsum {
 public:
  Einsum(std::string_view equation, TensorList operands, const Location& loc) : loc_(loc), b_(loc) {
    if (operands.empty()) fail("einsum(): must provide at least one operand");
    const size_t arrow = equation.find("->");
    read_operands(equation.substr(0, arrow), operands);
    if (arrow == std::string_view::npos) {
      implied_output();
    } else {
      read_output(equation.substr(arrow + 2));
    }
    check_sizes();
  }

  Tensor run() {
    if (terms_.size() == 1 && is_bool(terms_[0].x->dtype())) terms_[0].x = b_.cast(terms_[0].x, kInt64);
    for (Term& t : terms_) drop_broadcast_axes(t);
    for (size_t n = 0; n < terms_.size(); ++n) sum_lonely(n);
    for (const auto& [i, j] : order()) {
      terms_.push_back(product(terms_[i], terms_[j]));
      terms_[i].x = terms_[j].x = nullptr;
    }
    Term& last = terms_.back();
    sum_lonely(terms_.size() - 1);
    // Axes that only operands of size 1 had, then the order that was asked for.
    Dims axes;
    ir::Shape shape;
    for (const Label l : output_) {
      if (last.has(l)) axes.push_back(std::find(last.labels.begin(), last.labels.end(), l) - last.labels.begin());
      shape.push_back(sizes_.at(l));
    }
    NodeRef x = last.x;
    if (!std::is_sorted(axes.begin(), axes.end())) x = b_.permute(x, axes);
    return wrap(b_.reshape(x, shape), loc_);
  }

 private:
  [[noreturn]] void fail(const std::string& message, const std::string& hint = {}) const {
    throw Error(ErrorKind::Value, message, hint, loc_);
  }

  /// Calls `one(label)` for letters, `dots()` for the ellipsis.
  template <class One, class Dots>
  void read(std::string_view text, const std::string& where, One one, Dots dots) {
    bool seen = false;
    for (size_t i = 0; i < text.size(); ++i) {
      const char c = text[i];
      if (c == ' ') continue;
      if (c == '.') {
        if (seen) fail(fmt::format("einsum(): found '.' for {} for which an ellipsis was already found", where));
        if (text.substr(i, 3) != "...")
          fail(fmt::format("einsum(): found '.' for {} that is not part of any ellipsis", where));
        seen = true;
        i += 2;
        dots();
        continue;
      }
      const Label l = label_of(c);
      if (l < 0)
        fail(
            fmt::format("einsum(): invalid subscript given at index {} in the equation string, subscripts must be in "
                        "[a-zA-Z]",
                        i));
      one(l);
    }
  }

  void read_operands(std::string_view text, TensorList operands) {
    std::vector<std::string_view> parts;
    for (size_t at = 0;;) {
      const size_t comma = text.find(',', at);
      parts.push_back(text.substr(at, comma - at));
      if (comma == std::string_view::npos) break;
      at = comma + 1;
    }
    if (parts.size() > operands.size()) fail("einsum(): fewer operands were provided than specified in the equation");
    if (parts.size() < operands.size()) fail("einsum(): more operands were provided than specified in the equation");
    for (size_t n = 0; n < parts.size(); ++n) {
      const Tensor& given = operands.begin()[n];
      constexpr Label kDots = -1;
      std::vector<Label> marks;
      const std::string where = fmt::format("operand {}", n);
      read(parts[n], where, [&](Label l) { marks.push_back(l); }, [&] { marks.push_back(kDots); });
      const bool dots = std::find(marks.begin(), marks.end(), kDots) != marks.end();
      const int64_t named = static_cast<int64_t>(marks.size()) - dots, rank = given.dim();
      if (dots ? named > rank : named != rank)
        fail(fmt::format(
            "einsum(): the number of subscripts in the equation ({}) {} the number of dimensions ({}) for "
            "operand {}{}",
            named, dots ? "is more than" : "does not match", rank, n, dots ? "" : " and no ellipsis was given"));
      dots_ = std::max(dots_, dots ? rank - named : 0);
      std::vector<Label> labels;
      for (const Label l : marks) {
        if (l != kDots) labels.push_back(l);
        for (int64_t k = rank - named; l == kDots && k-- > 0;) labels.push_back(kLetters + static_cast<Label>(k));
      }
      add_term(given, std::move(labels), n);
    }
    for (size_t n = 1; n < terms_.size(); ++n) check_product_types("einsum", terms_[0].x, terms_[n].x, loc_);
  }

  /// Diagonals are taken while views are at hand.
  void add_term(Tensor x, std::vector<Label> labels, size_t n) {
    for (const Label l : labels) ++uses_[l];
    for (size_t i = 0; i < labels.size(); ++i)
      for (size_t j = i + 1; j < labels.size();) {
        if (labels[j] != labels[i]) {
          ++j;
          continue;
        }
        const auto first = static_cast<int64_t>(i), second = static_cast<int64_t>(j);
        if (x.size(first) != x.size(second))
          fail(fmt::format("einsum(): subscript {} is repeated for operand {} but the sizes don't match, {} != {}",
                           letter(labels[i]), n, x.size(second), x.size(first)));
        x = diagonal(x, 0, first, second, loc_).movedim(-1, first, loc_);
        labels.erase(labels.begin() + second);
      }
    terms_.push_back({node_of(x), std::move(labels)});
  }

  void implied_output() {
    for (int64_t k = dots_; k-- > 0;) output_.push_back(kLetters + static_cast<Label>(k));
    for (const auto& [l, times] : uses_)
      if (l < kLetters && times == 1) output_.push_back(l);
  }

  void read_output(std::string_view text) {
    read(
        text, "the output",
        [&](Label l) {
          if (std::find(output_.begin(), output_.end(), l) != output_.end())
            fail(fmt::format("einsum(): output subscript {} appears more than once in the output", letter(l)));
          if (!uses_.contains(l))
            fail(fmt::format("einsum(): output subscript {} does not appear in the equation for any input operand",
                             letter(l)));
          output_.push_back(l);
        },
        [&] {
          for (int64_t k = dots_; k-- > 0;) output_.push_back(kLetters + static_cast<Label>(k));
        });
  }

  void check_sizes() {
    for (size_t n = 0; n < terms_.size(); ++n)
      for (const Label l : terms_[n].labels) {
        const int64_t size = terms_[n].size(l);
        const auto [it, fresh] = sizes_.try_emplace(l, size);
        if (fresh || it->second == size || size == 1) continue;
        if (it->second != 1) {
          if (l >= kLetters)
            fail(fmt::format(
                "einsum(): operands do not broadcast with remapped shapes: size {} of operand {} in \"...\" "
                "does not broadcast with previously seen size {}",
                size, n, it->second));
          fail(
              fmt::format("einsum(): subscript {} has size {} for operand {} which does not broadcast with previously "
                          "seen size {}",
                          letter(l), size, n, it->second));
        }
        it->second = size;
      }
  }

  /// An axis of size 1 says nothing where the label is longer elsewhere.
  void drop_broadcast_axes(Term& t) {
    ir::Shape shape;
    std::vector<Label> kept;
    for (size_t d = 0; d < t.labels.size(); ++d) {
      if (t.x->shape()[d] == 1) continue;
      shape.push_back(t.x->shape()[d]);
      kept.push_back(t.labels[d]);
    }
    t.x = b_.reshape(t.x, shape);
    t.labels = std::move(kept);
  }

  bool wanted_elsewhere(Label l, size_t n, size_t m) const {
    if (std::find(output_.begin(), output_.end(), l) != output_.end()) return true;
    for (size_t k = 0; k < terms_.size(); ++k)
      if (k != n && k != m && terms_[k].x && terms_[k].has(l)) return true;
    return false;
  }

  /// Sums over the labels that nothing but this term has.
  void sum_lonely(size_t n) {
    Term& t = terms_[n];
    Dims axes;
    std::vector<Label> kept;
    for (size_t d = 0; d < t.labels.size(); ++d) {
      if (wanted_elsewhere(t.labels[d], n, n)) {
        kept.push_back(t.labels[d]);
      } else {
        axes.push_back(static_cast<int64_t>(d));
      }
    }
    if (axes.empty()) return;
    t.x = b_.reduce(Op::sum, t.x, axes, false);
    t.labels = std::move(kept);
  }

  Term product(const Term& a, const Term& b) {
    const auto i = static_cast<size_t>(&a - terms_.data()), j = static_cast<size_t>(&b - terms_.data());
    ir::DotDims dims;
    Term out;
    std::vector<Label> free_a, free_b;
    for (size_t d = 0; d < a.labels.size(); ++d) {
      const Label l = a.labels[d];
      const auto there = std::find(b.labels.begin(), b.labels.end(), l);
      if (there == b.labels.end()) {
        free_a.push_back(l);
        continue;
      }
      const bool stays = wanted_elsewhere(l, i, j);
      (stays ? dims.lhs_batch : dims.lhs_contract).push_back(static_cast<int64_t>(d));
      (stays ? dims.rhs_batch : dims.rhs_contract).push_back(there - b.labels.begin());
      if (stays) out.labels.push_back(l);
    }
    for (const Label l : b.labels)
      if (!a.has(l)) free_b.push_back(l);
    out.labels.insert(out.labels.end(), free_a.begin(), free_a.end());
    out.labels.insert(out.labels.end(), free_b.begin(), free_b.end());
    out.x = dot_general(a.x, b.x, std::move(dims), loc_);
    return out;
  }

  // ---- The order of the products. ----
  using Set = uint64_t;  // of labels, numbered

  /// Pairs of terms; the product of the n-th pair is term number terms + n. Up to eight operands the best order is
  /// found, beyond the cheapest pair is taken each time.
  std::vector<std::pair<size_t, size_t>> order() const {
    const size_t n = terms_.size();
    std::vector<std::pair<size_t, size_t>> pairs;
    if (n < 2) return pairs;
    std::vector<double> extents;
    std::map<Label, size_t> number;
    for (const auto& [l, size] : sizes_) {
      number[l] = extents.size();
      extents.push_back(static_cast<double>(size));
    }
    const auto set_of = [&](const std::vector<Label>& labels) {
      Set s = 0;
      for (const Label l : labels) s |= Set{1} << number.at(l);
      return s;
    };
    const auto volume = [&](Set s) {
      double v = 1;
      for (size_t k = 0; k < extents.size(); ++k)
        if (s >> k & 1) v *= extents[k];
      return v;
    };
    std::vector<Set> of_term;
    for (const Term& t : terms_) of_term.push_back(set_of(t.labels));
    const Set out = set_of(output_);
    if (number.size() > 64 || n > 8) return greedy(of_term, out, volume);

    const size_t all = size_t{1} << n;
    std::vector<Set> any(all, 0), kept(all, 0);  // labels of a subset; those it must keep
    std::vector<double> cost(all, std::numeric_limits<double>::infinity());
    std::vector<size_t> half(all, 0);
    for (size_t s = 1; s < all; ++s) any[s] = any[s & (s - 1)] | of_term[static_cast<size_t>(std::countr_zero(s))];
    for (size_t s = 1; s < all; ++s) {
      kept[s] = any[s] & (out | any[(all - 1) & ~s]);
      if (std::has_single_bit(s)) {
        cost[s] = 0;
        continue;
      }
      for (size_t a = (s - 1) & s; a > (s & ~a); a = (a - 1) & s) {
        const size_t b = s & ~a;
        const double c = cost[a] + cost[b] + volume(kept[a] | kept[b]);
        if (c < cost[s]) {
          cost[s] = c;
          half[s] = a;
        }
      }
    }
    // Bottom up: a subset is multiplied after its halves.
    std::vector<size_t> todo{all - 1}, subsets;
    while (!todo.empty()) {
      const size_t s = todo.back();
      todo.pop_back();
      if (std::has_single_bit(s)) continue;
      subsets.push_back(s);
      todo.push_back(half[s]);
      todo.push_back(s & ~half[s]);
    }
    std::map<size_t, size_t> term_of;
    for (size_t k = 0; k < n; ++k) term_of[size_t{1} << k] = k;
    for (size_t k = subsets.size(); k-- > 0;) {
      const size_t s = subsets[k], a = term_of.at(half[s]), b = term_of.at(s & ~half[s]);
      pairs.emplace_back(std::min(a, b), std::max(a, b));
      term_of[s] = n + pairs.size() - 1;
    }
    return pairs;
  }

  template <class Volume>
  static std::vector<std::pair<size_t, size_t>> greedy(std::vector<Set> terms, Set out, Volume volume) {
    std::vector<std::pair<size_t, size_t>> pairs;
    std::vector<bool> gone(terms.size(), false);
    for (size_t left = terms.size(); left > 1; --left) {
      std::pair<size_t, size_t> best;
      double least = std::numeric_limits<double>::infinity();
      for (size_t i = 0; i < terms.size(); ++i)
        for (size_t j = i + 1; j < terms.size() && !gone[i]; ++j)
          if (!gone[j] && volume(terms[i] | terms[j]) < least) {
            least = volume(terms[i] | terms[j]);
            best = {i, j};
          }
      if (least == std::numeric_limits<double>::infinity()) best = first_two(gone);
      Set others = out;
      for (size_t k = 0; k < terms.size(); ++k)
        if (!gone[k] && k != best.first && k != best.second) others |= terms[k];
      const Set joined = (terms[best.first] | terms[best.second]) & others;
      gone[best.first] = gone[best.second] = true;
      terms.push_back(joined);
      gone.push_back(false);
      pairs.push_back(best);
    }
    return pairs;
  }

  static std::pair<size_t, size_t> first_two(const std::vector<bool>& gone) {
    const size_t a = static_cast<size_t>(std::find(gone.begin(), gone.end(), false) - gone.begin());
    const size_t b = static_cast<size_t>(
        std::find(gone.begin() + static_cast<std::ptrdiff_t>(a) + 1, gone.end(), false) - gone.begin());
    return {a, b};
  }

  const Location& loc_;
  const Build b_;
  std::vector<Term> terms_;
  std::vector<Label> output_;
  std::map<Label, int> uses_;  // how often a label occurs among the operands
  std::map<Label, int64_t> sizes_;
  int64_t dots_ = 0;
};

}  // namespace

Tensor einsum(std::string_view equation, TensorList operands, Location loc) {
  return Einsum(equation, operands, loc).run();
}

}  // namespace lazuli
