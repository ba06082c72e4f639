// Random programs of views and in-place writes. A program is text, one statement per line; its meaning is written down
// twice: here with Lazuli, and in scripts/record-view-programs.py with NumPy, which records what every program gives.
//
//   v0 = new f32 2,3 7      elements made of the seed 7      v4 = cast v0 i16, clone, flip, cat, gt, sum, add v0 v1 ...
//   v1 = slice v0 0 1 3 2   and every other view             unsqueeze_ v1 0, squeeze_, t_, transpose_, as_strided_
//   fill v1 2               iadd v1 v0, iadds v1 2, copy, mfill, put, add_out: writes, in place
//   refuse v1               a write to it is refused         print v1: a part of the result; eval, escape, drop
//
// Shapes are numbers with commas, "-" is a scalar's. Numbers are halves: 3 is 1.5 for floats, and 3 for integers.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace lazuli::view_programs {

struct Program {
  uint64_t seed = 0;
  std::vector<std::string> lines;
  std::string text() const;
};

/// The program of a seed: the same on every machine.
Program generate(uint64_t seed);

struct Outcome {
  uint64_t digest = 0;  // of all that it prints, and of the variables that are left at the end
  std::string error;    // what went wrong before that
};
/// `interpret`: no kernels.
Outcome run(const Program& p, bool interpret);

/// Runs it, interpreted, and prints every variable after every statement, as the script does with --show.
void show(const Program& p);

/// 64 bits of an array: dtype and shape, and every element with its place. All NaNs are one.
uint64_t mixed(uint64_t x);

}  // namespace lazuli::view_programs
