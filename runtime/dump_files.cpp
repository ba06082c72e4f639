#include "runtime/dump_files.h"

#include <fmt/format.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "lazuli/base/error.h"
#include "runtime/context.h"

namespace lazuli::runtime {

std::string write_dump(Context& context, const std::string& directory, const std::string& name,
                       const std::string& text) {
  std::error_code error;
  std::filesystem::create_directories(directory, error);
  const std::string path = directory + "/" + name;
  std::ofstream file(path);
  file << text;
  file.close();
  if (file) return path;
  context.log(LogLevel::Warning, fmt::format("cannot write {}", path));
  return {};
}

void dump_to_files(Context& context, const EvalRequest& request) {
  const auto& dumps = context.settings().dumps;
  if (dumps.empty()) return;
  const uint64_t number = context.next_dump();
  for (const DumpRequest& d : dumps) {
    const std::string name = fmt::format("{}-{:04}.{}{}", getpid(), number, d.stage, d.stage == "dot" ? "" : ".txt");
    try {
      const std::string text = d.stage == "explain" ? explain(context, request.graph, request.options)
                                                    : dump(context, request.graph, d.stage, request.options);
      write_dump(context, d.directory, name, text);
    } catch (const Error& e) {
      context.log(LogLevel::Warning, fmt::format("no dump of {}: {}", d.stage, e.message()));
    }
  }
}

}  // namespace lazuli::runtime
