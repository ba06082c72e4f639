#!/usr/bin/env python3
"""Adds an op to a scratch copy of the tree by one row in one file, and checks all that must come of it.

Builds most of Lazuli again, so the test carries the label `slow`.
"""
import argparse
import pathlib
import shutil
import subprocess
import sys

ROW = ('LAZULI_ELEMENTWISE(cubed, 1, NoBool, Same, kNone, "x * x * x.", s.mul(s.mul(x, x), x), '
       'GRAD(g * (x * x * 3)))\n')
END = "#ifdef LAZULI_ELEMENTWISE_UNSET\n#undef LAZULI_ELEMENTWISE\n"

PROGRAM = r"""
#include <cstdio>
#include <string>

#include "lazuli/lazuli.h"

using lazuli::Tensor;

static int failures = 0;
static void expect(bool ok, const char* what) {
  std::printf("%s: %s\n", ok ? "ok" : "FAILED", what);
  failures += !ok;
}

int main() {
  const Tensor x = lazuli::arange(5, lazuli::kFloat32);
  expect(cubed(x).sum().item<double>() == 100, "function");
  expect(x.cubed().sum().item<double>() == 100, "method");
  Tensor y = lazuli::arange(5, lazuli::kInt32);
  expect(y.cubed_().sum().item<int64_t>() == 100, "in-place form, integers");
  Tensor out = lazuli::zeros({5});
  cubed_out(out, x);
  expect(out.sum().item<double>() == 100, "out form");
  lazuli::EvalOptions interpreted;
  interpreted.interpret = true;
  const Tensor z = cubed(x + 0.5);
  lazuli::eval({&z, 1}, interpreted);
  expect(z.sum().item<double>() == cubed(x + 0.5).sum().item<double>(), "interpreter");
  expect(lazuli::dump(cubed(x), "graph").find("cubed") != std::string::npos, "IR text");
  expect(lazuli::dump(cubed(x), "llvm").find("fmul") != std::string::npos, "LLVM code");
  expect(lazuli::dump(cubed(x), "cuda").find("__global__") != std::string::npos, "CUDA code");
  return failures;
}
"""


def run(command, **options):
    print("+", " ".join(map(str, command)), flush=True)
    return subprocess.run(command, check=True, **options)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--source", type=pathlib.Path, required=True)
    parser.add_argument("--work", type=pathlib.Path, required=True)
    parser.add_argument("--compiler", required=True)
    parser.add_argument("--llvm", required=True)
    args = parser.parse_args()

    tree, build = args.work / "tree", args.work / "build"
    shutil.rmtree(tree, ignore_errors=True)
    shutil.copytree(args.source, tree, ignore=shutil.ignore_patterns("build", ".git", ".cache"))
    table = tree / "ir/ops/elementwise.def"
    text = table.read_text()
    if END not in text:
        sys.exit("the end of the table is not where it was")
    table.write_text(text.replace(END, ROW + END))
    (tree / "tools/check_op.cpp").write_text(PROGRAM)

    run(["cmake", "-S", tree, "-B", build, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Debug", "-DCMAKE_CXX_FLAGS_DEBUG=-O1",
         f"-DCMAKE_CXX_COMPILER={args.compiler}", f"-DLLVM_DIR={args.llvm}", "-DLAZULI_EXAMPLES=OFF"],
        stdout=subprocess.DEVNULL)
    run(["cmake", "--build", build, "--target", "lazuli-check_op", "lazuli_frontend_tests"], stdout=subprocess.DEVNULL)
    run([build / "bin/lazuli-check_op"])

    header = (build / "generated/include/lazuli/generated/ops.h").read_text()
    table = (build / "generated/ops.md").read_text()
    for place, content in (("header", header), ("table of operations", table)):
        if "cubed" not in content or "x * x * x." not in content:
            sys.exit(f"the {place} does not document the new op")
        print(f"ok: {place}")
    # Tests that walk the table meet the new op by themselves.
    if "cubed" not in (build / "generated/op_calls.inc").read_text():
        sys.exit("the tests do not call the new op")
    run([build / "bin/lazuli_frontend_tests", "--gtest_filter=Ops.EveryFormOfEveryOp"])


if __name__ == "__main__":
    main()
