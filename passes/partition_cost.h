// What a partition costs on a machine, as a model: plain numbers and one formula, so that partitions can be compared
// without running them. explain() prints it, and tests search all partitions of small graphs for a cheaper one.
//
// A kernel takes a launch and then the longer one of two times: that of its memory and that of its work, which overlap.
//   Memory: every buffer once, at the speed of what holds it: a value of at most `cached_bytes` is still in a cache
//     when its reader runs. Rows that are longer than that, or not consecutive, are read again to store their elements.
//   Work: primitives times elements times their size, at the speed of full vectors. A node is evaluated once per
//     combination of the loop variables that its index depends on; one that is needed at two indices, or by two
//     kernels, counts twice. A product of a contraction counts as a primitive, and an operand's element as evaluated
//     once, or once per row of the other operand where the contraction is one of vectors.
//     Where rows are not consecutive in memory, what is both reduced and stored is evaluated twice.
// Left out: strided access and several threads.
#pragma once
#include <string>

#include "ir/region.h"

namespace lazuli::passes {

/// A machine, per thread. The defaults are a core of a Zen 4 server.
struct MachineCosts {
  double launch_ns = 1000;           // a kernel's share of binding, launching and waking threads
  double memory_bytes_per_ns = 28;   // from and to memory
  double cache_bytes_per_ns = 80;    // of the second level
  double vector_bytes_per_ns = 320;  // of results of primitives
  int64_t cached_bytes = 512 << 10;
};

struct Cost {
  int64_t launches = 0;
  int64_t bytes = 0;  // moved
  double work = 0;    // primitives, each per element
  double ns = 0;      // by the formula
  Cost& operator+=(const Cost& o);
};

Cost region_cost(const ir::Region& region, const MachineCosts& machine = {});
Cost partition_cost(const ir::Partition& p, const MachineCosts& machine = {});

/// Time to store a value of so many bytes, or to read it.
double transfer_ns(int64_t bytes, const MachineCosts& machine = {});

}  // namespace lazuli::passes
