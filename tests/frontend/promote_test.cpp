// The promotion table, against what torch.promote_types, torch.result_type and torch.can_cast give.
#include "frontend/promote.h"

#include <gtest/gtest.h>

namespace lazuli {
namespace {

constexpr DType kAll[] = {kBool, kUInt8, kInt8, kInt16, kInt32, kInt64, kFloat16, kBFloat16, kFloat32, kFloat64};

TEST(Promote, Table) {
  // Rows and columns in the order of kAll; entries as PyTorch documents them.
  const char* table[10][10] = {{"b1", "u1", "i1", "i2", "i4", "i8", "f2", "bf", "f4", "f8"},
                               {"u1", "u1", "i2", "i2", "i4", "i8", "f2", "bf", "f4", "f8"},
                               {"i1", "i2", "i1", "i2", "i4", "i8", "f2", "bf", "f4", "f8"},
                               {"i2", "i2", "i2", "i2", "i4", "i8", "f2", "bf", "f4", "f8"},
                               {"i4", "i4", "i4", "i4", "i4", "i8", "f2", "bf", "f4", "f8"},
                               {"i8", "i8", "i8", "i8", "i8", "i8", "f2", "bf", "f4", "f8"},
                               {"f2", "f2", "f2", "f2", "f2", "f2", "f2", "f4", "f4", "f8"},
                               {"bf", "bf", "bf", "bf", "bf", "bf", "f4", "bf", "f4", "f8"},
                               {"f4", "f4", "f4", "f4", "f4", "f4", "f4", "f4", "f4", "f8"},
                               {"f8", "f8", "f8", "f8", "f8", "f8", "f8", "f8", "f8", "f8"}};
  const char* names[10] = {"b1", "u1", "i1", "i2", "i4", "i8", "f2", "bf", "f4", "f8"};
  for (int i = 0; i < 10; ++i)
    for (int j = 0; j < 10; ++j) {
      const auto at = std::find(kAll, kAll + 10, promote_types(kAll[i], kAll[j])) - kAll;
      EXPECT_STREQ(names[at], table[i][j]) << name(kAll[i]) << " " << name(kAll[j]);
    }
}

TEST(Promote, CanCast) {
  for (DType from : kAll)
    for (DType to : kAll) {
      const bool refused = (is_floating(from) && !is_floating(to)) || (!is_bool(from) && is_bool(to));
      EXPECT_EQ(can_cast(from, to), !refused) << name(from) << " " << name(to);
    }
  EXPECT_TRUE(can_cast(kFloat64, kFloat16));
  EXPECT_TRUE(can_cast(kInt64, kUInt8));
  EXPECT_FALSE(can_cast(kFloat32, kInt64));
  EXPECT_FALSE(can_cast(kInt64, kBool));
}

TEST(Promote, WeightsOfOperands) {
  const auto type = [](std::initializer_list<DType> dims, std::initializer_list<DType> zero_dims,
                       std::initializer_list<Scalar> scalars) {
    ResultType r;
    for (DType t : dims) r.add_tensor(t, false);
    for (DType t : zero_dims) r.add_tensor(t, true);
    for (const Scalar& s : scalars) r.add_scalar(s);
    return r.get();
  };
  // A scalar of the same category does not promote.
  EXPECT_EQ(type({kFloat32}, {}, {2.5}), kFloat32);
  EXPECT_EQ(type({kFloat16}, {}, {2.5}), kFloat16);
  EXPECT_EQ(type({kInt8}, {}, {300}), kInt8);
  EXPECT_EQ(type({kBool}, {}, {true}), kBool);
  // One of a higher category lifts to the default of it.
  EXPECT_EQ(type({kInt8}, {}, {2.5}), kFloat32);
  EXPECT_EQ(type({kBool}, {}, {2}), kInt64);
  EXPECT_EQ(type({kBool}, {}, {2.5}), kFloat32);
  EXPECT_EQ(type({kFloat16}, {}, {2}), kFloat16);
  // 0-d tensors.
  EXPECT_EQ(type({kFloat32}, {kFloat64}, {}), kFloat32);
  EXPECT_EQ(type({kInt32}, {kInt64}, {}), kInt32);
  EXPECT_EQ(type({kInt32}, {kFloat64}, {}), kFloat64);
  EXPECT_EQ(type({kBool}, {kUInt8}, {}), kUInt8);
  EXPECT_EQ(type({}, {kFloat32, kFloat64}, {}), kFloat64);
  EXPECT_EQ(type({}, {kInt32}, {2.5}), kFloat32);
  EXPECT_EQ(type({}, {kFloat16}, {2.5}), kFloat16);
  EXPECT_EQ(type({}, {kInt8}, {7}), kInt8);
  // 0-d bool with an integer scalar, together lighter than a tensor with axes.
  EXPECT_EQ(type({kUInt8}, {kBool}, {7}), kUInt8);
  EXPECT_EQ(type({kInt16}, {kInt64}, {1.5}), kFloat32);
  EXPECT_EQ(type({kFloat16, kBFloat16}, {kFloat64}, {}), kFloat32);
}

TEST(Promote, NamesOfMessages) {
  EXPECT_EQ(torch_name(kInt64), "Long");
  EXPECT_EQ(torch_name(kFloat32), "Float");
  EXPECT_EQ(torch_name(kFloat16), "Half");
  EXPECT_EQ(torch_name(kUInt8), "Byte");
  EXPECT_EQ(torch_name(kBool), "Bool");
}

TEST(Promote, ReservedTypesAreRefused) {
  EXPECT_ANY_THROW(promote_types(kFloat32, DType::Complex64));
}

TEST(Scalars, KeepTheirKind) {
  EXPECT_TRUE(Scalar(true).is_bool());
  EXPECT_TRUE(Scalar(3).is_integral());
  EXPECT_TRUE(Scalar(3u).is_integral());
  EXPECT_TRUE(Scalar('a').is_integral());
  EXPECT_TRUE(Scalar(3.f).is_floating());
  EXPECT_EQ(Scalar(2.75).to_int64(), 2);
  EXPECT_EQ(Scalar(1e300).to_int64(), INT64_MAX);
  EXPECT_EQ(Scalar(-1e300).to_int64(), INT64_MIN);
  EXPECT_EQ(Scalar(INT64_MIN).to_int64(), INT64_MIN);
}

}  // namespace
}  // namespace lazuli
