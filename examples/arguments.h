// The command line of an example: --help, --name=value and --name, and one place where errors become a message.
#pragma once
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>

namespace examples {

/// A mistake on the command line: the message, then how to ask for help, status 2.
struct UsageError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

class Arguments {
 public:
  /// `defaults` holds every option that exists and what it is when not given.
  Arguments(int argc, char** argv, std::map<std::string, std::string, std::less<>> defaults)
      : values_(std::move(defaults)) {
    for (int i = 1; i < argc; ++i) {
      const std::string_view arg = argv[i];
      if (arg == "--help" || arg == "-h") {
        help_ = true;
        continue;
      }
      const size_t equals = arg.find('=');
      if (!arg.starts_with("--") || equals == std::string_view::npos)
        throw UsageError("unknown argument " + std::string(arg));
      const auto it = values_.find(arg.substr(2, equals - 2));
      if (it == values_.end()) throw UsageError("unknown option " + std::string(arg.substr(0, equals)));
      it->second = arg.substr(equals + 1);
    }
  }

  bool help() const { return help_; }
  const std::string& text(std::string_view name) const { return values_.find(name)->second; }

  /// A whole number in [least, most].
  int64_t number(std::string_view name, int64_t least, int64_t most) const {
    const std::string& value = text(name);
    int64_t n = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), n);
    if (error != std::errc() || end != value.data() + value.size() || n < least || n > most)
      throw UsageError("--" + std::string(name) + " takes a whole number from " + std::to_string(least) + " to " +
                       std::to_string(most) + ", not \"" + value + "\"");
    return n;
  }

 private:
  std::map<std::string, std::string, std::less<>> values_;
  bool help_ = false;
};

/// Runs the example; what it throws becomes a message and a status.
template <class Body>
int run(const char* program, Body body) {
  try {
    return body();
  } catch (const UsageError& e) {
    std::fprintf(stderr, "%s: %s\ntry %s --help\n", program, e.what(), program);
    return 2;
  } catch (const std::exception& e) {
    std::fprintf(stderr, "%s: %s\n", program, e.what());
    return 1;
  }
}

}  // namespace examples
