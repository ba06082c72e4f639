// A stand-in for NVRTC: compiles CUDA source for the host, with kernel.h in the place of CUDA's built-in names. The
// "CUBIN" is a shared object that the stand-in for the driver loads.
//
//   LAZULI_EMULATOR_CXX=path     the host's compiler; default: the one that has built this library
//   LAZULI_EMULATOR_CACHE=path   a folder that keeps what was compiled
//   LAZULI_EMULATOR_FAULT="n pattern => text"   plants a fault: match number n of the regular expression in every
//   source
//                                is replaced; a source without it is refused
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <regex>
#include <sstream>
#include <string>
#include <vector>

namespace {

using Result = int;
constexpr Result kSuccess = 0, kInvalidInput = 3, kInvalidOption = 5, kCompilation = 6, kInternal = 11;

struct Program {
  std::string source, name, log, code;
};

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

std::string variable(const char* name, const char* fallback) {
  const char* value = std::getenv(name);
  return value && *value ? value : fallback;
}

/// Runs a program with its output in a file; its exit status.
int execute(const std::vector<std::string>& words, const std::string& output) {
  const pid_t child = fork();
  if (child < 0) return -1;
  if (child == 0) {
    const int file = open(output.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    dup2(file, 1);
    dup2(file, 2);
    std::vector<char*> arguments;
    for (const std::string& w : words) arguments.push_back(const_cast<char*>(w.c_str()));
    arguments.push_back(nullptr);
    execvp(arguments[0], arguments.data());
    _exit(127);
  }
  int status = 0;
  while (waitpid(child, &status, 0) < 0)
    if (errno != EINTR) return -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/// What the driver looks for: per kernel a function that takes the arguments' addresses, the threads it was compiled
/// for, and the size of its argument.
std::string exports(const std::string& source) {
  static const std::regex kernel(
      R"(__global__\s+void\s+(?:__launch_bounds__\((\d+)(?:, \d+)?\)\s+)?(\w+)\s*\(\s*const\s+(?:LZ_CONSTANT_ARGUMENT\s+)?(\w+)\s+\w+\s*\))");
  std::string text;
  for (std::sregex_iterator it(source.begin(), source.end(), kernel), end; it != end; ++it) {
    const std::string threads = (*it)[1].matched ? (*it)[1].str() : "1024", name = (*it)[2], type = (*it)[3];
    text += "extern \"C\" void lzemu_run_" + name + "(void** a) { lzemu_call<" + type + ">(&" + name + ", a); }\n";
    text += "extern \"C\" const int lzemu_bound_" + name + " = " + threads + ";\n";
    text += "extern \"C\" const int lzemu_bytes_" + name + " = sizeof(" + type + ");\n";
  }
  return text;
}

/// The source with the fault that the environment wants in it. False when it has no place there.
bool plant_fault(std::string& source) {
  const std::string fault = variable("LAZULI_EMULATOR_FAULT", "");
  if (fault.empty()) return true;
  const size_t space = fault.find(' '), arrow = fault.find(" => ");
  if (space == fault.npos || arrow == fault.npos) return false;
  const std::regex pattern(fault.substr(space + 1, arrow - space - 1));
  std::sregex_iterator it(source.begin(), source.end(), pattern), end;
  for (int n = std::atoi(fault.c_str()); n > 0 && it != end; --n) ++it;
  if (it == end) return false;
  const auto at = static_cast<size_t>(it->position()), behind = at + static_cast<size_t>(it->length());
  source = source.substr(0, at) + it->format(fault.substr(arrow + 4)) + source.substr(behind);
  return true;
}

std::string hash(const std::string& text) {
  uint64_t a = 0xcbf29ce484222325u, b = 0x84222325cbf29ce4u;
  for (const char c : text) {
    a = (a ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
    b = (b + static_cast<unsigned char>(c)) * 0x9e3779b97f4a7c15u;
    b ^= b >> 29;
  }
  char out[40];
  std::snprintf(out, sizeof out, "%016llx%016llx", static_cast<unsigned long long>(a),
                static_cast<unsigned long long>(b));
  return out;
}

Result compile(Program& p) {
  const std::string folder = LAZULI_EMULATOR_INCLUDE;
  std::vector<std::string> words = {variable("LAZULI_EMULATOR_CXX", LAZULI_EMULATOR_COMPILER),
                                    "-std=c++17",
                                    "-O1",
                                    "-g1",
                                    "-w",
                                    "-fPIC",
                                    "-shared",
                                    "-ffp-contract=off",
                                    "-I" + folder};
  if (__builtin_cpu_supports("fma")) words.push_back("-mfma");
  const std::string text =
      "#include \"kernel.h\"\n#line 1 \"" + p.name + "\"\n" + p.source + "\n#line 1 \"exports\"\n" + exports(p.source);
  std::string key = text + read_file(folder + "/kernel.h") + read_file(folder + "/kernel_state.h");
  for (const std::string& w : words) key += w;
  const std::string cache = variable("LAZULI_EMULATOR_CACHE", "");
  const std::string kept = cache.empty() ? "" : cache + "/" + hash(key) + ".so";
  if (!kept.empty() && !(p.code = read_file(kept)).empty()) return kSuccess;

  char pattern[] = "/tmp/lazuli-emulator-XXXXXX";
  if (!mkdtemp(pattern)) return kInternal;
  const std::string work = pattern, source = work + "/kernel.cpp", object = work + "/kernel.so", log = work + "/log";
  std::ofstream(source) << text;
  for (const std::string& w : {std::string("-o"), object, source}) words.push_back(w);
  const int status = execute(words, log);
  p.log = read_file(log);
  if (status == 0) p.code = read_file(object);
  for (const std::string& path : {source, object, log}) unlink(path.c_str());
  rmdir(work.c_str());
  if (status != 0) {
    if (p.log.empty()) p.log = words[0] + " could not be run";
    return kCompilation;
  }
  if (!kept.empty()) {
    mkdir(cache.c_str(), 0700);
    const std::string fresh = kept + "." + std::to_string(getpid());
    std::ofstream(fresh, std::ios::binary) << p.code;
    std::rename(fresh.c_str(), kept.c_str());
  }
  return kSuccess;
}

}  // namespace

#define EXPORT extern "C" __attribute__((visibility("default")))

EXPORT Result nvrtcVersion(int* major, int* minor) {
  *major = 13;
  *minor = 0;
  return kSuccess;
}
EXPORT const char* nvrtcGetErrorString(Result r) {
  switch (r) {
    case kSuccess:
      return "NVRTC_SUCCESS";
    case kInvalidInput:
      return "NVRTC_ERROR_INVALID_INPUT";
    case kInvalidOption:
      return "NVRTC_ERROR_INVALID_OPTION";
    case kCompilation:
      return "NVRTC_ERROR_COMPILATION";
    default:
      return "NVRTC_ERROR_INTERNAL_ERROR";
  }
}
EXPORT Result nvrtcCreateProgram(Program** program, const char* source, const char* name, int headers,
                                 const char* const*, const char* const*) {
  if (headers != 0) return kInvalidInput;
  *program = new Program{source, name && *name ? name : "default_program", {}, {}};
  return kSuccess;
}
EXPORT Result nvrtcDestroyProgram(Program** program) {
  delete *program;
  *program = nullptr;
  return kSuccess;
}
EXPORT Result nvrtcCompileProgram(Program* program, int count, const char* const* options) {
  bool exact = false, arch = false;
  for (int i = 0; i < count; ++i) {
    exact |= std::strcmp(options[i], "--fmad=false") == 0;
    arch |= std::strncmp(options[i], "--gpu-architecture=sm_", 22) == 0;
  }
  // The host does not contract; a GPU would, and give other bits.
  if (!exact || !arch) {
    program->log = "the emulator wants --fmad=false and --gpu-architecture";
    return kInvalidOption;
  }
  if (!plant_fault(program->source)) {
    program->log = "the fault of LAZULI_EMULATOR_FAULT has no place in this source";
    return kCompilation;
  }
  return compile(*program);
}
EXPORT Result nvrtcGetCUBINSize(const Program* program, size_t* size) {
  *size = program->code.size();
  return kSuccess;
}
EXPORT Result nvrtcGetCUBIN(const Program* program, char* out) {
  std::memcpy(out, program->code.data(), program->code.size());
  return kSuccess;
}
EXPORT Result nvrtcGetProgramLogSize(const Program* program, size_t* size) {
  *size = program->log.size() + 1;
  return kSuccess;
}
EXPORT Result nvrtcGetProgramLog(const Program* program, char* out) {
  std::memcpy(out, program->log.c_str(), program->log.size() + 1);
  return kSuccess;
}
