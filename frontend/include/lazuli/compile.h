// compile(fn): a function on trees that is run once to record what it does, and from then on is one prepared program.
//
//   auto step = compile([](Model m, Tensor x, Tensor y, double rate) { ... return std::pair(next, loss); },
//                       {.donate = {0}});
//   auto [next, loss] = step(std::move(m), x, y, 0.1);
//
// What is part of a trace: the structure of the arguments, element types, devices, shapes, whether gradients are
// recorded, and the values of host arguments (numbers, enumerations, strings). Another value of a host number runs the
// C++ function again, which takes microseconds: numbers are arguments of the program, so its structure is the same and
// nothing is compiled. Arguments of type Scalar, and 0-d tensors, cost not even that. Other sizes make another program
// of the same kernels.
//
// What holds of a call: it gives what calling the function itself would give. Tensors from outside that the function
// uses are read at each call, random functions go on in their streams, in-place writes to arguments and to tensors from
// outside happen. In the function only shapes and types are known: item(), printing, data_ptr(), eval() and branching
// on a tensor throw Error(Value). What C++ code in it does besides (counters, messages) is done once per trace.
//
// A call under gradients, on tensors that require them, is recorded as if the function had been called itself; so is
// one inside another compiled function. With set_eager(true) functions are called as they are.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <tuple>
#include <type_traits>
#include <vector>

#include "lazuli/base/eval_options.h"
#include "lazuli/base/report.h"
#include "lazuli/tree.h"

namespace lazuli {

struct CompileOptions {
  /// Positions of arguments whose memory results may take over. It happens to tensors of which the call holds the last
  /// handle (moved in), that nothing pending reads and whose memory nobody else has; others are not touched.
  std::vector<int> donate = {};
  /// profile: every call is measured, and report().last has times.
  EvalOptions eval = {};
  /// Traces kept; the one not used for longest goes first.
  int max_traces = 16;
};

/// What a compiled function has done so far.
struct CompileReport {
  int64_t calls = 0;
  int64_t traces = 0;    // runs of the function for a new structure, shape or type
  int64_t rebuilds = 0;  // runs of the function for other host numbers
  int64_t programs = 0;  // programs that had to be made; the others were found
  int64_t kernels = 0;   // kernels compiled for them
  int64_t direct = 0;    // calls of the function itself (recorded for gradients)
  /// Why it was traced again, oldest first, at most 32: "argument 1: float32[64, 3] became float32[128, 3]".
  std::vector<std::string> retraces;
  Report last;  // of the last program that ran
  std::string str() const;
};

namespace detail {

/// The arguments of one call, taken apart.
class CallArguments : public TreeVisitor {
 public:
  void begin(uint32_t argument) { argument_ = argument; }
  void open(TreeKind kind, size_t size) {
    if (kind == TreeKind::Sequence || kind == TreeKind::Map) put_structure(&size, sizeof size);
  }
  void key(const std::string& k) {
    const size_t size = k.size();
    put_structure(&size, sizeof size);
    structure += k;
  }
  void present(bool is) { structure += is ? '+' : '-'; }
  template <class T>
  void host(T& x) {
    using U = std::remove_const_t<T>;
    if constexpr (std::is_same_v<U, Scalar>) {
      scalars.push_back(x);
    } else if constexpr (std::is_same_v<U, std::string>) {
      const size_t size = x.size();
      hosts.append(reinterpret_cast<const char*>(&size), sizeof size);
      hosts += x;
    } else {
      hosts.append(reinterpret_cast<const char*>(&x), sizeof x);
    }
  }
  void leaf(Tensor& t) {
    structure += t.defined() ? '*' : ' ';
    if (t.defined()) leaves.push_back({&t, argument_});
  }

  struct Leaf {
    Tensor* tensor;
    uint32_t argument;
  };
  std::vector<Leaf> leaves;
  std::vector<Scalar> scalars;
  std::string structure, hosts;  // what differs between values of the same C++ types; bytes of host values

 private:
  void put_structure(const void* data, size_t size) { structure.append(static_cast<const char*>(data), size); }
  uint32_t argument_ = 0;
};

/// The function on one call's arguments, for those who do not know its types.
class CallBody {
 public:
  struct Result {
    std::shared_ptr<const void> tree;
    std::vector<Tensor> leaves;
  };
  /// Runs the function on copies of the arguments with other leaves and scalars.
  virtual Result trace(std::span<const Tensor> leaves, std::span<const Scalar> scalars) = 0;
  /// Per argument: the text of its structure, and the paths of its leaves.
  virtual std::vector<std::string> structures() = 0;
  virtual std::vector<std::string> paths() = 0;

 protected:
  ~CallBody() = default;
};

struct CallResult {
  bool direct = false;  // the function is to be called itself
  std::shared_ptr<const void> tree;
  std::vector<Tensor> leaves;
};

/// Traces, programs and calls of one compiled function. Thread-safe.
class CompiledCore {
 public:
  CompiledCore(CompileOptions options, size_t arguments, Location where);
  ~CompiledCore();
  CompiledCore(const CompiledCore&) = delete;
  CompiledCore& operator=(const CompiledCore&) = delete;

  /// Inside a trace and in eager mode functions are called as they are.
  static bool is_direct();
  /// `types` names the C++ types of the arguments: one per instance of a generic function.
  CallResult call(const void* types, CallArguments& arguments, CallBody& body);
  std::string dump(const std::string& stage) const;
  std::string explain() const;
  CompileReport report() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

template <class... A>
inline constexpr char kTypesTag = 0;

/// Replaces leaves and scalars in order.
struct LeafReplacer : TreeVisitor {
  std::span<const Tensor> leaves;
  std::span<const Scalar> scalars;
  void leaf(Tensor& t) {
    if (!t.defined()) return;
    t = leaves.front();
    leaves = leaves.subspan(1);
  }
  template <class T>
  void host(T& x) {
    if constexpr (std::is_same_v<T, Scalar>) {
      x = scalars.front();
      scalars = scalars.subspan(1);
    }
  }
};

template <class R, class F, class... A>
class TypedBody final : public CallBody {
 public:
  TypedBody(F& fn, std::tuple<A...>& arguments) : fn_(fn), arguments_(arguments) {}

  Result trace(std::span<const Tensor> leaves, std::span<const Scalar> scalars) override {
    std::tuple<A...> arguments = arguments_;
    LeafReplacer replacer;
    replacer.leaves = leaves;
    replacer.scalars = scalars;
    std::apply([&](auto&... a) { (walk_tree(a, replacer), ...); }, arguments);
    if constexpr (std::is_void_v<R>) {
      std::apply(fn_, std::move(arguments));
      return {};
    } else {
      auto tree = std::make_shared<R>(std::apply(fn_, std::move(arguments)));
      return {tree, tree_leaves(*tree)};
    }
  }
  std::vector<std::string> structures() override {
    return std::apply([](auto&... a) { return std::vector<std::string>{tree_structure(a).str()...}; }, arguments_);
  }
  std::vector<std::string> paths() override {
    std::vector<std::string> all;
    const auto add = [&](auto& a) {
      for (std::string& p : tree_paths(a)) all.push_back(std::move(p));
    };
    std::apply([&](auto&... a) { (add(a), ...); }, arguments_);
    return all;
  }

 private:
  F& fn_;
  std::tuple<A...>& arguments_;
};

template <class R, class F, class... A>
R call_compiled(CompiledCore& core, F& fn, std::tuple<A...> arguments) {
  static_assert((is_tree_v<A> && ...),
                "lazuli: every argument of a compiled function is a tree: tensors, host values, and tuples, containers "
                "or plain aggregates of them (see lazuli/tree.h)");
  static_assert(std::is_void_v<R> || is_tree_v<R>,
                "lazuli: a compiled function returns a tree: tensors, host values, and tuples, containers or plain "
                "aggregates of them (see lazuli/tree.h)");
  if (!CompiledCore::is_direct()) {
    CallArguments taken;
    uint32_t i = 0;
    std::apply([&](auto&... a) { ((taken.begin(i++), walk_tree(a, taken)), ...); }, arguments);
    TypedBody<R, F, A...> body(fn, arguments);
    CallResult result = core.call(&kTypesTag<A...>, taken, body);
    if (!result.direct) {
      if constexpr (std::is_void_v<R>) {
        return;
      } else {
        R tree = *static_cast<const R*>(result.tree.get());
        LeafReplacer replacer;
        replacer.leaves = result.leaves;
        walk_tree(tree, replacer);
        return tree;
      }
    }
  }
  return std::apply(fn, std::move(arguments));
}

/// Result and parameters of functions that have one signature.
template <class F>
struct Signature : Signature<decltype(&F::operator())> {};
template <class R, class... A>
struct Signature<R (*)(A...)> {
  using Result = std::remove_cvref_t<R>;
  using Arguments = std::tuple<std::remove_cvref_t<A>...>;
  static constexpr bool writes_arguments =
      ((std::is_lvalue_reference_v<A> && !std::is_const_v<std::remove_reference_t<A>>) || ...);
};
template <class R, class... A>
struct Signature<R (*)(A...) noexcept> : Signature<R (*)(A...)> {};
template <class C, class R, class... A>
struct Signature<R (C::*)(A...)> : Signature<R (*)(A...)> {};
template <class C, class R, class... A>
struct Signature<R (C::*)(A...) const> : Signature<R (*)(A...)> {};
template <class C, class R, class... A>
struct Signature<R (C::*)(A...) noexcept> : Signature<R (*)(A...)> {};
template <class C, class R, class... A>
struct Signature<R (C::*)(A...) const noexcept> : Signature<R (*)(A...)> {};

template <class F>
concept HasSignature = std::is_pointer_v<F> || requires { &F::operator(); };

/// What every compiled function offers. Copies are the same function.
template <class F>
class CompiledBase {
 public:
  CompiledBase(F fn, CompileOptions options, size_t arguments, Location where)
      : state_(std::make_shared<State>(std::move(fn), std::move(options), arguments, where)) {}

  /// A stage of the last trace, as dump() of a tensor prints it. Throws Value before the first call.
  std::string dump(const std::string& stage = "graph") const { return state_->core.dump(stage); }
  /// Kernels of the last trace, what is fused in each, and why every other producer-consumer edge was not.
  std::string explain() const { return state_->core.explain(); }
  CompileReport report() const { return state_->core.report(); }

 protected:
  struct State {
    State(F f, CompileOptions options, size_t arguments, Location where)
        : fn(std::move(f)), core(std::move(options), arguments, where) {}
    F fn;
    CompiledCore core;
  };
  std::shared_ptr<State> state_;
};

}  // namespace detail

/// A function that compile() made, of one signature.
template <class F, class Arguments>
class Compiled;
template <class F, class... A>
class Compiled<F, std::tuple<A...>> : public detail::CompiledBase<F> {
 public:
  Compiled(F fn, CompileOptions options, Location where)
      : detail::CompiledBase<F>(std::move(fn), std::move(options), sizeof...(A), where) {}
  typename detail::Signature<F>::Result operator()(A... arguments) const {
    return detail::call_compiled<typename detail::Signature<F>::Result>(this->state_->core, this->state_->fn,
                                                                        std::tuple<A...>(std::move(arguments)...));
  }
};

/// A generic function that compile() made: traced for each combination of argument types.
template <class F>
class CompiledGeneric : public detail::CompiledBase<F> {
 public:
  CompiledGeneric(F fn, CompileOptions options, Location where)
      : detail::CompiledBase<F>(std::move(fn), std::move(options), size_t(-1), where) {}
  template <class... A>
  auto operator()(A&&... arguments) const {
    using Result = std::remove_cvref_t<std::invoke_result_t<F&, std::decay_t<A>...>>;
    return detail::call_compiled<Result>(this->state_->core, this->state_->fn,
                                         std::tuple<std::decay_t<A>...>(std::forward<A>(arguments)...));
  }
};

/// The function, compiled. It is called from one thread at a time, and only to be traced; the result may be called from
/// many. Errors of calls: those of the function, and Value where it observes a tensor.
template <class F>
auto compile(F fn, CompileOptions options = {}, Location where = Location::current()) {
  if constexpr (detail::HasSignature<F>) {
    using S = detail::Signature<F>;
    static_assert(!S::writes_arguments,
                  "lazuli: a compiled function takes its arguments by value or const reference: what it changes in a "
                  "reference would be lost. Return the new value");
    return Compiled<F, typename S::Arguments>(std::move(fn), std::move(options), where);
  } else {
    return CompiledGeneric<F>(std::move(fn), std::move(options), where);
  }
}

}  // namespace lazuli
