#include "tools/cuda_emulator/engine.h"

#include <cmath>
#include <cstring>

namespace emulator {
namespace {

constexpr uint64_t kStarted = 0x6574726174733a62u;  // stands where a barrier is
constexpr uint32_t kPoison = 0xffffffffu;
constexpr size_t kSwizzled = 1024;  // bytes after which the pattern of exchanged pieces repeats
constexpr int64_t kMostBytes = (int64_t{1} << 20) - 1;

/// As the engine and the matrix units exchange pieces of 16 bytes among eight rows of 128.
size_t exchanged(size_t place) {
  return place ^ (place >> 7 & 7) << 4;
}

}  // namespace

CopyEngine::Phase* CopyEngine::find(const uint64_t* barrier) {
  const auto it = phases_.find(barrier);
  return it == phases_.end() || *barrier != kStarted ? nullptr : &it->second;
}

void CopyEngine::next(Phase& p) {
  if (p.pending != 0 || p.bytes != 0) return;
  p.pending = p.arrivals;
  p.bit ^= 1;
}

std::string CopyEngine::start_phase(uint64_t* barrier, unsigned arrivals) {
  if (reinterpret_cast<uintptr_t>(barrier) % 8 != 0) return "a misaligned barrier";
  *barrier = kStarted;
  phases_[barrier] = {arrivals, arrivals, 0, 0, false};
  return {};
}

void CopyEngine::phases_started() {
  for (auto& [barrier, p] : phases_) p.seen_by_engine = true;
}

std::string CopyEngine::arrive(uint64_t* barrier, unsigned bytes) {
  Phase* const p = find(barrier);
  if (!p) return "an arrival at a barrier that was not started, or was overwritten";
  if (p->pending == 0) return "more arrivals than a barrier counts";
  p->bytes += bytes;
  if (p->bytes > kMostBytes) return "a barrier waits for more bytes than it counts";
  --p->pending;
  next(*p);
  return {};
}

std::string CopyEngine::is_over(uint64_t* barrier, unsigned bit, bool* over) const {
  const auto it = phases_.find(barrier);
  if (it == phases_.end() || *barrier != kStarted)
    return "a thread waits at a barrier that was not started, or was overwritten";
  *over = it->second.bit != bit;
  return {};
}

std::string CopyEngine::copy(unsigned char* to, const void* map, uint64_t* barrier, const int at[3]) {
  Box b{.to = to, .map = {}, .barrier = barrier, .at = {at[0], at[1], at[2]}};
  if (reinterpret_cast<uintptr_t>(map) % 64 != 0) return "a misaligned tensor map";
  std::memcpy(&b.map, map, sizeof b.map);
  if (b.map.magic != BoxMap::kMagic) return "a copy of a box without a tensor map";
  if (static_cast<size_t>(to - shared_) % kSwizzled != 0) return "a box at a place that is no multiple of 1024";
  const Phase* const p = find(barrier);
  if (!p || !p->seen_by_engine) return "a copy of a box with a barrier that the engine has not seen start";
  std::memset(to, 0xff, size_t{b.map.box[0]} * b.map.box[1] * b.map.box[2] * b.map.element_bytes);
  pending_.push_back(b);
  return {};
}

std::string CopyEngine::run(size_t which) {
  const auto it = pending_.begin() + static_cast<std::ptrdiff_t>(which % pending_.size());
  const Box b = *it;
  pending_.erase(it);
  const BoxMap& m = b.map;
  const size_t row_bytes = size_t{m.box[0]} * m.element_bytes;
  const auto* const from = reinterpret_cast<const unsigned char*>(m.address);
  const auto first = static_cast<size_t>(b.to - shared_);
  for (uint32_t z = 0; z < m.box[2]; ++z)
    for (uint32_t y = 0; y < m.box[1]; ++y)
      for (uint32_t x = 0; x < m.box[0]; ++x) {
        const int64_t place[3] = {int64_t{b.at[0]} + x, int64_t{b.at[1]} + y, int64_t{b.at[2]} + z};
        bool there = true;
        for (int d = 0; d < 3; ++d) there &= place[d] >= 0 && static_cast<uint64_t>(place[d]) < m.extents[d];
        const size_t plain = first + (size_t{z} * m.box[1] + y) * row_bytes + size_t{x} * m.element_bytes;
        unsigned char* const to = shared_ + (m.swizzle == 3 ? exchanged(plain) : plain);
        if (there)
          std::memcpy(to,
                      from + static_cast<uint64_t>(place[2]) * m.strides[1] +
                          static_cast<uint64_t>(place[1]) * m.strides[0] +
                          static_cast<uint64_t>(place[0]) * m.element_bytes,
                      m.element_bytes);
        else
          std::memset(to, 0, m.element_bytes);
      }
  Phase* const p = find(b.barrier);
  if (!p) return "the barrier of a box was overwritten";
  p->bytes -= static_cast<int64_t>(row_bytes) * m.box[1] * m.box[2];
  if (p->bytes < -kMostBytes) return "a barrier got more bytes than it counts";
  next(*p);
  return {};
}

namespace {

/// An operand in shared memory, as its descriptor says.
struct Matrix {
  size_t start, boxes, eights;  // bytes
  bool turned;

  static std::string read(unsigned long long bits, bool turned, Matrix* m) {
    *m = {(bits & 0x3fff) << 4, (bits >> 16 & 0x3fff) << 4, (bits >> 32 & 0x3fff) << 4, turned};
    if (bits >> 62 != 1) return "matrices in a layout that is not of 128 bytes";
    if ((bits >> 49 & 7) != 0) return "matrices with an offset of their pattern";
    return {};
  }
  size_t place(unsigned row, unsigned k, unsigned bytes) const {
    const size_t at = turned ? start + row / 64 * boxes + k / 8 * eights + k % 8 * 128 + row % 64 * bytes
                             : start + row / 8 * eights + row % 8 * 128 + k * bytes;
    return exchanged(at);
  }
};

double number(const unsigned char* p, int type) {
  if (type == lzemu_tf32) {
    uint32_t bits;
    std::memcpy(&bits, p, 4);
    bits &= 0xffffe000u;  // what the units read of it
    float f;
    std::memcpy(&f, &bits, 4);
    return f;
  }
  uint16_t bits;
  std::memcpy(&bits, p, 2);
  if (type == lzemu_f16) {
    _Float16 h;
    std::memcpy(&h, &bits, 2);
    return static_cast<double>(h);
  }
  const uint32_t wide = uint32_t{bits} << 16;
  float f;
  std::memcpy(&f, &wide, 4);
  return f;
}

/// A sum and products that are added at once, cut off: see docs/numerics.md.
float add_at_once(float to, const double* a, const double* b, unsigned n) {
  double sum = to;
  for (unsigned k = 0; k < n; ++k) sum += a[k] * b[k];
  auto f = static_cast<float>(sum);
  if (std::fabs(static_cast<double>(f)) > std::fabs(sum) && std::fabs(sum) < 1e300) f = std::nextafterf(f, 0);
  return f;
}

std::string execute(const lzemu_product& p, uint32_t* sums, const unsigned char* shared, unsigned thread) {
  Matrix left, right;
  if (std::string wrong = Matrix::read(p.left, p.left_turned, &left); !wrong.empty()) return wrong;
  if (std::string wrong = Matrix::read(p.right, p.right_turned, &right); !wrong.empty()) return wrong;
  const unsigned bytes = p.type == lzemu_i8 ? 1 : p.type == lzemu_tf32 ? 4 : 2, depth = 32 / bytes;
  if (bytes != 2 && (p.left_turned || p.right_turned)) return "turned matrices of elements that are not of two bytes";
  const unsigned row = thread % 128 / 32 * 16 + thread % 32 / 4, column = thread % 4 * 2;
  double a[2][16], b[16];
  signed char c[2][32], d[32];
  for (unsigned half = 0; half < 2; ++half)
    for (unsigned k = 0; k < depth; ++k) {
      const unsigned char* const at = shared + left.place(row + half * 8, k, bytes);
      if (bytes == 1)
        c[half][k] = static_cast<signed char>(*at);
      else
        a[half][k] = number(at, p.type);
    }
  for (unsigned i = 0; i < p.columns / 8; ++i)
    for (unsigned n = 0; n < 2; ++n) {
      for (unsigned k = 0; k < depth; ++k) {
        const unsigned char* const at = shared + right.place(i * 8 + column + n, k, bytes);
        if (bytes == 1)
          d[k] = static_cast<signed char>(*at);
        else
          b[k] = number(at, p.type);
      }
      for (unsigned half = 0; half < 2; ++half) {
        uint32_t& sum = sums[i * 4 + half * 2 + n];
        if (bytes == 1) {
          for (unsigned k = 0; k < depth; ++k) sum += static_cast<uint32_t>(c[half][k] * d[k]);
          continue;
        }
        float f;
        std::memcpy(&f, &sum, 4);
        for (unsigned k = 0; k < depth; k += 8) f = add_at_once(f, a[half] + k, b + k, 8);
        std::memcpy(&sum, &f, 4);
      }
    }
  return {};
}

}  // namespace

std::string MatrixUnit::multiply(const lzemu_product& p) {
  auto* const sums = static_cast<uint32_t*>(p.sums);
  Chain& chain = chains_[sums];
  if (chain.pending++ == 0) {
    if (!fenced_) return "sums that threads have written are multiplied without a fence";
    chain.sums.assign(sums, sums + p.columns / 2);
    std::fill_n(sums, p.columns / 2, kPoison);
  }
  group_.push_back(p);
  return {};
}

void MatrixUnit::commit() {
  groups_.push_back(std::move(group_));
  group_.clear();
}

std::string MatrixUnit::wait(unsigned groups, const unsigned char* shared, unsigned thread) {
  fenced_ = false;
  for (; groups_.size() > groups; groups_.pop_front())
    for (const lzemu_product& p : groups_.front()) {
      auto* const sums = static_cast<uint32_t*>(p.sums);
      Chain& chain = chains_.at(sums);
      if (std::string wrong = execute(p, chain.sums.data(), shared, thread); !wrong.empty()) return wrong;
      if (--chain.pending > 0) continue;
      for (unsigned n = 0; n < p.columns / 2; ++n)
        if (sums[n] != kPoison) return "sums were written while they were multiplied";
      std::memcpy(sums, chain.sums.data(), chain.sums.size() * 4);
      chains_.erase(sums);
    }
  return {};
}

}  // namespace emulator
