// lazuli-fuzz: compiled results of random graphs against the interpreter's (docs/testing.md).
//
//   lazuli-fuzz [--count=N] [--seed=N] [--time-limit=SECONDS] [--configs=N] [--max-failures=N] [--no-reduce]
//   lazuli-fuzz --gradients ...                      of the gradients of the graphs
//   lazuli-fuzz --attention [--gradients] ...        graphs around attention
//   lazuli-fuzz --device=cuda ...                    on a CUDA device (LAZULI_CUDA_DRIVER, LAZULI_NVRTC)
//   lazuli-fuzz --smooth=SEED [--count=N]            derivatives of smooth graphs, against differences
//   lazuli-fuzz --repro=SEED [--configs=N]           one graph, printed before it runs
//   lazuli-fuzz --graph=FILE [--values=N] [--config=TEXT]  IR text; without a configuration, under many
//
// Exits with 1 when something failed. A crash prints the seed of the graph.
#include <fmt/format.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <iterator>

#include "ir/text.h"
#include "tests/fuzz/fuzzer.h"
#include "tests/fuzz/gradients.h"

namespace {

using namespace lazuli;

volatile uint64_t current_seed = 0;

void on_crash(int signal) {
  char text[64] = "lazuli-fuzz: crashed at seed ";
  char digits[24];
  int n = 0, at = 29;
  for (uint64_t s = current_seed; n == 0 || s != 0; s /= 10) digits[n++] = static_cast<char>('0' + s % 10);
  while (n > 0) text[at++] = digits[--n];
  text[at++] = '\n';
  (void)!write(2, text, static_cast<size_t>(at));
  std::signal(signal, SIG_DFL);
  raise(signal);
}

struct Arguments {
  fuzz::Options fuzz;
  std::string graph, config;
  uint64_t values = 1;
  bool repro = false, smooth = false;
};

Arguments parse(int argc, char** argv) {
  Arguments args;
  for (int i = 1; i < argc; ++i) {
    std::string arg = argv[i], value;
    if (const size_t equal = arg.find('='); equal != arg.npos) {
      value = arg.substr(equal + 1);
      arg.resize(equal);
    } else if (i + 1 < argc && arg != "--no-reduce" && arg != "--gradients" && arg != "--attention") {
      value = argv[++i];
    }
    if (arg == "--count")
      args.fuzz.count = std::stoll(value);
    else if (arg == "--seed")
      args.fuzz.seed = std::stoull(value);
    else if (arg == "--time-limit")
      args.fuzz.seconds = std::stod(value);
    else if (arg == "--configs")
      args.fuzz.configs = std::stoi(value);
    else if (arg == "--max-failures")
      args.fuzz.max_failures = std::stoll(value);
    else if (arg == "--no-reduce")
      args.fuzz.reduce = false;
    else if (arg == "--gradients")
      args.fuzz.gradients = true;
    else if (arg == "--attention")
      args.fuzz.attention = true;
    else if (arg == "--device")
      args.fuzz.cuda = Device(value).is_cuda();
    else if (arg == "--smooth")
      args.fuzz.seed = std::stoull(value), args.smooth = true;
    else if (arg == "--graph")
      args.graph = value;
    else if (arg == "--config")
      args.config = value;
    else if (arg == "--values")
      args.values = std::stoull(value);
    else if (arg == "--repro")
      args.fuzz.seed = std::stoull(value), args.fuzz.count = 1, args.fuzz.more = 0, args.repro = true;
    else
      throw Error(ErrorKind::Value, fmt::format("argument \"{}\" is not known", arg));
  }
  return args;
}

int run_graph(const Arguments& args) {
  std::ifstream in(args.graph, std::ios::binary);
  if (!in) throw Error(ErrorKind::Value, fmt::format("{} cannot be read", args.graph));
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  ir::Interner interner;
  const ir::Graph g = ir::parse(text, interner);
  fuzz::Checker checker;
  int failures = 0;
  for (uint64_t i = 0; i < (args.config.empty() ? 100 : 1); ++i) {
    const fuzz::Config config = args.config.empty() ? fuzz::random_config(i) : fuzz::Config::parse(args.config);
    if (const auto wrong = checker.check(g, args.values, config)) {
      fmt::print("{}: {}\n", config.str(), *wrong);
      ++failures;
    }
  }
  fmt::print("{} failures\n", failures);
  return failures != 0;
}

int run(const Arguments& args) {
  if (!args.graph.empty()) return run_graph(args);
  if (args.smooth) {
    const fuzz::SmoothSummary sum =
        fuzz::fuzz_smooth(args.fuzz.seed, args.fuzz.count, [](const std::string& text) { fmt::print("{}\n", text); });
    fmt::print("lazuli-fuzz: derivatives from seed {}: {} graphs, {} judged, {} nodes, {} failures\n", args.fuzz.seed,
               sum.graphs, sum.judged, sum.nodes, sum.failures);
    return sum.failures != 0;
  }
  if (args.repro) {
    ir::Interner interner;
    fmt::print("{}", ir::print(fuzz::make_graph(args.fuzz.seed, args.fuzz, interner)));
  }
  fmt::print("lazuli-fuzz: seeds from {}\n", args.fuzz.seed);
  std::fflush(stdout);
  const fuzz::Summary sum = fuzz::fuzz(
      args.fuzz,
      [](const std::string& text) {
        fmt::print("{}\n", text);
        std::fflush(stdout);
      },
      [](uint64_t seed) { current_seed = seed; });
  fmt::print("lazuli-fuzz: seeds from {}: {}\n", args.fuzz.seed, sum.str());
  return sum.failures != 0;
}

}  // namespace

int main(int argc, char** argv) {
  for (const int s : {SIGSEGV, SIGABRT, SIGFPE, SIGILL, SIGBUS}) std::signal(s, on_crash);
  try {
    return run(parse(argc, argv));
  } catch (const std::exception& e) {
    fmt::print(stderr, "lazuli-fuzz: {}\n", e.what());
    return 2;
  }
}
