// Replays recorded programs and compares their digests.
#pragma once
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

#include "tests/views/program.h"

namespace lazuli::view_programs {

/// Digests by seed, from 0; see scripts/record-view-programs.py.
inline std::vector<uint64_t> recorded() {
  std::ifstream in(LAZULI_SOURCE_DIR "/tests/data/view_programs.txt");
  std::vector<uint64_t> digests;
  for (std::string line; std::getline(in, line);)
    if (!line.empty() && line[0] != '#') digests.push_back(std::strtoull(line.c_str(), nullptr, 16));
  return digests;
}

/// The programs first, first + step ...: every `compiled`-th with kernels, the others interpreted.
inline void replay(size_t first, size_t step, size_t compiled) {
  const std::vector<uint64_t> digests = recorded();
  ASSERT_GE(digests.size(), 10000u);
  size_t failures = 0;
  for (size_t seed = first; seed < digests.size() && failures < 5; seed += step) {
    const Program p = generate(seed);
    const bool interpret = (seed / step) % compiled != 0;
    const Outcome got = run(p, interpret);
    if (got.error.empty() && got.digest == digests[seed]) continue;
    ++failures;
    ADD_FAILURE() << "program of seed " << seed << (interpret ? ", interpreted: " : ", compiled: ")
                  << (got.error.empty() ? "another result than NumPy's" : got.error) << "\n"
                  << p.text();
  }
}

}  // namespace lazuli::view_programs
