#include "tests/cuda/families.h"

#include <fmt/format.h>

#include <array>
#include <sstream>

namespace lazuli::testing {
namespace {

const std::vector<std::string> kFloats = {"float32", "float64", "float16", "bfloat16"};

void maps(std::vector<Family>& all, bool small) {
  for (const int n : small ? std::vector{4096} : std::vector{1, 255, 1025, 3000})
    all.push_back({fmt::format("gelu[{}]", n),
                   fmt::format("graph {{\n%0 = data : float32[3, {0}]\n%1 = data : float32[{0}]\n"
                               "%2 = argument : float32[]\n%3 = expand %1 : float32[3, {0}]\n"
                               "%4 = expand %2 : float32[3, {0}]\n%5 = mul %0, %3 : float32[3, {0}]\n"
                               "%6 = add %5, %4 : float32[3, {0}]\n%7 = gelu_tanh %6 : float32[3, {0}]\n"
                               "return %7\n}}\n",
                               n)});
  for (const std::string& t : kFloats)
    for (const char* op : {"exp", "log", "sin", "tanh", "erf", "sqrt", "floor", "sigmoid"})
      all.push_back(
          {fmt::format("{} {}", op, t),
           fmt::format("graph {{\n%0 = data : {0}[7, 65]\n%1 = {1} %0 : {0}[7, 65]\nreturn %1\n}}\n", t, op)});
  for (const char* t : {"int8", "uint8", "int16", "int32", "int64", "float16", "bfloat16", "float64"})
    all.push_back({fmt::format("arithmetic {}", t),
                   fmt::format("graph {{\n%0 = data : {0}[3, 37]\n%1 = data : {0}[37]\n%2 = expand %1 : {0}[3, 37]\n"
                               "%3 = mul %0, %2 : {0}[3, 37]\n%4 = add %3, %2 : {0}[3, 37]\n"
                               "%5 = cast %4 : float32[3, 37]\n%6 = lt %3, %4 : bool[3, 37]\n"
                               "%7 = where %6, %3, %4 : {0}[3, 37]\n%8 = cast %5 : int32[3, 37]\n"
                               "return %4, %5, %6, %7, %8\n}}\n",
                               t)});
  all.push_back({"several spaces in one launch",
                 "graph {\n%0 = data : float32[100, 64]\n%1 = data : float32[33]\n%2 = exp %0 : float32[100, 64]\n"
                 "%3 = neg %1 : float32[33]\nreturn %2, %3\n}\n"});
  all.push_back({"random bits",
                 "graph {\n%0 = argument : int64[]\n%1 = argument : int64[]\n%2 = random_bits %0, %1 : int32[1003]\n"
                 "return %2\n}\n"});
  all.push_back({"positions",
                 "graph {\n%0 = iota {axis = 1} : int32[20, 30]\n%1 = neg %0 : int32[20, 30]\n"
                 "return %1\n}\n"});
}

void moves(std::vector<Family>& all) {
  all.push_back({"permuted in the middle",
                 "graph {\n%0 = data : float32[3, 20, 5, 70]\n"
                 "%1 = permute %0 {axes = [0, 3, 2, 1]} : float32[3, 70, 5, 20]\nreturn %1\n}\n"});
  all.push_back({"transposes with work",
                 "graph {\n%0 = data : float32[130, 66]\n%1 = data : float32[66, 130]\n%2 = data : float64[130, 66]\n"
                 "%3 = permute %0 {axes = [1, 0]} : float32[66, 130]\n"
                 "%4 = permute %2 {axes = [1, 0]} : float64[66, 130]\n%5 = cast %4 : float32[66, 130]\n"
                 "%6 = mul %3, %1 : float32[66, 130]\n%7 = add %6, %5 : float32[66, 130]\n"
                 "%8 = gelu_tanh %7 : float32[66, 130]\nreturn %7, %8\n}\n"});
  all.push_back({"transposes of both sides",
                 "graph {\n%0 = data : int8[64, 128]\n%1 = permute %0 {axes = [1, 0]} : int8[128, 64]\n"
                 "%2 = data : bool[40, 30]\n%3 = permute %2 {axes = [1, 0]} : bool[30, 40]\nreturn %1, %3\n}\n"});
  all.push_back({"movement",
                 "graph {\n%0 = data : float32[6, 35]\n%1 = permute %0 {axes = [1, 0]} : float32[35, 6]\n"
                 "%2 = reshape %1 : float32[7, 5, 6]\n%3 = flip %2 {axes = [1]} : float32[7, 5, 6]\n"
                 "%4 = slice %3 {start = [1, 0, 1], step = [2, 1, 3]} : float32[3, 5, 2]\nreturn %4\n}\n"});
  all.push_back({"transpose",
                 "graph {\n%0 = data : float16[70, 130]\n"
                 "%1 = permute %0 {axes = [1, 0]} : float16[130, 70]\nreturn %1\n}\n"});
  all.push_back({"pad",
                 "graph {\n%0 = data : float32[4, 9]\n%1 = constant 2.5 : float32[]\n"
                 "%2 = pad %0, %1 {low = [1, 2], high = [0, 3]} : float32[5, 14]\n"
                 "%3 = neg %2 : float32[5, 14]\nreturn %3\n}\n"});
  all.push_back({"concat",
                 "graph {\n%0 = data : float32[4, 9]\n%1 = data : float32[4, 3]\n%2 = data : float32[4, 5]\n"
                 "%3 = concat %0, %1, %2 {axis = 1} : float32[4, 17]\n%4 = relu %3 : float32[4, 17]\n"
                 "return %4\n}\n"});
  all.push_back({"slice_update",
                 "graph {\n%0 = data : float32[9, 20]\n%1 = data : float32[3, 5]\n"
                 "%2 = slice_update %0, %1 {start = [1, 2], step = [2, 3]} : float32[9, 20]\nreturn %2\n}\n"});
  all.push_back({"a part written in place",
                 "graph {\n%0 = data : float32[80, 100]\n%1 = data : float32[3, 20]\n%2 = exp %1 : float32[3, 20]\n"
                 "%3 = slice_update %0, %2 {start = [7, 5], step = [2, 3]} : float32[80, 100]\n"
                 "%4 = slice_update %3, %1 {start = [8, 6], step = [1, 2]} : float32[80, 100]\nreturn %4\n}\n"});
  all.push_back({"gather",
                 "graph {\n%0 = data : float32[50, 64]\n%1 = iota {axis = 0} : int64[32]\n"
                 "%2 = gather %0, %1 {axes = [0]} : float32[32, 64]\n%3 = exp %2 : float32[32, 64]\n"
                 "return %3\n}\n"});
}

std::string reduced(int m, int n, const std::string& axes) {
  return axes == "[0]" ? fmt::format("[{}]", n) : axes == "[1]" ? fmt::format("[{}]", m) : "[]";
}

void reductions(std::vector<Family>& all, bool small) {
  using Sizes = std::vector<std::pair<int, int>>;
  const Sizes sizes =
      small ? Sizes{{4096, 512}, {8, 100000}}
            : Sizes{{1, 1}, {3, 5}, {5, 64}, {4, 63}, {2, 65}, {2, 2049}, {6, 6000}, {3000, 37}, {5, 20000}};
  for (const auto& [m, n] : sizes)
    for (const char* op : {"sum", "reduce_max"})
      for (const char* axes : {"[0]", "[1]", "[0, 1]"})
        all.push_back({fmt::format("{} {}x{} over {}", op, m, n, axes),
                       fmt::format("graph {{\n%0 = data : float32[{0}, {1}]\n"
                                   "%1 = {2} %0 {{axes = {3}}} : float32{4}\nreturn %1\n}}\n",
                                   m, n, op, axes, reduced(m, n, axes))});
  for (const char* t : {"float16", "float64", "int8", "int64"})
    for (const char* op : {"sum", "prod", "reduce_min"}) {
      if (op != std::string("reduce_min") && t == std::string("int8")) continue;  // sums of it are int64
      for (const char* axes : {"[0]", "[1]"})
        all.push_back({fmt::format("{} {} over {}", op, t, axes),
                       fmt::format("graph {{\n%0 = data : {0}[130, 70]\n%1 = {1} %0 {{axes = {2}}} : {0}{3}\n"
                                   "return %1\n}}\n",
                                   t, op, axes, reduced(130, 70, axes))});
    }
  for (const char* t : {"float32", "int32", "float16"})
    for (const char* op : {"argmax", "argmin"})
      for (const char* axes : {"[0]", "[1]", "[0, 1]"})
        all.push_back({fmt::format("{} {} over {}", op, t, axes),
                       fmt::format("graph {{\n%0 = data : {0}[100, 70]\n%1 = {1} %0 {{axes = {2}}} : int64{3}\n"
                                   "return %1\n}}\n",
                                   t, op, axes, reduced(100, 70, axes))});
  for (const char* op : {"any", "all"})
    for (const char* axes : {"[0]", "[1]"})
      all.push_back({fmt::format("{} over {}", op, axes),
                     fmt::format("graph {{\n%0 = data : bool[33, 70]\n%1 = {0} %0 {{axes = {1}}} : bool{2}\n"
                                 "return %1\n}}\n",
                                 op, axes, reduced(33, 70, axes))});
  all.push_back({"sum over a middle axis",
                 "graph {\n%0 = data : float32[3, 50, 40]\n%1 = exp %0 : float32[3, 50, 40]\n"
                 "%2 = sum %1 {axes = [1]} : float32[3, 40]\n%3 = sqrt %2 : float32[3, 40]\nreturn %2, %3\n}\n"});
}

void rows(std::vector<Family>& all, bool small) {
  using Sizes = std::vector<std::pair<int, int>>;
  const Sizes sizes = small ? Sizes{{4096, 1000}, {4096, 30000}, {4, 300000}}
                            : Sizes{{3, 5}, {7, 100}, {3, 4096}, {9, 5000}, {1, 20000}, {5, 140000}};
  for (const auto& [m, n] : sizes) {
    for (const char* op : {"softmax", "log_softmax"})
      all.push_back(
          {fmt::format("{} {}x{}", op, m, n),
           fmt::format("graph {{\n%0 = data : float32[{0}, {1}]\n%1 = {2} %0 {{axis = 1}} : float32[{0}, {1}]\n"
                       "return %1\n}}\n",
                       m, n, op)});
    all.push_back(
        {fmt::format("softmax over columns {}x{}", n, m),
         fmt::format("graph {{\n%0 = data : float32[{1}, {0}]\n%1 = softmax %0 {{axis = 0}} : float32[{1}, {0}]\n"
                     "return %1\n}}\n",
                     m, n)});
    all.push_back(
        {fmt::format("layer_norm {}x{}", m, n),
         fmt::format("graph {{\n%0 = data : float32[{0}, {1}]\n"
                     "%1 = layer_norm %0 {{axes = [1], epsilon = 1e-05}} : float32[{0}, {1}]\nreturn %1\n}}\n",
                     m, n)});
  }
  for (const std::string& t : kFloats)
    all.push_back(
        {"softmax " + t, fmt::format("graph {{\n%0 = data : {0}[5, 300]\n%1 = softmax %0 {{axis = 1}} : {0}[5, 300]\n"
                                     "return %1\n}}\n",
                                     t)});
}

void scans(std::vector<Family>& all, bool small) {
  using Sizes = std::vector<std::pair<int, int>>;
  const Sizes sizes = small ? Sizes{{4096, 4096}, {1, 300000}}
                            : Sizes{{1, 1}, {3, 5}, {2, 16}, {4, 33}, {6, 2049}, {300, 37}, {1, 20000}};
  const auto add = [&](const char* op, const std::string& t, int m, int n, int axis) {
    all.push_back({fmt::format("{} {} {}x{} along {}", op, t, m, n, axis),
                   fmt::format("graph {{\n%0 = data : {1}[{2}, {3}]\n%1 = add %0, %0 : {1}[{2}, {3}]\n"
                               "%2 = {0} %1 {{axis = {4}}} : {1}[{2}, {3}]\nreturn %2\n}}\n",
                               op, t, m, n, axis)});
  };
  for (const auto& [m, n] : sizes)
    for (int axis : {0, 1}) add("cumsum", "float32", m, n, axis);
  for (const char* op : {"cumsum", "cumprod", "cummax", "cummin"})
    for (const char* t : {"float16", "float64", "int8", "int64"}) add(op, t, 40, 70, 1);
  for (const std::string& t : kFloats) add("logcumsumexp", t, 20, 50, 0);
}

/// A product of an m by k and a k by n matrix, operands turned as `layout` says, with work before and after it.
Family product(const std::string& t, int m, int k, int n, const std::string& layout, bool work) {
  const bool lt = layout[0] == 't', rt = layout[1] == 't';
  const std::string left = lt ? fmt::format("[{}, {}]", k, m) : fmt::format("[{}, {}]", m, k);
  const std::string right = rt ? fmt::format("[{}, {}]", n, k) : fmt::format("[{}, {}]", k, n);
  const std::string result = fmt::format("{}[{}, {}]", t, m, n);
  std::string text =
      fmt::format("graph {{\n%0 = data : {0}{1}\n%1 = data : {0}{2}\n%2 = data : {0}[{3}]\n", t, left, right, n);
  const std::string axes = fmt::format("{{lhs_batch = [], rhs_batch = [], lhs_contract = [{}], rhs_contract = [{}]}}",
                                       lt ? 0 : 1, rt ? 1 : 0);
  if (work) {
    text += fmt::format(
        "%3 = add %0, %0 : {0}{1}\n%4 = dot_general %3, %1 {2} : {3}\n%5 = expand %2 : {3}\n"
        "%6 = add %4, %5 : {3}\n%7 = maximum %6, %5 : {3}\nreturn %7\n}}\n",
        t, left, axes, result);
  } else {
    text += fmt::format("%3 = dot_general %0, %1 {} : {}\nreturn %3\n}}\n", axes, result);
  }
  return {fmt::format("product {} {}x{}x{} {}{}", t, m, k, n, layout, work ? " with work" : ""), text};
}

void contractions(std::vector<Family>& all, bool small) {
  if (small) {
    for (const char* t : {"float32", "float64", "float16", "int8"})
      all.push_back(product(t, 2048, 1024, 2048, "nn", true));
    all.push_back(product("float32", 2048, 512, 2048, "tt", true));
    all.push_back(product("float32", 64, 1000, 64, "nt", false));
    all.push_back(product("float32", 8, 300, 16, "nn", false));
    all.push_back(product("float32", 64, 70000, 64, "nn", true));
    return;
  }
  for (const char* layout : {"nn", "nt", "tn", "tt"}) all.push_back(product("float32", 33, 70, 65, layout, true));
  for (const auto& [m, k, n] :
       {std::array{2, 1, 2}, {2, 0, 3}, {16, 16, 16}, {17, 513, 5}, {130, 24, 70}, {3, 1100, 260}})
    all.push_back(product("float32", m, k, n, "nn", false));
  all.push_back(product("float32", 3, 66000, 4, "nt", true));
  for (const char* t : {"float64", "float16", "bfloat16", "int8", "int64"})
    all.push_back(product(t, 20, 530, 18, "nn", true));
  all.push_back({"products of a batch",
                 "graph {\n%0 = data : float32[3, 20, 40]\n%1 = data : float32[3, 40, 30]\n"
                 "%2 = dot_general %0, %1 {lhs_batch = [0], rhs_batch = [0], lhs_contract = [2], rhs_contract = [1]} : "
                 "float32[3, 20, 30]\n%3 = gelu_tanh %2 : float32[3, 20, 30]\nreturn %3\n}\n"});
  all.push_back(
      {"several axes contracted",
       "graph {\n%0 = data : float32[4, 5, 6, 7]\n%1 = data : float32[6, 9, 4, 3]\n"
       "%2 = dot_general %0, %1 {lhs_batch = [], rhs_batch = [], lhs_contract = [0, 2], rhs_contract = [2, 0]} "
       ": float32[5, 7, 9, 3]\n%3 = permute %2 {axes = [2, 0, 3, 1]} : float32[9, 5, 3, 7]\nreturn %3\n}\n"});
  for (const char* t : {"float32", "float16", "int32"}) {
    all.push_back(product(t, 1, 5000, 40, "nn", true));
    all.push_back(product(t, 40, 5000, 1, "nn", false));
  }
}

void sorts(std::vector<Family>& all, bool small) {
  const auto add = [&](const char* op, const std::string& t, int m, int n) {
    all.push_back({fmt::format("{} {} {}x{}", op, t, m, n),
                   fmt::format("graph {{\n%0 = data : {1}[{2}, {3}]\n%1 = {0} %0 : int64[{2}, {3}]\nreturn %1\n}}\n",
                               op, t, m, n)});
  };
  using Sizes = std::vector<std::pair<int, int>>;
  for (const auto& [m, n] :
       small ? Sizes{{4096, 100}, {16, 100000}} : Sizes{{1, 1}, {3, 2}, {300, 7}, {2, 1023}, {3, 1025}, {2, 5000}})
    for (const char* op : {"argsort", "argsort_down"}) add(op, "float32", m, n);
  for (const char* t : {"float64", "int8", "int64", "uint8"}) add("argsort", t, 5, 1200);
}

void scatters(std::vector<Family>& all, bool small) {
  // Indices that repeat and stay inside: remainders of products.
  const auto indices = [](int count, int size) {
    return fmt::format(
        "%2 = iota {{axis = 0}} : int64[{0}]\n%3 = constant 7919 : int64[]\n%4 = expand %3 : int64[{0}]\n"
        "%5 = mul %2, %4 : int64[{0}]\n%6 = constant {1} : int64[]\n%7 = expand %6 : int64[{0}]\n"
        "%8 = remainder %5, %7 : int64[{0}]\n",
        count, size);
  };
  using Sizes = std::vector<std::array<int, 3>>;  // rows of the result, of the values, columns
  for (const auto& [m, n, c] : small ? Sizes{{50000, 8192, 768}, {1000, 100000, 1}}
                                     : Sizes{{50, 300, 7}, {5, 2100, 1}, {3, 4, 1300}, {1, 9, 4}})
    for (const char* op : {"scatter_add", "scatter", "scatter_mul", "scatter_max"})
      for (const char* t : {"float32", "int64"})
        all.push_back(
            {fmt::format("{} {} {}x{} to {}", op, t, n, c, m),
             fmt::format("graph {{\n%0 = data : {0}[{1}, {3}]\n%1 = data : {0}[{2}, {3}]\n", t, m, n, c) +
                 indices(n, m) +
                 fmt::format("%9 = add %1, %1 : {0}[{2}, {3}]\n%10 = {4} %0, %9, %8 {{axes = [0]}} : {0}[{1}, {3}]\n"
                             "return %10\n}}\n",
                             t, m, n, c, op)});
}

}  // namespace

std::vector<Family> kernel_families(const std::string& group, bool small) {
  std::vector<Family> all;
  if (group == "maps") maps(all, small);
  if (group == "moves") moves(all);
  if (group == "reductions") reductions(all, small);
  if (group == "rows") rows(all, small);
  if (group == "scans") scans(all, small);
  if (group == "contractions") contractions(all, small);
  if (group == "sorts") sorts(all, small);
  if (group == "scatters") scatters(all, small);
  return all;
}

}  // namespace lazuli::testing
