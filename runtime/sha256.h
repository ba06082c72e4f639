// SHA-256 (FIPS 180-4), for files whose contents are run.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace lazuli::runtime {

std::array<uint8_t, 32> sha256(std::string_view bytes);
/// In hexadecimal digits.
std::string sha256_hex(std::string_view bytes);

}  // namespace lazuli::runtime
