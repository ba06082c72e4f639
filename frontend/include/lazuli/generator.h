// Streams of random numbers (lazuli/random.h).
#pragma once
#include <cstdint>
#include <memory>
#include <optional>

namespace lazuli {

/// A stream of random numbers. Copies share it. Thread-safe.
class Generator {
 public:
  explicit Generator(uint64_t seed = 0);
  /// Begins the stream of this seed anew.
  void manual_seed(uint64_t seed);
  uint64_t seed() const;
  /// The same by PyTorch's names.
  uint64_t current_seed() const { return seed(); }
  void set_current_seed(uint64_t seed) { manual_seed(seed); }
  /// How many blocks of the stream have been handed out.
  uint64_t position() const;
  void set_position(uint64_t position);

  struct Ticket {
    uint64_t seed, position;
  };
  /// Takes `blocks` positions.
  Ticket take(uint64_t blocks);
  /// Whether this thread traces a function that must draw anew at every call.
  bool is_recorded() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

/// The stream of calls that name no generator.
Generator& default_generator();
void manual_seed(uint64_t seed);

/// A stream of its own.
inline Generator make_generator(uint64_t seed = 0) {
  return Generator(seed);
}

using OptionalGenerator = std::optional<Generator>;

}  // namespace lazuli
