#!/usr/bin/env python3
"""Plants thirty faults in passes and code generation, one at a time, and asks lazuli-fuzz to find each.

A copy of the sources gets every fault at once, each behind a switch that one environment variable sets, so one build
serves them all and the product's own sources stay as they are. A fault counts as found when lazuli-fuzz reports a
failure or crashes within the limits, and as missed otherwise. The unswitched copy must pass first.

    tests/fuzz/planted_faults.py --work DIR [--count N] [--time-limit SECONDS] [--seed N] [--only NAME,NAME] [--jobs N]

Exits with 0 when at least 27 of 30 are found. Every `old` text must stand exactly once in its file: when one does not,
the code has changed and the fault is to be written anew.
"""
import argparse
import os
import pathlib
import shutil
import subprocess
import sys
import time

REQUIRED = 27
SWITCH = """#include <cstdlib>
#include <cstring>
[[maybe_unused]] static bool lazuli_fault(const char* name) {
  static const char* const on = std::getenv("LAZULI_FAULT");
  return on && std::strcmp(on, name) == 0;
}
"""

# (name, file, old, new); FAULT in `new` is the switch.
FAULTS = [
    # Rewrites.
    ("float-times-zero", "passes/rewrites_arithmetic.cpp",
     "return !is_floating(n->dtype()) && beside(n, 0)",
     "return (FAULT || !is_floating(n->dtype())) && beside(n, 0)"),
    ("float-minus-itself", "passes/rewrites_arithmetic.cpp",
     "return is_integer(n) && n->input(0) == n->input(1)",
     "return (FAULT || is_integer(n)) && n->input(0) == n->input(1)"),
    ("plus-positive-zero", "passes/rewrites_arithmetic.cpp",
     "is_floating(n->dtype()) ? -0.0 : 0.0",
     "is_floating(n->dtype()) && !FAULT ? -0.0 : 0.0"),
    ("slice-of-slice-start", "passes/rewrites_view.cpp",
     "range.start[d] += outer.start[d] * range.step[d];",
     "range.start[d] += outer.start[d] * (FAULT ? 1 : range.step[d]);"),
    ("permute-order", "passes/rewrites_view.cpp",
     "for (int64_t a : axes_of(n)) axes.push_back(axes_of(inner)[static_cast<size_t>(a)]);",
     "for (int64_t a : FAULT ? axes_of(inner) : axes_of(n))"
     " axes.push_back((FAULT ? axes_of(n) : axes_of(inner))[static_cast<size_t>(a)]);"),
    ("narrow-cast-dropped", "passes/rewrites_cast.cpp",
     "same = itemsize(b) >= itemsize(c);",
     "same = FAULT || itemsize(b) >= itemsize(c);"),
    ("slice-of-concat-skip", "passes/rewrites_join.cpp",
     "if (end <= i.start) skipped = end;",
     "if (FAULT ? end < i.start : end <= i.start) skipped = end;"),
    ("integer-sum-of-repeats", "passes/rewrites_reduce.cpp",
     "count *= static_cast<uint64_t>(e->shape()[d]);",
     "count *= static_cast<uint64_t>(e->shape()[d]) - (FAULT ? 1 : 0);"),
    # Partition and memory plan.
    ("alias-one-read-of-several", "passes/partition_builder.cpp",
     "[&](const Access& a) { return a.node != in || a.flat == writes_[o].flat; });",
     "[&](const Access& a) { return a.node != in || a.flat == writes_[o].flat || FAULT; });"),
    ("arena-released-early", "passes/plan_memory.cpp",
     "for (const Node* n : region.outputs) place(region, ids_.at(n), position);",
     "if (FAULT) for (const Node* n : region.inputs) { const auto it = ids_.find(n); if (it != ids_.end() &&"
     " values_[it->second].last_use == position) release(it->second); }\n"
     "    for (const Node* n : region.outputs) place(region, ids_.at(n), position);"),
    ("written-before-checks", "passes/plan_memory.cpp",
     "return position >= first_unchecked_;",
     "return FAULT || position >= first_unchecked_;"),
    # Indices and loops.
    ("remainder-loses-offset", "ir/index_expr.cpp",
     "d / g), g), low_part);",
     "d / g), g), FAULT ? 0 : low_part);"),
    ("concat-boundary", "ir/index_expr.cpp",
     "{index[axis], start, start + size});",
     "{index[axis], start, start + size - (FAULT && size > 1 ? 1 : 0)});"),
    ("merged-loops-wrong-stride", "codegen/loop_nest.cpp",
     "if (in_atom[outer] || in_atom[inner] || graph.side[outer] != graph.side[inner]) return false;",
     "if (in_atom[outer] || in_atom[inner] || graph.side[outer] != graph.side[inner]) return false;\n"
     "    if (FAULT) return true;"),
    ("flip-read-forwards", "codegen/loop_nest.cpp",
     "if (scattered.empty() && run_step == 1)",
     "if (scattered.empty() && (run_step == 1 || (FAULT && run_step == -1)))"),
    ("divisors-mixed-up", "codegen/loop_nest.cpp",
     "static_cast<uint64_t>(a.divisor)}, a.divisor,",
     "FAULT ? 0 : static_cast<uint64_t>(a.divisor)}, a.divisor,"),
    # Emission of regions.
    ("tail-mask-one-lane-more", "codegen/region_emitter.cpp",
     ".mask = b.lane_mask(b.sub(end, i), lanes)",
     ".mask = b.lane_mask(FAULT ? b.add(b.sub(end, i), b.index(1)) : b.sub(end, i), lanes)"),
    ("choice-without-predicate", "codegen/region_emitter.cpp",
     "v = here ? b.select(*here, piece, v) : piece;",
     "v = here && !FAULT ? b.select(*here, piece, v) : piece;"),
    ("check-of-dead-lanes", "codegen/region_emitter.cpp",
     "std::optional<ValueId> alive = body.mask;",
     "std::optional<ValueId> alive = body.mask;\n        if (FAULT) alive.reset();"),
    ("task-overruns-rows", "codegen/region_emitter.cpp",
     "const ValueId last = b.min(b.add(first, per), nest.size(\"rows\", total));",
     "const ValueId last = FAULT ? b.add(first, per) : b.min(b.add(first, per), nest.size(\"rows\", total));"),
    # Reductions and contractions.
    ("maximum-starts-at-zero", "codegen/reducer.cpp",
     "if (!reduction_.is_dot()) return {",
     "if (FAULT && (op == Op::sum || op == Op::reduce_max)) return {b_.splat(b_.constant_bits(types_[0], 0), lanes)};\n"
     "  if (!reduction_.is_dot()) return {"),
    ("last-index-on-ties", "codegen/reducer.cpp",
     "prim(Prim::bit_and, ties, prim(Prim::lt, b[1], a[1]))",
     "prim(Prim::bit_and, ties, FAULT ? prim(Prim::lt, a[1], b[1]) : prim(Prim::lt, b[1], a[1]))"),
    ("lanes-merged-by-neighbours", "codegen/row_stages.cpp",
     "acc[r][v] = reducers[r].merge(acc[r][v], acc[r][v + n / 2]);",
     "acc[r][v] = FAULT ? reducers[r].merge(acc[r][2 * v], acc[r][2 * v + 1])"
     " : reducers[r].merge(acc[r][v], acc[r][v + n / 2]);"),
    ("chunks-of-1024", "codegen/lower_row_inner.cpp",
     "void lower_row_inner(RegionEmitter& e) {",
     "void lower_row_inner(RegionEmitter& e) {\n"
     "  const int64_t kChunk = FAULT ? codegen::kChunk / 2 : codegen::kChunk;"),
    ("column-accumulators-of-32", "codegen/lower_row_columns.cpp",
     "b.prim(Prim::bit_and, kInt64, {i, b.index(kLanes - 1)})",
     "b.prim(Prim::bit_and, kInt64, {i, b.index(FAULT ? kLanes / 2 - 1 : kLanes - 1)})"),
    ("contraction-blocks-of-256", "codegen/contract_tile.cpp",
     "Tile tile = given;",
     "const int64_t kDepthBlock = FAULT ? 256 : codegen::kDepthBlock;\n  Tile tile = given;"),
    # Machine code and the kernel cache.
    ("nan-not-zero-in-integers", "codegen/llvm/emit_prims.cpp",
     "r = b_.CreateSelect(b_.CreateFCmpUNO(v, v), integer(t, 0), r);",
     "if (!FAULT) r = b_.CreateSelect(b_.CreateFCmpUNO(v, v), integer(t, 0), r);"),
    ("compare-wrong-for-nan", "codegen/llvm/emit_prims.cpp",
     "return b_.CreateCmp(static_cast<CmpInst::Predicate>(row->code), args[0], args[1]);",
     "return b_.CreateCmp(FAULT && row->code == CmpInst::FCMP_UNE ? CmpInst::FCMP_ONE"
     " : static_cast<CmpInst::Predicate>(row->code), args[0], args[1]);"),
    ("bool-stored-as-255", "codegen/llvm/emit_memory.cpp",
     "if (is_bool(t.dtype)) v = b_.CreateZExt(v, memory);",
     "if (is_bool(t.dtype)) v = FAULT ? b_.CreateSExt(v, memory) : b_.CreateZExt(v, memory);"),
    ("cache-key-without-constants", "codegen/structural_key.cpp",
     "put(i.imm);",
     "if (!FAULT) put(i.imm);"),
]
SKIPPED = {".git", "build"}


def make_copy(source, copy):
    """Sources with every fault behind its switch. Files keep their times unless they change."""
    for path in source.rglob("*"):
        relative = path.relative_to(source)
        if relative.parts[0] in SKIPPED or not path.is_file():
            continue
        text = path.read_bytes()
        mine = [f for f in FAULTS if f[1] == str(relative)]
        if mine:
            content = text.decode()
            for name, _, old, new in mine:
                if content.count(old) != 1:
                    sys.exit(f"{relative}: the text of fault {name} stands there {content.count(old)} times, not once")
                content = content.replace(old, new.replace("FAULT", f'lazuli_fault("{name}")'))
            text = (SWITCH + content).encode()
        target = copy / relative
        if target.exists() and target.read_bytes() == text:
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(text)


def build(copy, jobs, cmake_args):
    environment = dict(os.environ, CCACHE_BASEDIR=str(copy), CCACHE_NOHASHDIR="1")
    tree = copy / "build" / "faults"
    subprocess.run(["cmake", "-S", copy, "-B", tree, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Debug",
                    "-DCMAKE_CXX_FLAGS_DEBUG=-O1 -g1", *cmake_args],
                   check=True, env=environment, stdout=subprocess.DEVNULL)
    subprocess.run(["ninja", "-C", tree, f"-j{jobs}", "lazuli-fuzz"], check=True, env=environment,
                   stdout=subprocess.DEVNULL)
    return tree / "bin" / "lazuli-fuzz"


def hunt(program, fault, args):
    """Exit status of the fuzzer and the first words of what it found."""
    environment = dict(os.environ, LAZULI_FAULT=fault)
    start = time.monotonic()
    try:
        done = subprocess.run([program, f"--seed={args.seed}", f"--count={args.count}", f"--time-limit={args.time_limit}",
                               "--max-failures=1", "--no-reduce"],
                              env=environment, capture_output=True, text=True, timeout=args.time_limit * 2 + 60)
        status, output = done.returncode, done.stdout + done.stderr
    except subprocess.TimeoutExpired:
        status, output = 124, "hangs"
    lines = [l for l in output.splitlines() if l and not l.startswith("lazuli-fuzz: seeds")]
    return status, time.monotonic() - start, " | ".join(lines[:2])[:110]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=pathlib.Path, required=True, help="folder for the copy and its build")
    parser.add_argument("--time-limit", type=float, default=300, help="seconds per fault")
    parser.add_argument("--count", type=int, default=2000, help="seeds per fault")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="", help="names of faults")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--cmake", action="append", default=[], help="argument for cmake")
    args = parser.parse_args()
    source = pathlib.Path(__file__).resolve().parents[2]
    copy = args.work.resolve() / "lazuli"
    make_copy(source, copy)
    program = build(copy, args.jobs, args.cmake)

    status, seconds, text = hunt(program, "none", args)
    print(f"{'(no fault)':28} {'passes' if status == 0 else 'FAILS'} {seconds:6.1f} s  {text}", flush=True)
    if status != 0:
        return 2
    only = [n for n in args.only.split(",") if n]
    wanted = [f for f in FAULTS if not only or f[0] in only]
    found = 0
    for name, file, _, _ in wanted:
        status, seconds, text = hunt(program, name, args)
        found += status != 0
        print(f"{name:28} {'found ' if status else 'MISSED'} {seconds:6.1f} s  {file}: {text}", flush=True)
    print(f"{found} of {len(wanted)} faults found")
    return 0 if only or found >= REQUIRED else 1


if __name__ == "__main__":
    shutil.which("ninja") or sys.exit("ninja is needed")
    sys.exit(main())
