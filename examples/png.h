// Writes 8-bit RGB pictures as PNG: one IHDR, one IDAT, one IEND.
#pragma once
#include <zlib.h>

#include <cstdint>
#include <cstdio>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace examples {

/// `rgb` holds height rows of width pixels of 3 bytes.
inline void write_png(const std::string& path, const std::vector<uint8_t>& rgb, uint32_t width, uint32_t height) {
  const auto big_endian = [](uint32_t v) {
    return std::string{static_cast<char>(v >> 24), static_cast<char>(v >> 16), static_cast<char>(v >> 8),
                       static_cast<char>(v)};
  };
  std::string png = "\x89PNG\r\n\x1a\n";
  const auto chunk = [&](std::string_view type, std::string_view body) {
    const std::string checked = std::string(type) + std::string(body);
    const uLong crc =
        crc32(crc32(0, nullptr, 0), reinterpret_cast<const Bytef*>(checked.data()), static_cast<uInt>(checked.size()));
    png += big_endian(static_cast<uint32_t>(body.size())) + checked + big_endian(static_cast<uint32_t>(crc));
  };

  std::vector<uint8_t> rows;  // each row begins with its filter: none
  rows.reserve(rgb.size() + height);
  for (uint32_t y = 0; y < height; ++y) {
    rows.push_back(0);
    const auto row = rgb.begin() + static_cast<std::ptrdiff_t>(y) * width * 3;
    rows.insert(rows.end(), row, row + static_cast<std::ptrdiff_t>(width) * 3);
  }
  uLongf size = compressBound(rows.size());
  std::string packed(size, '\0');
  if (compress2(reinterpret_cast<Bytef*>(packed.data()), &size, rows.data(), rows.size(), 9) != Z_OK)
    throw std::runtime_error(path + ": compression failed");
  packed.resize(size);

  chunk("IHDR", big_endian(width) + big_endian(height) + std::string("\x08\x02\x00\x00\x00", 5));
  chunk("IDAT", packed);
  chunk("IEND", "");

  std::FILE* file = std::fopen(path.c_str(), "wb");
  if (!file) throw std::runtime_error("cannot write " + path);
  const bool written = std::fwrite(png.data(), 1, png.size(), file) == png.size();
  if ((std::fclose(file) != 0) | !written) throw std::runtime_error("cannot write " + path);
}

}  // namespace examples
