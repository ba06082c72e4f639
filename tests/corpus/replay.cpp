#include "tests/corpus/replay.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "tests/corpus/ops.h"

namespace lazuli::corpus {
namespace {

constexpr size_t kCasesPerProgram = 64;
constexpr int kReported = 40;

/// What a case gave: results that are still to be computed, or an error.
struct Got {
  const Case* recorded = nullptr;
  Tolerance tolerance;
  std::vector<Tensor> results;
  bool refused = false;
  std::string error;
};

Array array_of(const Tensor& t) {
  Array a{t.dtype(), t.sizes().vec(), {}};
  const auto* p = static_cast<const std::byte*>(t.const_data_ptr());
  a.bytes.assign(p, p + t.nbytes());
  return a;
}

/// The place of a value among all values of its type.
int64_t rank_of(DType t, const std::byte* p) {
  const auto ordered = [](int64_t bits, int64_t sign) { return bits & sign ? -(bits & ~sign) : bits; };
  if (itemsize(t) == 2) {
    uint16_t bits;
    std::memcpy(&bits, p, 2);
    return ordered(bits, 1 << 15);
  }
  if (itemsize(t) == 4) {
    uint32_t bits;
    std::memcpy(&bits, p, 4);
    return ordered(bits, int64_t{1} << 31);
  }
  int64_t bits;
  std::memcpy(&bits, p, 8);
  return bits < 0 ? -(bits & INT64_MAX) : bits;
}

double epsilon(DType t) {
  if (t == kFloat64) return 0x1p-52;
  if (t == kFloat32) return 0x1p-23;
  return t == kFloat16 ? 0x1p-10 : 0x1p-7;
}

bool close(const Array& got, const Array& expected, int64_t i, const Tolerance& tolerance, double magnitude) {
  const size_t size = itemsize(got.dtype), at = static_cast<size_t>(i) * size;
  const std::byte *g = got.bytes.data() + at, *e = expected.bytes.data() + at;
  if (std::memcmp(g, e, size) == 0) return true;
  if (!is_floating(got.dtype)) return false;
  const double x = element(got, i), y = element(expected, i);
  if (std::isnan(x) || std::isnan(y)) return std::isnan(x) && std::isnan(y);
  const double units = is_half(got.dtype) ? std::min(tolerance.ulps, 1.0) : tolerance.ulps;
  if (units > 0) {
    const int64_t a = rank_of(got.dtype, g), b = rank_of(got.dtype, e);
    const auto distance = a < b ? static_cast<uint64_t>(b) - static_cast<uint64_t>(a)
                                : static_cast<uint64_t>(a) - static_cast<uint64_t>(b);
    if (static_cast<double>(distance) <= units) return true;
  }
  return std::fabs(x - y) <=
         (tolerance.sums * magnitude + tolerance.scaled * std::max(1.0, std::fabs(y))) * epsilon(got.dtype);
}

/// "" where the results are as recorded.
std::string difference(const Got& got) {
  const Case& c = *got.recorded;
  if (got.results.size() != c.results.size())
    return std::to_string(got.results.size()) + " results, recorded are " + std::to_string(c.results.size());
  for (size_t k = 0; k < got.results.size(); ++k) {
    const Array a = array_of(got.results[k]);
    const Array& e = c.results[k];
    const std::string both = "result " + std::to_string(k) + "\n  got      " + str(a) + "\n  recorded " + str(e);
    if (a.dtype != e.dtype) return "another dtype: " + both;
    if (a.sizes != e.sizes) return "another shape: " + both;
    for (int64_t i = 0; i < a.numel(); ++i)
      if (!close(a, e, i, got.tolerance, c.magnitude)) return "element " + std::to_string(i) + " of " + both;
  }
  return "";
}

/// Printed text: precision, threshold, edge items, line width, scientific mode; what was not recorded is the default.
std::string print(const std::string& op, const Tensor& t, const Args& a) {
  PrintOptions o;
  o.torch_compatible = true;
  if (op == "format") return format_value(t, o);
  if (op == "size") return str_size(t.sizes(), o);
  o.precision = static_cast<int>(a.integer(0, o.precision));
  o.threshold = a.integer(1, o.threshold);
  o.edge_items = static_cast<int>(a.integer(2, o.edge_items));
  o.line_width = static_cast<int>(a.integer(3, o.line_width));
  if (a.has(4)) o.sci_mode = a.flag(4);
  return lazuli::str(t, o);
}

/// Our sentence may be the first of several. In `"NAME" not implemented for 'TYPE'` the name is PyTorch's kernel, ours
/// is the function.
bool same_error(const std::string& got, const std::string& recorded) {
  constexpr std::string_view kRefusal = "\" not implemented for '";
  const size_t at = got.find(kRefusal), there = recorded.find(kRefusal);
  if (at != std::string::npos && there != std::string::npos) return got.substr(at) == recorded.substr(there);
  if (got == recorded) return true;
  return recorded.starts_with(got) && got.ends_with('.') && recorded[got.size()] == ' ';
}

/// grad:NAME is the gradients of NAME's float inputs; the cotangent of its result is the last input.
constexpr std::string_view kGradient = "grad:";

std::vector<Tensor> gradients_of(const Op& op, std::vector<Tensor> inputs, const Args& args) {
  const Tensor cotangent = inputs.back();
  inputs.pop_back();
  std::vector<Tensor> leaves, out;
  for (Tensor& t : inputs)
    if (t.is_floating_point()) leaves.push_back(t = t.detach().requires_grad_());
  op.call(inputs, args).all[0].backward(cotangent);
  for (const Tensor& leaf : leaves) out.push_back(leaf.grad().defined() ? leaf.grad() : zeros_like(leaf));
  return out;
}

class Family {
 public:
  Family(std::string name, int compile_every)
      : name_(std::move(name)),
        compile_every_(compile_every),
        cases_(read(std::string(LAZULI_SOURCE_DIR) + "/tests/data/corpus/" + name_ + ".txt")) {}

  void run(int at_least) {
    EXPECT_GE(static_cast<int>(cases_.size()), at_least) << "cases of " << name_;
    for (const Case& c : cases_) {
      build(c);
      if (pending_.size() == kCasesPerProgram) flush();
    }
    flush();
    EXPECT_EQ(failures_, 0) << "of " << cases_.size() << " cases of " << name_;
  }

 private:
  void fail(const Case& c, const std::string& what) {
    if (++failures_ > kReported) return;
    std::string text = name_ + " " + c.line.substr(2) + "\n";
    for (const Input& in : c.inputs) text += "  " + in.line + "\n";
    ADD_FAILURE() << text << "  " << what;
  }

  void build(const Case& c) {
    Got got{&c, {}, {}, false, {}};
    try {
      std::vector<Tensor> inputs;
      for (const Input& in : c.inputs) inputs.push_back(make(in));
      if (c.is_text) {
        const std::string text = print(c.op, inputs[0], c.args);
        if (text != c.text) fail(c, "got\n" + text + "\nrecorded\n" + c.text);
        return;
      }
      const bool gradient = c.op.starts_with(kGradient);
      const Op* op = op_table().find(gradient ? c.op.substr(kGradient.size()) : c.op);
      if (!op) return fail(c, "no such op in the table");
      got.tolerance = gradient ? scaled(64) : op->tolerance;
      for (const Tensor& t : gradient ? gradients_of(*op, inputs, c.args) : op->call(inputs, c.args).all)
        got.results.push_back(t.contiguous());
      // Some are refused only where they are evaluated.
      if (c.is_error) evaluate(got.results);
    } catch (const Error& e) {
      got.refused = true;
      got.error = e.message();
    }
    if (c.is_error) {
      if (!got.refused) return fail(c, "not refused; recorded: " + c.text);
      if (!same_error(got.error, c.text)) fail(c, "refused with\n  got      " + got.error + "\n  recorded " + c.text);
      return;
    }
    if (got.refused) return fail(c, "refused: " + got.error);
    pending_.push_back(std::move(got));
  }

  void evaluate(const std::vector<Tensor>& results) {
    EvalOptions options;
    options.interpret = programs_ % compile_every_ != 0;
    eval(std::span<const Tensor>(results), options);
  }

  void flush() {
    std::vector<Tensor> all;
    for (const Got& got : pending_) all.insert(all.end(), got.results.begin(), got.results.end());
    try {
      evaluate(all);
    } catch (const Error&) {
      // One of them is at fault; each is evaluated alone below, where it is named.
    }
    for (const Got& got : pending_) try {
        evaluate(got.results);
        if (const std::string what = difference(got); !what.empty()) fail(*got.recorded, what);
      } catch (const Error& e) {
        fail(*got.recorded, "refused when it was evaluated: " + e.message());
      }
    pending_.clear();
    ++programs_;
  }

  std::string name_;
  int compile_every_;
  std::vector<Case> cases_;
  std::vector<Got> pending_;
  int programs_ = 0, failures_ = 0;
};

}  // namespace

const OpTable& op_table() {
  static const OpTable table = [] {
    OpTable t;
    add_elementwise_ops(t);
    add_reduction_ops(t);
    add_view_ops(t);
    add_index_ops(t);
    add_function_ops(t);
    add_creation_ops(t);
    add_more_ops(t);
    add_form_ops(t);
    add_surface_ops(t);
    return t;
  }();
  return table;
}

void replay(const std::string& family, int compile_every, int at_least) {
  Family(family, compile_every).run(at_least);
}

}  // namespace lazuli::corpus
