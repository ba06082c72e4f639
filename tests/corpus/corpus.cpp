#include "tests/corpus/corpus.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>

#include "lazuli/base/half.h"

namespace lazuli::corpus {
namespace {

std::vector<std::string_view> split(std::string_view text, char by) {
  std::vector<std::string_view> parts;
  while (true) {
    const size_t at = text.find(by);
    parts.push_back(text.substr(0, at));
    if (at == std::string_view::npos) return parts;
    text.remove_prefix(at + 1);
  }
}

int64_t parse_int(std::string_view text) {
  return std::strtoll(std::string(text).c_str(), nullptr, 10);
}
double parse_float(std::string_view text) {
  return std::strtod(std::string(text).c_str(), nullptr);
}

std::vector<int64_t> parse_list(std::string_view text, char by = ',') {
  std::vector<int64_t> list;
  if (text.empty()) return list;
  for (std::string_view part : split(text, by)) list.push_back(parse_int(part));
  return list;
}

DType parse_dtype(std::string_view text) {
  for (int i = 0; i < kSupportedDTypes; ++i)
    if (name(static_cast<DType>(i)) == text) return static_cast<DType>(i);
  throw Error(ErrorKind::Parse, "no dtype: " + std::string(text));
}

template <class T>
void put(std::vector<std::byte>& out, T v) {
  const auto* p = reinterpret_cast<const std::byte*>(&v);
  out.insert(out.end(), p, p + sizeof(T));
}

void put_int(Array& a, int64_t v) {
  switch (a.dtype) {
    case DType::Bool:
      return put<uint8_t>(a.bytes, v != 0);
    case DType::UInt8:
    case DType::Int8:
      return put<uint8_t>(a.bytes, static_cast<uint8_t>(v));
    case DType::Int16:
      return put<int16_t>(a.bytes, static_cast<int16_t>(v));
    case DType::Int32:
      return put<int32_t>(a.bytes, static_cast<int32_t>(v));
    default:
      return put<int64_t>(a.bytes, v);
  }
}

void put_float(Array& a, double v) {
  switch (a.dtype) {
    case DType::Float16:
      return put<uint16_t>(a.bytes, float_to_half_bits(static_cast<float>(v)));
    case DType::BFloat16:
      return put<uint16_t>(a.bytes, float_to_bfloat16_bits(static_cast<float>(v)));
    case DType::Float32:
      return put<float>(a.bytes, static_cast<float>(v));
    default:
      return put<double>(a.bytes, v);
  }
}

void put_text(Array& a, std::string_view text) {
  if (!is_floating(a.dtype)) return put_int(a, parse_int(text));
  // Rounded once, to the type: a double in between could round twice.
  if (a.dtype == kFloat64) return put_float(a, parse_float(text));
  put_float(a, static_cast<double>(std::strtof(std::string(text).c_str(), nullptr)));
}

uint64_t random_bits(uint64_t seed, uint64_t i) {
  uint64_t z = (seed * 1000003 + i + 1) * 0x9E3779B97F4A7C15u;
  z ^= z >> 30;
  z *= 0xBF58476D1CE4E5B9u;
  z ^= z >> 27;
  z *= 0x94D049BB133111EBu;
  return z ^ (z >> 31);
}

/// k: small whole numbers; u: multiples of 1/32 in [-4, 4), of integers any byte; p: positive; q: in [-1, 1); w: 24
/// bits in [-8, 8).
void put_random(Array& a, char kind, uint64_t z) {
  const bool has_sign = is_signed(a.dtype);
  const auto top = [&](int bits, int64_t minus) { return static_cast<int64_t>(z >> (64 - bits)) - minus; };
  if (is_bool(a.dtype)) return put_int(a, kind == 'p' ? 1 : top(1, 0));
  if (!is_floating(a.dtype)) {
    if (kind == 'u') return put_int(a, top(8, has_sign ? 128 : 0));
    return put_int(a, kind == 'p' ? top(4, -1) : top(4, has_sign ? 8 : 0));
  }
  switch (kind) {
    case 'k':
      return put_float(a, static_cast<double>(top(4, 8)));
    case 'u':
      return put_float(a, static_cast<double>(top(8, 128)) / 32);
    case 'p':
      return put_float(a, static_cast<double>(top(8, -1)) / 64);
    case 'q':
      return put_float(a, static_cast<double>(top(8, 128)) / 128);
    default:
      return put_float(a, static_cast<double>(top(24, 1 << 23)) / (1 << 20));
  }
}

void fill(Array& a, std::string_view text) {
  const std::string_view rest = text.substr(2);
  if (text[0] == 'v') {
    if (!rest.empty())
      for (std::string_view v : split(rest, ',')) put_text(a, v);
  } else {
    const auto seed = static_cast<uint64_t>(parse_int(rest));
    for (int64_t i = 0, n = a.numel(); i < n; ++i) put_random(a, text[0], random_bits(seed, static_cast<uint64_t>(i)));
  }
  if (a.bytes.size() != static_cast<size_t>(a.numel()) * itemsize(a.dtype))
    throw Error(ErrorKind::Parse, "another number of values than the shape says");
}

Slice::Bound parse_bound(std::string_view text) {
  if (text == "_") return None;
  return parse_int(text);
}

Arg parse_arg(std::string_view text) {
  Arg a;
  const std::string_view rest = text.size() > 2 ? text.substr(2) : std::string_view();
  switch (text[0]) {
    case 'n':
      break;
    case 'e':
      a.kind = Arg::Kind::Ellipsis;
      break;
    case 'b':
      a.kind = Arg::Kind::Bool;
      a.integer = parse_int(rest);
      break;
    case 'i':
      a.kind = Arg::Kind::Int;
      a.integer = parse_int(rest);
      break;
    case 't':
      a.kind = Arg::Kind::Input;
      a.integer = parse_int(rest);
      break;
    case 'f':
      a.kind = Arg::Kind::Float;
      a.number = parse_float(rest);
      break;
    case 'd':
      a.kind = Arg::Kind::DType;
      a.dtype = parse_dtype(rest);
      break;
    case 's':
      a.kind = Arg::Kind::Text;
      a.text = rest;
      break;
    case 'l':
      a.kind = Arg::Kind::List;
      a.list = parse_list(rest);
      break;
    case 'c': {
      a.kind = Arg::Kind::Slice;
      const auto parts = split(rest, ':');
      a.slice = Slice(parse_bound(parts[0]), parse_bound(parts[1]), parse_bound(parts[2]));
      break;
    }
    default:
      throw Error(ErrorKind::Parse, "no argument: " + std::string(text));
  }
  return a;
}

std::string unescape(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\')
      out += text[i];
    else
      out += text[++i] == 'n' ? '\n' : text[i];
  }
  return out;
}

Array parse_array(const std::vector<std::string_view>& words) {
  Array a;
  a.dtype = parse_dtype(words[1]);
  if (words[2] != "-") a.sizes = parse_list(words[2], 'x');
  return a;
}

void parse_line(std::string_view line, std::vector<Case>& cases) {
  if (line.empty() || line[0] == '#') return;
  const auto words = split(line, ' ');
  if (line[0] == '=') {
    Case& c = cases.emplace_back();
    c.line = line;
    c.name = words[1];
    c.op = c.name.substr(0, c.name.rfind('.'));
    for (size_t i = 2; i < words.size(); ++i) c.args.all.push_back(parse_arg(words[i]));
    return;
  }
  if (cases.empty()) throw Error(ErrorKind::Parse, "a line before the first case");
  Case& c = cases.back();
  switch (line[0]) {
    case 'i': {
      Input& in = c.inputs.emplace_back();
      in.line = line;
      in.base = parse_array(words);
      fill(in.base, words[3]);
      in.steps.assign(words.begin() + 4, words.end());
      break;
    }
    case 'b':
      c.magnitude = parse_float(words[1]);
      break;
    case 'r': {
      Array a = parse_array(words);
      for (size_t i = 3; i < words.size(); ++i) {
        const size_t star = words[i].find('*');
        const int64_t n = star == std::string_view::npos ? 1 : parse_int(words[i].substr(star + 1));
        for (int64_t k = 0; k < n; ++k) put_text(a, words[i].substr(0, star));
      }
      if (a.bytes.size() != static_cast<size_t>(a.numel()) * itemsize(a.dtype))
        throw Error(ErrorKind::Parse, "another number of values than the shape says");
      c.results.push_back(std::move(a));
      break;
    }
    case 'e':
      c.is_error = true;
      c.text = line.substr(2);
      break;
    case 'p':
      c.is_text = true;
      c.text = unescape(line.substr(2));
      break;
    default:
      throw Error(ErrorKind::Parse, "no kind of line: " + std::string(line.substr(0, 20)));
  }
}

Tensor apply_step(const Tensor& t, const std::string& step) {
  const auto parts = split(step, ':');
  if (parts[0] == "permute") return t.permute(parse_list(parts[1]));
  if (parts[0] == "expand") return t.expand(parse_list(parts[1]));
  if (parts[0] == "view") return t.view(parse_list(parts[1]));
  if (parts[0] == "select") return t.select(parse_int(parts[1]), parse_int(parts[2]));
  if (parts[0] == "slice")
    return t.slice(parse_int(parts[1]), parse_int(parts[2]), parse_int(parts[3]), parse_int(parts[4]));
  throw Error(ErrorKind::Parse, "no view: " + step);
}

}  // namespace

Scalar Arg::scalar() const {
  if (kind == Kind::Float) return number;
  if (kind == Kind::Bool) return integer != 0;
  return integer;
}

std::vector<int64_t> Args::dims(size_t i) const {
  if ((*this)[i].kind == Arg::Kind::Int) return {(*this)[i].integer};
  return list(i);
}
std::optional<DType> Args::dtype(size_t i) const {
  return has(i) ? std::optional((*this)[i].dtype) : std::nullopt;
}
std::optional<int64_t> Args::maybe(size_t i) const {
  return has(i) ? std::optional((*this)[i].integer) : std::nullopt;
}

int64_t Array::numel() const {
  int64_t n = 1;
  for (int64_t s : sizes) n *= s;
  return n;
}

std::vector<Case> read(const std::string& path) {
  std::ifstream in(path);
  if (!in) throw Error(ErrorKind::Value, "cannot open " + path);
  std::vector<Case> cases;
  std::string line;
  for (int64_t number = 1; std::getline(in, line); ++number) try {
      parse_line(line, cases);
    } catch (const std::exception& e) {
      throw Error(ErrorKind::Parse, path + ":" + std::to_string(number) + ": " + e.what());
    }
  return cases;
}

Tensor make(const Input& input) {
  Tensor t = from_host(input.base.bytes.data(), input.base.sizes, input.base.dtype);
  for (const std::string& step : input.steps) t = apply_step(t, step);
  return t;
}

double element(const Array& a, int64_t i) {
  const std::byte* p = a.bytes.data() + static_cast<size_t>(i) * itemsize(a.dtype);
  const auto as = [&]<class T>(T v) {
    std::memcpy(&v, p, sizeof(T));
    return v;
  };
  switch (a.dtype) {
    case DType::Bool:
    case DType::UInt8:
      return as(uint8_t());
    case DType::Int8:
      return as(int8_t());
    case DType::Int16:
      return as(int16_t());
    case DType::Int32:
      return as(int32_t());
    case DType::Int64:
      return static_cast<double>(as(int64_t()));
    case DType::Float16:
      return static_cast<double>(half_bits_to_float(as(uint16_t())));
    case DType::BFloat16:
      return static_cast<double>(bfloat16_bits_to_float(as(uint16_t())));
    case DType::Float32:
      return static_cast<double>(as(float()));
    default:
      return as(double());
  }
}

std::string str(const Array& a) {
  std::string out = std::string(name(a.dtype)) + " [";
  for (size_t d = 0; d < a.sizes.size(); ++d) out += (d ? ", " : "") + std::to_string(a.sizes[d]);
  out += "]";
  char text[40];
  for (int64_t i = 0; i < a.numel() && i < 40; ++i) {
    std::snprintf(text, sizeof text, a.dtype == kFloat64 ? " %.17g" : " %.9g", element(a, i));
    out += text;
  }
  return a.numel() > 40 ? out + " ..." : out;
}

}  // namespace lazuli::corpus
