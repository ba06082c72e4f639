// The same programs, all of them compiled.
#include "tests/views/replay.h"

namespace lazuli::view_programs {
namespace {

TEST(ViewProgramsCompiled, FirstHalf) {
  replay(0, 2, 1);
}
TEST(ViewProgramsCompiled, SecondHalf) {
  replay(1, 2, 1);
}

}  // namespace
}  // namespace lazuli::view_programs
