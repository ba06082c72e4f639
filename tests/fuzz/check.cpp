#include "tests/fuzz/check.h"

#include <fmt/format.h>

#include <cstring>
#include <map>
#include <sstream>
#include <unordered_set>

#include "ir/interpret.h"
#include "ir/scalar/function.h"
#include "passes/verify_passes.h"
#include "runtime/context.h"
#include "runtime/executor.h"
#include "tests/cuda/on_device.h"
#include "tests/pipeline/harness.h"

namespace lazuli::fuzz {
namespace {

using namespace ir;

uint64_t mix(uint64_t x) {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ull;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebull;
  return x ^ (x >> 31);
}

/// What the interpreter says.
struct Expected {
  std::vector<HostArray> outputs;
  bool fails = false;      // a check did not hold
  bool must_fail = false;  // ... on an element that some output is asked for
};

/// An error about the value of an element.
bool refuses_element(const Error& e) {
  return e.kind() == ErrorKind::Value || e.kind() == ErrorKind::Index;
}

/// Passes and kernels may skip elements that no output needs, so a failed check is binding only where the node that
/// fails is an output.
bool fails_at_output(const Graph& g, const LeafSource& leaves) {
  for (const NodeRef& o : g.outputs) {
    if (!is_indexed(o->op()) && (!is_elementwise(o->op()) || !(info(o->op()).flags & kChecked))) continue;
    Graph operands;
    for (const Node* input : o->inputs()) operands.outputs.emplace_back(input);
    std::vector<HostArray> values;
    try {
      values = interpret(operands, leaves);
    } catch (const Error&) {
      continue;
    }
    std::vector<const HostArray*> pointers;
    for (const HostArray& v : values) pointers.push_back(&v);
    try {
      interpret_node(o.get(), pointers);
    } catch (const Error&) {
      return true;
    }
  }
  return false;
}

Expected expect(const Graph& g, const LeafSource& leaves) {
  Expected e;
  try {
    e.outputs = interpret(g, leaves);
  } catch (const Error& error) {
    if (!refuses_element(error)) throw;
    e.fails = true;
    e.must_fail = fails_at_output(g, leaves);
  }
  return e;
}

std::optional<std::string> difference(const HostArray& want, const void* got, size_t output) {
  HostArray copy{want.dtype, want.shape, {}};
  copy.bytes.resize(want.bytes.size());
  if (!copy.bytes.empty()) std::memcpy(copy.bytes.data(), got, copy.bytes.size());
  int64_t at = 0;
  if (bitwise_equal(want, copy, &at)) return std::nullopt;
  int64_t count = 0;
  for (int64_t i = 0; i < numel(want.shape); ++i) count += want.bits(i) != copy.bits(i);
  return fmt::format("output {} ({}{}) differs at element {} (of {}): interpreter {} ({:#x}), compiled {} ({:#x})",
                     output, name(want.dtype), ir::str(want.shape), at, count,
                     scalar::literal(want.dtype, want.bits(at)), want.bits(at),
                     scalar::literal(copy.dtype, copy.bits(at)), copy.bits(at));
}

std::optional<std::string> judge_failure(const Expected& want, bool failed, const std::string& how) {
  if (failed && !want.fails) return "the interpreter succeeds, the kernels fail: " + how;
  if (!failed && want.must_fail) return "the interpreter fails, the kernels succeed";
  return std::nullopt;
}

std::optional<std::string> check_lowered(const Graph& g, const LeafSource& leaves, const Expected& want,
                                         const Config& c) {
  testing::RunOptions options;
  options.fuse = c.fuse;
  options.machine = c.machine;
  options.vector_bits = c.bits;
  options.workers = c.threads;
  options.task_elements = c.grain;
  const testing::RunResult got = testing::run_graph(g, leaves, options);
  if (auto wrong = judge_failure(want, got.failed, "status")) return wrong;
  if (want.fails) return std::nullopt;
  for (size_t i = 0; i < want.outputs.size(); ++i)
    if (auto wrong = difference(want.outputs[i], got.outputs[i].bytes.data(), i)) return wrong;
  return std::nullopt;
}

/// Memory with known bytes around it.
class Guarded {
 public:
  static constexpr size_t kAround = 256;
  static constexpr std::byte kKnown{0xA5};

  /// `shift`: distance of the first byte from the alignment that the runtime gives its own memory.
  Guarded(int64_t bytes, size_t shift, bool external) : bytes_(static_cast<size_t>(bytes)) {
    memory_ = std::make_shared<std::vector<std::byte>>(bytes_ + 2 * kAround, kKnown);
    const auto address = reinterpret_cast<uintptr_t>(memory_->data());
    start_ = (address + 127) / 128 * 128 - address + shift;
    buffer_ = std::make_shared<runtime::Buffer>(memory_->data() + start_, bytes, [keep = memory_] {}, external);
  }
  const std::shared_ptr<runtime::Buffer>& buffer() const { return buffer_; }
  bool intact() const {
    for (size_t i = 0; i < memory_->size(); ++i)
      if ((i < start_ || i >= start_ + bytes_) && (*memory_)[i] != kKnown) return false;
    return true;
  }

 private:
  size_t bytes_, start_ = 0;
  std::shared_ptr<std::vector<std::byte>> memory_;
  std::shared_ptr<runtime::Buffer> buffer_;
};

/// A graph whose leaves have memory of a context.
class Bound {
 public:
  Bound(runtime::Context& context, const Graph& g, const Config& config) : context_(context), config_(config) {
    for (const Node* n : topological_order(g))
      if (n->op() == Op::data || n->op() == Op::argument) sources_.emplace_back(n);
  }

  std::optional<std::string> check(const Graph& g, const LeafSource& leaves) {
    const Expected want = expect(g, leaves);
    bind(g, leaves);
    runtime::EvalResult result;
    bool failed = false;
    std::string how;
    try {
      result = runtime::evaluate(context_, request_);
    } catch (const Error& e) {
      how = e.what();
      if (!refuses_element(e)) return "evaluate threw: " + how;
      failed = true;
    }
    if (auto wrong = judge_failure(want, failed, how)) return wrong;
    if (auto wrong = untouched(failed)) return wrong;
    for (const Guarded& m : guarded_)
      if (!m.intact()) return "memory around a leaf or a target was overwritten";
    if (failed || want.fails) return std::nullopt;
    std::unordered_set<const void*> addresses;
    for (size_t i = 0; i < want.outputs.size(); ++i) {
      const runtime::Buffer& b = *result.buffers[i];
      const int64_t bytes = g.outputs[i]->nbytes();
      if (b.bytes() < bytes) return fmt::format("output {} has {} bytes, not {}", i, b.bytes(), bytes);
      if (i < request_.targets.size() && request_.targets[i] && result.buffers[i] != request_.targets[i])
        return fmt::format("output {} is not in its target", i);
      if (bytes > 0 && !addresses.insert(b.data()).second)
        return fmt::format("output {} shares memory with another", i);
      if (auto wrong = difference(want.outputs[i], b.data(), i)) return wrong;
    }
    return std::nullopt;
  }

 private:
  struct Leaf {
    std::shared_ptr<runtime::Buffer> buffer;
    HostArray value;
    bool given = false;  // may be overwritten
  };

  /// New leaves with these values, in memory of their own, and what may be done to it.
  void bind(const Graph& g, const LeafSource& leaves) {
    request_ = {};
    leaves_.clear();
    guarded_.clear();
    request_.options.fuse = config_.fuse;
    request_.options.num_threads = config_.threads;
    request_.options.vector_bits = config_.bits;
    std::unordered_map<const Node*, size_t> numbers;
    for (const NodeRef& n : sources_) {
      numbers.emplace(n.get(), leaves_.size());
      Leaf& leaf = leaves_.emplace_back();
      leaf.value = leaves(n.get());
      if (n->op() == Op::argument) continue;
      leaf.buffer = memory(*n);
      if (n->nbytes() > 0) std::memcpy(leaf.buffer->data(), leaf.value.bytes.data(), leaf.value.bytes.size());
    }
    std::vector<NodeRef> bound(sources_.size());
    request_.graph = rewrite(g, context_.interner(), [&](const Node* n, std::span<const NodeRef>) -> NodeRef {
      const auto it = numbers.find(n);
      if (it == numbers.end()) return nullptr;
      const Leaf& leaf = leaves_[it->second];
      std::shared_ptr<Payload> payload = leaf.buffer;
      if (!payload) payload = std::make_shared<runtime::ScalarPayload>(leaf.value.bits(0));
      return bound[it->second] = context_.interner().make({.op = n->op(),
                                                           .attr = LeafAttr{context_.interner().next_leaf_id()},
                                                           .dtype = n->dtype(),
                                                           .shape = n->shape(),
                                                           .payload = std::move(payload)});
    });
    if (config_.memory == 0) return;
    for (size_t i = 0; i < leaves_.size(); ++i) {
      if (!leaves_[i].buffer || mix(config_.memory + 17 * i) % 2) continue;
      request_.donated.push_back(bound[i].get());
      leaves_[i].given = true;
    }
    request_.targets.resize(g.outputs.size());
    std::vector<bool> taken(leaves_.size());
    for (size_t o = 0; o < g.outputs.size(); ++o) {
      const uint64_t r = mix(config_.memory * 31 + o);
      if (r % 4 == 0) continue;
      if (r % 4 == 1) {
        request_.targets[o] = memory(*g.outputs[o]);
        continue;
      }
      for (size_t k = 0; k < leaves_.size(); ++k) {
        const size_t i = (k + (r >> 8)) % leaves_.size();
        // The memory of a tensor is written by tensors of its size.
        if (!leaves_[i].buffer || taken[i] || sources_[i]->nbytes() != g.outputs[o]->nbytes()) continue;
        taken[i] = leaves_[i].given = true;
        request_.targets[o] = leaves_[i].buffer;
        break;
      }
    }
  }

  /// Now and then memory of the user's, at any address.
  std::shared_ptr<runtime::Buffer> memory(const Node& n) {
    const bool external = config_.memory != 0 && mix(config_.memory * 7 + guarded_.size()) % 8 == 0;
    guarded_.emplace_back(n.nbytes(), external ? itemsize(n.dtype()) : 0, external);
    return guarded_.back().buffer();
  }

  /// Nobody else's memory changed; after a failure, no memory did.
  std::optional<std::string> untouched(bool failed) const {
    for (size_t i = 0; i < leaves_.size(); ++i) {
      const Leaf& l = leaves_[i];
      if (!l.buffer || l.value.bytes.empty() || (l.given && !failed)) continue;
      if (std::memcmp(l.buffer->data(), l.value.bytes.data(), l.value.bytes.size()) != 0)
        return fmt::format("leaf {} was overwritten{}", i, failed ? " by an evaluation that failed" : "");
    }
    return std::nullopt;
  }

  runtime::Context& context_;
  const Config& config_;
  std::vector<NodeRef> sources_;
  std::vector<Leaf> leaves_;
  std::vector<Guarded> guarded_;
  runtime::EvalRequest request_;
};

std::optional<std::string> check_cuda(runtime::Context& context, const Graph& g, const LeafSource& leaves,
                                      const Config& c) {
  const Expected want = expect(g, leaves);
  setenv("LAZULI_EMULATOR_ORDER", std::to_string(c.cuda - 1).c_str(), 1);
  std::vector<HostArray> got;
  bool failed = false;
  std::string how;
  try {
    runtime::EvalOptions options;
    options.fuse = c.fuse;
    got = testing::run_on_device(context, g, leaves, options);
  } catch (const Error& e) {
    how = e.what();
    if (!refuses_element(e)) return "evaluate threw: " + how;
    failed = true;
  }
  if (auto wrong = judge_failure(want, failed, how)) return wrong;
  if (failed || want.fails) return std::nullopt;
  for (size_t i = 0; i < want.outputs.size(); ++i)
    if (auto wrong = difference(want.outputs[i], got[i].bytes.data(), i)) return wrong;
  return std::nullopt;
}

}  // namespace

struct Checker::Runtimes {
  std::unique_ptr<runtime::Context> cuda;
  std::map<int64_t, std::unique_ptr<runtime::Context>> by_grain;

  runtime::Context& get(int64_t grain) {
    std::unique_ptr<runtime::Context>& context = by_grain[grain];
    if (!context) {
      runtime::Settings settings;
      settings.num_threads = 8;
      settings.task_elements = grain;
      settings.always_parallel = grain > 0;
      if (grain > 0) settings.update_bytes = 0;
      context = std::make_unique<runtime::Context>(settings);
    }
    return *context;
  }
};

Checker::Checker() : runtimes_(std::make_unique<Runtimes>()) {}
Checker::~Checker() = default;

std::optional<std::string> Checker::check(const Graph& g, uint64_t values, const Config& config) {
  try {
    if (config.passes) {
      Interner interner;
      passes::PassContext context{.interner = interner, .observer = {}};
      context.verify = true;
      const Graph after = passes::run_passes(g, passes::default_pipeline(), context);
      return passes::compare_graphs(g, after, passes::generated_leaves(g, values));
    }
    if (config.lowered) {
      const LeafSource leaves = passes::generated_leaves(g, values);
      return check_lowered(g, leaves, expect(g, leaves), config);
    }
    if (config.cuda) {
      if (!runtimes_->cuda) {
        setenv("LAZULI_CUDA_MATRIX_UNITS", "0", 1);  // which round as they like
        runtimes_->cuda = runtime::Context::from_environment();
      }
      return check_cuda(*runtimes_->cuda, g, passes::generated_leaves(g, values), config);
    }
    runtime::Context& context = runtimes_->get(config.grain);
    if (config.cold) context.clear_caches();
    Bound bound(context, g, config);
    auto wrong = bound.check(g, passes::generated_leaves(g, values));
    if (wrong || !config.again) return wrong;
    wrong = bound.check(g, passes::generated_leaves(g, values + 1));
    if (wrong) return "again, with the values of the next seed: " + *wrong;
  } catch (const std::exception& e) {
    return fmt::format("threw: {}", e.what());
  }
  return std::nullopt;
}

std::string Config::str() const {
  if (passes) return "passes=1";
  if (cuda) return fmt::format("cuda={} fuse={:d}", cuda, fuse);
  return fmt::format("lowered={:d} machine={:d} fuse={:d} threads={} bits={} cold={:d} again={:d} memory={} grain={}",
                     lowered, machine, fuse, threads, bits, cold, again, memory, grain);
}

Config Config::parse(const std::string& text) {
  Config c;
  std::istringstream words(text);
  for (std::string word; words >> word;) {
    const size_t equal = word.find('=');
    const std::string key = word.substr(0, equal);
    const uint64_t v = equal == word.npos ? 1 : std::stoull(word.substr(equal + 1));
    if (key == "passes")
      c.passes = v;
    else if (key == "lowered")
      c.lowered = v;
    else if (key == "machine")
      c.machine = v;
    else if (key == "fuse")
      c.fuse = v;
    else if (key == "threads")
      c.threads = static_cast<int>(v);
    else if (key == "bits")
      c.bits = static_cast<int>(v);
    else if (key == "cold")
      c.cold = v;
    else if (key == "again")
      c.again = v;
    else if (key == "memory")
      c.memory = v;
    else if (key == "cuda")
      c.cuda = static_cast<int>(v);
    else if (key == "grain")
      c.grain = static_cast<int64_t>(v);
    else
      throw Error(ErrorKind::Value, fmt::format("\"{}\" is not a part of a configuration", word));
  }
  return c;
}

Config cuda_config(uint64_t seed) {
  Config c;
  c.cuda = 1 + static_cast<int>(mix(seed) % 4);
  c.fuse = mix(seed + 1) % 5 != 0;
  return c;
}

Config random_config(uint64_t seed) {
  uint64_t state = seed;
  const auto below = [&](uint64_t n) { return mix(state += 0x9e3779b97f4a7c15ull) % n; };
  constexpr int kThreads[] = {1, 2, 8}, kBits[] = {128, 256, 512};
  constexpr int64_t kGrains[] = {0, 64, 448};
  Config c;
  c.lowered = below(4) == 0;
  c.machine = below(4) != 0;
  c.fuse = below(5) != 0;
  c.threads = kThreads[below(3)];
  c.bits = kBits[below(3)];
  c.cold = below(2);
  c.again = below(2);
  c.memory = below(2) ? 1 + below(1000) : 0;
  c.grain = kGrains[below(3)];
  return c;
}

}  // namespace lazuli::fuzz
