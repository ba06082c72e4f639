// The recorded corpus: what PyTorch gives for many calls, as text (tests/data/corpus/<family>.txt), read without
// Python. scripts/record-corpus.py writes it. One item per line, its kind first:
//
//   # comment
//   = OP.NUMBER ARG...            a case; OP is grad:NAME for gradients of NAME (replay.cpp). An argument is b:1, i:-3,
//   f:0.5, d:float32, s:text, l:1,2 (a list of integers),
//                                 n (none), t:0 (an input), e (an ellipsis), c:1:_:2 (a slice)
//   i DTYPE SHAPE FILL STEP...    an input: a row-major base of this type and shape (2x3; - for rank 0), and views of
//   it
//                                 (permute:1,0 expand:2,3 slice:DIM:START:STOP:STEP select:DIM:INDEX view:6)
//   b MAGNITUDE                   of a sum: how large the sum of the magnitudes of its terms is at most
//   r DTYPE SHAPE VALUE...        a result. VALUE*N stands for N times VALUE. A float is the shortest decimal that
//   reads back
//                                 as the same bits in its type (for the half types: in float32)
//   e TEXT                        the call is refused with this sentence
//   p TEXT                        the printed text, with \n for line ends
//
// FILL is v:VALUE,VALUE,... or KIND:SEED, where element i is a function of seed and i (`fill` in corpus.cpp).
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "lazuli/lazuli.h"

namespace lazuli::corpus {

struct Arg {
  enum class Kind : uint8_t { None, Bool, Int, Float, DType, Text, List, Input, Ellipsis, Slice };
  Kind kind = Kind::None;
  int64_t integer = 0;
  double number = 0;
  DType dtype = kFloat32;
  std::string text;
  std::vector<int64_t> list;
  Slice slice;

  bool given() const { return kind != Kind::None; }
  Scalar scalar() const;
};

/// The arguments of a call. One that was not recorded is none.
class Args {
 public:
  std::vector<Arg> all;

  const Arg& operator[](size_t i) const { return i < all.size() ? all[i] : none_; }
  size_t size() const { return all.size(); }
  bool has(size_t i) const { return (*this)[i].given(); }
  int64_t integer(size_t i, int64_t otherwise = 0) const { return has(i) ? (*this)[i].integer : otherwise; }
  bool flag(size_t i) const { return (*this)[i].integer != 0; }
  double number(size_t i, double otherwise = 0) const { return has(i) ? (*this)[i].scalar().to_double() : otherwise; }
  Scalar scalar(size_t i) const { return (*this)[i].scalar(); }
  const std::vector<int64_t>& list(size_t i) const { return (*this)[i].list; }
  /// A list, also of one integer, also empty for none.
  std::vector<int64_t> dims(size_t i) const;
  std::optional<DType> dtype(size_t i) const;
  std::optional<int64_t> maybe(size_t i) const;
  const std::string& text(size_t i) const { return (*this)[i].text; }

 private:
  Arg none_;
};

/// An array in row-major order.
struct Array {
  DType dtype = kFloat32;
  std::vector<int64_t> sizes;
  std::vector<std::byte> bytes;
  int64_t numel() const;
};

struct Input {
  Array base;
  std::vector<std::string> steps;
  std::string line;
};

struct Case {
  std::string name;  // OP.NUMBER
  std::string op;
  std::string line;
  Args args;
  std::vector<Input> inputs;
  std::vector<Array> results;
  double magnitude = 0;
  bool is_error = false, is_text = false;
  std::string text;  // of the error, or printed
};

/// Throws Error(Parse) with the line's number.
std::vector<Case> read(const std::string& path);

Tensor make(const Input& input);
double element(const Array& a, int64_t i);
/// At most 40 elements.
std::string str(const Array& a);

}  // namespace lazuli::corpus
