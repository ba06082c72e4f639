// What the statements mean, in Lazuli.
#include <bit>
#include <cmath>
#include <cstdio>
#include <map>
#include <sstream>

#include "lazuli/lazuli.h"
#include "tests/views/program.h"

namespace lazuli::view_programs {
namespace {

using Words = std::vector<std::string>;

Words split(const std::string& line) {
  std::istringstream in(line);
  Words words;
  for (std::string w; in >> w;) words.push_back(w);
  return words;
}

std::vector<int64_t> numbers(const std::string& text) {
  std::vector<int64_t> out;
  std::istringstream in(text == "-" ? "" : text);
  for (std::string n; std::getline(in, n, ',');) out.push_back(std::stoll(n));
  return out;
}

DType type_named(const std::string& name) {
  static const std::map<std::string, DType> types{{"f32", kFloat32}, {"i32", kInt32}, {"f64", kFloat64},
                                                  {"i64", kInt64},   {"u8", kUInt8},  {"f16", kFloat16},
                                                  {"i16", kInt16},   {"i8", kInt8},   {"b", kBool}};
  return types.at(name);
}

template <class T>
uint64_t bits_of(T v) {
  if constexpr (std::is_same_v<T, double>) {
    return v != v ? 0x7ff8000000000000ull : std::bit_cast<uint64_t>(v);
  } else if constexpr (std::is_same_v<T, float>) {
    return v != v ? 0x7fc00000u : std::bit_cast<uint32_t>(v);
  } else if constexpr (std::is_same_v<T, Half>) {
    const float f = static_cast<float>(v);
    return f != f ? 0x7e00u : std::bit_cast<uint16_t>(v);
  } else {
    return static_cast<uint64_t>(static_cast<int64_t>(v));
  }
}

template <class T>
uint64_t digest_of(const Tensor& t) {
  uint64_t h = mixed(static_cast<uint64_t>(t.dtype() == kUInt8 ? 1
                                           : t.dtype() == kBool
                                               ? 2
                                               : itemsize(t.dtype()) * 8 + static_cast<size_t>(t.is_floating_point())));
  for (const int64_t n : t.sizes()) h = mixed(h ^ static_cast<uint64_t>(n));
  uint64_t sum = 0, i = 0;
  for (const T v : t.to_vector<T>()) sum += mixed(bits_of<T>(v) ^ mixed(++i));
  return mixed(h ^ sum);
}

uint64_t digest_of(const Tensor& t) {
  switch (t.dtype()) {
    case kBool:
      return digest_of<bool>(t);
    case kUInt8:
      return digest_of<uint8_t>(t);
    case kInt8:
      return digest_of<int8_t>(t);
    case kInt16:
      return digest_of<int16_t>(t);
    case kInt32:
      return digest_of<int32_t>(t);
    case kInt64:
      return digest_of<int64_t>(t);
    case kFloat16:
      return digest_of<Half>(t);
    case kFloat32:
      return digest_of<float>(t);
    default:
      return digest_of<double>(t);
  }
}

Tensor made(DType dtype, const std::vector<int64_t>& shape, int64_t seed) {
  int64_t n = 1;
  for (const int64_t d : shape) n *= d;
  std::vector<double> values;
  for (int64_t i = 0; i < n; ++i) {
    const auto k = static_cast<int64_t>(mixed(static_cast<uint64_t>(seed * 1000003 + i)) >> 40) % 17;
    const double number = dtype == kBool ? k % 2 : dtype == kUInt8 ? k : k - 8;
    values.push_back(is_floating(dtype) ? number / 2 : number);
  }
  return from_host(values.data(), shape, kFloat64).to(dtype);
}

std::string fmt_sizes(IntArrayRef sizes) {
  std::string out = "(";
  for (const int64_t n : sizes) out += std::to_string(n) + ", ";
  return out + ")";
}

class Machine {
 public:
  explicit Machine(bool interpret) { options_.interpret = interpret; }

  void run(const std::string& line) {
    const Words w = split(line);
    if (w.size() > 2 && w[1] == "=") {
      Tensor t = value(w[2], Words(w.begin() + 3, w.end()));
      variables_[w[0]] = std::move(t);
      return;
    }
    Tensor& t = variables_.at(w[1]);
    const std::string& op = w[0];
    if (op == "print") {
      observe(t);
    } else if (op == "eval") {
      evaluate(t);
    } else if (op == "escape") {
      evaluate(t);
      escaped_[w[1]] = {t.detach(), t.data_ptr()};  // the handle itself may become another view
    } else if (op == "drop") {
      variables_.erase(w[1]);
    } else if (op == "refuse") {
      refuse(t);
    } else if (op.back() == '_') {
      view_in_place(op, t, w);
    } else {
      write(op, t, w);
    }
  }

  void show() {
    for (auto& [name, t] : variables_) {
      evaluate(t);
      std::printf("    %s %s %s [", name.c_str(), std::string(lazuli::name(t.dtype())).c_str(),
                  fmt_sizes(t.sizes()).c_str());
      for (const double v : t.to_vector<double>()) std::printf("%.17g, ", v);
      std::printf("]\n");
    }
  }

  uint64_t finish() {
    for (auto& [name, t] : variables_) observe(t);
    for (auto& [name, pinned] : escaped_)
      if (pinned.first.data_ptr() != pinned.second) throw std::runtime_error("the memory of " + name + " has moved");
    return digest_;
  }

 private:
  void evaluate(const Tensor& t) { eval(std::span<const Tensor>(&t, 1), options_); }
  void observe(const Tensor& t) {
    evaluate(t);
    digest_ = mixed(digest_ ^ digest_of(t));
  }

  static Scalar number(const Tensor& like, const std::string& text) {
    const int64_t n = std::stoll(text);
    if (like.is_floating_point()) return static_cast<double>(n) / 2;
    return n;
  }

  static void refuse(Tensor& t) {
    try {
      t.fill_(1);
    } catch (const Error& e) {
      if (e.message().starts_with("unsupported operation: more than one element of the written-to tensor refers"))
        return;
      throw;
    }
    throw std::runtime_error("a write to elements that overlap was not refused");
  }

  Tensor value(const std::string& op, const Words& w) {
    if (op == "new") return made(type_named(w[0]), numbers(w[1]), std::stoll(w[2]));
    const Tensor& x = variables_.at(w[0]);
    const auto at = [&](size_t i) { return std::stoll(w[i]); };
    if (op == "slice") return x.slice(at(1), at(2), at(3), at(4));
    if (op == "select") return x.select(at(1), at(2));
    if (op == "permute") return x.permute(numbers(w[1]));
    if (op == "unsqueeze") return x.unsqueeze(at(1));
    if (op == "expand") return x.expand(numbers(w[1]));
    if (op == "view") return x.view(numbers(w[1]));
    if (op == "diagonal") return x.diagonal(at(1), at(2), at(3));
    if (op == "unfold") return x.unfold(at(1), at(2), at(3));
    if (op == "as_strided") return x.as_strided(numbers(w[1]), numbers(w[2]), at(3));
    if (op == "bits") return x.view(type_named(w[1]));
    if (op == "clone") return x.clone();
    if (op == "cast") return x.to(type_named(w[1]));
    if (op == "flip") return x.flip({at(1)});
    if (op == "gt") return x > number(x, w[1]);
    if (op == "sum") return x.sum();
    const Tensor& y = variables_.at(w[1]);
    if (op == "cat") return cat({x, y}, 0);
    if (op == "add") return x + y;
    if (op == "sub") return x - y;
    if (op == "mul") return x * y;
    if (op == "div") return x / y;
    if (op == "and") return bitwise_and(x, y);
    if (op == "or") return bitwise_or(x, y);
    if (op == "xor") return bitwise_xor(x, y);
    throw std::runtime_error("no such operation: " + op);
  }

  static void view_in_place(const std::string& op, Tensor& t, const Words& w) {
    const Tensor copy = t;
    if (op == "unsqueeze_") t.unsqueeze_(std::stoll(w[2]));
    if (op == "squeeze_") t.squeeze_(std::stoll(w[2]));
    if (op == "transpose_") t.transpose_(std::stoll(w[2]), std::stoll(w[3]));
    if (op == "as_strided_") t.as_strided_(numbers(w[2]), numbers(w[3]), std::stoll(w[4]));
    if (!copy.is_same(t)) throw std::runtime_error(op + " made another handle");
  }

  void write(const std::string& op, Tensor& t, const Words& w) {
    if (op == "fill") {
      t.fill_(number(t, w[2]));
    } else if (op == "iadds") {
      t += number(t, w[2]);
    } else if (op == "isubs") {
      t -= number(t, w[2]);
    } else if (op == "imuls") {
      t.mul_(number(t, w[2]));
    } else if (op == "puts") {
      t[std::stoll(w[2])] = number(t, w[3]);
    } else if (op == "put") {
      t.index({std::stoll(w[2])}) = variables_.at(w[3]);
    } else if (op == "mfill") {
      t.masked_fill_(variables_.at(w[2]), number(t, w[3]));
    } else {
      const Tensor& x = variables_.at(w[2]);
      if (op == "copy") t.copy_(x);
      if (op == "iadd") t += x;
      if (op == "isub") t.sub_(x);
      if (op == "imul") t.mul_(x);
      if (op == "idiv") t /= x;
      if (op == "iand") t.bitwise_and_(x);
      if (op == "ior") t.bitwise_or_(x);
      if (op == "ixor") t.bitwise_xor_(x);
      if (w.size() < 4) return;
      const Tensor& y = variables_.at(w[3]);
      if (op == "add_out") add_out(t, x, y);
      if (op == "sub_out") sub_out(t, x, y);
      if (op == "mul_out") mul_out(t, x, y);
      if (op == "div_out") div_out(t, x, y);
      if (op == "and_out") bitwise_and_out(t, x, y);
      if (op == "or_out") bitwise_or_out(t, x, y);
      if (op == "xor_out") bitwise_xor_out(t, x, y);
    }
  }

  EvalOptions options_;
  std::map<std::string, Tensor> variables_;
  std::map<std::string, std::pair<Tensor, void*>> escaped_;
  uint64_t digest_ = 0;
};

}  // namespace

void show(const Program& p) {
  Machine m(true);
  for (const std::string& l : p.lines) {
    std::printf("%s\n", l.c_str());
    m.run(l);
    m.show();
  }
}

Outcome run(const Program& p, bool interpret) {
  Outcome outcome;
  std::string line;
  try {
    Machine m(interpret);
    for (const std::string& l : p.lines) {
      line = l;
      m.run(l);
    }
    line = "the end";
    outcome.digest = m.finish();
  } catch (const std::exception& e) {
    outcome.error = "at " + line + ": " + e.what();
  }
  return outcome;
}

}  // namespace lazuli::view_programs
