#include "codegen/cuda/emit.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "codegen/cuda/narrow.h"
#include "codegen/kernel_types.h"
#include "lazuli/base/error.h"

namespace lazuli::codegen {

namespace {

constexpr int kRegistersOfProcessor = 65536;
constexpr int kRegistersOfCopying = 40, kRegistersOfMultiplying = 232;  // of a thread; 384 have 168 at first
constexpr int64_t kMostUnrolled = 16;                                   // iterations
constexpr size_t kMuchCarried = 16;                                     // values

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
  Emitter(const Kernel& k, const Schedule& s)
      : k_(k), schedule_(s), names_(k.values.size()), narrow_(narrow_values(k, s.narrow)) {
    for (size_t v = 0; v < k.values.size(); ++v)
      for (size_t l = 0; l < k.values[v].lanes; ++l)
        names_[v].push_back(k.values[v].lanes == 1 ? fmt::format("v{}", v) : fmt::format("v{}_{}", v, l));
  }

  CudaSource run() {
    if (!k_.streams.empty()) line("{}sm_90a", kOnlyFor);
    out_ += kCudaPrelude;
    if (!k_.tiles.empty()) out_ += kCudaMatrixPrelude;
    CudaSource source;
    if (!k_.streams.empty()) stream_maps(source);
    arguments(source.maps.size());
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
  const std::string& ref(ValueId v, size_t lane = 0) const { return names_[v][lane]; }
  /// What stands for an operand in this lane of a result: scalars stand for all lanes.
  const std::string& operand(const Inst& i, size_t n, size_t lane = 0) const {
    const std::vector<std::string>& lanes = names_[i.operands[n]];
    return lanes[lanes.size() == 1 ? 0 : lane];
  }
  DType dtype(ValueId v) const { return k_.values[v].dtype; }
  size_t lanes(ValueId v) const { return k_.values[v].lanes; }
  bool is_constant(ValueId v, int64_t value) const {
    const InstId n = k_.definers[v];
    return n != kNone && k_.insts[n].op == KOp::Prim && k_.insts[n].prim == Prim::constant &&
           k_.insts[n].imm == static_cast<uint64_t>(value);
  }
  std::optional<int64_t> constant(ValueId v) const {
    const InstId n = k_.definers[v];
    if (n == kNone || k_.insts[n].op != KOp::Prim || k_.insts[n].prim != Prim::constant) return std::nullopt;
    return static_cast<int64_t>(k_.insts[n].imm);
  }
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

  void arguments(size_t maps) {
    line("struct lz_arguments {{");
    ++depth_;
    if (maps) line("lz_tensor_map maps[{}];", maps);
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
      if (i.op == KOp::LaneSwap) used[lane_move(i.imm).to] = used[lane_move(i.imm).from] = true;
      if (i.op == KOp::MultiplyTile) {
        const TileProduct& p = k_.tiles[i.imm];
        used[p.to] = true;
        if (!p.left_made) used[p.left] = true;
        if (!p.right_made) used[p.right] = true;
      }
      if (i.op == KOp::StreamTile) used[k_.streams[i.imm].to] = true;  // operands come through maps
      for (BlockId inner : i.blocks) survey(k_.blocks[inner], used);
    }
  }

  void phase(size_t p, const std::string& symbol) {
    const Block& body = k_.blocks[k_.phases[p].body];
    std::vector<bool> used(k_.buffers.size());
    survey(body, used);
    const InstId last = body.insts.empty() ? kNone : body.insts.back();
    const bool streams = last != kNone && k_.insts[last].op == KOp::StreamTile;
    // The second bound, blocks that fit into a processor together, is how a limit for registers is said.
    line("extern \"C\" __global__ void __launch_bounds__({}, {}) {}(const {}lz_arguments lz_args) {{",
         schedule_.threads, std::max(1, kRegistersOfProcessor / (schedule_.threads * schedule_.registers)), symbol,
         streams ? "LZ_CONSTANT_ARGUMENT " : "");
    ++depth_;
    for (size_t n = 0; n < used.size(); ++n)
      if (used[n] && k_.buffers[n].role == Role::Shared) {
        line("{}(lz_shared);", streams ? "LZ_SHARED_BOXES" : "LZ_SHARED");
        break;
      }
    size_t scratch = 0;
    for (size_t n = 0; n < used.size(); ++n) {
      const Buffer& b = k_.buffers[n];
      const bool own = b.role == Role::Scratch;
      const std::string offset = own ? fmt::format(" + blockIdx.x * lz_args.scratch[{}]", scratch++) : "";
      if (!used[n]) continue;
      const std::string_view t = memory_type(b.dtype);
      if (b.role == Role::Thread)
        line("{} b{}[{}];", c_type(b.dtype), n, b.extent);
      else if (b.role == Role::Shared)
        line("{0}* const b{1} = ({0}*)(lz_shared + {2});", t, n, shared_[n]);
      else if (b.role == Role::Input)
        line("const {0}* __restrict__ const b{1} = (const {0}*)lz_args.buffers[{1}];", t, n);
      else
        line("{0}* const b{1} = ({0}*)lz_args.buffers[{1}]{2};", t, n, offset);
    }
    if (streams) {
      stream_phase(body, k_.insts[last]);
    } else {
      tasks(body);
      block(body);
      line("}}");
    }
    --depth_;
    line("}}");
  }

  void tasks(const Block& body) {
    line("for (i64 {0} = lz_args.begin + blockIdx.x; {0} < lz_args.end; {0} += gridDim.x) {{", ref(body.args[0]));
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
      case KOp::LaneSwap:
        return lane_swap(lane_move(i.imm));
      case KOp::MultiplyTile:
        return multiply_tile(i);
      case KOp::Load:
        return load(i);
      case KOp::Store:
        return store(i);
      case KOp::For:
        return for_loop(i);
      case KOp::If:
        return if_then(i);
      default:
        break;
    }
    if (i.op == KOp::Prim && i.prim == Prim::check) {
      for (size_t l = 0; l < lanes(i.operands[0]); ++l) line("{};", prim(i, l));
      return;
    }
    if (rename(i)) return;
    const ValueId r = i.results[0];
    const std::string_view t = narrow_[r] ? "i32" : c_type(dtype(r));
    for (size_t l = 0; l < lanes(r); ++l) line("const {} {} = {};", t, ref(r, l), expression(i, l));
  }

  /// Instructions that move lanes alone are no code: their results are other names.
  bool rename(const Inst& i) {
    if (i.op != KOp::Splat && i.op != KOp::Low && i.op != KOp::High && i.op != KOp::Extract && i.op != KOp::Shuffle)
      return false;
    std::vector<std::string>& to = names_[i.results[0]];
    const std::vector<std::string>& a = names_[i.operands[0]];
    for (size_t l = 0; l < to.size(); ++l) {
      if (i.op == KOp::Splat) {
        to[l] = a[0];
      } else if (i.op == KOp::Shuffle) {
        const size_t p = k_.shuffles[i.imm][l];
        to[l] = p < a.size() ? a[p] : names_[i.operands[1]][p - a.size()];
      } else {
        to[l] = a[i.op == KOp::Extract ? i.imm : i.op == KOp::High ? l + to.size() : l];
      }
    }
    return true;
  }

  std::string expression(const Inst& i, size_t lane) const {
    switch (i.op) {
      case KOp::Prim:
        return i.prim == Prim::constant ? literal(dtype(i.results[0]), i.imm) : prim(i, lane);
      case KOp::SizeArg:
        return fmt::format("lz_args.sizes[{}]", i.imm);
      case KOp::ScalarArg:
        return scalar(i);
      case KOp::Iota:
        return fmt::format("{}", lane);
      case KOp::AnyLane:
        return fmt::format("{}", fmt::join(names_[i.operands[0]], " | "));
      case KOp::LaneMask:
        return fmt::format("{} < {}", lane, operand(i, 0));
      case KOp::FastDiv:
        return fmt::format("(i64)((u64){} * (u64){} >> {})", operand(i, 0, lane), operand(i, 1, lane),
                           operand(i, 2, lane));
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
  std::string prim(const Inst& i, size_t lane) const {
    const DType operand_type = dtype(i.operands.back());
    const bool narrow = !i.results.empty() && narrow_[i.results[0]];
    const std::string_view text = scalar::cuda_spelling(i.prim, operand_type);
    if (text.empty())
      throw Error(ErrorKind::Internal, fmt::format("prims.def has no CUDA text for {} on {}", scalar::info(i.prim).name,
                                                   lazuli::name(operand_type)));
    std::string out;
    for (size_t n = 0; n < text.size(); ++n) {
      if (text[n] != '$') {
        out += text[n];
      } else if (text[++n] == 'T') {
        out += narrow ? "i32" : c_type(dtype(i.results[0]));
      } else {
        const auto o = static_cast<size_t>(text[n] - '0');
        const bool cast = narrow && !narrow_[i.operands[o]] && dtype(i.operands[o]) == kInt64;
        out += cast ? fmt::format("(i32){}", operand(i, o, lane)) : operand(i, o, lane);
      }
    }
    return out;
  }

  /// Where lane `l` of an access stands.
  std::string element(const Inst& i, size_t l) const {
    const bool run = l > 0 && lanes(i.operands[0]) == 1;
    return run ? fmt::format("b{}[{} + {}]", i.imm, operand(i, 0), l) : fmt::format("b{}[{}]", i.imm, operand(i, 0, l));
  }

  /// "lz_load": elements in a row, at once where the address allows it; it is asked unless the kernel says so.
  static std::string_view aligned(const Inst& i) { return i.flags & kAligned ? "_aligned" : ""; }

  void check_private(const Inst& i) const {
    if (k_.buffers[i.imm].role == Role::Thread && !threads_each_)
      throw Error(ErrorKind::Internal,
                  fmt::format("kernel {}: registers of threads outside of a loop over them", k_.name));
  }

  void load(const Inst& i) {
    check_private(i);
    const ValueId r = i.results[0];
    const DType t = dtype(r);
    const bool run = lanes(r) > 1 && lanes(i.operands[0]) == 1 && i.operands.size() < 3;
    if (run) {
      line("const lz_vec<{0}, {1}> w{2} = lz_load{3}<{1}>(b{4} + {5});", memory_type(t), lanes(r), r, aligned(i), i.imm,
           operand(i, 0));
      for (size_t l = 0; l < lanes(r); ++l)
        names_[r][l] = is_bool(t) ? fmt::format("(w{}.v[{}] != 0)", r, l) : fmt::format("w{}.v[{}]", r, l);
      return;
    }
    for (size_t l = 0; l < lanes(r); ++l) {
      std::string e = element(i, l);
      if (is_bool(t) && k_.buffers[i.imm].role != Role::Thread) e = "(" + e + " != 0)";
      if (i.operands.size() == 3) e = fmt::format("{} ? {} : {}", operand(i, 1, l), e, operand(i, 2, l));
      line("const {} {} = {};", c_type(t), ref(r, l), e);
    }
  }

  void store(const Inst& i) {
    check_private(i);
    const size_t n = std::max(lanes(i.operands[0]), lanes(i.operands[1]));
    std::string condition = in_threads_ ? "" : "threadIdx.x == 0";
    if (n > 1 && lanes(i.operands[0]) == 1 && i.operands.size() < 3) {
      const std::string guard = condition.empty() ? "" : fmt::format("if ({}) ", condition);
      line("{}lz_store{}(b{} + {}, lz_vec<{}, {}>{{{{{}}}}});", guard, aligned(i), i.imm, operand(i, 0),
           memory_type(k_.buffers[i.imm].dtype), n, fmt::join(names_[i.operands[1]], ", "));
      return;
    }
    for (size_t l = 0; l < n; ++l) {
      std::string when = condition;
      if (i.operands.size() == 3) when += (when.empty() ? "" : " && ") + operand(i, 2, l);
      const std::string guard = when.empty() ? "" : fmt::format("if ({}) ", when);
      line("{}{} = {};", guard, element(i, l), operand(i, 1, l));
    }
  }

  void lane_swap(LaneMove m) {
    for (int64_t n = 0; n < k_.buffers[m.to].extent; ++n)
      line("b{0}[{2}] = lz_lane_swap(b{1}[{2}], {3});", m.to, m.from, n, m.mask);
  }

  void multiply_tile(const Inst& i) {
    const TileProduct& p = k_.tiles[i.imm];
    const bool scope = p.left_made || p.right_made;
    if (scope) line("{{");
    size_t next = 0;
    const std::string left = p.left_made ? maker(i, next, p.left_made) : fmt::format("b{} + {}", p.left, operand(i, 0));
    const std::string right =
        p.right_made ? maker(i, next, p.right_made) : fmt::format("b{} + {}", p.right, operand(i, 3));
    line("lz_multiply_tile<{}, {}, {}, {}, {}>(b{}, {}, {}, {}, {}, {}, {}, {});", p.rows, p.columns, p.stages,
         p.left_along_depth, p.right_along_depth, p.to, left, operand(i, 1), operand(i, 2), right, operand(i, 4),
         operand(i, 5), operand(i, 6));
    if (scope) line("}}");
  }

  /// The two functions that make a side of a product, and what passes between them, registers of a thread; what the
  /// prelude is given.
  std::string maker(const Inst& i, size_t& next, uint16_t made) {
    const BlockId id = i.blocks[next];
    const Block &fetch = k_.blocks[id], &convert = k_.blocks[i.blocks[next + 1]];
    next += 2;
    const size_t given = 2;  // row and depth
    line("struct lz_fetched{} {{", id);
    for (size_t v = given; v < convert.args.size(); ++v)
      for (const std::string& name : names_[convert.args[v]]) line("  {} {};", c_type(dtype(convert.args[v])), name);
    line("}};");
    const bool outside = !std::exchange(in_threads_, true);
    line("const auto fetch{} = [&](const i64 {}, const i64 {}) {{", id, ref(fetch.args[0]), ref(fetch.args[1]));
    block(fetch);
    std::vector<std::string> read;
    for (ValueId v : fetch.yields) read.insert(read.end(), names_[v].begin(), names_[v].end());
    line("  return lz_fetched{}{{{}}};", id, fmt::join(read, ", "));
    line("}};");
    line("const auto convert{0} = [&](const i64 {1}, const i64 {2}, const lz_fetched{0}& fetched) {{", id,
         ref(convert.args[0]), ref(convert.args[1]));
    for (size_t v = given; v < convert.args.size(); ++v)
      for (std::string& name : names_[convert.args[v]]) name = "fetched." + name;
    block(convert);
    const ValueId value = convert.yields[0];
    const std::string type(c_type(dtype(value)));
    line("  return lz_vec<{}, {}>{{{{{}}}}};", type, made, fmt::join(names_[value], ", "));
    line("}};");
    if (outside) in_threads_ = false;
    return fmt::format("lz_making<{0}, {1}, lz_fetched{2}>(fetch{2}, convert{2})", type, made, id);
  }

  /// The prelude of streamed tiles, and the maps of their operands.
  void stream_maps(CudaSource& source) {
    const StreamProduct& p = k_.streams[0];
    if (k_.streams.size() > 1)
      throw Error(ErrorKind::Internal, fmt::format("kernel {}: two streams of tiles", k_.name));
    const DType t = k_.buffers[p.left].dtype;
    source.maps = {{p.left, p.left_sizes, p.rows, t, p.left_along_depth},
                   {p.right, p.right_sizes, p.columns, t, p.right_along_depth}};
    source.stays = true;
    out_ += cuda_stream_prelude(p.columns, t);
  }

  /// Two roles, each in a loop of its own over the block's tasks: both find the places of tiles alike.
  void stream_phase(const Block& body, const Inst& i) {
    const StreamProduct& p = k_.streams[i.imm];
    const auto places = [&] {
      ++depth_;
      for (const InstId n : body.insts)
        if (&k_.insts[n] != &i) inst(k_.insts[n]);
      --depth_;
    };
    const auto batch = [&](bool batched) { return batched ? operand(i, 2) : std::string("0"); };
    const std::string depth = fmt::format("lz_args.sizes[{}]", p.left_sizes + 4);
    line("lz_stream<{}, {}, {}, {}, {}, {}, {}> lz_tiles((u8*)b{});", p.rows, p.columns, p.stages, p.left_along_depth,
         p.right_along_depth, c_type(k_.buffers[p.to].dtype), c_type(k_.buffers[p.left].dtype), p.to);
    line("if (lz_tiles.copies()) {{");
    line("  lz_fewer_registers<{}>();", kRegistersOfCopying);
    line("  if (lz_tiles.gives_orders())");
    ++depth_;
    tasks(body);
    places();
    line("  lz_tiles.copy(lz_args.maps, lz_args.maps + 1, {}, {}, {}, {}, {});", operand(i, 0), operand(i, 1),
         batch(p.left_batched), batch(p.right_batched), depth);
    line("}}");
    --depth_;
    line("}} else {{");
    line("  lz_more_registers<{}>();", kRegistersOfMultiplying);
    line("  {} lz_sums[{}];", c_type(k_.buffers[p.to].dtype), p.columns / 2);
    line("  {0}* const lz_piece = lz_tiles.piece();", c_type(k_.buffers[p.to].dtype));
    ++depth_;
    tasks(body);
    places();
    line("  lz_tiles.multiply(lz_sums, {});", depth);
    const Block& b = k_.blocks[i.blocks[0]];
    line("  for (int lz_n = 0; lz_n < {}; ++lz_n) {{", p.columns / StreamProduct::kPieceColumns);
    ++depth_;
    line("  lz_tiles.put(lz_sums, lz_n);");
    line("  lz_warp_barrier();");
    line("  {0}* const b{1} = lz_piece;", c_type(k_.buffers[p.to].dtype), p.to);
    line("  const i64 {} = {} + lz_tiles.first_row(), {} = {} + lz_n * {};", ref(b.args[0]), operand(i, 0),
         ref(b.args[1]), operand(i, 1), StreamProduct::kPieceColumns);
    in_piece_ = true;
    block(b);
    in_piece_ = false;
    line("  lz_warp_barrier();");
    line("}}");
    --depth_;
    line("}}");
    --depth_;
    line("}}");
  }

  void for_loop(const Inst& i) {
    const Block& b = k_.blocks[i.blocks[0]];
    // A carried value lives in the variable of the loop's result.
    for (size_t n = 0; n < i.results.size(); ++n) {
      for (size_t l = 0; l < lanes(i.results[n]); ++l)
        line("{} {} = {};", c_type(dtype(i.results[n])), ref(i.results[n], l), operand(i, n + 3, l));
      names_[b.args[n + 1]] = names_[i.results[n]];
    }
    const std::string &x = ref(b.args[0]), &begin = operand(i, 0), &end = operand(i, 1), &step = operand(i, 2);
    const bool spread = i.loop == LoopKind::Thread && !in_threads_;
    const bool each = spread && is_constant(i.operands[0], 0) && is_constant(i.operands[1], schedule_.threads) &&
                      is_constant(i.operands[2], 1);
    // Unrolled, the elements of arrays of registers have constant places, and loads overlap. Where much is carried
    // there is enough under way; two steps at a time take no more registers than one.
    if (const auto from = constant(i.operands[0]), to = constant(i.operands[1]), by = constant(i.operands[2]);
        !spread && from && to && by && *by > 0 && *to - *from <= kMostUnrolled * *by)
      line("LZ_UNROLL{}", i.results.size() > kMuchCarried ? "_TWO" : "");
    if (spread && in_piece_)
      line("for (i64 {0} = {1} + (threadIdx.x & 31) * {3}; {0} < {2}; {0} += 32 * {3}) {{", x, begin, end, step);
    else if (each)
      line("{{ const i64 {} = threadIdx.x;", x);
    else if (spread)
      line("for (i64 {0} = {1} + threadIdx.x * {3}; {0} < {2}; {0} += blockDim.x * {3}) {{", x, begin, end, step);
    else
      line("for (i64 {0} = {1}; {0} < {2}; {0} += {3}) {{", x, begin, end, step);
    in_threads_ |= spread;
    threads_each_ |= each;
    block(b);
    if (spread) in_threads_ = threads_each_ = false;
    ++depth_;
    for (size_t n = 0; n < b.yields.size(); ++n)  // all are read before any is written
      for (size_t l = 0; l < lanes(i.results[n]); ++l)
        line("const {} next_{} = {};", c_type(dtype(i.results[n])), ref(i.results[n], l), ref(b.yields[n], l));
    for (ValueId r : i.results)
      for (const std::string& name : names_[r]) line("{0} = next_{0};", name);
    --depth_;
    line("}}");
  }

  void if_then(const Inst& i) {
    for (ValueId r : i.results)
      for (const std::string& name : names_[r]) line("{} {};", c_type(dtype(r)), name);
    line("if ({}) {{", operand(i, 0));
    for (int side = 0; side < 2; ++side) {
      const Block& b = k_.blocks[i.blocks[side]];
      if (side) line("}} else {{");
      block(b);
      ++depth_;
      for (size_t n = 0; n < b.yields.size(); ++n)
        for (size_t l = 0; l < lanes(i.results[n]); ++l) line("{} = {};", ref(i.results[n], l), ref(b.yields[n], l));
      --depth_;
    }
    line("}}");
  }

  const Kernel& k_;
  const Schedule& schedule_;
  std::vector<int64_t> shared_;                  // of each buffer: where it stands in shared memory
  std::vector<std::vector<std::string>> names_;  // of each value's variables, one per lane
  std::vector<bool> narrow_;                     // of each value: an int32 in the code
  std::string out_;
  size_t depth_ = 0;
  bool in_piece_ = false;      // of a streamed tile: threads are those of a warp
  bool in_threads_ = false;    // inside a Thread loop
  bool threads_each_ = false;  // the same, and its iterations are the threads
};

}  // namespace

CudaSource emit_cuda(const Kernel& kernel, const Schedule& schedule) {
  return Emitter(kernel, schedule).run();
}

}  // namespace lazuli::codegen
