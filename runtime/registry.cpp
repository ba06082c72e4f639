#include "runtime/registry.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>

namespace lazuli::runtime {
namespace {

bool parse_bool(std::string_view text, bool& out) {
  for (const std::string_view yes : {"1", "true", "on", "yes"})
    if (text == yes) return out = true, true;
  for (const std::string_view no : {"0", "false", "off", "no"})
    if (text == no) return out = false, true;
  return false;
}

template <class Int>
bool parse_int(std::string_view text, Int low, Int high, Int& out) {
  Int value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value < low || value > high) return false;
  out = value;
  return true;
}

bool parse_megabytes(std::string_view text, int64_t& out) {
  int64_t megabytes = 0;
  if (!parse_int<int64_t>(text, 0, int64_t{1} << 40, megabytes)) return false;
  out = megabytes << 20;
  return true;
}

constexpr std::string_view kStages[] = {"graph", "passes", "regions", "schedule", "kernels", "llvm",
                                        "asm",   "cuda",   "dot",     "memory",   "explain"};

bool parse_dump(std::string_view text, Settings& s) {
  const size_t colon = text.find(':');
  const std::string directory = colon == text.npos ? s.dump_directory : std::string(text.substr(colon + 1));
  std::string_view stages = text.substr(0, colon);
  if (directory.empty() || stages.empty()) return false;
  std::vector<DumpRequest> dumps;
  while (!stages.empty()) {
    const size_t comma = std::min(stages.find(','), stages.size());
    const std::string_view stage = stages.substr(0, comma);
    if (std::find(std::begin(kStages), std::end(kStages), stage) == std::end(kStages)) return false;
    dumps.push_back({std::string(stage), directory});
    stages.remove_prefix(std::min(comma + 1, stages.size()));
  }
  s.dumps = std::move(dumps);
  s.dump_directory = directory;
  return true;
}

constexpr OptionInfo kOptions[] = {
    {"LAZULI_NUM_THREADS", "integer", "every processor", "Threads that kernels run on, the caller included.",
     [](std::string_view t, Settings& s) { return parse_int(t, 1, 4096, s.num_threads); }},
    {"LAZULI_MEMORY_LIMIT_MB", "megabytes", "none", "Tensor memory above this is refused before it is allocated.",
     [](std::string_view t, Settings& s) { return parse_megabytes(t, s.memory_limit); }},
    {"LAZULI_EAGER", "flag", "0",
     "Interprets every op at its call: slow, simple, and errors appear where they are made.",
     [](std::string_view t, Settings& s) { return parse_bool(t, s.eager); }},
    {"LAZULI_FIRST_TIER", "flag", "1",
     "Interprets small work that was never run before, until that has cost a fifth of what compiling it costs.",
     [](std::string_view t, Settings& s) { return parse_bool(t, s.first_tier); }},
    {"LAZULI_FUSE", "flag", "1", "0 gives every op a kernel of its own.",
     [](std::string_view t, Settings& s) { return parse_bool(t, s.eval.fuse); }},
    {"LAZULI_VECTOR_BITS", "128, 256 or 512", "the processor's", "Width of the vectors in kernels.",
     [](std::string_view t, Settings& s) {
       int bits = 0;
       if (!parse_int(t, 128, 512, bits) || (bits & (bits - 1))) return false;
       s.eval.vector_bits = bits;
       return true;
     }},
    {"LAZULI_CHECK_NAN", "flag", "0",
     "When a result holds a NaN, throws at the first op that made one from operands without.",
     [](std::string_view t, Settings& s) { return parse_bool(t, s.eval.check_nan); }},
    {"LAZULI_VERIFY", "flag", "0",
     "Checks every pass and every kernel against the reference interpreter and names the first that differs.",
     [](std::string_view t, Settings& s) { return parse_bool(t, s.eval.verify_passes); }},
    {"LAZULI_DUMP", "stage,stage:directory", "none",
     "Writes these stages of every new program to files: graph, passes, regions, schedule, kernels, llvm, asm, cuda, "
     "dot, "
     "memory, explain.",
     &parse_dump},
    {"LAZULI_CACHE_MB", "megabytes", "256", "Compiled kernels kept in memory, the least recently used go first.",
     [](std::string_view t, Settings& s) { return parse_megabytes(t, s.kernel_cache_bytes); }},
    {"LAZULI_PROGRAM_CACHE_MB", "megabytes", "256", "Planned programs kept in memory.",
     [](std::string_view t, Settings& s) { return parse_megabytes(t, s.program_cache_bytes); }},
    {"LAZULI_TUNED", "directory, or 0", "lazuli in $XDG_CACHE_HOME or ~/.cache",
     "Where lazuli-tune and tune() keep the schedules that were fastest on this machine, and where scheduling finds "
     "them. 0: nowhere.",
     [](std::string_view t, Settings& s) { return s.tuned = t == "0" ? "" : t, true; }},
    {"LAZULI_CUDA_DRIVER", "path", "libcuda.so.1", "The CUDA driver's library. Nothing else is tried.",
     [](std::string_view t, Settings& s) { return s.cuda_driver = t, true; }},
    {"LAZULI_NVRTC", "path", "searched for",
     "The compiler of CUDA code, libnvrtc.so of CUDA 12 or 13. Without it: that name, the usual folders of toolkits, "
     "Python's packages.",
     [](std::string_view t, Settings& s) { return s.nvrtc = t, true; }},
    {"LAZULI_CUDA_CACHE", "directory", "none",
     "Keeps the machine code of CUDA kernels between processes, in a directory of ours that nobody else may write. "
     "lazuli-warm fills it without a GPU.",
     [](std::string_view t, Settings& s) { return s.cuda_cache = t, true; }},
    {"LAZULI_CUDA_RECORD", "directory", "none", "Leaves the source of every CUDA kernel there, for lazuli-warm.",
     [](std::string_view t, Settings& s) { return s.cuda_record = t, true; }},
    {"LAZULI_CUDA_EXACT_BLOCKS", "flag", "0",
     "Device memory is asked for in exact sizes and not recycled, so that checking tools see every access outside of a "
     "tensor.",
     [](std::string_view t, Settings& s) { return parse_bool(t, s.cuda_exact_blocks); }},
    {"LAZULI_CUDA_MATRIX_UNITS", "flag", "1",
     "0 keeps contractions of float16 and bfloat16 off the matrix units of GPUs: the CPU's bits, and slower.",
     [](std::string_view t, Settings& s) { return parse_bool(t, s.cuda_matrix_units); }},
    {"LAZULI_CUDA_STREAM_MATRIX", "flag", "1",
     "0 keeps products of matrices on sm_90a to the pipeline that every GPU since sm_80 has.",
     [](std::string_view t, Settings& s) { return parse_bool(t, s.cuda_stream_matrix); }},
    {"LAZULI_CUDA_TF32", "flag", "0",
     "1 lets contractions of float32 use the matrix units of GPUs, which read operands with 10 bits behind the point.",
     [](std::string_view t, Settings& s) { return parse_bool(t, s.cuda_tf32); }},
    {"LAZULI_CUDA_GRAPHS", "flag", "1",
     "0 queues every kernel of a repeated program by a call of its own, instead of all in a row by one.",
     [](std::string_view t, Settings& s) { return parse_bool(t, s.cuda_graphs); }},
    {"LAZULI_CUDA_CUBLASLT", "flag", "0",
     "1 gives plain products of float32, float16 and bfloat16 on GPUs to cuBLASLt: its roundings, named in reports as "
     "class library. Where it is missing or has no algorithm, kernels multiply as ever and a warning says why.",
     [](std::string_view t, Settings& s) { return parse_bool(t, s.cuda_cublaslt); }},
    {"LAZULI_CUBLASLT", "path", "searched for",
     "cuBLASLt's library, libcublasLt.so of CUDA 12 or 13. Without it: searched for like NVRTC.",
     [](std::string_view t, Settings& s) { return s.cublaslt = t, true; }},
    {"LAZULI_PERF", "flag", "0", "Names compiled kernels for perf, in /tmp/perf-<pid>.map.",
     [](std::string_view t, Settings& s) { return parse_bool(t, s.perf_map); }},
};

}  // namespace

std::span<const OptionInfo> options() {
  return kOptions;
}

Settings read_settings(const Environment& environment, std::vector<std::string>* warnings) {
  Settings settings;
  settings.first_tier = true;
  // Specifications of such folders ask that relative paths be ignored.
  if (const std::string cache = environment("XDG_CACHE_HOME"); cache.starts_with('/'))
    settings.tuned = cache + "/lazuli";
  else if (const std::string home = environment("HOME"); home.starts_with('/'))
    settings.tuned = home + "/.cache/lazuli";
  for (const OptionInfo& o : kOptions) {
    const std::string text = environment(o.name);
    if (text.empty() || o.parse(text, settings)) continue;
    if (warnings)
      warnings->push_back(
          fmt::format("{}=\"{}\" is ignored: expected {} (default: {})", o.name, text, o.type, o.fallback));
  }
  settings.eval.interpret = settings.eager;
  return settings;
}

std::string process_environment(std::string_view name) {
  const char* value = std::getenv(std::string(name).c_str());
  return value ? value : "";
}

std::string options_page() {
  std::string page =
      "# Options\n\n"
      "Environment variables, read once when the library is first used. A value that cannot be read is reported and\n"
      "ignored. Flags take 1, true, on, yes or 0, false, off, no. This page is printed from `runtime/registry.cpp`.\n\n"
      "| variable | value | default | what it does |\n|---|---|---|---|\n";
  for (const OptionInfo& o : kOptions)
    page += fmt::format("| `{}` | {} | {} | {} |\n", o.name, o.type, o.fallback, o.doc);
  return page;
}

}  // namespace lazuli::runtime
