#include "protocol.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sstream>
#include <stdexcept>
#include <system_error>

namespace bench {
namespace {

std::string text_of(const Dims& dims) {
  if (dims.empty()) return "-";
  std::string text;
  for (const int64_t d : dims) text += (text.empty() ? "" : "x") + std::to_string(d);
  return text;
}

std::vector<std::string> split(const std::string& text, char at) {
  std::vector<std::string> parts;
  std::istringstream in(text);
  for (std::string part; std::getline(in, part, at);) parts.push_back(part);
  return parts;
}

Type type_named(const std::string& text) {
  for (const Type t : {Type::F32, Type::F64, Type::BF16, Type::I8, Type::U8, Type::I32, Type::I64})
    if (name(t) == text) return t;
  throw std::invalid_argument("no type " + text);
}

Place parse_place(const std::vector<std::string>& parts) {
  if (parts.size() != 5) throw std::invalid_argument("a place has five parts");
  Place p{.value = {.name = parts[1], .type = type_named(parts[2]), .dims = {}}, .offset = std::stoll(parts[4])};
  if (parts[3] != "-")
    for (const std::string& d : split(parts[3], 'x')) p.value.dims.push_back(std::stoll(d));
  return p;
}

}  // namespace

std::string Job::str() const {
  std::ostringstream out;
  out << name << ' ' << size << " threads=" << threads << " copies=" << copies << " limit=" << bench::name(limit) << ':'
      << static_cast<int64_t>(amount);
  const auto add = [&](const char* kind, const Place& p) {
    out << ' ' << kind << ':' << p.value.name << ':' << bench::name(p.value.type) << ':' << text_of(p.value.dims) << ':'
        << p.offset;
  };
  for (const Place& p : inputs) add("in", p);
  for (const Place& p : outputs) add("out", p);
  return out.str();
}

Job Job::parse(const std::string& text) {
  Job job;
  std::istringstream in(text);
  in >> job.name >> job.size;
  for (std::string word; in >> word;) {
    const std::vector<std::string> parts = split(word, ':');
    const std::vector<std::string> setting = split(parts[0], '=');
    if (parts[0] == "in") {
      job.inputs.push_back(parse_place(parts));
    } else if (parts[0] == "out") {
      job.outputs.push_back(parse_place(parts));
    } else if (setting.size() == 2 && setting[0] == "limit" && parts.size() == 2) {
      for (const Limit l : {Limit::None, Limit::Copy, Limit::Read, Limit::Fma})
        if (bench::name(l) == setting[1]) job.limit = l;
      job.amount = std::stod(parts[1]);
    } else if (setting.size() == 2) {
      const int64_t value = std::stoll(setting[1]);
      if (setting[0] == "threads") job.threads = static_cast<int>(value);
      if (setting[0] == "copies") job.copies = value;
    } else {
      throw std::invalid_argument("a job does not say " + word);
    }
  }
  return job;
}

bool Job::tiny() const {
  int64_t bytes = 0;
  for (const Place& p : inputs) bytes += p.value.bytes();
  return copies == 1 && bytes <= kTinyBytes;
}

int64_t Job::rows() const {
  const Dims& dims = (inputs.empty() ? outputs : inputs)[0].value.dims;
  return dims.empty() ? 1 : dims[0];
}

int64_t Job::columns() const {
  const Dims& dims = (inputs.empty() ? outputs : inputs)[0].value.dims;
  return rows() == 0 ? 0 : count(dims) / rows();
}

SharedFile::SharedFile(int fd, int64_t bytes) : fd_(fd), bytes_(bytes) {
  if (bytes == 0) return;
  void* at = mmap(nullptr, static_cast<size_t>(bytes), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (at == MAP_FAILED) throw std::system_error(errno, std::generic_category(), "shared memory");
  data_ = static_cast<std::byte*>(at);
}

SharedFile SharedFile::create(int64_t bytes) {
  const int fd = memfd_create("lazuli-bench", 0);
  if (fd < 0 || ftruncate(fd, bytes) != 0) throw std::system_error(errno, std::generic_category(), "shared memory");
  return {fd, bytes};
}

SharedFile SharedFile::open(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
  struct stat facts{};
  if (fd < 0 || fstat(fd, &facts) != 0) throw std::system_error(errno, std::generic_category(), path);
  return {fd, facts.st_size};
}

SharedFile::SharedFile(SharedFile&& other) noexcept : fd_(other.fd_), data_(other.data_), bytes_(other.bytes_) {
  other.fd_ = -1;
  other.data_ = nullptr;
}

SharedFile::~SharedFile() {
  if (data_) munmap(data_, static_cast<size_t>(bytes_));
  if (fd_ >= 0) close(fd_);
}

std::string SharedFile::path() const {
  return "/proc/" + std::to_string(getpid()) + "/fd/" + std::to_string(fd_);
}

}  // namespace bench
