// Handwritten digits: reading them, holding a fifth out, and the distances between two sets of them.
#pragma once
#include <lazuli/lazuli.h>
#include <zlib.h>

#include <cstdint>
#include <memory>
#include <random>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace examples {

inline constexpr int64_t kPixels = 64;  // 8x8, each 0..16

struct Digits {
  std::vector<float> pixels;  // rows of kPixels
  std::vector<int> labels;

  int64_t size() const { return static_cast<int64_t>(labels.size()); }
  void add(const float* row, int label) {
    pixels.insert(pixels.end(), row, row + kPixels);
    labels.push_back(label);
  }
  lazuli::Tensor tensor() const { return lazuli::from_host(pixels.data(), {size(), kPixels}, lazuli::kFloat32); }
};

/// Reads a compressed text file: a row per line, kPixels numbers 0..16 and a label 0..9 between commas.
inline Digits read_digits(const std::string& path) {
  const std::unique_ptr<gzFile_s, int (*)(gzFile)> file(gzopen(path.c_str(), "rb"), gzclose);
  if (!file) throw std::runtime_error("cannot open " + path);
  std::string text;
  char block[1 << 14];
  int count = 0;
  while ((count = gzread(file.get(), block, sizeof block)) > 0) text.append(block, static_cast<size_t>(count));
  // A file that stops early reads as its beginning; only zlib's state tells.
  int status = Z_OK;
  const char* reason = gzerror(file.get(), &status);
  if (count < 0 || (status != Z_OK && status != Z_STREAM_END)) throw std::runtime_error(path + ": " + reason);

  Digits digits;
  float row[kPixels + 1];
  int column = 0, number = -1;
  int64_t line = 1;
  const auto refuse = [&](const char* why) {
    throw std::runtime_error(path + ", line " + std::to_string(line) + ": " + why);
  };
  const auto end_number = [&] {
    if (number < 0) refuse("a number is missing");
    if (column > kPixels) refuse("more than 65 numbers");
    if (number > (column == kPixels ? 9 : 16)) refuse("a number is out of range");
    row[column++] = static_cast<float>(number);
    number = -1;
  };
  if (!text.empty() && text.back() != '\n') text += '\n';
  for (const char c : text) {
    if (c >= '0' && c <= '9') {
      number = (number < 0 ? 0 : number) * 10 + (c - '0');
      if (number > 99) refuse("a number is out of range");
    } else if (c == ',') {
      end_number();
    } else if (c == '\n') {
      end_number();
      if (column != kPixels + 1) refuse("fewer than 65 numbers");
      digits.add(row, static_cast<int>(row[kPixels]));
      column = 0;
      ++line;
    } else {
      refuse("neither a digit nor a comma");
    }
  }
  return digits;
}

/// {a fifth by a fixed shuffle, the others}.
inline std::pair<Digits, Digits> hold_out_fifth(const Digits& all, uint32_t seed) {
  std::vector<int64_t> order(static_cast<size_t>(all.size()));
  for (size_t i = 0; i < order.size(); ++i) order[i] = static_cast<int64_t>(i);
  std::mt19937 random(seed);  // std::shuffle may differ between libraries, these lines do not
  for (size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[random() % i]);
  const size_t held_out = (order.size() + 4) / 5;
  std::pair<Digits, Digits> parts;
  for (size_t i = 0; i < order.size(); ++i) {
    const int64_t row = order[i];
    (i < held_out ? parts.first : parts.second).add(&all.pixels[row * kPixels], all.labels[row]);
  }
  return parts;
}

/// Squared distance of every row of a to every row of b. The differences are an a x b x 64 array in name only: they are
/// formed inside the kernel that sums their squares.
inline lazuli::Tensor squared_distances(const lazuli::Tensor& a, const lazuli::Tensor& b) {
  return (a.unsqueeze(1) - b.unsqueeze(0)).pow(2).sum(2);
}

}  // namespace examples
