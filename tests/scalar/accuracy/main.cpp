// lazuli-accuracy: measures every expansion and writes docs/accuracy.md.
//
//   lazuli-accuracy [--full] [--threads N] [--only OP] [--out FILE]
//
// By default every 257th float32 and the special values; with --full all 2^32. Exits with 1 if a bound is broken.
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <mutex>
#include <thread>

#include "ir/lower_scalar.h"
#include "tests/scalar/accuracy/accuracy.h"

namespace {

using namespace lazuli;
using namespace lazuli::accuracy;

struct Options {
  bool full = false;
  unsigned threads = std::max(1u, std::thread::hardware_concurrency());
  std::string only, out;
};

bool parse(int argc, char** argv, Options* o) {
  for (int i = 1; i < argc; ++i) {
    const std::string arg = argv[i];
    const auto value = [&]() -> std::string { return i + 1 < argc ? argv[++i] : ""; };
    if (arg == "--full")
      o->full = true;
    else if (arg == "--threads")
      o->threads = static_cast<unsigned>(std::max(1, std::atoi(value().c_str())));
    else if (arg == "--only")
      o->only = value();
    else if (arg == "--out")
      o->out = value();
    else
      return false;
  }
  return true;
}

/// Runs work(0 .. parts-1) on all threads and merges.
template <class F>
Worst in_parallel(unsigned threads, uint64_t parts, F work) {
  Worst total;
  std::mutex lock;
  std::atomic<uint64_t> next{0};
  std::vector<std::thread> pool;
  for (unsigned t = 0; t < threads; ++t) {
    pool.emplace_back([&] {
      for (uint64_t p; (p = next++) < parts;) {
        const Worst w = work(p);
        const std::lock_guard hold(lock);
        total.merge(w);
      }
      mpfr_free_cache();
    });
  }
  for (std::thread& t : pool) t.join();
  return total;
}

std::span<const uint64_t> part(const std::vector<uint64_t>& v, uint64_t p, uint64_t parts) {
  const size_t begin = v.size() * p / parts, end = v.size() * (p + 1) / parts;
  return std::span(v).subspan(begin, end - begin);
}

constexpr uint64_t kParts = 256;

Worst run32(const UnaryCase& c, const Options& o) {
  Worst w = in_parallel(o.threads, kParts, [&](uint64_t p) {
    const uint64_t span = (uint64_t{1} << 32) / kParts;
    return sweep32(c, p * span, (p + 1) * span, o.full ? 1 : 257);
  });
  w.merge(measure32(c, samples(kFloat32, 100000, 1)));
  return w;
}

size_t prims(ir::Op op, DType t, size_t arity) {
  const std::vector<DType> types(arity, t);
  const auto f = ir::lower_elementwise(op, types);
  return static_cast<size_t>(std::count_if(f.insts.begin(), f.insts.end(),
                                           [](const scalar::Inst& i) { return i.prim != scalar::Prim::constant; }));
}

std::string row(ir::Op op, size_t arity, const Worst& w32, double bound32, const Worst& w64, double bound64) {
  return fmt::format("| {} | {:.3f} | {:g} | {:.3f} | {:g} | {} | {} |\n", ir::name(op), w32.ulp, bound32, w64.ulp,
                     bound64, prims(op, kFloat32, arity), prims(op, kFloat64, arity));
}

}  // namespace

int main(int argc, char** argv) {
  Options o;
  if (!parse(argc, argv, &o)) {
    std::cerr << "usage: lazuli-accuracy [--full] [--threads N] [--only OP] [--out FILE]\n";
    return 2;
  }
  const size_t n64 = o.full ? 1000000 : 100000;
  bool ok = true;
  const auto judge = [&](ir::Op op, DType t, const Worst& w, double bound) {
    if (w.ulp <= bound) return;
    ok = false;
    std::cerr << "above " << bound << ": " << describe(op, t, w) << "\n";
  };
  std::string table =
      "| function | float32 | promised | float64 | promised | primitives float32 | float64 |\n"
      "|---|---|---|---|---|---|---|\n";
  const auto wide = samples(kFloat64, n64, 2);
  for (const UnaryCase& c : unary_cases()) {
    if (!o.only.empty() && ir::name(c.op) != o.only) continue;
    const Worst a = run32(c, o);
    const Worst b = in_parallel(o.threads, kParts, [&](uint64_t p) { return measure64(c, part(wide, p, kParts)); });
    judge(c.op, kFloat32, a, c.bound32);
    judge(c.op, kFloat64, b, c.bound64);
    const std::string line = row(c.op, 1, a, c.bound32, b, c.bound64);
    std::cout << line << std::flush;
    table += line;
  }
  const BinaryOperands narrow2 = binary_samples(kFloat32, n64 * 10, 3), wide2 = binary_samples(kFloat64, n64, 4);
  for (const BinaryCase& c : binary_cases()) {
    if (!o.only.empty() && ir::name(c.op) != o.only) continue;
    const Worst a = in_parallel(o.threads, kParts, [&](uint64_t p) {
      return measure32(c, part(narrow2.x, p, kParts), part(narrow2.y, p, kParts));
    });
    const Worst b = in_parallel(o.threads, kParts, [&](uint64_t p) {
      return measure64(c, part(wide2.x, p, kParts), part(wide2.y, p, kParts));
    });
    judge(c.op, kFloat32, a, c.bound32);
    judge(c.op, kFloat64, b, c.bound64);
    const std::string line = row(c.op, 2, a, c.bound32, b, c.bound64);
    std::cout << line << std::flush;
    table += line;
  }
  if (!o.out.empty()) {
    std::ofstream file(o.out);
    file << "# Accuracy of the elementary functions\n\nWritten by `lazuli-accuracy" << (o.full ? " --full" : "")
         << " --out docs/accuracy.md`; do not edit.\n\n"
         << "Largest error found, in units in the last place (ULP) of the result, against the promise. "
         << (o.full ? "float32 functions of one operand: all 2^32 operands"
                    : "float32 functions of one operand: every 257th operand and the special values")
         << ", compared with the C library in double. float64, and functions of two operands: random and special "
            "operands ("
         << n64
         << " for float64), compared with MPFR. NaN, infinities and the sign of zero must match. "
            "Below x = 0 lgamma may instead be off by 64 * 2^-24 (2^-53) times max(1, |result|), and gelu_tanh by 4 "
            "times that unit. "
            "The last columns count the primitives of the expansion, constants not included.\n\n"
         << table;
    if (!file.flush()) {
      std::cerr << "cannot write " << o.out << "\n";
      return 2;
    }
  }
  return ok ? 0 : 1;
}
