#include "runtime/io/json_writer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <immintrin.h>

#include <bit>
#include <cmath>
#include <limits>
#include <vector>

#include "tests/support/json.h"

namespace octet {
namespace {

using nlohmann::json;

std::string Quoted(std::string_view text) {
  JsonWriter writer;
  return writer.String(text).Take();
}

std::string Float(float value) {
  _mm_setcsr(0x1F80);  // the default: engines of tests before may have this thread flush denormals
  JsonWriter writer;
  return writer.Float(value).Take();
}

TEST(JsonWriterTest, PutsTheCommas) {
  JsonWriter writer;
  writer.BeginObject();
  writer.Key("a").BeginArray().EndArray();
  writer.Key("b").BeginArray().Integer(-1).Float(2).Null().String("x").BeginObject().EndObject();
  writer.BeginArray().EndArray().EndArray();
  writer.Key("c").Integers(std::vector<int32_t>{1, 2});
  writer.Key("d").Integers(std::vector<int64_t>{});
  writer.Key("\"").BeginObject().Key("e").Integer(std::numeric_limits<int64_t>::min()).EndObject();
  writer.EndObject();
  EXPECT_EQ(writer.Take(), R"({"a":[],"b":[-1,2.0,null,"x",{},[]],"c":[1,2],"d":[],)"
                           R"("\"":{"e":-9223372036854775808}})");
}

// The library is the reference.
TEST(JsonWriterTest, EscapesWhatMustBe) {
  for (int byte = 0; byte < 0x80; ++byte) {
    const std::string text = {'a', static_cast<char>(byte), 'b'};
    EXPECT_EQ(Quoted(text), json(text).dump()) << byte;
  }
  for (const char* text : {"", "\u00fc", "a\u00fc\u20ac\U0001F600b", "\u2028", "\uFFFD", "\\\\\"",
                           "\n\u00fc\n", "\U0010FFFF"}) {
    EXPECT_EQ(Quoted(text), json(text).dump());
  }
}

TEST(JsonWriterTest, ReplacesWhatIsNotUtf8) {
  EXPECT_EQ(Quoted("\xff"), "\"\uFFFD\"");
  EXPECT_EQ(Quoted("a\xc3"), "\"a\uFFFD\"");
  EXPECT_EQ(Quoted("\xe2\x82z"), "\"\uFFFD\uFFFDz\"");
  EXPECT_EQ(Quoted("\xed\xa0\x80"), "\"\uFFFD\uFFFD\uFFFD\"");  // a surrogate
  EXPECT_EQ(Quoted("\xc0\x80"), "\"\uFFFD\uFFFD\"");            // too long a form
}

TEST(JsonWriterTest, FloatsAreShort) {
  const struct {
    float value;
    const char* text;
  } cases[] = {{-0.1F, "-0.1"},
               {-1.0F / 3, "-0.33333334"},
               {-16777216, "-16777216.0"},
               {0, "0.0"},
               {-0.0F, "-0.0"},
               {-1e-7F, "-1e-07"},
               {-5.5e-39F, "-5.5e-39"},
               {-88.72284F, "-88.72284"},
               {-0.0001F, "-0.0001"},
               {-0.00001F, "-1e-05"},
               {-1e20F, "-1e+20"},
               {12, "12.0"}};
  for (const auto& c : cases) EXPECT_EQ(Float(c.value), c.text);
}

TEST(JsonWriterTest, FloatsComeBack) {
  uint32_t bits = 0x80000001;  // negative floats, from the smallest to near the largest
  for (int i = 0; i < 2000; ++i, bits += 1069547) {
    const auto value = std::bit_cast<float>(bits);
    const json read = ParseJson(Float(value));
    ASSERT_TRUE(read.is_number_float());
    ASSERT_EQ(std::bit_cast<uint32_t>(read.get<float>()), bits) << Float(value);
  }
}

TEST(JsonWriterTest, WhatIsNoNumberInJson) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  EXPECT_EQ(Float(-kInfinity), "-9999.0");
  EXPECT_EQ(Float(kInfinity), "null");
  EXPECT_EQ(Float(std::numeric_limits<float>::quiet_NaN()), "null");
}

void Write(const json& value, JsonWriter& writer) {
  if (value.is_object()) {
    writer.BeginObject();
    for (const auto& [name, member] : value.items()) Write(member, writer.Key(name));
    writer.EndObject();
  } else if (value.is_array()) {
    writer.BeginArray();
    for (const json& element : value) Write(element, writer);
    writer.EndArray();
  } else if (value.is_string()) {
    writer.String(value.get<std::string>());
  } else if (value.is_boolean()) {
    writer.Bool(value.get<bool>());
  } else {
    writer.Integer(value.get<int64_t>());
  }
}

TEST(JsonWriterTest, IndentsAsTheLibrary) {
  for (const char* text : {"1", "[]", "{}", "[[], {}]",
                           R"({"a": {"b": [1, [2, 3], {"c": true}], "d": {}}, "e": "x"})"}) {
    JsonWriter writer(JsonWriter::Layout::kIndented);
    const json value = json::parse(text);
    Write(value, writer);
    EXPECT_EQ(writer.Take(), value.dump(2));
  }
}

TEST(JsonWriterTest, MembersByTheirType) {
  JsonWriter writer;
  writer.BeginObject();
  writer.Member("a", true).Member("b", int32_t{-1}).Member("c", uint64_t{1} << 40);
  writer.Member("d", 0.1).Member("e", "text").Member("f", std::string("\xff"));
  EXPECT_EQ(writer.EndObject().Take(),
            R"({"a":true,"b":-1,"c":1099511627776,"d":0.1,"e":"text","f":")"
            "\uFFFD\"}");
}

TEST(JsonWriterTest, DoublesComeBack) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  for (const double value :
       {0.0, -1.0 / 3, 1e-5, 1e15, 5e-324, 1.7976931348623157e308, 123456.75}) {
    EXPECT_EQ(ParseJson(JsonWriter().Double(value).Take()).get<double>(), value);
  }
  for (const double value : {kInfinity, -kInfinity, std::nan("")}) {
    EXPECT_EQ(JsonWriter().Double(value).Take(), "null");
  }
}

}  // namespace
}  // namespace octet
