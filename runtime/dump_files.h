// Writes what somebody wants to look at into files.
#pragma once
#include "runtime/executor.h"

namespace lazuli::runtime {

/// LAZULI_DUMP: the asked-for stages of a new program, one file each: <directory>/<pid>-<number>.<stage>.txt (dot:
/// .dot). A file that cannot be written is a warning.
void dump_to_files(Context& context, const EvalRequest& request);

/// Writes `text` to a new file <directory>/<name>, making the directory; returns the path, empty on failure (a
/// warning).
std::string write_dump(Context& context, const std::string& directory, const std::string& name,
                       const std::string& text);

}  // namespace lazuli::runtime
