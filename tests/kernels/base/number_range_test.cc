#include "kernels/base/number_range.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <limits>

namespace octet {
namespace {

TEST(NumberRange, TakesAllOfItsNumbersAndNoOther) {
  const NumberRange<int> range = {-3, 64};
  EXPECT_EQ(range.Parse("-3"), -3);
  EXPECT_EQ(range.Parse("0"), 0);
  EXPECT_EQ(range.Parse("64"), 64);
  EXPECT_EQ(range.Parse("-4"), std::nullopt);
  EXPECT_EQ(range.Parse("65"), std::nullopt);
  EXPECT_EQ(range.Parse("99999999999999999999"), std::nullopt);
  EXPECT_EQ(range.Parse(std::string(1000, '9')), std::nullopt);
}

TEST(NumberRange, WholeNumbersAreDecimalDigitsAlone) {
  const NumberRange<int64_t> range = {0, 1000};
  EXPECT_EQ(range.Parse("010"), 10);  // never octal
  for (const char* text : {"", " ", " 5", "5 ", "+5", "0x10", "1e2", "1.0", "5,", "--5", "five",
                           "1_000", "1'000", "nan", "inf", "-"}) {
    EXPECT_EQ(range.Parse(text), std::nullopt) << "'" << text << "'";
  }
  EXPECT_EQ(range.Parse(std::string_view("5\0", 2)), std::nullopt);
}

TEST(NumberRange, DoublesMayHaveFractionsAndExponents) {
  const NumberRange<double> range = {0.5, 1e6};
  EXPECT_EQ(range.Parse("0.5"), 0.5);
  EXPECT_EQ(range.Parse("1e3"), 1000);
  EXPECT_EQ(range.Parse("2.5E2"), 250);
  for (const char* text : {"0.49", "1e7", "1e999", "nan", "-nan", "inf", "-inf", "0x10", "1s",
                           "1,5", " 1", "1 ", "+1", "", "."}) {
    EXPECT_EQ(range.Parse(text), std::nullopt) << "'" << text << "'";
  }
  EXPECT_FALSE(range.Contains(std::nan("")));
}

TEST(NumberRange, TheLargestNumbers) {
  using Int64 = std::numeric_limits<int64_t>;
  const NumberRange<int64_t> all = {Int64::min(), Int64::max()};
  EXPECT_EQ(all.Parse("-9223372036854775808"), Int64::min());
  EXPECT_EQ(all.Parse("9223372036854775807"), Int64::max());
  EXPECT_EQ(all.Parse("9223372036854775808"), std::nullopt);
  const NumberRange<uint64_t> unsigned_ones = {0, std::numeric_limits<uint64_t>::max()};
  EXPECT_EQ(unsigned_ones.Parse("18446744073709551615"), std::numeric_limits<uint64_t>::max());
  EXPECT_EQ(unsigned_ones.Parse("-1"), std::nullopt);
}

TEST(NumberRange, SaysWhatItTakes) {
  EXPECT_EQ((NumberRange<int>{1, 64}).Rule(), "must be a whole number from 1 to 64");
  EXPECT_EQ((NumberRange<double>{0.5, 1e6}).Rule(), "must be a number from 0.5 to 1000000");
  EXPECT_EQ((NumberRange<double>{1e-6, 1e6}).Limits(), "1e-06 to 1000000");
}

}  // namespace
}  // namespace octet
