// The ten lines of the README, word for word: a test compares them.
#include <lazuli/lazuli.h>

#include <iostream>
namespace lz = lazuli;
using lz::Slice, lz::All;

int main() {
  auto x = lz::randn({256, 64});
  auto y = gelu(x * 2 + 0.5);            // lazy: nothing has run
  std::cout << lz::describe(y) << "\n";  // float32[256, 64] cpu pending: gelu main.cpp:9
  std::cout << lz::explain(y) << "\n";   // kernels, what is fused in each, and why the rest is not
  lz::eval(y);                           // one fused, threaded, vectorised kernel
  for (auto& k : lz::profile(softmax(y, 1)).kernels)
    std::cout << k.name << " " << k.milliseconds << " ms, " << 100 * k.peak_fraction << " % of this machine\n";
  x(Slice(0, 2), All) = 12;  // writes go through views
  lz::Tensor row = x[1];
  row += 1;                                      // seen in x
  std::cout << x.sum(1).slice(0, 0, 3) << "\n";  // printing evaluates
}
