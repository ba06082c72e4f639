// lazuli-gpucheck: what a GPU does with Lazuli's kernels. Per case: the bits of a small size against the CPU's, then
// times at a size that fills the chip, by the device's own clock, or, for many small kernels, by the host's.
// scripts/gpu-check.sh runs it with everything else.
//
//   lazuli-gpucheck [--scale=full|small] [--json=FILE] [--cases=TEXT]   small: sizes for the emulated device
//   lazuli-gpucheck --plan [--cases=TEXT]   loads the kernels of both scales, for whoever collects their machine code
//
// Exits with 1 when bits differ or a case fails, 2 when there is no device.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <functional>

#include "lazuli/lazuli.h"

namespace {

using namespace lazuli;
using Shape = std::vector<int64_t>;

struct Case {
  std::string name;
  Shape shape, small;  // of the first operand
  Shape second = {};   // of the second one; empty: none
  Shape small_second = {};
  std::function<Tensor(const Tensor&, const Tensor&)> run;
  DType dtype = kFloat32;
  bool replayed = false;  // timed by the host's clock: a compiled function that is called again and again
};

std::vector<Case> cases(int64_t elements) {
  std::vector<Case> all;
  const auto map = [&](const char* name, std::function<Tensor(const Tensor&, const Tensor&)> f) {
    all.push_back({name, {elements}, {1003}, {}, {}, std::move(f)});
  };
  map("neg", [](const Tensor& x, const Tensor&) { return -x; });
  map("gelu", [](const Tensor& x, const Tensor&) { return gelu(x * 1.5 + 0.25); });
  map("sum", [](const Tensor& x, const Tensor&) { return x.sum(); });
  for (const int64_t n : {1024, 8192, 32768, 262144}) {
    if (n > elements) continue;
    const Shape shape = {elements / n, n}, small = {3, std::min<int64_t>(n, 40000)};
    all.push_back({fmt::format("softmax_{}", n), shape, small, {}, {}, [](const Tensor& x, const Tensor&) {
                     return softmax(x, 1);
                   }});
    all.push_back({fmt::format("layer_norm_{}", n), shape, small, {}, {}, [](const Tensor& x, const Tensor&) {
                     return layer_norm(x, {x.size(1)});
                   }});
  }
  const int64_t side = std::min<int64_t>(16384, elements / 1024);
  all.push_back({"sum_axis_0", {elements / side, side}, {70, 65}, {}, {}, [](const Tensor& x, const Tensor&) {
                   return x.sum(0);
                 }});
  all.push_back({"transpose", {elements / side, side}, {70, 65}, {}, {}, [](const Tensor& x, const Tensor&) {
                   return x.t().contiguous();
                 }});
  all.push_back({"cumsum_rows", {elements / side, side}, {3, 5000}, {}, {}, [](const Tensor& x, const Tensor&) {
                   return x.cumsum(1);
                 }});
  all.push_back({"argsort_rows", {elements / side / 16, side}, {3, 2500}, {}, {}, [](const Tensor& x, const Tensor&) {
                   return x.argsort(1);
                 }});
  all.push_back({"replay_100",
                 {32, 32},
                 {32, 32},
                 {32, 32},
                 {32, 32},
                 [](const Tensor& a, const Tensor& b) {
                   Tensor y = a;
                   for (int i = 0; i < 100; ++i) y = matmul(y, b) * 0.125;
                   return y;
                 },
                 kFloat32,
                 true});
  for (const int64_t n : {512, 1024, 2048, 4096, 8192}) {
    if (n * n > elements || (elements > 1 << 20 && n < 2048)) continue;
    all.push_back(
        {fmt::format("matmul_{}", n), {n, n}, {70, 530}, {n, n}, {530, 65}, [](const Tensor& a, const Tensor& b) {
           return matmul(a, b);
         }});
    all.push_back(
        {fmt::format("matmul_gelu_{}", n), {n, n}, {33, 90}, {n, n}, {90, 20}, [](const Tensor& a, const Tensor& b) {
           return gelu(matmul(a, b) + 0.5);
         }});
    all.push_back(
        {fmt::format("matmul_nt_{}", n), {n, n}, {136, 264}, {n, n}, {144, 264}, [](const Tensor& a, const Tensor& b) {
           return matmul(a, b.t());
         }});
    // On matrix units, which round as they like: sizes that no piece of 16 bytes divides, and such as whole boxes are
    // copied of, in tiles for all processors.
    const bool chip = elements > 1 << 20;
    const Shape left = chip ? Shape{1032, 1096} : Shape{136, 264}, right = chip ? Shape{1096, 2056} : Shape{264, 144};
    const Shape turned = {right[1], right[0]};
    for (const DType t : {kBFloat16, kFloat16}) {
      const auto half = [&](const char* what, const Shape& a, const Shape& b, auto f) {
        all.push_back({fmt::format("matmul_{}{}_{}", name(t), what, n), {n, n}, a, {n, n}, b, f, t});
      };
      half("", left, right, [](const Tensor& a, const Tensor& b) { return matmul(a, b); });
      if (chip && n != 4096) continue;
      half("_odd", {70, 530}, {530, 65}, [](const Tensor& a, const Tensor& b) { return matmul(a, b); });
      half("_nt", left, turned, [](const Tensor& a, const Tensor& b) { return matmul(a, b.t()); });
      half("_gelu", left, right, [](const Tensor& a, const Tensor& b) { return gelu(matmul(a, b) + 0.5); });
    }
    all.push_back({fmt::format("matmul_int8_{}", n),
                   {n, n},
                   left,
                   {n, n},
                   turned,
                   [](const Tensor& a, const Tensor& b) { return matmul(a.to(kInt32), b.to(kInt32).t()); },
                   kInt8});
  }
  return all;
}

struct Result {
  bool same_bits = false;
  double best_ms = 0, median_ms = 0, gbs = 0, gflops = 0, compile_ms = 0;
  size_t kernels = 0;
  std::string schedule, error;
};

Tensor operand(const Shape& shape, DType t) {
  Tensor x = (shape.empty() ? zeros({1}) : randn(shape)).to(t);
  eval(x);
  return x;
}

/// Float32 and integers: the same bits. Others are multiplied by matrix units: the distance is within two roundings of
/// the result and what docs/numerics.md allows for the depths of the small sizes; so are float32 ones where asked for.
bool same_bits(const Case& c) {
  const Tensor a = operand(c.small, c.dtype), b = operand(c.small_second, c.dtype);
  const Tensor here = c.run(a, b).contiguous(), there = c.run(a.to("cuda"), b.to("cuda")).to("cpu").contiguous();
  const char* const tf32 = std::getenv("LAZULI_CUDA_TF32");
  const bool shortened = tf32 && *tf32 == '1' && c.dtype == kFloat32 && c.name.starts_with("matmul");
  if (c.dtype == kFloat16 || c.dtype == kBFloat16 || shortened) {
    const double unit = c.dtype == kBFloat16 ? 0x1p-7 : 0x1p-10;
    const std::vector<float> x = here.to(kFloat32).to_vector<float>(), y = there.to(kFloat32).to_vector<float>();
    for (size_t i = 0; i < x.size(); ++i)
      if (!(std::abs(double{x[i]} - double{y[i]}) <= unit * std::abs(double{x[i]}) + 0.1)) return false;
    return x.size() == y.size();
  }
  return here.nbytes() == there.nbytes() &&
         std::memcmp(here.const_data_ptr(), there.const_data_ptr(), static_cast<size_t>(here.nbytes())) == 0;
}

/// Milliseconds per call, many of them queued before anybody waits.
double milliseconds_per_call(const Case& c, const Tensor& a, const Tensor& b, int calls) {
  auto f = compile([&](const Tensor& x, const Tensor& y) { return c.run(x, y); });
  Tensor result;
  for (int i = 0; i < 3; ++i) eval(result = f(a, b));
  cuda::synchronize();
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < calls; ++i) eval(result = f(a, b));
  cuda::synchronize();
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count() / calls;
}

Result measure(const Case& c, int repeats) {
  Result r;
  r.same_bits = same_bits(c);
  // Two sets of operands in turn, so that nothing is found in a cache.
  Tensor a[2], b[2];
  for (int i = 0; i < 2; ++i) {
    a[i] = operand(c.shape, c.dtype).to("cuda");
    b[i] = operand(c.second, c.dtype).to("cuda");
    eval(a[i], b[i]);
  }
  std::vector<double> times;
  for (int i = 0; i < repeats + 2; ++i) {
    const Report report = profile(c.run(a[i % 2], b[i % 2]));
    double ms = 0, bytes = 0, flops = 0;
    for (const KernelReport& k : report.kernels) {
      ms += k.milliseconds;
      bytes += static_cast<double>(k.bytes);
      flops += k.flops;
      r.compile_ms += k.compile_ms;
    }
    r.kernels = report.kernels.size();
    if (!report.kernels.empty()) r.schedule = report.kernels[0].schedule;
    if (i < 2) continue;
    times.push_back(c.replayed ? milliseconds_per_call(c, a[i % 2], b[i % 2], repeats > 1 ? 100 : 1) : ms);
    r.gbs = bytes / 1e6;
    r.gflops = flops / 1e6;
  }
  std::sort(times.begin(), times.end());
  r.best_ms = times.front();
  r.median_ms = times[times.size() / 2];
  r.gbs /= std::max(r.median_ms, 1e-9);
  r.gflops /= std::max(r.median_ms, 1e-9);
  return r;
}

std::vector<Case> cases_of(const std::string& scale) {
  return cases(scale == "full" ? int64_t{1} << 28 : int64_t{1} << 18);
}

/// Evaluates every case on memory that nobody has written: for a device that runs nothing (LAZULI_EMULATOR_PLAN).
void plan(const std::string& wanted) {
  size_t kernels = 0;
  const auto none = [](const Shape& shape, DType t) {
    return empty(shape.empty() ? Shape{1} : shape, TensorOptions(kCUDA).dtype(t));
  };
  for (const std::string scale : {"small", "full"})
    for (const Case& c : cases_of(scale)) {
      if (c.name.find(wanted) == std::string::npos) continue;
      for (const auto& [first, second] : {std::pair(&c.shape, &c.second), std::pair(&c.small, &c.small_second)}) {
        const Tensor a = none(*first, c.dtype), b = none(*second, c.dtype);
        eval(a, b);
        kernels += profile(c.run(a, b)).kernels.size();
      }
    }
  fmt::print("{} launches planned\n", kernels);
}

int run(int argc, char** argv) {
  bool plan_only = false;
  std::string scale = "full", json, wanted;
  for (int i = 1; i < argc; ++i) {
    const std::string arg = argv[i];
    if (arg == "--plan") {
      plan_only = true;
    } else if (arg.starts_with("--scale=")) {
      scale = arg.substr(8);
    } else if (arg.starts_with("--json=")) {
      json = arg.substr(7);
    } else if (arg.starts_with("--cases=")) {
      wanted = arg.substr(8);
    } else {
      throw Error(ErrorKind::Value, fmt::format("argument \"{}\" is not known", arg));
    }
  }
  fmt::print("{}\n", cuda::status());
  if (!cuda::is_available()) return 2;
  if (plan_only) return plan(wanted), 0;
  const cuda::DeviceProperties p = cuda::get_device_properties();
  std::string out = fmt::format(
      "{{\"device\": \"{}\", \"capability\": \"{}.{}\", \"processors\": {}, \"memory\": {}, \"scale\": \"{}\", "
      "\"cases\": [\n",
      p.name, p.major, p.minor, p.multi_processor_count, p.total_memory, scale);
  fmt::print("{:<20} {:>5} {:>10} {:>10} {:>10} {:>10} {:>8}  {}\n", "case", "bits", "best ms", "median ms", "GB/s",
             "GFLOP/s", "kernels", "schedule");
  bool good = true, first = true;
  for (const Case& c : cases_of(scale)) {
    if (c.name.find(wanted) == std::string::npos) continue;
    Result r;
    try {
      r = measure(c, scale == "full" ? 10 : 1);
    } catch (const std::exception& e) {
      r.error = e.what();
      std::replace(r.error.begin(), r.error.end(), '\n', ' ');
      std::replace(r.error.begin(), r.error.end(), '"', '\'');
    }
    good = good && r.error.empty() && r.same_bits;
    fmt::print("{:<20} {:>5} {:>10.4f} {:>10.4f} {:>10.1f} {:>10.1f} {:>8}  {}\n", c.name,
               r.same_bits ? "same" : "DIFF", r.best_ms, r.median_ms, r.gbs, r.gflops, r.kernels,
               r.error.empty() ? r.schedule : r.error);
    std::fflush(stdout);
    out += fmt::format(
        "{}{{\"case\": \"{}\", \"same_bits\": {}, \"best_ms\": {:.6f}, \"median_ms\": {:.6f}, \"gb_per_s\": {:.2f}, "
        "\"gflop_per_s\": {:.2f}, \"compile_ms\": {:.2f}, \"kernels\": {}, \"schedule\": \"{}\", \"error\": \"{}\"}}",
        first ? "" : ",\n", c.name, r.same_bits, r.best_ms, r.median_ms, r.gbs, r.gflops, r.compile_ms, r.kernels,
        r.schedule, r.error);
    first = false;
  }
  if (!json.empty()) std::ofstream(json) << out << "\n]}\n";
  return good ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const std::exception& e) {
    fmt::print(stderr, "lazuli-gpucheck: {}\n", e.what());
    return 1;
  }
}
