// lazuli-gpu: everything that scripts/gpu-check.sh runs on a machine with a GPU, in one program that needs nothing of
// the machine but libc and the CUDA driver: LLVM, the tests on the device, the fuzzer and the benchmark cases are
// inside.
//
//   lazuli-gpu check|tests|fuzz [arguments of lazuli-gpucheck, lazuli_cuda_tests, lazuli-fuzz]
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <string_view>

int gpucheck_main(int argc, char** argv);
int fuzz_main(int argc, char** argv);

// Before any test of the program looks: the device is the one that the environment names.
__attribute__((constructor(101))) static void use_the_real_device() {
  setenv("LAZULI_TEST_DEVICE", "real", 0);
}

int main(int argc, char** argv) {
  const std::string_view what = argc > 1 ? argv[1] : "";
  if (what == "check") return gpucheck_main(argc - 1, argv + 1);
  if (what == "fuzz") return fuzz_main(argc - 1, argv + 1);
  if (what == "tests") {
    int count = argc - 1;
    ::testing::InitGoogleTest(&count, argv + 1);
    return RUN_ALL_TESTS();
  }
  std::fprintf(stderr, "usage: lazuli-gpu check|tests|fuzz ...\n");
  return 2;
}
