// The generator knows shapes, strides and offsets of its variables by a model of its own, so that it writes programs
// that are valid, and knows which writes must be refused.
#include <algorithm>
#include <numeric>
#include <set>

#include "tests/views/program.h"

namespace lazuli::view_programs {

uint64_t mixed(uint64_t x) {
  x += 0x9E3779B97F4A7C15ull;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ull;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBull;
  return x ^ (x >> 31);
}

std::string Program::text() const {
  std::string out;
  for (const std::string& l : lines) out += l + "\n";
  return out;
}

namespace {

using Dims = std::vector<int64_t>;

struct Type {
  const char* name;
  int size, category;  // bool, integer, float
};
constexpr Type kTypes[] = {{"f32", 4, 2}, {"i32", 4, 1}, {"f64", 8, 2}, {"i64", 8, 1}, {"u8", 1, 1},
                           {"f16", 2, 2}, {"i16", 2, 1}, {"i8", 1, 1},  {"b", 1, 0}};

struct Variable {
  std::string name;
  int base, type;
  Dims shape, strides;
  int64_t offset = 0;
  int64_t numel() const { return std::accumulate(shape.begin(), shape.end(), int64_t{1}, std::multiplies<>()); }
  const Type& t() const { return kTypes[type]; }
  bool row_major() const {
    int64_t expected = 1;
    for (size_t d = shape.size(); d-- > 0;) {
      if (shape[d] != 1 && strides[d] != expected) return false;
      expected *= shape[d];
    }
    return true;
  }
  bool overlaps() const {
    if (numel() == 0) return false;
    std::set<int64_t> seen;
    Dims at(shape.size(), 0);
    for (;;) {
      int64_t place = 0;
      for (size_t d = 0; d < shape.size(); ++d) place += at[d] * strides[d];
      if (!seen.insert(place).second) return true;
      size_t d = 0;
      for (; d < shape.size(); ++d) {
        if (++at[d] < shape[d]) break;
        at[d] = 0;
      }
      if (d == shape.size()) return false;
    }
  }
};

std::string shown(const Dims& dims) {
  std::string out;
  for (const int64_t d : dims) out += (out.empty() ? "" : ",") + std::to_string(d);
  return out.empty() ? "-" : out;
}

Dims row_major_strides(const Dims& shape) {
  Dims strides(shape.size(), 1);
  for (size_t d = shape.size(); d-- > 1;) strides[d - 1] = strides[d] * std::max<int64_t>(1, shape[d]);
  return strides;
}

class Generator {
 public:
  explicit Generator(uint64_t seed) : state_(mixed(seed)) { program_.seed = seed; }

  Program run() {
    for (int64_t i = 0, count = 1 + below(2); i < count; ++i) make_base();
    const int64_t statements = 8 + below(18);
    while (static_cast<int64_t>(program_.lines.size()) < statements) step();
    return std::move(program_);
  }

 private:
  int64_t below(int64_t n) {
    state_ += 0x632BE59BD9B4E019ull;
    return static_cast<int64_t>(mixed(state_) >> 11) % n;
  }
  bool one_in(int64_t n) { return below(n) == 0; }
  template <class... A>
  void say(const A&... parts) {
    std::string line;
    ((line += (line.empty() ? "" : " ") + text(parts)), ...);
    program_.lines.push_back(line);
  }
  static std::string text(const std::string& s) { return s; }
  static std::string text(int64_t n) { return std::to_string(n); }
  std::string fresh_name() { return "v" + std::to_string(next_++); }
  Variable& any() { return live_[static_cast<size_t>(below(static_cast<int64_t>(live_.size())))]; }
  int any_type() { return static_cast<int>(one_in(3) ? below(9) : below(4)); }

  Dims small_shape() {
    Dims shape;
    for (int64_t rank = below(4); rank > 0; --rank) shape.push_back(one_in(9) ? below(2) : 2 + below(3));
    return shape;
  }
  Variable& add(Variable v) {
    live_.push_back(std::move(v));
    return live_.back();
  }
  /// A variable with memory of its own.
  Variable& fresh(int type, Dims shape) {
    Variable v{fresh_name(), static_cast<int>(base_bytes_.size()), type, shape, row_major_strides(shape), 0};
    base_bytes_.push_back(v.numel() * kTypes[type].size);
    return add(std::move(v));
  }
  void make_base() {
    Dims shape = small_shape();
    if (shape.empty() && !one_in(4)) shape = {3 + below(6)};
    const Variable& v = fresh(any_type(), shape);
    say(v.name, std::string("= new"), std::string(v.t().name), shown(v.shape), below(1000));
  }

  void step() {
    const int64_t kind = below(100);
    if (live_.size() < 2 || kind < 6) return make_base();
    if (kind < 38) return make_view(any());
    if (kind < 76) return write(any());
    if (kind < 84) return compute();
    if (kind < 91) return say(std::string("print"), any().name);
    if (kind < 94) return say(std::string("eval"), any().name);
    if (kind < 95) return say(std::string("escape"), any().name);
    if (kind < 98) return view_in_place(any());
    if (live_.size() > 3) {
      const auto i = static_cast<size_t>(below(static_cast<int64_t>(live_.size())));
      say(std::string("drop"), live_[i].name);
      live_.erase(live_.begin() + static_cast<std::ptrdiff_t>(i));
    }
  }

  void make_view(const Variable& from) {
    Variable v = from;
    v.name = fresh_name();
    const auto rank = static_cast<int64_t>(v.shape.size());
    const int64_t d = rank > 0 ? below(rank) : 0;
    const auto at = static_cast<size_t>(d);
    std::string how;
    switch (below(13)) {
      case 0:
      case 1:
      case 2: {
        if (rank == 0) return;
        const int64_t n = v.shape[at], start = below(n + 1), stop = start + below(n - start + 1), step = 1 + below(3);
        v.offset += start * v.strides[at];
        v.shape[at] = (stop - start + step - 1) / step;
        v.strides[at] *= step;
        how =
            "slice " + from.name + " " + shown({d}) + " " + shown({start}) + " " + shown({stop}) + " " + shown({step});
        break;
      }
      case 3: {
        if (rank == 0 || v.shape[at] == 0) return;
        const int64_t i = below(v.shape[at]);
        v.offset += i * v.strides[at];
        v.shape.erase(v.shape.begin() + d);
        v.strides.erase(v.strides.begin() + d);
        how = "select " + from.name + " " + shown({d}) + " " + shown({i - (one_in(2) ? from.shape[at] : 0)});
        break;
      }
      case 4: {
        Dims order(static_cast<size_t>(rank));
        std::iota(order.begin(), order.end(), 0);
        for (int64_t i = rank; i-- > 1;)
          std::swap(order[static_cast<size_t>(i)], order[static_cast<size_t>(below(i + 1))]);
        for (size_t i = 0; i < order.size(); ++i) {
          v.shape[i] = from.shape[static_cast<size_t>(order[i])];
          v.strides[i] = from.strides[static_cast<size_t>(order[i])];
        }
        how = "permute " + from.name + " " + shown(order);
        break;
      }
      case 5: {
        const int64_t place = below(rank + 1);
        v.shape.insert(v.shape.begin() + place, 1);
        v.strides.insert(v.strides.begin() + place, 1);
        how = "unsqueeze " + from.name + " " + shown({place});
        break;
      }
      case 6: {
        if (one_in(2)) {
          v.shape.insert(v.shape.begin(), 2);
          v.strides.insert(v.strides.begin(), 0);
        }
        for (size_t i = 0; i < v.shape.size(); ++i)
          if (v.shape[i] == 1 && one_in(2)) {
            v.shape[i] = 3;
            v.strides[i] = 0;
          }
        how = "expand " + from.name + " " + shown(v.shape);
        break;
      }
      case 7: {
        if (!v.row_major() || v.numel() == 0) return;
        v.shape = one_in(2) ? Dims{v.numel()} : Dims{v.numel(), 1};
        for (const int64_t k : {4, 3, 2})
          if (one_in(2) && v.shape[0] % k == 0) {
            v.shape[0] /= k;
            v.shape.insert(v.shape.begin() + 1, k);
          }
        v.strides = row_major_strides(v.shape);
        how = "view " + from.name + " " + shown(v.shape);
        break;
      }
      case 8: {
        if (rank < 2) return;
        const int64_t other = (d + 1 + below(rank - 1)) % rank;
        const auto o = static_cast<size_t>(other);
        const int64_t along = below(3) - 1, down = std::max<int64_t>(-along, 0), right = std::max<int64_t>(along, 0);
        const int64_t length = std::max<int64_t>(0, std::min(v.shape[at] - down, v.shape[o] - right));
        const int64_t stride = v.strides[at] + v.strides[o];
        v.offset += down * v.strides[at] + right * v.strides[o];
        for (const int64_t gone : {std::max(d, other), std::min(d, other)}) {
          v.shape.erase(v.shape.begin() + gone);
          v.strides.erase(v.strides.begin() + gone);
        }
        v.shape.push_back(length);
        v.strides.push_back(stride);
        how = "diagonal " + from.name + " " + shown({along}) + " " + shown({d}) + " " + shown({other});
        break;
      }
      case 9: {
        if (rank == 0) return;
        const int64_t n = v.shape[at], size = below(std::min<int64_t>(n, 3) + 1), step = 1 + below(2);
        v.shape[at] = (n - size) / step + 1;
        v.shape.push_back(size);
        v.strides.push_back(v.strides[at]);
        v.strides[at] *= step;
        how = "unfold " + from.name + " " + shown({d}) + " " + shown({size}) + " " + shown({step});
        break;
      }
      case 10:
      case 11: {
        if (!strides_at_random(v)) return;
        how = "as_strided " + from.name + " " + shown(v.shape) + " " + shown(v.strides) + " " + shown({v.offset});
        break;
      }
      default: {
        if (!as_bits(v)) return;
        how = "bits " + from.name + " " + v.t().name;
        break;
      }
    }
    if (v.numel() > 400) return;
    if (one_in(12)) v.name = from.name;  // the handle goes on to the view
    const std::string name = v.name;
    say(name, "= " + how);
    std::erase_if(live_, [&](const Variable& old) { return old.name == name; });
    add(std::move(v));
  }

  bool strides_at_random(Variable& v) {
    const int64_t all = base_bytes_[static_cast<size_t>(v.base)] / v.t().size;
    if (all == 0) return false;
    v.shape.clear();
    v.strides.clear();
    int64_t reach = 0;
    for (int64_t rank = below(4); rank > 0; --rank) {
      const int64_t n = 1 + below(4), stride = one_in(8) ? 0 : 1 + below(6);
      if (reach + (n - 1) * stride >= all) continue;
      reach += (n - 1) * stride;
      v.shape.push_back(n);
      v.strides.push_back(stride);
    }
    v.offset = below(all - reach);
    return true;
  }

  bool as_bits(Variable& v) {
    const int type = static_cast<int>(below(8));  // not bool
    const int from = v.t().size, to = kTypes[type].size;
    if (type == v.type) return false;
    if (from != to) {
      // Strides of axes of size 1 are not modelled.
      if (v.shape.empty() || v.strides.back() != 1 || *std::min_element(v.shape.begin(), v.shape.end()) < 2)
        return false;
      const size_t last = v.shape.size() - 1;
      if (from < to) {
        const int64_t ratio = to / from;
        for (size_t d = 0; d < last; ++d)
          if (v.strides[d] % ratio != 0) return false;
        if (v.shape[last] % ratio != 0 || v.offset % ratio != 0) return false;
        for (size_t d = 0; d < last; ++d) v.strides[d] /= ratio;
        v.shape[last] /= ratio;
        v.offset /= ratio;
      } else {
        const int64_t ratio = from / to;
        for (size_t d = 0; d < last; ++d) v.strides[d] *= ratio;
        v.shape[last] *= ratio;
        v.offset *= ratio;
      }
    }
    v.type = type;
    return true;
  }

  void view_in_place(Variable& v) {
    const auto rank = static_cast<int64_t>(v.shape.size());
    if (one_in(4)) {
      const int64_t place = below(rank + 1);
      v.shape.insert(v.shape.begin() + place, 1);
      v.strides.insert(v.strides.begin() + place, 1);
      return say(std::string("unsqueeze_"), v.name, place);
    }
    if (one_in(3) && strides_at_random(v))
      return say(std::string("as_strided_"), v.name, shown(v.shape), shown(v.strides), v.offset);
    if (rank == 0) return;
    const int64_t d = below(rank), e = below(rank);
    if (v.shape[static_cast<size_t>(d)] == 1) {
      v.shape.erase(v.shape.begin() + d);
      v.strides.erase(v.strides.begin() + d);
      return say(std::string("squeeze_"), v.name, d);
    }
    std::swap(v.shape[static_cast<size_t>(d)], v.shape[static_cast<size_t>(e)]);
    std::swap(v.strides[static_cast<size_t>(d)], v.strides[static_cast<size_t>(e)]);
    say(std::string("transpose_"), v.name, d, e);
  }

  /// Some variable that broadcasts to the shape (exactly: has it), of a category that may be written there.
  const Variable* operand(const Dims& shape, int category, bool exactly = false) {
    std::vector<const Variable*> fitting;
    for (const Variable& w : live_) {
      if (w.t().category > category || (w.t().category == 0) != (category == 0)) continue;
      bool fits = exactly ? w.shape == shape : w.shape.size() <= shape.size();
      for (size_t i = 1; fits && i <= w.shape.size(); ++i) {
        const int64_t n = w.shape[w.shape.size() - i];
        fits = n == 1 || n == shape[shape.size() - i];
      }
      if (fits) fitting.push_back(&w);
    }
    if (fitting.empty()) return nullptr;
    return fitting[static_cast<size_t>(below(static_cast<int64_t>(fitting.size())))];
  }
  std::string operation(int category) {
    static const std::vector<std::string> bools{"and", "or", "xor"}, integers{"add", "sub", "mul", "and", "or", "xor"},
        floats{"add", "sub", "mul", "div"};
    const auto& list = category == 0 ? bools : category == 1 ? integers : floats;
    return list[static_cast<size_t>(below(static_cast<int64_t>(list.size())))];
  }
  int64_t number(const Type& t) { return t.category == 0 ? below(2) : t.name[0] == 'u' ? below(5) : below(9) - 4; }

  void write(const Variable& v) {
    if (v.overlaps()) return say(std::string("refuse"), v.name);
    const int category = v.t().category;
    switch (below(9)) {
      case 0:
        return say(std::string("fill"), v.name, number(v.t()));
      case 1:
        if (category == 0) return;
        return say("i" + std::vector<std::string>{"add", "sub", "mul"}[static_cast<size_t>(below(3))] + "s", v.name,
                   number(v.t()));
      case 2:
      case 3: {
        const Variable* w = operand(v.shape, category);
        if (w) say("i" + operation(category), v.name, w->name);
        return;
      }
      case 4:
      case 5: {
        std::vector<const Variable*> fitting;
        for (int c = 0; c < 3; ++c)
          if (const Variable* w = operand(v.shape, c)) fitting.push_back(w);
        if (fitting.empty()) return;
        return say(std::string("copy"), v.name,
                   fitting[static_cast<size_t>(below(static_cast<int64_t>(fitting.size())))]->name);
      }
      case 6: {
        const Variable *a = operand(v.shape, category, true), *b = operand(v.shape, category);
        if (!a || !b) return;
        const int both = std::max(a->t().category, b->t().category);
        return say(operation(both) + "_out", v.name, a->name, b->name);
      }
      case 7: {
        const Variable* m = operand(v.shape, 0);
        if (m) say(std::string("mfill"), v.name, m->name, number(v.t()));
        return;
      }
      default: {
        if (v.shape.empty() || v.shape[0] == 0) return;
        const Variable* w = operand(Dims(v.shape.begin() + 1, v.shape.end()), category);
        const int64_t i = below(v.shape[0]);
        if (w) return say(std::string("put"), v.name, i, w->name);
        return say(std::string("puts"), v.name, i, number(v.t()));
      }
    }
  }

  void compute() {
    const Variable a = any();
    const int category = a.t().category;
    switch (below(7)) {
      case 0: {
        const Variable& v = fresh(a.type, a.shape);
        return say(v.name, std::string("= clone"), a.name);
      }
      case 1: {
        const int type = static_cast<int>(below(9));
        if (type == a.type) return;
        const Variable& v = fresh(type, a.shape);
        return say(v.name, std::string("= cast"), a.name, std::string(v.t().name));
      }
      case 2: {
        if (a.shape.empty()) return;
        const int64_t d = below(static_cast<int64_t>(a.shape.size()));
        const Variable& v = fresh(a.type, a.shape);
        return say(v.name, std::string("= flip"), a.name, d);
      }
      case 3: {
        const Variable& v = fresh(8, a.shape);
        return say(v.name, std::string("= gt"), a.name, number(a.t()));
      }
      case 4: {
        if (category != 1) return;
        const Variable& v = fresh(3, {});
        return say(v.name, std::string("= sum"), a.name);
      }
      case 5: {
        if (a.shape.empty() || a.numel() > 100) return;
        Dims shape = a.shape;
        shape[0] *= 2;
        const Variable& v = fresh(a.type, shape);
        return say(v.name, std::string("= cat"), a.name, a.name);
      }
      default: {
        const Variable* w = operand(a.shape, category);
        if (!w || w->type != a.type) return;
        const std::string other = w->name;
        const Variable& v = fresh(a.type, a.shape);
        return say(v.name, "= " + operation(category), a.name, other);
      }
    }
  }

  uint64_t state_;
  Program program_;
  int next_ = 0;
  std::vector<Variable> live_;
  std::vector<int64_t> base_bytes_;
};

}  // namespace

Program generate(uint64_t seed) {
  return Generator(seed).run();
}

}  // namespace lazuli::view_programs
