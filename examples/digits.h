// Handwritten digits: reading them, holding a fifth out, drawing them, and the distances between two sets of them.
#pragma once
#include <lazuli/lazuli.h>
#include <zlib.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <random>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "shuffle.h"

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
  std::mt19937 random(seed);
  const std::vector<int64_t> order = shuffled(all.size(), random);
  const size_t held_out = (order.size() + 4) / 5;
  std::pair<Digits, Digits> parts;
  for (size_t i = 0; i < order.size(); ++i) {
    const int64_t row = order[i];
    (i < held_out ? parts.first : parts.second).add(&all.pixels[row * kPixels], all.labels[row]);
  }
  return parts;
}

/// Digits side by side, with what was said of each below.
inline void draw(const Digits& digits, const std::vector<int64_t>& rows, const std::vector<int>& predicted) {
  constexpr char kShades[] = " .:-=+*#%";
  for (int y = 0; y < 8; ++y) {
    for (const int64_t row : rows) {
      for (int x = 0; x < 8; ++x) {
        const int value = static_cast<int>(digits.pixels[row * kPixels + y * 8 + x]);
        const char c = kShades[value / 2];
        std::printf("%c%c", c, c);
      }
      std::printf("  ");
    }
    std::printf("\n");
  }
  for (const int64_t row : rows) {
    const bool right = predicted[row] == digits.labels[row];
    const std::string text = right ? "it is a " + std::to_string(predicted[row])
                                   : std::to_string(predicted[row]) + "? no, " + std::to_string(digits.labels[row]);
    std::printf("%-16s  ", text.c_str());
  }
  std::printf("\n\n");
}

/// The first test digits, and some that were mistaken.
inline void draw_predictions(const Digits& test, const std::vector<int>& predicted, int64_t pictures) {
  std::vector<int64_t> wrong;
  for (int64_t row = 0; row < test.size(); ++row)
    if (predicted[row] != test.labels[row]) wrong.push_back(row);
  pictures = std::min(pictures, test.size());
  for (int64_t first = 0; first < pictures; first += 6) {
    std::vector<int64_t> rows;
    for (int64_t row = first; row < std::min(first + 6, pictures); ++row) rows.push_back(row);
    draw(test, rows, predicted);
  }
  if (pictures > 0 && !wrong.empty()) {
    std::printf("mistaken, among others:\n");
    draw(test, {wrong.begin(), wrong.begin() + std::min<std::ptrdiff_t>(6, std::ssize(wrong))}, predicted);
  }
}

inline double accuracy(const std::vector<int>& predicted, const Digits& digits) {
  int64_t right = 0;
  for (size_t i = 0; i < predicted.size(); ++i) right += predicted[i] == digits.labels[i];
  return static_cast<double>(right) / static_cast<double>(predicted.size());
}

/// Squared distance of every row of a to every row of b. The differences are an a x b x 64 array in name only: they are
/// formed inside the kernel that sums their squares.
inline lazuli::Tensor squared_distances(const lazuli::Tensor& a, const lazuli::Tensor& b) {
  return (a.unsqueeze(1) - b.unsqueeze(0)).pow(2).sum(2);
}

}  // namespace examples
