// lazuli-view-programs FIRST COUNT: the texts of programs, for scripts/record-view-programs.py.
// lazuli-view-programs --show SEED: a program with the values of all variables after every statement.
#include <cstdio>
#include <cstdlib>

#include "tests/views/program.h"

int main(int argc, char** argv) {
  if (argc != 3) return std::fprintf(stderr, "usage: %s FIRST COUNT | --show SEED\n", argv[0]), 2;
  if (std::string(argv[1]) == "--show") {
    lazuli::view_programs::show(lazuli::view_programs::generate(std::strtoull(argv[2], nullptr, 10)));
    return 0;
  }
  const uint64_t first = std::strtoull(argv[1], nullptr, 10), count = std::strtoull(argv[2], nullptr, 10);
  for (uint64_t seed = first; seed < first + count; ++seed)
    std::printf("program %llu\n%s", static_cast<unsigned long long>(seed),
                lazuli::view_programs::generate(seed).text().c_str());
}
