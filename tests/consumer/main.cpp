// What a user's program does first: make a value, be refused with an error, catch it.
#if __has_include(<llvm/IR/Module.h>)
#error "this test is to be built without LLVM's headers in sight"
#endif
#if __has_include(<lazuli/lazuli.h>)
#include <lazuli/lazuli.h>
#else
#include <lazuli/base/error.h>
#endif
#if defined(FMT_VERSION)
#error "a public header includes fmt"
#endif
#include <cstdio>
#include <cstring>

#ifdef OTHER_LLVM
extern "C" void* LLVMContextCreate();
extern "C" void LLVMContextDispose(void*);
#endif

int main() {
#ifdef OTHER_LLVM
  void* context = LLVMContextCreate();
#endif
  try {
    throw lazuli::Error(lazuli::ErrorKind::Shape, "a sentence", "a hint");
  } catch (const lazuli::Error& e) {
    if (!std::strstr(e.what(), "a sentence") || e.kind() != lazuli::ErrorKind::Shape) return 1;
  }
#ifdef OTHER_LLVM
  LLVMContextDispose(context);
#endif
  std::puts("consumer ok");
}
