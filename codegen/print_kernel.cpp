// Text of a kernel. Values are numbered in program order, so the same structure gives the same text.
#include <fmt/format.h>

#include "codegen/kernel.h"
#include "ir/scalar/function.h"

namespace lazuli::codegen {

std::string_view name(Role r) {
  constexpr std::string_view names[] = {"input", "output", "inout", "workspace", "scratch", "shared", "thread"};
  return names[static_cast<size_t>(r)];
}

std::string_view name(KOp op) {
  constexpr std::string_view names[] = {"prim",     "size",         "scalar",     "iota",     "splat", "low",
                                        "high",     "extract",      "shuffle",    "lanemask", "any",   "fastdiv",
                                        "dotbytes", "load",         "store",      "prefetch", "fence", "barrier",
                                        "laneswap", "multiplytile", "streamtile", "for",      "if"};
  return names[static_cast<size_t>(op)];
}

std::string str(Type t) {
  return t.lanes == 1 ? std::string(lazuli::name(t.dtype)) : fmt::format("{}x{}", lazuli::name(t.dtype), t.lanes);
}

namespace {

class Printer {
 public:
  explicit Printer(const Kernel& k) : k_(k), number_(k.values.size(), kNone) {}

  std::string run() {
    put("kernel {}(", k_.name);
    for (size_t i = 0; i < k_.buffers.size(); ++i) {
      const Buffer& b = k_.buffers[i];
      put("{}b{}: {} {}", i ? ", " : "", i, lazuli::name(b.dtype), name(b.role));
      if (b.role == Role::Shared || b.role == Role::Thread) put("[{}]", b.extent);
    }
    put(") scalars(");
    for (size_t i = 0; i < k_.scalars.size(); ++i) put("{}{}", i ? ", " : "", lazuli::name(k_.scalars[i]));
    put(") sizes({})\n", k_.size_args);
    for (const Phase& p : k_.phases) {
      const Block& b = k_.blocks[p.body];
      put("phase {}({}) {{\n", p.name, typed(b.args[0]));
      body(b);
      put("}}\n");
    }
    return std::move(out_);
  }

 private:
  template <class... Args>
  void put(fmt::format_string<Args...> f, Args&&... args) {
    fmt::format_to(std::back_inserter(out_), f, std::forward<Args>(args)...);
  }
  std::string ref(ValueId v) {
    if (v >= number_.size()) return "%<invalid>";
    if (number_[v] == kNone) number_[v] = next_++;
    return fmt::format("%{}", number_[v]);
  }
  std::string typed(ValueId v) { return fmt::format("{}: {}", ref(v), str(k_.values[v])); }
  template <class Range>
  std::string list(const Range& values) {
    std::string s;
    for (ValueId v : values) s += (s.empty() ? "" : ", ") + ref(v);
    return s;
  }
  void indent() { out_.append(depth_ * 2, ' '); }

  void body(const Block& b) {
    ++depth_;
    for (InstId i : b.insts) inst(k_.insts[i]);
    if (!b.yields.empty()) {
      indent();
      put("yield {}\n", list(b.yields));
    }
    --depth_;
  }

  void inst(const Inst& i) {
    indent();
    switch (i.op) {
      case KOp::For:
        return for_loop(i);
      case KOp::If:
        return if_then(i);
      case KOp::Load: {
        const std::string operands = ref(i.operands[0]);
        std::string masked;
        if (i.operands.size() == 3) masked = fmt::format(" where {} else {}", ref(i.operands[1]), ref(i.operands[2]));
        return put("{} = load b{}[{}]{}{}\n", typed(i.results[0]), i.imm, operands, masked, flags(i));
      }
      case KOp::Store: {
        std::string masked;
        if (i.operands.size() == 3) masked = " where " + ref(i.operands[2]);
        return put("store b{}[{}], {}{}{}\n", i.imm, ref(i.operands[0]), ref(i.operands[1]), masked, flags(i));
      }
      case KOp::Prefetch:
        return put("prefetch b{}[{}]{}\n", i.imm, ref(i.operands[0]), flags(i));
      case KOp::Fence:
        return put("fence\n");
      case KOp::Barrier:
        return put("barrier\n");
      case KOp::LaneSwap: {
        const LaneMove m = lane_move(i.imm);
        return put("laneswap b{} <- b{} by {}\n", m.to, m.from, m.mask);
      }
      case KOp::MultiplyTile: {
        const TileProduct& p = k_.tiles[i.imm];
        const auto side = [&](uint32_t buffer, size_t n, bool along, uint16_t made) {
          if (made)
            return fmt::format("made {} at once {} rows {}", made, along ? "along the depth" : "across",
                               ref(i.operands[n + 2]));
          return fmt::format("b{}[{}] {} {} rows {}", buffer, ref(i.operands[n]), along ? "stride" : "depth stride",
                             ref(i.operands[n + 1]), ref(i.operands[n + 2]));
        };
        const std::string left = side(p.left, 0, p.left_along_depth, p.left_made);
        const std::string right = side(p.right, 3, p.right_along_depth, p.right_made);
        put("multiplytile b{} {}x{} stages {} <- {}, {}, depth {}", p.to, p.rows, p.columns, p.stages, left, right,
            ref(i.operands[6]));
        for (size_t n = 0; n < i.blocks.size(); ++n) {
          const Block& b = k_.blocks[i.blocks[n]];
          put("{} {{\n", n % 2 == 0 ? " fetch(" + list(b.args) + ")" : " convert(" + list(b.args) + ")");
          body(b);
          indent();
          put("}}");
        }
        return put("\n");
      }
      case KOp::StreamTile:
        return stream_tile(i);
      case KOp::Prim:
        if (i.prim == Prim::check) return put("check {}\n", ref(i.operands[0]));
        if (i.prim == Prim::constant)
          return put("{} = {}\n", typed(i.results[0]), scalar::literal(k_.values[i.results[0]].dtype, i.imm));
        [[fallthrough]];
      default:
        break;
    }
    const std::string operands = list(i.operands);
    put("{} = {}", typed(i.results[0]), i.op == KOp::Prim ? scalar::info(i.prim).name : name(i.op));
    if (i.op == KOp::SizeArg || i.op == KOp::ScalarArg) put(" {}", i.imm);
    if (!operands.empty()) put(" {}", operands);
    if (i.op == KOp::Extract) put("[{}]", i.imm);
    if (i.op == KOp::Shuffle) put(" [{}]", fmt::join(k_.shuffles[i.imm], " "));
    put("\n");
  }

  static std::string flags(const Inst& i) {
    return fmt::format("{}{}{}", i.flags & kAligned ? " aligned" : "", i.flags & kNonTemporal ? " nontemporal" : "",
                       i.flags & kFar ? " far" : "");
  }

  void results(const Inst& i) {
    if (i.results.empty()) return;
    std::string s;
    for (ValueId v : i.results) s += (s.empty() ? "" : ", ") + typed(v);
    put("{} = ", s);
  }

  void stream_tile(const Inst& i) {
    const StreamProduct& p = k_.streams[i.imm];
    const Block& b = k_.blocks[i.blocks[0]];
    const auto side = [](uint32_t buffer, uint32_t sizes, bool along, bool batched) {
      return fmt::format("b{}{}{} sizes {}", buffer, along ? "" : " turned", batched ? " batched" : "", sizes);
    };
    put("streamtile b{} {}x{} stages {} <- {}, {} at {} pieces {}, {} {{\n", p.to, p.rows, p.columns, p.stages,
        side(p.left, p.left_sizes, p.left_along_depth, p.left_batched),
        side(p.right, p.right_sizes, p.right_along_depth, p.right_batched), list(i.operands), typed(b.args[0]),
        typed(b.args[1]));
    body(b);
    indent();
    put("}}\n");
  }

  // Results of For and If get their numbers before the bodies: they stand on the line above.
  void for_loop(const Inst& i) {
    const Block& b = k_.blocks[i.blocks[0]];
    const std::string range =
        fmt::format("{} to {} step {}", ref(i.operands[0]), ref(i.operands[1]), ref(i.operands[2]));
    results(i);
    put("for{} {} = {}", i.loop == LoopKind::Thread ? " thread" : "", typed(b.args[0]), range);
    for (size_t c = 0; c + 1 < b.args.size(); ++c)
      put("{} {} = {}", c ? "," : " carry", typed(b.args[c + 1]), ref(i.operands[c + 3]));
    put(" {{\n");
    body(b);
    indent();
    put("}}\n");
  }

  void if_then(const Inst& i) {
    const std::string condition = ref(i.operands[0]);
    results(i);
    put("if {} {{\n", condition);
    body(k_.blocks[i.blocks[0]]);
    indent();
    const Block& other = k_.blocks[i.blocks[1]];
    if (!other.insts.empty() || !other.yields.empty()) {
      put("}} else {{\n");
      body(other);
      indent();
    }
    put("}}\n");
  }

  const Kernel& k_;
  std::vector<uint32_t> number_;
  uint32_t next_ = 0;
  size_t depth_ = 0;
  std::string out_;
};

}  // namespace

std::string print_kernel(const Kernel& k) {
  return Printer(k).run();
}

}  // namespace lazuli::codegen
