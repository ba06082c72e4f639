// PyTorch's algorithm for printing tensors: one pass over the shown elements chooses notation and width, a second
// writes.
#include "frontend/format.h"

#include <fmt/format.h>

#include <cmath>
#include <cstring>

#include "lazuli/base/half.h"

namespace lazuli {
namespace {

/// One element, widened.
struct Element {
  double f = 0;
  int64_t i = 0;
};

template <class T>
T load(const void* p) {
  T v;
  std::memcpy(&v, p, sizeof(T));
  return v;
}

Element read(DType dtype, const void* p) {
  switch (dtype) {
    case DType::Bool:
      return {0, load<uint8_t>(p) != 0};
    case DType::UInt8:
      return {0, load<uint8_t>(p)};
    case DType::Int8:
      return {0, load<int8_t>(p)};
    case DType::Int16:
      return {0, load<int16_t>(p)};
    case DType::Int32:
      return {0, load<int32_t>(p)};
    case DType::Int64:
      return {0, load<int64_t>(p)};
    case DType::Float16:
      return {half_bits_to_float(load<uint16_t>(p)), 0};
    case DType::BFloat16:
      return {bfloat16_bits_to_float(load<uint16_t>(p)), 0};
    case DType::Float32:
      return {load<float>(p), 0};
    default:
      return {load<double>(p), 0};
  }
}

class ArrayPrinter {
 public:
  ArrayPrinter(const ArrayView& a, bool summarize, const PrintOptions& o) : a_(a), o_(o), summarize_(summarize) {
    choose_notation();
  }

  std::string text(int indent) const { return text(0, 0, indent); }

 private:
  const char* at(int64_t offset) const {
    return static_cast<const char*>(a_.data) + offset * static_cast<int64_t>(itemsize(a_.dtype));
  }
  bool cut(size_t axis) const { return summarize_ && a_.sizes[axis] > 2 * o_.edge_items; }

  /// Calls fn for every element that will be shown.
  template <class F>
  void for_each_shown(size_t axis, int64_t offset, const F& fn) const {
    if (axis == a_.sizes.size()) return fn(read(a_.dtype, at(offset)));
    const int64_t n = a_.sizes[axis];
    for (int64_t i = 0; i < n; ++i) {
      if (cut(axis) && i == o_.edge_items) i = n - o_.edge_items;
      for_each_shown(axis + 1, offset + i * a_.strides[axis], fn);
    }
  }

  void choose_notation() {
    const auto widen = [&](const std::string& s, size_t extra = 0) { width_ = std::max(width_, s.size() + extra); };
    if (!is_floating(a_.dtype)) {
      for_each_shown(0, 0, [&](Element e) { widen(integer(e)); });
      return;
    }
    double least = INFINITY, most = 0;
    bool any = false;
    for_each_shown(0, 0, [&](Element e) {
      if (!std::isfinite(e.f) || e.f == 0) return;
      any = true;
      least = std::min(least, std::fabs(e.f));
      most = std::max(most, std::fabs(e.f));
      if (e.f != std::ceil(e.f)) int_mode_ = false;
    });
    if (!any) return;
    sci_mode_ = most / least > 1000.0 || most > 1.0e8 || (!int_mode_ && least < 1.0e-4);
    for_each_shown(0, 0, [&](Element e) {
      if (!std::isfinite(e.f) || e.f == 0) return;
      if (sci_mode_)
        widen(fmt::format("{:.{}e}", e.f, o_.precision));
      else if (int_mode_)
        widen(fmt::format("{:.0f}", e.f), 1);
      else
        widen(fmt::format("{:.{}f}", e.f, o_.precision));
    });
    if (o_.sci_mode) sci_mode_ = *o_.sci_mode;
  }

  std::string integer(Element e) const {
    if (a_.dtype == kBool) return e.i ? "True" : "False";
    return fmt::format("{}", e.i);
  }

  std::string element(int64_t offset) const {
    const Element e = read(a_.dtype, at(offset));
    std::string s;
    if (!is_floating(a_.dtype))
      s = integer(e);
    else if (std::isnan(e.f))
      s = "nan";  // Python shows no sign on it
    else if (sci_mode_)
      s = fmt::format("{:.{}e}", e.f, o_.precision);
    else if (int_mode_)
      s = fmt::format("{:.0f}{}", e.f, std::isinf(e.f) ? "" : ".");
    else
      s = fmt::format("{:.{}f}", e.f, o_.precision);
    return s.size() < width_ ? std::string(width_ - s.size(), ' ') + s : s;
  }

  std::string line(int64_t offset, int indent) const {
    const size_t axis = a_.sizes.size() - 1;
    const int per_line = std::max(1, (o_.line_width - indent) / static_cast<int>(width_ + 2));
    std::string out = "[";
    int written = 0;
    const auto add = [&](const std::string& s) {
      if (written != 0) out += written % per_line == 0 ? ",\n" + std::string(indent + 1, ' ') : ", ";
      out += s;
      ++written;
    };
    for (int64_t i = 0, n = a_.sizes[axis]; i < n; ++i) {
      if (cut(axis) && i == o_.edge_items) {
        add(" ...");
        i = n - o_.edge_items;
        if (i == n) break;
      }
      add(element(offset + i * a_.strides[axis]));
    }
    return out + "]";
  }

  std::string text(size_t axis, int64_t offset, int indent) const {
    const size_t left = a_.sizes.size() - axis;
    if (left == 0) return element(offset);
    if (left == 1) return line(offset, indent);
    const std::string between = "," + std::string(left - 1, '\n') + std::string(indent + 1, ' ');
    std::string out = "[";
    for (int64_t i = 0, n = a_.sizes[axis]; i < n; ++i) {
      if (i != 0) out += between;
      if (cut(axis) && i == o_.edge_items) {
        out += "...";
        i = n - o_.edge_items;
        if (i == n) break;
        out += between;
      }
      out += text(axis + 1, offset + i * a_.strides[axis], indent + 1);
    }
    return out + "]";
  }

  const ArrayView& a_;
  const PrintOptions& o_;
  bool summarize_;
  bool int_mode_ = true, sci_mode_ = false;
  size_t width_ = 1;
};

int64_t count(std::span<const int64_t> sizes) {
  int64_t n = 1;
  for (int64_t d : sizes) n *= d;
  return n;
}

std::string add_suffixes(std::string text, const std::vector<std::string>& suffixes, int indent, int line_width) {
  const size_t newline = text.rfind('\n');
  // One more than the column for a text of one line, as in PyTorch: rfind gives -1 there.
  int column = static_cast<int>(text.size()) - (newline == std::string::npos ? -1 : static_cast<int>(newline)) + 1;
  for (const std::string& s : suffixes) {
    const int length = static_cast<int>(s.size());
    if (column + length + 2 > line_width) {
      text += ",\n" + std::string(indent, ' ') + s;
      column = indent + length;
    } else {
      text += ", " + s;
      column += length + 2;
    }
  }
  return text + ")";
}

}  // namespace

std::string str(DType t, const PrintOptions& options) {
  return fmt::format("{}.{}", options.torch_compatible ? "torch" : "lazuli", name(t));
}

std::string str_size(std::span<const int64_t> sizes, const PrintOptions& options) {
  return fmt::format("{}.Size([{}])", options.torch_compatible ? "torch" : "lazuli", fmt::join(sizes, ", "));
}

std::string format_array(const ArrayView& a, Device device, std::span<const std::string> extra,
                         const PrintOptions& options) {
  constexpr std::string_view kPrefix = "tensor(";
  constexpr int kIndent = static_cast<int>(kPrefix.size());
  std::vector<std::string> suffixes;
  if (!device.is_cpu()) suffixes.push_back(fmt::format("device='{}'", device.str()));
  std::string text{kPrefix};
  const int64_t numel = count(a.sizes);
  if (numel == 0) {
    text += "[]";
    if (a.sizes.size() != 1) suffixes.push_back(fmt::format("size=({})", fmt::join(a.sizes, ", ")));
    // No element shows that it is an integer, so only the default float goes without saying.
    if (a.dtype != kFloat32) suffixes.push_back("dtype=" + str(a.dtype, options));
  } else {
    text += ArrayPrinter(a, numel > options.threshold, options).text(kIndent);
    if (a.dtype != kFloat32 && a.dtype != kInt64 && a.dtype != kBool)
      suffixes.push_back("dtype=" + str(a.dtype, options));
  }
  suffixes.insert(suffixes.end(), extra.begin(), extra.end());
  return add_suffixes(std::move(text), suffixes, kIndent, options.line_width);
}

std::string format_element(DType dtype, const void* element) {
  const Element e = read(dtype, element);
  if (dtype == kBool) return e.i ? "True" : "False";
  if (!is_floating(dtype)) return fmt::format("{}", e.i);
  if (std::isnan(e.f)) return "nan";
  if (std::isinf(e.f)) return e.f < 0 ? "-inf" : "inf";
  std::string s = fmt::format("{}", e.f);
  if (s.find_first_of(".e") == std::string::npos) s += ".0";
  return s;
}

}  // namespace lazuli
