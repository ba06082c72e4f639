// What a user's program does first: compute something, be refused with an error, catch it.
#if __has_include(<llvm/IR/Module.h>)
#error "this test is to be built without LLVM's headers in sight"
#endif
#include <lazuli/lazuli.h>
#if defined(FMT_VERSION)
#error "lazuli.h includes fmt"
#endif
#include <iostream>

#ifdef OTHER_LLVM
extern "C" void* LLVMContextCreate();
extern "C" void LLVMContextDispose(void*);
#endif

namespace lz = lazuli;

int main() {
#ifdef OTHER_LLVM
  void* context = LLVMContextCreate();
#endif
  auto x = lz::arange(6).reshape({2, 3}).to(lz::kFloat32);
  x(0, 1) = 9;
  auto y = relu(x * 2 - 5).sum(1);  // relu of [-5, 13, -1] and [1, 3, 5]
  lz::eval(y);
  const float first = y[0].item<float>(), second = y[1].item<float>();
  if (first != 13 || second != 9) {
    std::cerr << "wrong values: " << y << "\n";
    return 1;
  }
  bool refused = false;
  try {
    (void)(x + lz::zeros({4}));
  } catch (const lz::Error& e) {
    refused = e.kind() == lz::ErrorKind::Shape && std::string(e.what()).find("main.cpp") != std::string::npos;
    if (!refused) std::cerr << "an error of another kind or without the caller's line: " << e.what() << "\n";
  }
#ifdef OTHER_LLVM
  LLVMContextDispose(context);
#endif
  if (!refused) return 1;
  std::cout << "consumer ok\n";
}
