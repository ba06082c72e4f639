#include "cases/case.h"

#include <bit>
#include <cmath>

namespace bench {

std::string_view name(Type type) {
  constexpr std::string_view kNames[] = {"float32", "float64", "bfloat16", "int8", "uint8", "int32", "int64"};
  return kNames[static_cast<size_t>(type)];
}

int64_t bytes_of(Type type) {
  constexpr int64_t kBytes[] = {4, 8, 2, 1, 1, 4, 8};
  return kBytes[static_cast<size_t>(type)];
}

std::string_view name(Limit limit) {
  constexpr std::string_view kNames[] = {"none", "copy", "read", "fma"};
  return kNames[static_cast<size_t>(limit)];
}

int64_t count(const Dims& dims) {
  int64_t n = 1;
  for (const int64_t d : dims) n *= d;
  return n;
}

const std::vector<Extent> kExtents = {{"4096x4096", 4096, 4096}, {"1K", 32, 32}, {"64K", 256, 256}, {"1M", 1024, 1024}};

double number(const void* at, Type type, int64_t i) {
  const Memory memory{{at}};
  switch (type) {
    case Type::F32:
      return memory.f32(0)[i];
    case Type::F64:
      return memory.f64(0)[i];
    case Type::BF16:
      return std::bit_cast<float>(static_cast<uint32_t>(memory.bf16(0)[i]) << 16);
    case Type::I8:
      return memory.i8(0)[i];
    case Type::U8:
      return memory.u8(0)[i];
    case Type::I32:
      return memory.i32(0)[i];
    case Type::I64:
      return static_cast<double>(memory.i64(0)[i]);
  }
  return NAN;
}

Check near(const Case& c, std::vector<Expected> expected, double tolerance) {
  std::vector<Type> types;
  for (const Value& v : c.outputs) types.push_back(v.type);
  return [types, tolerance, all = std::move(expected)](const Memory& outputs) -> std::string {
    for (size_t output = 0; output < all.size(); ++output) {
      const Expected& e = all[output];
      for (size_t i = 0; i < e.value.size(); ++i) {
        const double got = number(outputs.at[output], types[output], static_cast<int64_t>(i));
        if (!(std::abs(got - e.value[i]) <= tolerance * e.scale[i] + 1e-30))
          return "element " + std::to_string(i) + " of result " + std::to_string(output) + " is " +
                 std::to_string(got) + ", not " + std::to_string(e.value[i]);
      }
    }
    return "";
  };
}

Check near(const Case& c, Expected expected, double tolerance) {
  std::vector<Expected> all;
  all.push_back(std::move(expected));
  return near(c, std::move(all), tolerance);
}

Check equal(const Case& c, std::vector<int64_t> expected) {
  return [type = c.outputs[0].type, e = std::move(expected)](const Memory& outputs) -> std::string {
    for (size_t i = 0; i < e.size(); ++i) {
      const int64_t got = type == Type::I64 ? outputs.i64(0)[i] : outputs.i32(0)[i];
      if (got != e[i])
        return "element " + std::to_string(i) + " is " + std::to_string(got) + ", not " + std::to_string(e[i]);
    }
    return "";
  };
}

std::vector<Case> all_cases() {
  std::vector<Case> cases;
  add_map_cases(cases);
  add_row_cases(cases);
  add_reduce_cases(cases);
  add_move_cases(cases);
  add_contract_cases(cases);
  add_attend_cases(cases);
  add_conv_cases(cases);
  add_whole_cases(cases);
  add_train_cases(cases);
  add_latency_cases(cases);
  return cases;
}

}  // namespace bench
