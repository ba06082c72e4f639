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
/// A product that the matrix units of sm_90a add to a thread's sums.
enum { lzemu_f16, lzemu_bf16, lzemu_tf32, lzemu_i8 };
struct lzemu_product {
  void* sums;
  unsigned long long left, right;  // descriptors
  unsigned columns;
  int type;
  bool left_turned, right_turned;
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
  /// Barriers that count phases, arrivals and bytes; boxes that the copy engine brings.
  void (*phase_start)(unsigned long long* barrier, unsigned arrivals);
  void (*phases_started)();
  void (*phase_arrive)(unsigned long long* barrier, unsigned bytes);
  void (*phase_wait)(unsigned long long* barrier, unsigned bit, int line);
  void (*copy_box)(unsigned char* to, const void* map, unsigned long long* barrier, const int* at);
  /// Matrix units that work beside the threads.
  void (*multiply_fence)();
  void (*multiply)(const lzemu_product* product, int line);
  void (*multiply_commit)();
  void (*multiply_wait)(unsigned groups, int line);
  /// Ends the launch.
  void (*fail)(const char* what);
};
