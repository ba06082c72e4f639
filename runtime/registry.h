// Every environment variable that Lazuli reads, in one table: name, type, default, one line of documentation.
// docs/options.md is printed from it (a test compares them). Read once, when the context is made.
#pragma once
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/options.h"

namespace lazuli::runtime {

struct DumpRequest {
  std::string stage, directory;
};

/// Defaults of a context.
struct Settings {
  EvalOptions eval;
  bool eager = false;
  /// Small work may be interpreted at first. Off unless the environment's settings are read: who makes a context of his
  /// own, as tests do, wants kernels.
  bool first_tier = false;
  int num_threads = 0;       // 0: every processor
  int64_t memory_limit = 0;  // bytes, 0: none
  int64_t kernel_cache_bytes = int64_t{256} << 20;
  int64_t program_cache_bytes = int64_t{256} << 20;
  bool perf_map = false;
  int64_t task_elements = 0;     // 0: as codegen::CpuTarget has it; tests make small tensors many tasks
  int64_t update_bytes = -1;     // -1: as passes::PassContext has it; tests write parts of small tensors in place, too
  bool always_parallel = false;  // every thread takes part in however little work
  std::vector<DumpRequest> dumps;
  std::string dump_directory = "lazuli-dump";
  std::string cuda_driver, nvrtc, cublaslt;  // paths; empty: searched for
  std::string cuda_cache, cuda_record;       // folders; empty: none
  std::string tuned;                         // folder of tuned schedules; empty: none
  bool cuda_exact_blocks = false;
  bool cuda_matrix_units = true;
  bool cuda_stream_matrix = true;
  bool cuda_tf32 = false;
  bool cuda_graphs = true;
  bool cuda_cublaslt = false;
};

struct OptionInfo {
  std::string_view name, type, fallback, doc;
  /// False when the text is not a value of the type.
  bool (*parse)(std::string_view text, Settings& settings);
};

std::span<const OptionInfo> options();

/// Value of a variable, empty when it is not set.
using Environment = std::function<std::string(std::string_view name)>;

/// Settings from the environment. What cannot be parsed keeps its default and adds a warning that names the variable.
Settings read_settings(const Environment& environment, std::vector<std::string>* warnings);
/// The process's environment.
std::string process_environment(std::string_view name);

/// The page docs/options.md.
std::string options_page();

}  // namespace lazuli::runtime
