// Runs a kernel by the interpreter and by machine code at every width, and compares every byte of every buffer.
#pragma once
#include <gtest/gtest.h>

#include "codegen/kernel_types.h"
#include "widths.h"

namespace lazuli::codegen {

struct Launch {
  std::vector<std::vector<char>> buffers;  // one per kernel buffer; a Scratch buffer's contents are not compared
  std::vector<int64_t> sizes;
  std::vector<uint64_t> scalars;

  /// Runs all phases over `tasks` tasks each; returns the first status that is not 0.
  template <class RunPhase>
  int32_t run(const Kernel& k, RunPhase run_phase) {
    std::vector<void*> pointers, scratch;
    for (size_t n = 0; n < buffers.size(); ++n) {
      pointers.push_back(buffers[n].data());
      if (k.buffers[n].role == Role::Scratch) scratch.push_back(buffers[n].data());
    }
    const LaunchArgs args{pointers.data(), sizes.data(), scalars.data()};
    int32_t status = 0;
    for (size_t p = 0; p < k.phases.size(); ++p)
      if (const int32_t s = run_phase(p, args, scratch.data()); !status) status = s;
    return status;
  }
};

/// Returns the interpreter's launch after the run, and its status through `status`.
inline Launch run_both(const Kernel& k, const Launch& start, int64_t tasks, int32_t* status = nullptr) {
  std::vector<int64_t> extents;
  for (size_t n = 0; n < start.buffers.size(); ++n)
    extents.push_back(static_cast<int64_t>(start.buffers[n].size() / itemsize(k.buffers[n].dtype)));
  Launch reference = start;
  const int32_t expected = reference.run(k, [&](size_t p, const LaunchArgs& a, void* const* scratch) {
    return interpret_phase(k, p, a, 0, tasks, scratch, &extents);
  });
  if (status) *status = expected;
  for (const auto& jit : jits_of_all_widths()) {
    const auto code = jit->compile(k);
    Launch mine = start;
    const int32_t got = mine.run(
        k, [&](size_t p, const LaunchArgs& a, void* const* scratch) { return code->phases[p](&a, 0, tasks, scratch); });
    EXPECT_EQ(got != 0, expected != 0) << "status at " << jit->target().vector_bits << " bits";
    for (size_t n = 0; n < mine.buffers.size(); ++n)
      if (k.buffers[n].role != Role::Scratch) {
        EXPECT_EQ(mine.buffers[n], reference.buffers[n])
            << "buffer " << n << " of " << k.name << " at " << jit->target().vector_bits << " bits";
      }
  }
  return reference;
}

/// Bytes that count up, so that every element differs; bools are 0 and 1.
inline std::vector<char> pattern(DType t, size_t elements, unsigned seed = 1) {
  std::vector<char> bytes(elements * itemsize(t));
  for (size_t i = 0; i < bytes.size(); ++i)
    bytes[i] = static_cast<char>(is_bool(t) ? (i * 7 + seed) % 3 == 0 : (i * 31 + seed * 17) % 101);
  return bytes;
}

template <class T>
std::vector<char> bytes_of(const std::vector<T>& values) {
  const char* p = reinterpret_cast<const char*>(values.data());
  return {p, p + values.size() * sizeof(T)};
}
template <class T>
std::vector<T> values_of(const std::vector<char>& bytes) {
  const T* p = reinterpret_cast<const T*>(bytes.data());
  return {p, p + bytes.size() / sizeof(T)};
}

}  // namespace lazuli::codegen
