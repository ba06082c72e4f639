// lazuli-tune: measures which schedules are the fastest on this machine and keeps them for later processes.
//
//   lazuli-tune [options] WHAT...
//
// WHAT is any number of
//   --matmul=[BATCHx]MxKxN[:TYPE[:nn|nt|tn|tt]]  a product; int8 is multiplied as int32, t: that operand is transposed
//   --bench                                      the products of lazuli-bench
//   FILE.lzir                                    the kernels of a graph as text, as dump(x, "graph") prints it
//   --list                                       the winners that are kept
// and options are
//   --budget=SECONDS    for all of it together (60)
//   --threads=N[,N...]  numbers of threads to tune for (every processor)
//   --folder=DIR        where winners are kept, instead of LAZULI_TUNED
//   --again             also what has a winner
//   --no-save           only say what would be kept
//
// Results have the same bits under every schedule; each candidate is compared before it is timed. Exits with 1 where
// winners could not be kept or there is something to note (a schedule that changed a result or was refused), with 2 for
// a mistake on the command line.
#include "lazuli/tune.h"

#include <fmt/format.h>
#include <unistd.h>

#include <charconv>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <iterator>

#include "frontend/context.h"
#include "ir/text.h"
#include "lazuli/lazuli.h"
#include "runtime/context.h"
#include "runtime/tune.h"

namespace {

using namespace lazuli;
using Clock = std::chrono::steady_clock;

struct Usage : std::runtime_error {
  using std::runtime_error::runtime_error;
};

std::vector<std::string> split(std::string_view text, char at) {
  std::vector<std::string> parts(1);
  for (const char c : text) c == at ? void(parts.emplace_back()) : parts.back().push_back(c);
  return parts;
}

template <class Number>
Number number(std::string_view what, const std::string& text, Number least, Number most) {
  Number n{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), n);
  if (error != std::errc() || end != text.data() + text.size() || !(n >= least && n <= most))
    throw Usage(fmt::format("{}: \"{}\" is no number from {} to {}", what, text, least, most));
  return n;
}

/// Something to tune: the work of tune() under given options.
struct Job {
  std::string name;
  std::function<TuneReport(const TuneOptions&)> tune;
};

struct Product {
  int64_t batch = 0, m = 0, k = 0, n = 0;  // no batch: 0
  DType type = kFloat32;
  bool lhs_transposed = false, rhs_transposed = false;
};

Product parse_product(const std::string& text) {
  const std::vector<std::string> parts = split(text, ':');
  const std::string what = "--matmul=" + text;
  std::vector<int64_t> sizes;
  for (const std::string& s : split(parts[0], 'x')) sizes.push_back(number<int64_t>(what, s, 1, int64_t{1} << 31));
  if (sizes.size() < 3 || sizes.size() > 4 || parts.size() > 3)
    throw Usage(what + " is not [BATCHx]MxKxN[:TYPE[:nn|nt|tn|tt]]");
  Product p;
  if (sizes.size() == 4) p.batch = sizes[0];
  p.m = sizes[sizes.size() - 3];
  p.k = sizes[sizes.size() - 2];
  p.n = sizes.back();
  if (parts.size() > 1) {
    int t = 0;
    while (t < kSupportedDTypes && name(static_cast<DType>(t)) != parts[1]) ++t;
    p.type = static_cast<DType>(t);
    if (t == kSupportedDTypes || p.type == kBool)
      throw Usage(fmt::format("{}: {} is no type of numbers", what, parts[1]));
  }
  const std::string layout = parts.size() > 2 ? parts[2] : "nn";
  if (layout.size() != 2 || layout.find_first_not_of("nt") != layout.npos)
    throw Usage(fmt::format("{}: {} is none of nn, nt, tn, tt", what, layout));
  p.lhs_transposed = layout[0] == 't';
  p.rhs_transposed = layout[1] == 't';
  return p;
}

/// Operands are in memory and distinct, as a user's are; what stands in them does not matter.
Tensor make_product(const Product& p) {
  const auto operand = [&](int64_t rows, int64_t columns, bool transposed, double value) {
    std::vector<int64_t> shape{transposed ? columns : rows, transposed ? rows : columns};
    if (p.batch) shape.insert(shape.begin(), p.batch);
    Tensor t = full(shape, value, p.type);
    eval(t);
    if (transposed) t = t.transpose(-1, -2);
    return p.type == kInt8 ? t.to(kInt32) : t;
  };
  return matmul(operand(p.m, p.k, p.lhs_transposed, 1), operand(p.k, p.n, p.rhs_transposed, 2));
}

Job product_job(const std::string& text) {
  return {"matmul " + text, [p = parse_product(text)](const TuneOptions& o) {
            const Tensor c = make_product(p);
            return tune({&c, 1}, o);
          }};
}

/// The products that lazuli-bench runs.
std::vector<std::string> bench_products() {
  std::vector<std::string> all;
  for (const int n : {256, 512, 1024, 1023, 2048, 4096}) all.push_back(fmt::format("{0}x{0}x{0}", n));
  for (const int n : {1024, 2048}) all.push_back(fmt::format("{0}x{0}x{0}:float64", n));
  for (const int n : {1024, 2048}) all.push_back(fmt::format("{0}x{0}x{0}:bfloat16", n));
  all.push_back("1024x1024x1024:int8");
  for (const int n : {16, 32, 64, 128}) all.push_back(fmt::format("{1}x{0}x{0}x{0}", n, (1 << 20) / (n * n)));
  for (const int m : {1, 2, 8, 32}) all.push_back(fmt::format("{}x{}x4096", m, m == 1 ? 4096 : 1024));
  all.push_back("1x4096x4096:float32:nt");
  all.push_back("64x1048576x64");
  for (const char* layout : {"tn", "nt", "tt"}) all.push_back(fmt::format("1024x1024x1024:float32:{}", layout));
  return all;
}

Job file_job(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) throw Usage(path + " cannot be read");
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  return {path, [text](const TuneOptions& o) {
            runtime::Context& runtime = context().runtime;
            return runtime::tune(runtime, ir::parse(text, runtime.interner()), o);
          }};
}

/// On a terminal a bar that fills, elsewhere a line now and then.
class Bar {
 public:
  void show(double fraction, double left, const std::string& what) {
    const bool terminal = isatty(STDERR_FILENO) != 0;
    const auto now = Clock::now();
    if (!terminal && now - told_ < std::chrono::seconds(10)) return;
    told_ = now;
    constexpr int kWidth = 30;
    const int filled = static_cast<int>(kWidth * fraction);
    const std::string text = fmt::format("[{:#<{}}{: <{}}] {:3.0f} %  {:.0f} s left  {}", "", filled, "",
                                         kWidth - filled, 100 * fraction, left, what);
    fmt::print(stderr, "{}{: <{}}{}", terminal ? "\r" : "", text, terminal ? width_ : 0, terminal ? "" : "\n");
    width_ = std::max(width_, text.size());
  }
  void clear() {
    if (width_ && isatty(STDERR_FILENO)) fmt::print(stderr, "\r{: <{}}\r", "", width_);
  }

 private:
  Clock::time_point told_{};
  size_t width_ = 0;
};

void list_winners() {
  runtime::TuningTable& table = context().runtime.tuning();
  fmt::print("{}\n", table.file().empty() ? "no folder is set" : table.file());
  for (const auto& [key, t] : table.entries())
    fmt::print("{} on {} threads: {:.1f} us, before {:.1f}: {}\n", t.kernel, key.substr(key.rfind('-') + 1), t.after_us,
               t.before_us, t.knobs);
}

int run(int argc, char** argv) {
  double budget = 60;
  std::vector<int> threads;
  std::vector<std::string> words;
  bool list = false;
  TuneOptions options;
  for (int i = 1; i < argc; ++i) {
    const std::string arg = argv[i];
    const std::string value = arg.find('=') == arg.npos ? "" : arg.substr(arg.find('=') + 1);
    if (arg.starts_with("--budget=")) {
      budget = number<double>("--budget", value, 0, 1e6);
    } else if (arg.starts_with("--threads=")) {
      for (const std::string& t : split(value, ',')) threads.push_back(number<int>("--threads", t, 1, 4096));
    } else if (arg.starts_with("--folder=")) {
      setenv("LAZULI_TUNED", value.c_str(), 1);  // before the library reads it
    } else if (arg == "--again") {
      options.again = true;
    } else if (arg == "--no-save") {
      options.save = false;
    } else if (arg == "--list") {
      list = true;
    } else if (arg.starts_with("--matmul=") || arg == "--bench" || !arg.starts_with("--")) {
      words.push_back(arg);
    } else {
      throw Usage(fmt::format("argument \"{}\" is not known", arg));
    }
  }
  std::vector<Job> jobs;
  for (const std::string& word : words) {
    if (word == "--bench") {
      for (const std::string& p : bench_products()) jobs.push_back(product_job(p));
    } else {
      jobs.push_back(word.starts_with("--matmul=") ? product_job(word.substr(9)) : file_job(word));
    }
  }
  if (jobs.empty() && !list)
    throw Usage(
        "usage: lazuli-tune [--budget=SECONDS] [--threads=N] [--folder=DIR] [--again] [--no-save] [--list]\n"
        "                   --matmul=MxKxN[:TYPE[:nn|nt|tn|tt]] | --bench | FILE.lzir ...");
  if (threads.empty()) threads.push_back(get_num_threads());

  const auto start = Clock::now();
  const auto used = [&] { return std::chrono::duration<double>(Clock::now() - start).count(); };
  const size_t all = jobs.size() * threads.size();
  size_t done = 0;
  int status = 0;
  Bar bar;
  for (const Job& job : jobs)
    for (const int t : threads) {
      TuneOptions o = options;
      o.eval.num_threads = t;
      o.seconds = std::max(0.0, budget - used()) / static_cast<double>(all - done);
      o.progress = [&](const TuneProgress& p) {
        const double fraction = (static_cast<double>(done) + p.fraction) / static_cast<double>(all);
        const double left = fraction > 0 ? std::min(budget - used(), used() * (1 - fraction) / fraction) : budget;
        bar.show(fraction, std::max(0.0, left), job.name);
      };
      const TuneReport report = job.tune(o);
      ++done;
      bar.clear();
      const std::string head = fmt::format("{}{}", job.name, fmt::format(", {} thread{}", t, t == 1 ? "" : "s"));
      for (const TunedKernel& k : report.kernels)
        fmt::print("{}: {} {:.1f} us, was {:.1f} ({:.2f}x), of {} schedules\n  {}\n{}", head, k.name, k.after_us,
                   k.before_us, k.before_us / std::max(1e-3, k.after_us), k.candidates, k.after,
                   k.after == k.before ? "" : fmt::format("  was {}\n", k.before));
      if (report.known) fmt::print("{}: {} kernels have a winner (--again)\n", head, report.known);
      if (report.skipped) fmt::print("{}: {} kernels were not reached within the budget\n", head, report.skipped);
      for (const std::string& note : report.notes) fmt::print("{}: {}\n", head, note);
      const bool kept = report.kernels.empty() || !options.save || !report.file.empty();
      if (!report.notes.empty() || !kept) status = 1;
      if (!kept && report.notes.empty()) fmt::print("{}: winners are not kept: no folder is set\n", head);
    }
  if (list) list_winners();
  return status;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const Usage& e) {
    fmt::print(stderr, "lazuli-tune: {}\n", e.what());
    return 2;
  } catch (const std::exception& e) {
    fmt::print(stderr, "lazuli-tune: {}\n", e.what());
    return 1;
  }
}
