// What kernels and the stand-in for the driver share.
#pragma once

struct lzemu_index {
  unsigned x, y, z;
};
/// Of the CUDA thread that runs.
struct lzemu_state {
  lzemu_index thread, block, block_size, grid;
  unsigned char* shared;
};
struct lzemu_api {
  lzemu_state* state;
  void (*barrier)(int line);
  /// The value that `lane` of this warp passes in the same call.
  unsigned long long (*exchange)(unsigned long long bits, unsigned lane, int line);
};
