// Ten thousand random programs of views and in-place writes give what NumPy gives, bit for bit: all of them
// interpreted, one in sixteen compiled.
#include "lazuli/eval.h"
#include "tests/views/replay.h"

namespace lazuli::view_programs {
namespace {

TEST(ViewPrograms, FirstQuarter) {
  replay(0, 4, 16);
}
TEST(ViewPrograms, SecondQuarter) {
  replay(1, 4, 16);
}
TEST(ViewPrograms, ThirdQuarter) {
  replay(2, 4, 16);
}
TEST(ViewPrograms, LastQuarter) {
  replay(3, 4, 16);
}

TEST(ViewPrograms, EagerlyToo) {
  set_eager(true);
  replay(5, 20, 1000000);
  set_eager(false);
}

}  // namespace
}  // namespace lazuli::view_programs
