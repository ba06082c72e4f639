// Random tensors over the random_bits leaf: Philox4x32-10 by (seed, position, element index).
#include "lazuli/random.h"

#include <fmt/format.h>

#include <cmath>
#include <mutex>

#include "frontend/build.h"
#include "frontend/compile/scope.h"
#include "frontend/promote.h"

namespace lazuli {

struct Generator::State {
  std::mutex mutex;
  uint64_t seed = 0, position = 0;
  const uint64_t trace = TraceScope::current_id();  // the trace that made it: such a stream begins anew at every call
};

namespace {

/// The trace that has to record what happens to a stream from outside of it.
TraceScope* recorder(uint64_t trace) {
  TraceScope* scope = TraceScope::current();
  return scope && trace != TraceScope::current_id() ? scope : nullptr;
}

void refuse_in_trace(uint64_t trace, const char* what) {
  if (recorder(trace))
    throw Error(ErrorKind::Value, fmt::format("{} of a random stream is read inside a compiled function", what),
                "the position of the stream differs from call to call: use rand() and the like");
}

}  // namespace

Generator::Generator(uint64_t seed) : state_(std::make_shared<State>()) {
  state_->seed = seed;
}

void Generator::manual_seed(uint64_t seed) {
  if (TraceScope* scope = recorder(state_->trace)) return scope->record({RandomAction::Kind::Seed, *this, seed});
  const std::lock_guard lock(state_->mutex);
  state_->seed = seed;
  state_->position = 0;
}
uint64_t Generator::seed() const {
  refuse_in_trace(state_->trace, "the seed");
  const std::lock_guard lock(state_->mutex);
  return state_->seed;
}
uint64_t Generator::position() const {
  refuse_in_trace(state_->trace, "the position");
  const std::lock_guard lock(state_->mutex);
  return state_->position;
}
void Generator::set_position(uint64_t position) {
  if (TraceScope* scope = recorder(state_->trace))
    return scope->record({RandomAction::Kind::Position, *this, position});
  const std::lock_guard lock(state_->mutex);
  state_->position = position;
}
Generator::Ticket Generator::take(uint64_t blocks) {
  refuse_in_trace(state_->trace, "the position");
  const std::lock_guard lock(state_->mutex);
  const Ticket t{state_->seed, state_->position};
  state_->position += blocks;
  return t;
}

bool Generator::is_recorded() const {
  return recorder(state_->trace) != nullptr;
}

Generator& default_generator() {
  // Part of the context: made once, never destroyed.
  static Generator* const generator = new Generator(0);
  return *generator;
}
void manual_seed(uint64_t seed) {
  default_generator().manual_seed(seed);
}

namespace {

using ir::NodeRef;
using ir::Op;
using ir::Shape;

constexpr double kTwoPi = 6.283185307179586476925;

/// What one call draws from.
struct Draw {
  Shape shape;
  DType dtype;
  Device device;
  Generator generator;
  const Location& loc;
};

/// `count` words of 32 random bits per element, each int32. The seed and the position are arguments: in no key.
std::vector<NodeRef> words(const Draw& d, int count) {
  Generator generator = d.generator;
  std::vector<NodeRef> numbers;  // the seed, then positions
  if (generator.is_recorded()) {
    numbers = TraceScope::current()->draw(generator, static_cast<uint32_t>(count), d.loc);
  } else {
    const Generator::Ticket ticket = generator.take(static_cast<uint64_t>(count));
    numbers.push_back(argument(static_cast<int64_t>(ticket.seed), kInt64, d.loc));
    for (int i = 0; i < count; ++i)
      numbers.push_back(argument(static_cast<int64_t>(ticket.position + static_cast<uint64_t>(i)), kInt64, d.loc));
  }
  for (NodeRef& n : numbers) n = on_device(n, d.device, d.loc);
  const NodeRef& seed = numbers[0];
  std::vector<NodeRef> out;
  for (int i = 0; i < count; ++i) {
    const NodeRef& position = numbers[static_cast<size_t>(i) + 1];
    ir::NodeSpec spec;
    spec.op = Op::random_bits;
    spec.inputs = {seed.get(), position.get()};
    spec.dtype = kInt32;
    spec.shape = d.shape;
    spec.device = d.device;
    out.push_back(make_node(std::move(spec), d.loc));
  }
  return out;
}

/// The top `bits` bits of a word as a number below 2^bits.
NodeRef top_bits(const Build& b, const NodeRef& word, int bits) {
  const auto integer = [&](int64_t v) { return b.integer(v, word); };
  return b.op(Op::bitwise_and, b.op(Op::bitwise_right_shift, word, integer(32 - bits)),
              integer((int64_t{1} << bits) - 1));
}

int words_per_uniform(DType t) {
  return t == kFloat64 ? 2 : 1;
}

/// Uniform in [0, 1) in float32 or float64: every multiple of 2^-bits is exact.
NodeRef uniform(const Build& b, std::span<const NodeRef> word, DType type, int bits) {
  if (type == kFloat64) {
    const NodeRef high = b.cast(top_bits(b, word[0], 27), kFloat64), low = b.cast(top_bits(b, word[1], 26), kFloat64);
    return b.op(Op::mul, b.op(Op::add, b.op(Op::mul, high, 0x1p26), low), 0x1p-53);
  }
  return b.op(Op::mul, b.cast(top_bits(b, word[0], bits), kFloat32), std::ldexp(1.0, -bits));
}

Tensor make_rand(const Draw& d) {
  const Build b(d.loc);
  const int bits = d.dtype == kFloat16 ? 11 : d.dtype == kBFloat16 ? 8 : 24;
  const std::vector<NodeRef> w = words(d, words_per_uniform(d.dtype));
  return wrap(b.cast(uniform(b, w, d.dtype == kFloat64 ? kFloat64 : kFloat32, bits), d.dtype), d.loc);
}

/// Box and Muller, A Note on the Generation of Random Normal Deviates (1958): the cosine half.
Tensor make_randn(const Draw& d) {
  const Build b(d.loc);
  const DType type = d.dtype == kFloat64 ? kFloat64 : kFloat32;
  const int each = words_per_uniform(type);
  const std::vector<NodeRef> w = words(d, 2 * each);
  const std::span<const NodeRef> all = w;
  // 1 - u lies in (0, 1], where the logarithm is finite.
  const NodeRef u = b.op(Op::sub, 1.0, uniform(b, all.first(static_cast<size_t>(each)), type, 24));
  const NodeRef v = uniform(b, all.last(static_cast<size_t>(each)), type, 24);
  const NodeRef radius = b.op(Op::sqrt, b.op(Op::mul, b.op(Op::log, u), -2.0));
  return wrap(b.cast(b.op(Op::mul, radius, b.op(Op::cos, b.op(Op::mul, v, kTwoPi))), d.dtype), d.loc);
}

Tensor make_randint(const Draw& d, int64_t low, int64_t high) {
  if (low >= high)
    throw Error(ErrorKind::Value,
                fmt::format("random_ expects 'from' to be less than 'to', but got from={} >= to={}", low, high), {},
                d.loc);
  if (!is_floating(d.dtype)) {
    const int bits = is_bool(d.dtype) ? 1 : static_cast<int>(8 * itemsize(d.dtype)) - (is_signed(d.dtype) ? 1 : 0);
    const __int128 most = (static_cast<__int128>(1) << bits) - 1, least = is_signed(d.dtype) ? -most - 1 : 0;
    if (low < least)
      throw Error(ErrorKind::Value, fmt::format("from is out of bounds for {}", name(d.dtype)), {}, d.loc);
    if (high - 1 > most)
      throw Error(ErrorKind::Value, fmt::format("to - 1 is out of bounds for {}", name(d.dtype)), {}, d.loc);
  }
  const Build b(d.loc);
  const auto number = [&](int64_t v) { return on_device(argument(v, kInt64, d.loc), d.device, d.loc); };
  const __int128 range = static_cast<__int128>(high) - low;
  const bool wide = range >= (int64_t{1} << 32);
  const std::vector<NodeRef> w = words(d, wide ? 2 : 1);
  const auto unsigned_word = [&](const NodeRef& word) {
    return b.op(Op::bitwise_and, b.cast(word, kInt64), b.integer(0xffffffff, w[0], kInt64));
  };
  NodeRef bits = unsigned_word(w[0]);
  if (wide)  // 63 bits
    bits =
        b.op(Op::bitwise_or,
             b.op(Op::bitwise_left_shift, b.op(Op::bitwise_right_shift, bits, b.integer(1, bits)), b.integer(32, bits)),
             unsigned_word(w[1]));
  NodeRef value = bits;
  if (range <= INT64_MAX) value = b.op(Op::remainder, bits, number(static_cast<int64_t>(range)));
  return wrap(b.cast(b.op(Op::add, value, number(low)), d.dtype), d.loc);
}

Draw draw(IntArrayRef sizes, DType dtype, Device device, const OptionalGenerator& generator, const Location& loc) {
  for (int64_t n : sizes)
    if (n < 0)
      throw Error(ErrorKind::Shape,
                  fmt::format("Trying to create tensor with negative dimension {}: {}", n, ir::str(sizes)), {}, loc);
  return {Shape(std::span<const int64_t>(sizes)), dtype, device, generator ? *generator : default_generator(), loc};
}

constexpr const char* kWaysOut =
    "convert it with to(kFloat32), pass a float dtype such as kFloat32, or use randint_like";

void check_uniform(DType t, const Location& loc) {
  if (!is_floating(t) || !is_supported(t))
    throw Error(ErrorKind::DType, fmt::format("\"check_uniform_bounds\" not implemented for '{}'", torch_name(t)),
                kWaysOut, loc);
}
void check_normal(DType t, const Location& loc) {
  if (!is_floating(t) || !is_supported(t))
    throw Error(ErrorKind::DType, fmt::format("\"normal_kernel_cpu\" not implemented for '{}'", torch_name(t)),
                kWaysOut, loc);
}

}  // namespace

Tensor rand(IntArrayRef sizes, TensorOptions options, OptionalGenerator generator, Location loc) {
  const DType dtype = options.dtype_or(kDefaultDType);
  check_uniform(dtype, loc);
  return as_wanted(make_rand(draw(sizes, dtype, options.device_or(kCPU), generator, loc)), options, loc);
}
Tensor randn(IntArrayRef sizes, TensorOptions options, OptionalGenerator generator, Location loc) {
  const DType dtype = options.dtype_or(kDefaultDType);
  check_normal(dtype, loc);
  return as_wanted(make_randn(draw(sizes, dtype, options.device_or(kCPU), generator, loc)), options, loc);
}
Tensor randint(int64_t high, IntArrayRef sizes, TensorOptions options, OptionalGenerator generator, Location loc) {
  return randint(0, high, sizes, options, generator, loc);
}
Tensor randint(int64_t low, int64_t high, IntArrayRef sizes, TensorOptions options, OptionalGenerator generator,
               Location loc) {
  const Draw drawn = draw(sizes, options.dtype_or(kInt64), options.device_or(kCPU), generator, loc);
  return as_wanted(make_randint(drawn, low, high), options, loc);
}

Tensor rand_like(const Tensor& x, TensorOptions options, OptionalGenerator generator, Location loc) {
  const DType dtype = options.dtype_or(x.dtype());
  check_uniform(dtype, loc);
  return as_wanted(make_rand(draw(x.sizes(), dtype, options.device_or(x.device()), generator, loc)), options, loc);
}
Tensor randn_like(const Tensor& x, TensorOptions options, OptionalGenerator generator, Location loc) {
  const DType dtype = options.dtype_or(x.dtype());
  check_normal(dtype, loc);
  return as_wanted(make_randn(draw(x.sizes(), dtype, options.device_or(x.device()), generator, loc)), options, loc);
}
Tensor randint_like(const Tensor& x, int64_t high, TensorOptions options, OptionalGenerator generator, Location loc) {
  return randint_like(x, 0, high, options, generator, loc);
}
Tensor randint_like(const Tensor& x, int64_t low, int64_t high, TensorOptions options, OptionalGenerator generator,
                    Location loc) {
  const Draw drawn = draw(x.sizes(), options.dtype_or(x.dtype()), options.device_or(x.device()), generator, loc);
  return as_wanted(make_randint(drawn, low, high), options, loc);
}

}  // namespace lazuli
