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
  /// What every lane of this warp passes in the same call. All of them go on when all have called meet().
  void (*share)(unsigned long long bits, unsigned long long* all, int line);
  void (*meet)(int line);
  /// 16 bytes to shared memory, of which the first `bytes` are copied and the others 0: done when the thread waits for
  /// them, no earlier.
  void (*copy_async)(void* to, const void* from, unsigned bytes);
  void (*copy_commit)();
  void (*copy_wait)(unsigned groups);
  /// Ends the launch.
  void (*fail)(const char* what);
};
