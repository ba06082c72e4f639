// Replaying a family of the corpus. Results of many cases are evaluated as one program, most of them by the reference
// interpreter; kernels are checked against it elsewhere, on a part of the cases here, and on all of them by the slow
// test.
#pragma once
#include <string>

namespace lazuli::corpus {

/// One in `compile_every` programs is compiled (1: all). Fails the current test for every case that differs, and where
/// the family has fewer cases than `at_least`.
void replay(const std::string& family, int compile_every, int at_least);

}  // namespace lazuli::corpus
