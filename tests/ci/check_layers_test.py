"""Shows .ci/check-layers small trees, good and bad, and reads what it says."""
import importlib.machinery
import importlib.util
import os
import subprocess
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
CHECKER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", ".ci", "check-layers")
loader = importlib.machinery.SourceFileLoader("check_layers", CHECKER)
checker = importlib.util.module_from_spec(importlib.util.spec_from_loader("check_layers", loader))
loader.exec_module(checker)


def write(tree, root):
    for path, text in tree.items():
        os.makedirs(os.path.dirname(os.path.join(root, path)), exist_ok=True)
        with open(os.path.join(root, path), "w", encoding="utf-8") as f:
            f.write(text)


def check(tree):
    with tempfile.TemporaryDirectory() as root:
        write(tree, root)
        return list(checker.problems(root))


class CheckLayers(unittest.TestCase):
    def refused(self, path, text, *says, **more_files):
        found = check({path: text, **more_files})
        self.assertTrue(found, f"{path} with {text!r} was let pass")
        for words in (path, *says):
            self.assertIn(words, "\n".join(found))

    def accepted(self, tree):
        self.assertEqual(check(tree), [])

    def test_the_program_says_what_is_wrong_and_fails(self):
        with tempfile.TemporaryDirectory() as root:
            write({"ir/a.cpp": '#include "passes/x.h"\n'}, root)
            done = subprocess.run([sys.executable, CHECKER, root], capture_output=True, text=True)
        self.assertEqual(done.returncode, 1)
        self.assertIn("ir/a.cpp:1: includes passes/x.h of passes", done.stdout)

    def test_every_forbidden_edge_is_refused(self):
        allowed = {"ir": "", "passes": "ir", "codegen": "ir", "runtime": "codegen passes ir",
                   "frontend": "passes ir runtime"}
        for user in allowed:
            for used in allowed:
                include = f'#include "{used}/x.h"\n'
                if user == used or used in allowed[user].split():
                    self.accepted({f"{user}/a.cpp": include})
                else:
                    self.refused(f"{user}/a.cpp", include, f"a.cpp:1: includes {used}/x.h of {used}")

    def test_vocabulary_is_for_everyone_and_other_public_headers_are_not(self):
        for layer in ("ir", "passes", "codegen", "runtime"):
            self.accepted({f"{layer}/a.h": '#include "lazuli/base/error.h"\n#include <lazuli/base/dtype.h>\n'})
            self.refused(f"{layer}/a.h", '#include "lazuli/tensor.h"\n', "of frontend")

    def test_an_include_from_the_own_folder_is_resolved(self):
        self.accepted({"codegen/llvm/jit.cpp": '#include "jit.h"\n#include <llvm/IR/Module.h>\n',
                       "codegen/llvm/jit.h": "", "runtime/a.cpp": '#include "codegen/llvm/jit.h"\n'})
        self.refused("ir/a.cpp", '#include "../passes/x.h"\n', "of passes", **{"passes/x.h": ""})

    def test_llvm_stays_below_its_folder(self):
        for path in ("codegen/a.cpp", "runtime/a.cpp", "tests/codegen/a.cpp", "tools/a.cpp", "codegen/cuda/a.cpp"):
            for name in ("llvm/IR/Module.h", "llvm-c/Core.h"):
                self.refused(path, f"  #  include <{name}>\n", "below codegen/llvm")

    def test_cuda_is_nowhere(self):
        for path in ("codegen/cuda/a.cpp", "runtime/cuda/a.cpp", "bench/a.cpp", "tests/x/a.cu"):
            for name in ("cuda.h", "cuda_runtime.h", "nvrtc.h", "cublasLt.h", "cuda_fp16.h", "cub/cub.cuh"):
                self.refused(path, f"#include <{name}>\n", "CUDA's headers")
        self.accepted({"runtime/cuda/driver.h": "", "runtime/a.cpp": '#include "runtime/cuda/driver.h"\n',
                       "frontend/a.cpp": '#include "lazuli/cuda.h"\n'})

    def test_public_headers_show_nothing_of_the_inside(self):
        public = "frontend/include/lazuli/a.h"
        self.accepted({public: '#include <vector>\n#include <lazuli/base/dtype.h>\n#include "lazuli/tensor.h"\n'})
        for name in ("fmt/format.h", "llvm/IR/Module.h", "ir/node.h", "cuda.h", "runtime/executor.h", "fmt.h"):
            self.refused(public, f'#include "{name}"\n', name)

    def test_one_public_header_is_for_users_of_fmt(self):
        self.accepted({"frontend/include/lazuli/fmt.h": '#include <fmt/format.h>\n#include "lazuli/print.h"\n'})
        self.refused("frontend/include/lazuli/fmt.h", "#include <llvm/IR/Module.h>\n", "below codegen/llvm")
        self.refused("frontend/include/lazuli/lazuli.h", '#include "lazuli/fmt.h"\n', "only users include it")

    def test_examples_use_public_headers(self):
        self.accepted({"examples/a.cpp": '#include <lazuli/lazuli.h>\n#include "csv.h"\n', "examples/csv.h": ""})
        self.refused("examples/a.cpp", '#include "ir/node.h"\n', "public headers alone")

    def test_long_files(self):
        for ending in ("h", "cpp", "cu", "def", "py"):
            self.accepted({f"ir/a.{ending}": "\n" * 600})
            self.refused(f"ir/a.{ending}", "\n" * 601, "601 lines")
        self.accepted({"docs/a.md": "\n" * 900})

    def test_utils(self):
        for path in ("ir/utils.h", "runtime/utils/a.cpp", "tests/util.py", "scripts/Utils.sh"):
            self.refused(path, "", "named utils")
        self.accepted({"ir/utilisation.h": ""})


if __name__ == "__main__":
    unittest.main()
