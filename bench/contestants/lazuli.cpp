// Lazuli as a contestant: a call builds the expression and evaluates it into a tensor that exists ("call"), and the
// kernels alone are what a profile says of them ("kernel"). Whole programs are measured as compiled functions, too
// ("compiled"). Results of an optimiser take the place of its operands. For the cases of latency a call is what they
// are named for: with nothing planned and compiled, or of a compiled function. With nothing compiled, small work is
// interpreted ("call"); "compiled" is the time to a kernel's result.
#include <lazuli/lazuli.h>

#include <algorithm>
#include <chrono>
#include <cstring>

#include "contestants/contestant.h"
#include "contestants/expressions.h"

namespace bench {
namespace {

namespace lz = lazuli;

lz::DType dtype_of(Type type) {
  switch (type) {
    case Type::F32:
      return lz::kFloat32;
    case Type::F64:
      return lz::kFloat64;
    case Type::BF16:
      return lz::kBFloat16;
    case Type::I8:
      return lz::kInt8;
    case Type::U8:
      return lz::kUInt8;
    case Type::I32:
      return lz::kInt32;
    case Type::I64:
      return lz::kInt64;
  }
  return lz::kFloat32;
}

/// The operand that result k takes the place of, as an optimiser's step in place has it: the one of its name. Results
/// that follow (the loss) are new tensors; elsewhere all are.
std::vector<size_t> overwritten_operands(const Job& job) {
  std::vector<size_t> at;
  if (job.name == "e2e/adam_100_tensors" || job.outputs.back().value.name == "loss") {
    size_t i = 0;
    for (const Place& result : job.outputs) {
      size_t found = i;
      while (found < job.inputs.size() && job.inputs[found].value.name != result.value.name) ++found;
      if (found == job.inputs.size()) break;
      at.push_back(found);
      i = found + 1;
    }
  }
  return at;
}

/// Operands of all copies, and two sets of results: with as many sets as copies an expression would meet its own value
/// in the memory it is about to write, and not be computed.
struct Tensors {
  Tensors(const Job& job, std::byte* shared, Expression expression)
      : results(job.outputs), operands(job.inputs), base(shared), compute(expression), over(overwritten_operands(job)) {
    for (int64_t copy = 0; copy < job.copies; ++copy) {
      auto& set = in.emplace_back();
      for (const Place& p : job.inputs)
        set.push_back(lz::from_host(shared + p.offset, p.value.dims, dtype_of(p.value.type)));
    }
    // Operands that have one copy are other leaves in other turns, of the same memory.
    for (int64_t leaf = job.copies; leaf < 3 && over.empty(); ++leaf) {
      auto& set = in.emplace_back();
      for (size_t i = 0; i < job.inputs.size(); ++i) {
        const Place& p = job.inputs[i];
        set.push_back(
            lz::from_blob(const_cast<void*>(in[0][i].const_data_ptr()), p.value.dims, dtype_of(p.value.type)));
      }
    }
    if (!over.empty()) return;
    for (auto& set : out)
      for (const Place& p : job.outputs) {
        set.push_back(lz::empty(p.value.dims, dtype_of(p.value.type)));
        lz::eval(set.back());
      }
  }

  /// The results, pending: written by `what` from the operands of this turn.
  std::vector<lz::Tensor>& write(Expression what, int64_t turn) {
    last = static_cast<size_t>(turn % 2);
    auto& mine = in[static_cast<size_t>(turn) % in.size()];
    const auto values = what(mine, results[0].value.dims);
    if (!over.empty()) {
      out[last].clear();
      for (const size_t i : over) out[last].push_back(mine[i]);
      for (size_t i = over.size(); i < values.size(); ++i)
        out[last].push_back(lz::empty(results[i].value.dims, dtype_of(results[i].value.type)));
    }
    for (size_t i = 0; i < values.size(); ++i) out[last][i].copy_(values[i]);
    return out[last];
  }
  /// The results of a compiled function of the expression.
  void call(int64_t turn) {
    last = static_cast<size_t>(turn % 2);
    auto& mine = in[static_cast<size_t>(turn) % in.size()];
    if (over.empty()) {
      out[last] = compiled({}, mine);
      return;
    }
    out[0].clear(), out[1].clear();  // donated memory has no other handle
    std::vector<lz::Tensor> state, rest;
    for (size_t i = 0, k = 0; i < mine.size(); ++i)
      (k < over.size() && over[k] == i ? (++k, state) : rest).push_back(std::move(mine[i]));
    out[last] = compiled(std::move(state), rest);
    for (size_t i = 0, k = 0, r = 0; i < mine.size(); ++i)
      mine[i] = k < over.size() && over[k] == i ? out[last][k++] : rest[r++];
  }
  /// What is overwritten begins again.
  void reset(int64_t turn) {
    auto& mine = in[static_cast<size_t>(turn) % in.size()];
    for (const size_t i : over) {
      const Place& p = operands[i];
      mine[i].copy_(lz::from_host(base + p.offset, p.value.dims, dtype_of(p.value.type)));
    }
    if (!over.empty()) lz::eval(mine);
  }
  /// What `expression` gives of the operands that are overwritten and of the rest.
  std::vector<lz::Tensor> joined(const std::vector<lz::Tensor>& state, const std::vector<lz::Tensor>& rest) const {
    if (over.empty()) return rest;
    std::vector<lz::Tensor> all;
    for (size_t i = 0, k = 0, r = 0; i < operands.size(); ++i)
      all.push_back(k < over.size() && over[k] == i ? state[k++] : rest[r++]);
    return all;
  }
  /// What a whole step took before it first ran: building its graph (the fastest so far), all of planning (passes and
  /// compiling, by the clock), and compiling summed over kernels, some of which are compiled at the same time.
  void note(double built) {
    build = std::min(build, built);
    if (!report.program_hit) {
      compiling = 0, fresh = 0, planning = report.plan_ms * 1e3;
      for (const auto& k : report.kernels)
        if (!k.cache_hit) compiling += k.compile_ms * 1e3, ++fresh;
    }
    if (results.back().value.name != "loss") return;
    const auto whole = [](double x) { return std::to_string(static_cast<int64_t>(x)); };
    cost = " build_us=" + whole(build) + " plan_us=" + whole(planning) + " compile_us=" + whole(compiling) +
           " compiled=" + whole(fresh) + " arena_bytes=" + std::to_string(report.arena_bytes) +
           " peak_bytes=" + std::to_string(report.peak_bytes);
  }
  void publish() {
    for (size_t i = 0; i < results.size(); ++i)
      std::memcpy(base + results[i].offset, out[last][i].const_data_ptr(),
                  static_cast<size_t>(results[i].value.bytes()));
  }

  std::vector<std::vector<lz::Tensor>> in;
  std::vector<lz::Tensor> out[2];
  std::vector<Place> results, operands;
  std::byte* base;
  Expression compute;
  std::vector<size_t> over;
  std::function<std::vector<lz::Tensor>(std::vector<lz::Tensor> state, const std::vector<lz::Tensor>& rest)> compiled;
  size_t last = 0;
  double build = 1e12, planning = 0, compiling = 0, fresh = 0;  // microseconds, and kernels
  lz::Report report;
  int64_t allocations = 0;
  std::string cost;  // of making a whole step's program, as facts
};

class Lazuli final : public Contestant {
 public:
  std::string version() const override { return "0.1"; }

  std::vector<Series> prepare(const Job& job, std::byte* shared) override {
    const Expression expression = expression_of(job.name, job.size);
    if (!expression) return {};
    lz::set_num_threads(job.threads);
    auto t = std::make_shared<Tensors>(job, shared, expression);
    const auto series = [&t](const char* name, auto round) {
      return Series{.name = name,
                    .run =
                        [t, round](int64_t turn, int64_t repeats) {
                          double sum = 0;
                          if (turn == 0) t->reset(0);
                          for (int64_t r = 0; r < repeats; ++r) sum += round(*t, turn + r);
                          return sum;
                        },
                    .publish = [t] { t->publish(); },
                    .facts = {}};
    };
    const auto timed = [](const auto& body) {
      const auto start = std::chrono::steady_clock::now();
      body();
      return std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now() - start).count();
    };
    const auto kernels = [](Expression what) {
      return [what](Tensors& x, int64_t turn, int64_t launches = 1) {
        const auto start = std::chrono::steady_clock::now();
        const auto& out = x.write(what, turn);
        const std::chrono::duration<double, std::micro> built = std::chrono::steady_clock::now() - start;
        const int64_t before = lz::memory_stats().allocations;
        x.report = lz::profile(out, {.profile = true, .profile_repeats = static_cast<int>(launches)});
        x.allocations = lz::memory_stats().allocations - before;
        x.note(built.count());
        double sum = 0;
        for (const auto& k : x.report.kernels) sum += k.milliseconds * 1e6;
        return sum;
      };
    };
    Series kernel = series("kernel", kernels(expression));
    // A kernel of some hundred nanoseconds is timed as plain loops are: over launches that follow one another. Those
    // that add to what stands there are launched once for every evaluation.
    if (job.tiny())
      kernel.run = [t, round = kernels(expression), each = kernel.run](int64_t turn, int64_t repeats) {
        const auto& known = t->report.kernels;
        if (std::any_of(known.begin(), known.end(), [](const auto& k) { return k.kind == "scatter"; }))
          return each(turn, repeats);
        if (turn == 0) t->reset(0);
        return round(*t, turn, repeats) * static_cast<double>(repeats);
      };
    kernel.facts = [t] {
      return "launches=" + std::to_string(t->report.kernels.size()) + " allocations=" + std::to_string(t->allocations) +
             t->cost;
    };
    if (job.name.starts_with("latency/cold_")) {
      const auto cold = [&](const char* name, bool first_tier) {
        lz::EvalOptions options;
        options.first_tier = first_tier;
        return series(name, [timed, options](Tensors& x, int64_t turn) {
          lz::clear_caches();
          return timed([&] { lz::eval(x.write(x.compute, turn), options); });
        });
      };
      return {cold("call", true), cold("compiled", false)};
    }
    Series call = series(
        "call", [timed](Tensors& x, int64_t turn) { return timed([&] { lz::eval(x.write(x.compute, turn)); }); });
    const auto compiled = [&](const char* name) {
      const auto sizes = t->results[0].value.dims;
      const auto whole = [expression, sizes, x = t.get()](const std::vector<lz::Tensor>& state,
                                                          const std::vector<lz::Tensor>& rest) {
        auto results = expression(x->joined(state, rest), sizes);
        for (lz::Tensor& r : results) r = r.contiguous();  // moved, not described
        return results;
      };
      t->compiled = lz::compile(whole, {.donate = {0}});
      return series(name, [timed](Tensors& x, int64_t turn) { return timed([&] { x.call(turn); }); });
    };
    if (job.name == "latency/dispatch_compiled") call = compiled("call");
    std::vector<Series> all{std::move(kernel), std::move(call)};
    if (!job.inputs.empty()) all.push_back(compiled("compiled"));
    if (const Expression baseline = baseline_of(job.name)) all.push_back(series("~product", kernels(baseline)));
    return all;
  }
};

}  // namespace
}  // namespace bench

int main(int argc, char** argv) {
  bench::Lazuli lazuli;
  return bench::serve(lazuli, argc, argv);
}
