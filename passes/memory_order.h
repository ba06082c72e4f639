// In which order regions run, when memory is all that matters. Gradients are why it does: the values of a forward pass
// and what arrives from behind are needed together once, and an order that computes all of one kind first keeps every
// one of them; and what a checkpoint computes again must not be computed before it is needed.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

namespace lazuli::passes {

/// A value that one region stores and others read.
struct StoredValue {
  uint32_t region;
  std::span<const uint32_t> readers;  // ascending
  int64_t bytes;                      // of the arena: 0 where it has memory of its own anyway
};

/// The regions in an order that respects the values: the given one (0, 1, 2 ...), which must do so, or one that needs
/// noticeably less memory at its peak. Near-linear.
std::vector<uint32_t> memory_order(uint32_t regions, std::span<const StoredValue> values);

/// The order that it weighs the given one against: scheduled from the end.
std::vector<uint32_t> order_from_the_end(uint32_t regions, std::span<const StoredValue> values);

/// Most bytes that are needed at one time, when nothing is computed in place.
int64_t peak_of(std::span<const uint32_t> order, std::span<const StoredValue> values);

}  // namespace lazuli::passes
