// What rules, gradients and expansions of windowed ops share.
#pragma once
#include "ir/node.h"

namespace lazuli::ir {

/// How far a window reaches.
inline int64_t window_reach(int64_t size, int64_t dilation) {
  return (size - 1) * dilation + 1;
}
/// How many windows an axis holds.
inline int64_t window_count(int64_t extent, int64_t size, int64_t step, int64_t dilation) {
  return (extent - window_reach(size, dilation)) / step + 1;
}
inline WindowAttr window_attr(WindowDims dims) {
  return {std::make_shared<const WindowDims>(std::move(dims))};
}

}  // namespace lazuli::ir
