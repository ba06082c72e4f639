// The parts of an emulated sm_90a that work beside its threads: the copy engine with the barriers that count its bytes,
// and the matrix units. Both do their work as late as they may, and what they write is poisoned until then, so that a
// missing wait shows.
#pragma once
#include <cstdint>
#include <deque>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "tools/cuda_emulator/kernel_state.h"

namespace emulator {

/// What cuTensorMapEncodeTiled writes; a real one is opaque.
struct BoxMap {
  static constexpr uint64_t kMagic = 0x70616d2d786f622eu;
  uint64_t magic, address;
  uint64_t extents[3], strides[2];  // elements, bytes
  uint32_t box[3], element_bytes, swizzle;
  uint32_t padding[13];
};
static_assert(sizeof(BoxMap) == 128);

/// Functions return what is wrong, or nothing.
class CopyEngine {
 public:
  void start(unsigned char* shared) {
    shared_ = shared;
    phases_.clear();
    pending_.clear();
  }
  std::string start_phase(uint64_t* barrier, unsigned arrivals);
  void phases_started();
  std::string arrive(uint64_t* barrier, unsigned bytes);
  std::string is_over(uint64_t* barrier, unsigned bit, bool* over) const;
  std::string copy(unsigned char* to, const void* map, uint64_t* barrier, const int at[3]);
  bool has_work() const { return !pending_.empty(); }
  /// Copies a box that waits, `which` of them.
  std::string run(size_t which);

 private:
  struct Phase {
    unsigned arrivals, pending;
    int64_t bytes;
    unsigned bit;
    bool seen_by_engine;
  };
  struct Box {
    unsigned char* to;
    BoxMap map;
    uint64_t* barrier;
    int at[3];
  };
  Phase* find(const uint64_t* barrier);
  static void next(Phase& p);
  unsigned char* shared_ = nullptr;
  std::map<const uint64_t*, Phase> phases_;
  std::deque<Box> pending_;
};

/// What one thread has the matrix units do.
class MatrixUnit {
 public:
  void fence() { fenced_ = true; }
  std::string multiply(const lzemu_product& p);
  void commit();
  /// Until so many groups are left.
  std::string wait(unsigned groups, const unsigned char* shared, unsigned thread);
  bool is_idle() const { return chains_.empty(); }

 private:
  struct Chain {
    std::vector<uint32_t> sums;
    unsigned pending = 0;
  };
  std::vector<lzemu_product> group_;               // not committed
  std::deque<std::vector<lzemu_product>> groups_;  // not waited for
  std::map<uint32_t*, Chain> chains_;              // by where the sums are
  bool fenced_ = false;
};

}  // namespace emulator
