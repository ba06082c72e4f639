"""Builds and runs the consumer project against Lazuli as a user gets it.

installed: the build tree's install, with find_package; also beside other LLVMs, and the exported names are checked.
nested:    Lazuli built as a part of the consumer (FetchContent).
static:    a static build of Lazuli, installed, with find_package.
"""
import argparse
import glob
import os
import shutil
import subprocess
import sys


def call(*command, **kwargs):
    print("+", " ".join(command), flush=True)
    return subprocess.run(command, check=True, **kwargs)


def check_exported_names(library):
    """Only names of namespace lazuli, and none of its internal namespaces, are visible."""
    out = subprocess.run(["nm", "-D", "--defined-only", library], check=True, capture_output=True, text=True).stdout
    names = [line.split()[-1].split("@")[0] for line in out.splitlines()]
    assert names, f"{library} exports nothing"
    functions = ("_ZN", "_ZNK", "_ZNO", "_ZNR", "_ZNKO", "_ZNKR")  # plain, const, and called on &&, &, ...
    starts = [start + "6lazuli" for start in (*functions, "_ZTVN", "_ZTIN", "_ZTSN", "_ZTTN", "_ZGVN")]
    internal = ("2ir", "6scalar", "6passes", "7codegen", "7runtime")
    for name in names:
        tails = [name[len(s):] for s in starts if name.startswith(s)]
        assert tails, f"{library} exports a name that is not Lazuli's: {name}"
        assert not tails[0].startswith(internal), f"{library} exports an internal name: {name}"
    assert "_ZTIN6lazuli5ErrorE" in names, f"{library} hides the type information of lazuli::Error"
    print(f"{len(names)} exported names, all public")


def build_and_run(args, folder, *settings):
    build = os.path.join(args.work, folder)
    call("cmake", "-S", args.source + "/tests/consumer", "-B", build, "-G", "Ninja", *common(args), *settings)
    call("cmake", "--build", build)
    call(os.path.join(build, "consumer"))
    return build


def common(args):
    return [f"-DCMAKE_CXX_COMPILER={args.compiler}", f"-DCMAKE_CXX_FLAGS={args.flags}", "-DCMAKE_BUILD_TYPE=Release"]


def other_llvms():
    folders = ("/usr/lib/x86_64-linux-gnu", "/usr/lib/llvm-*/lib")
    found = [path for f in folders for path in glob.glob(f + "/libLLVM*.so*")]
    return sorted({os.path.realpath(path) for path in found})


def installed(args):
    prefix = os.path.join(args.work, "prefix")
    call("cmake", "--install", args.build, "--prefix", prefix, stdout=subprocess.DEVNULL)
    for header in glob.glob(prefix + "/include/**/*", recursive=True):
        assert os.path.isdir(header) or header.startswith(prefix + "/include/lazuli/"), f"stray header {header}"
    libraries = glob.glob(prefix + "/lib*/**/liblazuli.so", recursive=True)
    for library in libraries:
        check_exported_names(library)
    build_and_run(args, "installed", f"-DCMAKE_PREFIX_PATH={prefix}")
    if libraries:
        others = other_llvms()
        assert others, "no shared LLVM to load beside Lazuli; install libllvm19"
        for other in others:
            name = "two_llvms_" + os.path.basename(other)
            build = build_and_run(args, name, f"-DCMAKE_PREFIX_PATH={prefix}", f"-DOTHER_LLVM={other}")
            call(os.path.join(build, "consumer_two_llvms"))


def nested(args):
    build = build_and_run(args, "nested", f"-DLAZULI_SOURCE={args.source}", f"-DLLVM_DIR={args.llvm}",
                          "-DCMAKE_EXPORT_COMPILE_COMMANDS=ON")
    with open(os.path.join(build, "compile_commands.json")) as f:
        commands = f.read()
    assert "-Werror" not in commands, "warnings are errors in a nested build"
    assert "/tests/" not in commands.replace("/tests/consumer/", "/"), "tests are built in a nested build"


def static(args):
    build, prefix = os.path.join(args.work, "static_lazuli"), os.path.join(args.work, "static_prefix")
    call("cmake", "-S", args.source, "-B", build, "-G", "Ninja", *common(args), "-DLAZULI_STATIC=ON",
         "-DLAZULI_TESTS=OFF", "-DLAZULI_EXAMPLES=OFF", f"-DLLVM_DIR={args.llvm}")
    call("cmake", "--build", build)
    call("cmake", "--install", build, "--prefix", prefix, stdout=subprocess.DEVNULL)
    build_and_run(args, "static", f"-DCMAKE_PREFIX_PATH={prefix}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("mode", choices=["installed", "nested", "static"])
    for name in ("source", "build", "work", "compiler", "llvm"):
        parser.add_argument("--" + name, required=True)
    parser.add_argument("--flags", default="")
    args = parser.parse_args()
    shutil.rmtree(args.work, ignore_errors=True)
    os.makedirs(args.work)
    {"installed": installed, "nested": nested, "static": static}[args.mode](args)


if __name__ == "__main__":
    sys.exit(main())
