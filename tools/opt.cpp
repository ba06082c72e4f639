// lazuli-opt: reads a graph as IR text, runs passes, prints any stage.
//
//   lazuli-opt FILE|- [--passes=a,b | --pipeline=default] [--emit=graph|dot|regions|schedules|kernels|llvm|asm|cuda]
//              [--no-fuse] [--target=host] [--vector-bits=N] [--verify] [--run] [--seed=N] [--split]
//
// --emit picks what is printed: the graph, or what the partitioner, the lowering and LLVM make of it, for x86-64-v3
// with 256-bit vectors unless --target or --vector-bits say otherwise. The graph must be expanded for that.
// --passes=vjp adds the gradient of the sum of all elements of the float outputs with respect to every float data leaf.
// --verify compares the values after every pass with the reference interpreter's, on elements made from the seed; on a
// difference it prints a reduced graph and exits with 1. --run compiles and evaluates the graph on such elements,
// prints the values of the outputs, and exits with 1 where they differ from the reference interpreter's.
// --split reads several graphs from one file, between lines "// -----".
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iostream>
#include <iterator>

#include "codegen/cuda/emit.h"
#include "codegen/llvm/jit.h"
#include "codegen/lower.h"
#include "ir/interpret.h"
#include "ir/scalar/function.h"
#include "ir/text.h"
#include "ir/verify.h"
#include "passes/verify_passes.h"
#include "runtime/context.h"
#include "runtime/executor.h"

namespace {

using namespace lazuli;

constexpr const char* kUsage =
    "usage: lazuli-opt FILE|- [--passes=a,b | --pipeline=default] "
    "[--emit=graph|dot|regions|schedules|kernels|llvm|asm|cuda]"
    " [--no-fuse] [--target=host] [--vector-bits=N] [--verify] [--run] [--seed=N] [--split]";
constexpr std::string_view kStages[] = {"graph", "dot", "regions", "schedules", "kernels", "llvm", "asm", "cuda"};

struct Arguments {
  std::string file;
  std::vector<passes::Pass> pipeline;
  std::string emit = "graph";
  bool verify = false, run = false, split = false, fuse = true;
  uint64_t seed = 1;
  codegen::CpuTarget target;
};

[[noreturn]] void refuse(const std::string& text) {
  throw Error(ErrorKind::Value, text, kUsage);
}

std::vector<passes::Pass> named_passes(std::string_view list) {
  std::vector<passes::Pass> result;
  while (!list.empty()) {
    const size_t comma = std::min(list.find(','), list.size());
    const std::string_view name = list.substr(0, comma);
    const passes::Pass* pass = passes::find_pass(name);
    if (!pass) {
      std::string known;
      for (const passes::Pass& p : passes::all_passes()) known += " " + p.name;
      refuse(fmt::format("there is no pass \"{}\"; there are:{}", name, known));
    }
    result.push_back(*pass);
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
  return result;
}

uint64_t number(std::string_view text) {
  uint64_t v = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), v);
  if (code != std::errc() || end != text.data() + text.size()) refuse(fmt::format("\"{}\" is not a number", text));
  return v;
}

Arguments parse_arguments(int argc, char** argv) {
  Arguments args;
  int vector_bits = 0;
  for (int i = 1; i < argc; ++i) {
    const std::string_view arg = argv[i];
    const auto value = [&](std::string_view key) { return arg.substr(key.size()); };
    if (arg.starts_with("--passes=")) {
      args.pipeline = named_passes(value("--passes="));
    } else if (arg == "--pipeline=default") {
      args.pipeline = passes::default_pipeline();
    } else if (arg.starts_with("--emit=")) {
      args.emit = value("--emit=");
      if (std::find(std::begin(kStages), std::end(kStages), args.emit) == std::end(kStages))
        refuse(fmt::format("cannot emit \"{}\"", args.emit));
    } else if (arg.starts_with("--seed=")) {
      args.seed = number(value("--seed="));
    } else if (arg == "--target=host") {
      args.target = codegen::host_target();
    } else if (arg.starts_with("--vector-bits=")) {
      vector_bits = static_cast<int>(number(value("--vector-bits=")));
      if (vector_bits != 128 && vector_bits != 256 && vector_bits != 512) refuse("vectors have 128, 256 or 512 bits");
    } else if (arg == "--no-fuse") {
      args.fuse = false;
    } else if (arg == "--verify") {
      args.verify = true;
    } else if (arg == "--run") {
      args.run = true;
    } else if (arg == "--split") {
      args.split = true;
    } else if (arg.starts_with("--") || !args.file.empty()) {
      refuse(fmt::format("argument \"{}\" is not known", arg));
    } else {
      args.file = arg;
    }
  }
  if (args.file.empty()) refuse("there is no input file");
  if (vector_bits != 0) args.target.vector_bits = vector_bits;
  return args;
}

std::string read_all(const std::string& file) {
  if (file == "-") return {std::istreambuf_iterator<char>(std::cin), {}};
  std::ifstream in(file, std::ios::binary);
  if (!in) throw Error(ErrorKind::Value, fmt::format("{} cannot be read", file));
  return {std::istreambuf_iterator<char>(in), {}};
}

/// Small values element by element, large ones as a digest (FNV-1a over the literals, so NaNs are alike).
std::string shown(const ir::HostArray& a) {
  constexpr int64_t kMostElements = 64;
  const int64_t count = ir::numel(a.shape);
  std::string text = fmt::format("{}{}", name(a.dtype), ir::str(a.shape));
  uint64_t digest = 0xcbf29ce484222325ull;
  for (int64_t i = 0; i < count; ++i) {
    const std::string element = scalar::literal(a.dtype, a.bits(i));
    if (count <= kMostElements) {
      text += " " + element;
      continue;
    }
    for (const char c : element + " ") digest = (digest ^ static_cast<unsigned char>(c)) * 0x100000001b3ull;
  }
  return count <= kMostElements ? text : text + fmt::format(" digest {:016x}", digest);
}

/// What becomes of the graph below the passes.
void print_lowered(const ir::Graph& g, const Arguments& args, passes::PassContext& ctx) {
  const ir::Partition partition = passes::partition(g, ctx);
  if (args.emit == "regions") {
    fmt::print("{}", passes::print_partition(partition));
    return;
  }
  codegen::LoweringOptions options;
  options.target = args.target;
  std::optional<codegen::LlvmJit> jit;
  if (args.emit == "llvm" || args.emit == "asm") jit.emplace(args.target);
  if (args.emit == "cuda") options.gpu = codegen::GpuTarget::sm_90a();
  for (size_t i = 0; i < partition.regions.size(); ++i) {
    codegen::Schedule schedule;
    try {
      schedule = codegen::choose_schedule(partition.regions[i], options);
    } catch (const Error& e) {
      if (e.kind() != ErrorKind::Unsupported) throw;
      fmt::print("// kernel {}: {}\n", i, e.message());
      continue;
    }
    fmt::print("// kernel {}: {}\n", i, schedule.str());
    if (args.emit == "schedules") continue;
    const codegen::Lowered lowered = codegen::lower(partition.regions[i], schedule, options);
    fmt::print("{}", options.gpu           ? codegen::emit_cuda(*lowered.kernel, lowered.schedule).text
                     : !jit                ? codegen::print_kernel(*lowered.kernel)
                     : args.emit == "llvm" ? jit->llvm_ir(*lowered.kernel)
                                           : jit->assembly(*lowered.kernel));
  }
}

/// The graph with its leaves bound to the given elements.
ir::Graph bind_leaves(const ir::Graph& g, runtime::Context& context, const ir::LeafSource& leaves) {
  ir::Interner& interner = context.interner();
  return ir::rewrite(g, interner, [&](const ir::Node* n, std::span<const ir::NodeRef>) -> ir::NodeRef {
    if (n->op() != ir::Op::data && n->op() != ir::Op::argument) return nullptr;
    const ir::HostArray a = leaves(n);
    ir::NodeSpec spec{.op = n->op(), .attr = ir::LeafAttr{interner.next_leaf_id()}, .dtype = n->dtype()};
    spec.shape = n->shape();
    if (n->op() == ir::Op::argument) {
      spec.payload = std::make_shared<runtime::ScalarPayload>(a.bits(0));
    } else {
      auto buffer = context.allocator().allocate(static_cast<int64_t>(a.bytes.size()));
      std::memcpy(buffer->data(), a.bytes.data(), a.bytes.size());
      spec.payload = std::move(buffer);
    }
    return interner.make(std::move(spec));
  });
}

/// Evaluates the graph both ways; 1 if the results differ.
int run_compiled(const ir::Graph& g, const Arguments& args, runtime::Context& context, const ir::LeafSource& leaves) {
  const std::vector<ir::HostArray> expected = ir::interpret(g, leaves);
  runtime::EvalOptions options;
  options.fuse = args.fuse;
  options.vector_bits = args.target.vector_bits;
  const runtime::EvalResult result = runtime::evaluate(
      context, {.graph = bind_leaves(g, context, leaves), .donated = {}, .targets = {}, .options = options});
  int status = 0;
  for (size_t i = 0; i < expected.size(); ++i) {
    ir::HostArray got = expected[i];
    if (!got.bytes.empty()) std::memcpy(got.bytes.data(), result.buffers[i]->data(), got.bytes.size());
    fmt::print("output {}: {}\n", i, shown(got));
    int64_t at = 0;
    if (ir::bitwise_equal(expected[i], got, &at)) continue;
    fmt::print("differs from the interpreter at element {}: {} instead of {}\n", at,
               scalar::literal(got.dtype, got.bits(at)), scalar::literal(got.dtype, expected[i].bits(at)));
    status = 1;
  }
  return status;
}

int run(const Arguments& args, std::string_view text) {
  runtime::Context context;
  ir::Interner& interner = context.interner();
  const ir::Graph parsed = ir::parse(text, interner);
  passes::PassContext ctx{.interner = interner, .observer = {}};
  ctx.verify = true;
  ctx.fuse = args.fuse;
  if (args.verify) {
    const auto failure = passes::verify_passes(parsed, args.pipeline, ctx, passes::generated_leaves(parsed, args.seed));
    if (failure) {
      fmt::print("{}", failure->reproducer());
      return 1;
    }
  }
  const ir::LeafSource leaves = passes::generated_leaves(parsed, args.seed);  // before passes drop or reorder leaves
  const ir::Graph g = passes::run_passes(parsed, args.pipeline, ctx);
  if (args.run) return run_compiled(g, args, context, leaves);
  if (args.emit == "graph" || args.emit == "dot") {
    fmt::print("{}", args.emit == "dot" ? ir::print_dot(g) : ir::print(g));
  } else {
    print_lowered(g, args, ctx);
  }
  return 0;
}

constexpr std::string_view kSeparator = "// -----\n";

int run_all(const Arguments& args) {
  const std::string text = read_all(args.file);
  if (!args.split) return run(args, text);
  for (std::string_view rest = text;;) {
    const size_t end = rest.find(kSeparator);
    if (const int failed = run(args, rest.substr(0, end))) return failed;
    if (end == rest.npos) return 0;
    rest.remove_prefix(end + kSeparator.size());
    fmt::print("{}", kSeparator);
  }
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run_all(parse_arguments(argc, argv));
  } catch (const std::exception& e) {
    fmt::print(stderr, "lazuli-opt: {}\n", e.what());
    return 2;
  }
}
