// What is measured: operands, results and the float64 meaning of every case. Contestants know cases by their names;
// here is all else that they have in common.
#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace bench {

enum class Type : uint8_t { F32, F64, BF16, I8, U8, I32, I64 };
std::string_view name(Type type);
int64_t bytes_of(Type type);

using Dims = std::vector<int64_t>;
int64_t count(const Dims& dims);

/// An operand or a result: row-major. Operands are filled with numbers of [low, high) (whole ones for integers) that
/// depend on the position alone.
struct Value {
  std::string name;
  Type type = Type::F32;
  Dims dims;
  double low = -1, high = 1;
  int64_t bytes() const { return count(dims) * bytes_of(type); }
};

/// What the machine must do at least: move `amount` bytes (copying or only reading), or do `amount` operations.
enum class Limit : uint8_t { None, Copy, Read, Fma };
std::string_view name(Limit limit);

/// Memory of operands or results, in the order of the case.
struct Memory {
  std::vector<const void*> at;
  const float* f32(size_t i) const { return static_cast<const float*>(at[i]); }
  const double* f64(size_t i) const { return static_cast<const double*>(at[i]); }
  const int8_t* i8(size_t i) const { return static_cast<const int8_t*>(at[i]); }
  const uint8_t* u8(size_t i) const { return static_cast<const uint8_t*>(at[i]); }
  const int32_t* i32(size_t i) const { return static_cast<const int32_t*>(at[i]); }
  const int64_t* i64(size_t i) const { return static_cast<const int64_t*>(at[i]); }
  const uint16_t* bf16(size_t i) const { return static_cast<const uint16_t*>(at[i]); }
};

/// Element i of a value of this type.
double number(const void* at, Type type, int64_t i);

/// What is wrong with results; empty if nothing.
using Check = std::function<std::string(const Memory& outputs)>;

struct Case {
  std::string name, size;  // "map/relu_bias", "4096x4096"
  std::vector<Value> inputs, outputs;
  Limit limit = Limit::None;
  double amount = 0;
  /// Computes what is expected, once; the check is then asked about every contestant's results.
  std::function<Check(const Memory& inputs)> judge;
};

/// One expected result: a float64 value per element and what its rounding error is relative to.
struct Expected {
  explicit Expected(int64_t n) : value(static_cast<size_t>(n)), scale(static_cast<size_t>(n)) {}
  std::vector<double> value, scale;
  void set(int64_t i, double v, double s) {
    value[static_cast<size_t>(i)] = v;
    scale[static_cast<size_t>(i)] = s;
  }
};
/// |got - value| <= tolerance * scale for every element of result 0 (float32 or bfloat16, as `c` says).
Check near(const Case& c, Expected expected, double tolerance);
/// The same for every result.
Check near(const Case& c, std::vector<Expected> expected, double tolerance);
/// Result 0 is equal to `expected`, whole numbers.
Check equal(const Case& c, std::vector<int64_t> expected);

/// Rows and columns of the two-dimensional cases: the large size first.
struct Extent {
  const char* label;
  int64_t rows, columns;
};
extern const std::vector<Extent> kExtents;

/// All cases in all sizes, by family.
std::vector<Case> all_cases();
void add_map_cases(std::vector<Case>& cases);
void add_row_cases(std::vector<Case>& cases);
void add_reduce_cases(std::vector<Case>& cases);
void add_move_cases(std::vector<Case>& cases);
void add_contract_cases(std::vector<Case>& cases);
void add_attend_cases(std::vector<Case>& cases);
void add_conv_cases(std::vector<Case>& cases);
void add_whole_cases(std::vector<Case>& cases);
void add_train_cases(std::vector<Case>& cases);
void add_latency_cases(std::vector<Case>& cases);

}  // namespace bench
