// lazuli-bench: Lazuli beside what the machine allows and beside others, in one run. Every contestant is a process of
// its own (protocol.h) on the same operands; everybody's results are compared with float64 before anything is timed;
// rounds of all are interleaved in random order, so that a disturbance of the machine falls on all alike.
#include <benchmark/benchmark.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <regex>
#include <set>
#include <sstream>
#include <stdexcept>

#include "measure.h"

namespace bench {
namespace {

constexpr const char* kHelp =
    R"(lazuli-bench: kernels against the limits of the machine, libraries, frameworks and plain loops

  --list            print the cases and end
  --filter=REGEX    only cases whose "NAME SIZE" matches
  --threads=1,2     numbers of threads (default: 1)
  --json=FILE       write what was measured to FILE
  --quick           one run of few rounds
  --rounds=N        timed rounds of every series in a run (default: 15)
  --runs=N          runs; the best run is reported beside the median of all (default: 5)
  --peers=A,B       only these peers (default: all that are found; "none")
  --python=FILE     interpreter with the Python peers (default: build/peers/bin/python3, made by bench/setup-peers.sh)
)";

struct Settings {
  std::string filter = ".*", json, python = "build/peers/bin/python3";
  std::vector<int> threads{1};
  std::optional<std::set<std::string>> peers;
  Effort effort;
  bool list = false;
};

std::vector<std::string> split_text(const std::string& text) {
  std::vector<std::string> parts;
  std::istringstream in(text);
  for (std::string part; std::getline(in, part, ',');) parts.push_back(part);
  return parts;
}

int number(const std::string& text, int most) {
  char* end = nullptr;
  const long n = std::strtol(text.c_str(), &end, 10);
  if (text.empty() || *end || n < 1 || n > most) throw std::invalid_argument("not a number in range: " + text);
  return static_cast<int>(n);
}

Settings parse(int argc, char** argv) {
  Settings s;
  for (int i = 1; i < argc; ++i) {
    const std::string arg = argv[i], key = arg.substr(0, arg.find('=')),
                      value = key.size() < arg.size() ? arg.substr(key.size() + 1) : "";
    if (arg == "--list") {
      s.list = true;
    } else if (arg == "--quick") {
      s.effort.runs = 1;
      s.effort.rounds = 5;
    } else if (key == "--filter") {
      s.filter = value;
    } else if (key == "--json") {
      s.json = value;
    } else if (key == "--python") {
      s.python = value;
    } else if (key == "--rounds") {
      s.effort.rounds = number(value, 100000);
    } else if (key == "--runs") {
      s.effort.runs = number(value, 1000);
    } else if (key == "--threads") {
      s.threads.clear();
      for (const std::string& n : split_text(value)) s.threads.push_back(number(n, 1024));
    } else if (key == "--peers") {
      s.peers.emplace();
      for (std::string& p : split_text(value)) s.peers->insert(std::move(p));
    } else {
      throw std::invalid_argument("unknown argument " + arg);
    }
  }
  return s;
}

/// A peer by name and how its process is started.
struct Start {
  std::string name;
  std::vector<std::string> command;
};

std::vector<Start> all_contestants(const Settings& s) {
  const std::filesystem::path here = std::filesystem::read_symlink("/proc/self/exe").parent_path();
  const auto program = [&](const char* name) { return (here / name).string(); };
  std::vector<Start> all = {{"limit", {program("lazuli-bench-limits")}}, {"Lazuli", {program("lazuli-bench-lazuli")}}};
  std::vector<Start> peers = {{"loop", {program("lazuli-bench-loop")}},
                              {"Eigen", {program("lazuli-bench-eigen")}},
                              {"OpenBLAS", {program("lazuli-bench-blas"), "openblas"}},
                              {"BLIS", {program("lazuli-bench-blas"), "blis"}},
                              {"MKL", {program("lazuli-bench-blas"), "mkl"}},
                              {"oneDNN", {program("lazuli-bench-blas"), "onednn"}}};
  for (const auto& [name, file] : {std::pair{"Halide", "lazuli-bench-halide"}, {"libtorch", "lazuli-bench-libtorch"}})
    if (access(program(file).c_str(), X_OK) == 0) peers.push_back({name, {program(file)}});
  if (access(s.python.c_str(), X_OK) == 0)
    for (const char* framework : {"NumPy", "numexpr", "torch", "torch.compile", "JAX", "MLX", "tinygrad"})
      peers.push_back({framework, {s.python, LAZULI_SOURCE_DIR "/bench/peers.py", framework}});
  for (Start& p : peers)
    if (!s.peers || s.peers->contains(p.name)) all.push_back(std::move(p));
  return all;
}

std::vector<Case> chosen_cases(const Settings& s) {
  const std::regex filter(s.filter);
  std::vector<Case> cases = all_cases();
  std::erase_if(cases, [&](const Case& c) { return !std::regex_search(c.name + " " + c.size, filter); });
  if (cases.empty()) throw std::runtime_error("no case matches \"" + s.filter + "\"");
  return cases;
}

int run(const Settings& settings) {
  const std::vector<Case> cases = chosen_cases(settings);
  if (settings.list) {
    for (const Case& c : cases) std::printf("%s %s\n", c.name.c_str(), c.size.c_str());
    return 0;
  }
  // Opened before the minutes are spent, and written after every case: what was measured survives what comes later.
  const auto save = [&](const Results& results) {
    if (settings.json.empty()) return;
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> json(std::fopen(settings.json.c_str(), "w"), std::fclose);
    if (!json) throw std::runtime_error("cannot write " + settings.json);
    write_json(results, json.get());
  };
  int64_t bytes = 0;
  for (const Case& c : cases) bytes = std::max(bytes, Measurement::bytes_needed(c));
  const SharedFile file = SharedFile::create(bytes);

  Results results{
      .rounds = settings.effort.rounds, .runs = settings.effort.runs, .vectors = {}, .load = 0, .cases = {}};
  getloadavg(&results.load, 1);
  save(results);
  std::vector<std::string> complaints;
  for (const int threads : settings.threads) {
    std::vector<std::unique_ptr<ContestantProcess>> contestants;
    for (const Start& start : all_contestants(settings)) {
      try {
        contestants.push_back(std::make_unique<ContestantProcess>(start.name, start.command, file, threads));
      } catch (const std::runtime_error& e) {
        if (start.name == "Lazuli" || start.name == "limit") throw;
        std::printf("left out: %s\n", e.what());
      }
    }
    results.vectors = contestants[0]->version();
    for (const auto& c : contestants) std::printf("%s: %s\n", c->name().c_str(), c->version().c_str());
    print_header(results);
    Measurement measurement(contestants, file, threads);
    for (const Case& c : cases) {
      results.cases.push_back(measurement.run(c, settings.effort, complaints));
      print_case(results.cases.back());
      save(results);
    }
  }
  for (const std::string& text : complaints) std::fprintf(stderr, "left out: %s\n", text.c_str());
  return complaints.empty() ? 0 : 1;
}

}  // namespace
}  // namespace bench

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);  // a contestant that ends is an error with its name
  try {
    for (int i = 1; i < argc; ++i)
      if (std::string_view(argv[i]) == "--help") {
        std::fputs(bench::kHelp, stdout);
        return 0;
      }
    const bench::Settings settings = bench::parse(argc, argv);
    std::array<char*, 2> options{argv[0], const_cast<char*>("--benchmark_enable_random_interleaving=true")};
    int count = static_cast<int>(options.size());
    benchmark::Initialize(&count, options.data());
    return bench::run(settings);
  } catch (const std::invalid_argument& e) {
    std::fprintf(stderr, "lazuli-bench: %s\ntry lazuli-bench --help\n", e.what());
    return 2;
  } catch (const std::exception& e) {
    std::fprintf(stderr, "lazuli-bench: %s\n", e.what());
    return 1;
  }
}
