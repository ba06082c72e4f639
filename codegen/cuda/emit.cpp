#include "codegen/cuda/emit.h"

#include <fmt/format.h>

#include <algorithm>

#include "codegen/kernel_types.h"
#include "lazuli/base/error.h"

namespace lazuli::codegen {

namespace {

constexpr int kRegistersOfProcessor = 65536;

/// The name of a value's type in the prelude.
std::string_view c_type(DType t) {
  constexpr std::string_view names[] = {"bool", "u8", "i8", "i16", "i32", "i64", "f16", "bf16", "float", "double"};
  return names[static_cast<size_t>(t)];
}
/// Its type in memory: a Bool is a byte there.
std::string_view memory_type(DType t) {
  return is_bool(t) ? "u8" : c_type(t);
}

class Emitter {
 public:
  Emitter(const Kernel& k, const Schedule& s) : k_(k), schedule_(s), names_(k.values.size()) {
    for (size_t v = 0; v < k.values.size(); ++v) names_[v] = fmt::format("v{}", v);
  }

  CudaSource run() {
    for (Type t : k_.values)
      if (t.lanes != 1)
        throw Error(ErrorKind::Internal,
                    fmt::format("kernel {}: CUDA code has one lane per value, not {}", k_.name, str(t)));
    out_ = kCudaPrelude;
    arguments();
    CudaSource source;
    for (const Buffer& b : k_.buffers) {
      shared_.push_back(source.shared_bytes);
      if (b.role == Role::Shared)
        source.shared_bytes += (b.extent * static_cast<int64_t>(itemsize(b.dtype)) + 15) / 16 * 16;
    }
    for (size_t p = 0; p < k_.phases.size(); ++p) {
      source.entry_points.push_back(symbol(p));
      phase(p, source.entry_points.back());
    }
    source.text = std::move(out_);
    return source;
  }

 private:
  template <class... Args>
  void line(fmt::format_string<Args...> f, Args&&... args) {
    out_.append(depth_ * 2, ' ');
    fmt::format_to(std::back_inserter(out_), f, std::forward<Args>(args)...);
    out_ += '\n';
  }
  const std::string& ref(ValueId v) const { return names_[v]; }
  const std::string& operand(const Inst& i, size_t n) const { return names_[i.operands[n]]; }
  DType dtype(ValueId v) const { return k_.values[v].dtype; }
  size_t scratch_count() const {
    size_t n = 0;
    for (const Buffer& b : k_.buffers) n += b.role == Role::Scratch;
    return n;
  }

  std::string symbol(size_t p) const {
    std::string s = fmt::format("lz_{}_{}", p, k_.name);
    for (char& c : s)
      if (!std::isalnum(static_cast<unsigned char>(c))) c = '_';
    return s;
  }

  void arguments() {
    line("struct lz_arguments {{");
    ++depth_;
    if (!k_.buffers.empty()) line("void* buffers[{}];", k_.buffers.size());
    if (scratch_count()) line("i64 scratch[{}];", scratch_count());
    if (k_.size_args) line("i64 sizes[{}];", k_.size_args);
    if (!k_.scalars.empty()) line("u64 scalars[{}];", k_.scalars.size());
    line("i64 begin, end;");
    line("i32* status;");
    --depth_;
    line("}};");
  }

  /// Which buffers a phase uses.
  void survey(const Block& b, std::vector<bool>& used) {
    for (InstId n : b.insts) {
      const Inst& i = k_.insts[n];
      if (i.op == KOp::Load || i.op == KOp::Store) used[i.imm] = true;
      for (BlockId inner : i.blocks) survey(k_.blocks[inner], used);
    }
  }

  void phase(size_t p, const std::string& symbol) {
    const Block& body = k_.blocks[k_.phases[p].body];
    std::vector<bool> used(k_.buffers.size());
    survey(body, used);
    // The second bound, blocks that fit into a processor together, is how a limit for registers is said.
    line("extern \"C\" __global__ void __launch_bounds__({}, {}) {}(const lz_arguments lz_args) {{", schedule_.threads,
         std::max(1, kRegistersOfProcessor / (schedule_.threads * schedule_.registers)), symbol);
    ++depth_;
    for (size_t n = 0; n < used.size(); ++n)
      if (used[n] && k_.buffers[n].role == Role::Shared) {
        line("LZ_SHARED(lz_shared);");
        break;
      }
    size_t scratch = 0;
    for (size_t n = 0; n < used.size(); ++n) {
      const Buffer& b = k_.buffers[n];
      const bool own = b.role == Role::Scratch;
      const std::string offset = own ? fmt::format(" + blockIdx.x * lz_args.scratch[{}]", scratch++) : "";
      if (!used[n]) continue;
      const std::string_view t = memory_type(b.dtype);
      if (b.role == Role::Shared)
        line("{0}* const b{1} = ({0}*)(lz_shared + {2});", t, n, shared_[n]);
      else if (b.role == Role::Input)
        line("const {0}* __restrict__ const b{1} = (const {0}*)lz_args.buffers[{1}];", t, n);
      else
        line("{0}* const b{1} = ({0}*)lz_args.buffers[{1}]{2};", t, n, offset);
    }
    line("for (i64 {0} = lz_args.begin + blockIdx.x; {0} < lz_args.end; {0} += gridDim.x) {{", ref(body.args[0]));
    block(body);
    line("}}");
    --depth_;
    line("}}");
  }

  void block(const Block& b) {
    ++depth_;
    for (InstId n : b.insts) inst(k_.insts[n]);
    --depth_;
  }

  void inst(const Inst& i) {
    switch (i.op) {
      case KOp::Prefetch:
      case KOp::Fence:
        return;
      case KOp::Barrier:
        return line("lz_barrier();");
      case KOp::Store:
        return store(i);
      case KOp::For:
        return for_loop(i);
      case KOp::If:
        return if_then(i);
      default:
        break;
    }
    if (i.op == KOp::Prim && i.prim == Prim::check) return line("{};", expression(i));
    const ValueId r = i.results[0];
    line("const {} {} = {};", c_type(dtype(r)), ref(r), expression(i));
  }

  std::string expression(const Inst& i) const {
    switch (i.op) {
      case KOp::Prim:
        return i.prim == Prim::constant ? literal(dtype(i.results[0]), i.imm) : prim(i);
      case KOp::SizeArg:
        return fmt::format("lz_args.sizes[{}]", i.imm);
      case KOp::ScalarArg:
        return scalar(i);
      case KOp::Iota:
        return "0";
      case KOp::Splat:
      case KOp::Extract:
      case KOp::AnyLane:
        return operand(i, 0);
      case KOp::Shuffle:
        return operand(i, k_.shuffles[i.imm][0]);
      case KOp::LaneMask:
        return fmt::format("0 < {}", operand(i, 0));
      case KOp::FastDiv:
        return fmt::format("(i64)((u64){} * (u64){} >> {})", operand(i, 0), operand(i, 1), operand(i, 2));
      case KOp::Load: {
        std::string e = fmt::format("b{}[{}]", i.imm, operand(i, 0));
        if (is_bool(k_.buffers[i.imm].dtype)) e = "(" + e + " != 0)";
        return i.operands.size() < 3 ? e : fmt::format("{} ? {} : {}", operand(i, 1), e, operand(i, 2));
      }
      default:
        throw Error(ErrorKind::Internal, fmt::format("kernel {}: {} is no expression", k_.name, name(i.op)));
    }
  }

  static std::string literal(DType t, uint64_t bits) {
    switch (t) {
      case kBool:
        return bits ? "true" : "false";
      case kFloat16:
      case kBFloat16:
        return fmt::format("{}{{{}}}", c_type(t), bits);
      case kFloat32:
        return fmt::format("lz_f32({:#x}u)", bits);
      case kFloat64:
        return fmt::format("lz_f64({:#x}ull)", bits);
      default:
        return fmt::format("({}){:#x}ull", c_type(t), bits);
    }
  }

  std::string scalar(const Inst& i) const {
    const DType t = k_.scalars[i.imm];
    const std::string bits = fmt::format("lz_args.scalars[{}]", i.imm);
    if (is_bool(t)) return fmt::format("({} & 1) != 0", bits);
    if (is_half(t)) return fmt::format("{}{{(u16){}}}", c_type(t), bits);
    if (t == kFloat32) return fmt::format("lz_f32((u32){})", bits);
    if (t == kFloat64) return fmt::format("lz_f64({})", bits);
    return fmt::format("({}){}", c_type(t), bits);
  }

  /// The table's text with the operands' names put in.
  std::string prim(const Inst& i) const {
    const DType operand_type = dtype(i.operands.back());
    const std::string_view text = scalar::cuda_spelling(i.prim, operand_type);
    if (text.empty())
      throw Error(ErrorKind::Internal, fmt::format("prims.def has no CUDA text for {} on {}", scalar::info(i.prim).name,
                                                   lazuli::name(operand_type)));
    std::string out;
    for (size_t n = 0; n < text.size(); ++n) {
      if (text[n] != '$') {
        out += text[n];
      } else if (text[++n] == 'T') {
        out += c_type(dtype(i.results[0]));
      } else {
        out += operand(i, static_cast<size_t>(text[n] - '0'));
      }
    }
    return out;
  }

  void store(const Inst& i) {
    std::string condition = in_threads_ ? "" : "threadIdx.x == 0";
    if (i.operands.size() == 3) condition += (condition.empty() ? "" : " && ") + operand(i, 2);
    const std::string guard = condition.empty() ? "" : fmt::format("if ({}) ", condition);
    line("{}b{}[{}] = {};", guard, i.imm, operand(i, 0), operand(i, 1));
  }

  void for_loop(const Inst& i) {
    const Block& b = k_.blocks[i.blocks[0]];
    // A carried value lives in the variable of the loop's result.
    for (size_t n = 0; n < i.results.size(); ++n) {
      line("{} {} = {};", c_type(dtype(i.results[n])), ref(i.results[n]), operand(i, n + 3));
      names_[b.args[n + 1]] = ref(i.results[n]);
    }
    const std::string &x = ref(b.args[0]), &begin = operand(i, 0), &end = operand(i, 1), &step = operand(i, 2);
    const bool spread = i.loop == LoopKind::Thread && !in_threads_;
    if (spread)
      line("for (i64 {0} = {1} + threadIdx.x * {3}; {0} < {2}; {0} += blockDim.x * {3}) {{", x, begin, end, step);
    else
      line("for (i64 {0} = {1}; {0} < {2}; {0} += {3}) {{", x, begin, end, step);
    in_threads_ |= spread;
    block(b);
    if (spread) in_threads_ = false;
    ++depth_;
    for (size_t n = 0; n < b.yields.size(); ++n)  // all are read before any is written
      line("const {} next_{} = {};", c_type(dtype(i.results[n])), ref(i.results[n]), ref(b.yields[n]));
    for (ValueId r : i.results) line("{0} = next_{0};", ref(r));
    --depth_;
    line("}}");
  }

  void if_then(const Inst& i) {
    for (ValueId r : i.results) line("{} {};", c_type(dtype(r)), ref(r));
    line("if ({}) {{", operand(i, 0));
    for (int side = 0; side < 2; ++side) {
      const Block& b = k_.blocks[i.blocks[side]];
      if (side) line("}} else {{");
      block(b);
      ++depth_;
      for (size_t n = 0; n < b.yields.size(); ++n) line("{} = {};", ref(i.results[n]), ref(b.yields[n]));
      --depth_;
    }
    line("}}");
  }

  const Kernel& k_;
  const Schedule& schedule_;
  std::vector<int64_t> shared_;     // of each buffer: where it stands in shared memory
  std::vector<std::string> names_;  // of each value's variable
  std::string out_;
  size_t depth_ = 0;
  bool in_threads_ = false;  // inside a Thread loop
};

}  // namespace

CudaSource emit_cuda(const Kernel& kernel, const Schedule& schedule) {
  return Emitter(kernel, schedule).run();
}

}  // namespace lazuli::codegen
