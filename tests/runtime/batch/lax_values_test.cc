// Values as pydantic reads them in lax mode.

#include "runtime/batch/lax_values.h"

#include <gtest/gtest.h>

#include <limits>

namespace octet {
namespace {

using nlohmann::json;

// What pydantic 2.13 made of each.
TEST(LaxValues, Integers) {
  const std::pair<json, int64_t> values[] = {
      {4, 4},
      {-4, -4},
      {5.0, 5},
      {"4", 4},
      {" 4 ", 4},
      {"4\n", 4},
      {"4.0", 4},
      {"1.00", 1},
      {"-1.0", -1},
      {"+4", 4},
      {"-4", -4},
      {"04", 4},
      {"-0", 0},
      {"1_000", 1000},
      {true, 1},
      {false, 0},
      {-1e15, -1'000'000'000'000'000},
      {"9223372036854775807", 9223372036854775807},
      {"-9223372036854775808", std::numeric_limits<int64_t>::min()}};
  for (const auto& [value, number] : values) EXPECT_EQ(LaxInteger(value), number) << value;
  for (const json& value : {json("4.5"),    json("1e3"),
                            json("0x10"),   json(""),
                            json(" "),      json("nan"),
                            json("inf"),    json("true"),
                            json("5."),     json(".5"),
                            json("1__0"),   json("_1"),
                            json("1_"),     json("--1"),
                            json("+-1"),    json("++1"),
                            json("1 2"),    json("9223372036854775808"),
                            json(0.5),      json(9223372036854775808.0),
                            json(1e300),    json(18446744073709551615U),
                            json(nullptr),  json::array(),
                            json::object(), json(std::string(1 << 20, '1'))}) {
    EXPECT_EQ(LaxInteger(value), std::nullopt) << value.dump().substr(0, 100);
  }
}

TEST(LaxValues, Doubles) {
  const std::pair<json, double> values[] = {
      {0.5, 0.5},       {4, 4},     {"0.5", 0.5},      {".5", 0.5},     {"5.", 5},
      {" 1e3\t", 1000}, {"+4", 4},  {"-4", -4},        {"1_000", 1000}, {"1_0.5", 10.5},
      {true, 1},        {false, 0}, {"1e-300", 1e-300}};
  for (const auto& [value, number] : values) EXPECT_EQ(LaxDouble(value), number) << value;
  for (const json& value :
       {json(""), json("nan"), json("inf"), json("-inf"), json("1e400"), json("0x10"), json("on"),
        json("1e"), json("e1"), json("1__0"), json(nullptr), json::array(), json::object()}) {
    EXPECT_EQ(LaxDouble(value), std::nullopt) << value;
  }
}

TEST(LaxValues, Switches) {
  for (const json& value : {json(true), json(1), json(1.0), json("1"), json("true"), json("True"),
                            json("TRUE"), json("t"), json("on"), json("yes"), json("Y")}) {
    EXPECT_EQ(LaxBool(value), true) << value;
  }
  for (const json& value : {json(false), json(0), json(0.0), json("0"), json("false"), json("F"),
                            json("OFF"), json("no"), json("n")}) {
    EXPECT_EQ(LaxBool(value), false) << value;
  }
  for (const json& value : {json(2), json(-1), json(0.5), json(""), json(" on"), json("1.0"),
                            json("truee"), json("maybe"), json(nullptr), json::array()}) {
    EXPECT_EQ(LaxBool(value), std::nullopt) << value;
  }
}

}  // namespace
}  // namespace octet
