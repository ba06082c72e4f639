// Device names: "cpu", "cuda", "cuda:N".
#include "lazuli/base/device.h"

#include <charconv>

namespace lazuli {

Device::Device(std::string_view text, Location loc) {
  if (text == "cpu") return;
  constexpr std::string_view kPrefix = "cuda";
  if (text.starts_with(kPrefix)) {
    const std::string_view rest = text.substr(kPrefix.size());
    int number = 0;
    bool valid = rest.empty();
    if (rest.size() > 1 && rest[0] == ':' && rest[1] != '-') {
      const auto [end, code] = std::from_chars(rest.data() + 1, rest.data() + rest.size(), number);
      valid = code == std::errc() && end == rest.data() + rest.size() && number <= 127;
    }
    if (valid) {
      kind_ = DeviceKind::CUDA;
      index_ = static_cast<int8_t>(number);
      return;
    }
  }
  throw Error(ErrorKind::Value, "device \"" + std::string(text) + "\" is not known",
              "write \"cpu\", \"cuda\" or \"cuda:N\" with N from 0 to 127", loc);
}

std::string Device::str() const {
  return is_cpu() ? "cpu" : "cuda:" + std::to_string(index_);
}

}  // namespace lazuli
