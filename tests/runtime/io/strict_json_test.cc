#include "runtime/io/strict_json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace octet {
namespace {

using testing::HasSubstr;
using testing::SizeIs;

std::string ParseError(const std::string& text) {
  const auto document = ParseStrictJson(text, "f.json");
  return document.ok() ? "" : std::string(document.status().message());
}

TEST(StrictJsonTest, ParsesValidText) {
  const auto document =
      ParseStrictJson(R"({"a": {"x": [1, 2]}, "b": {"x": [{"x": 3}, {"x": 4}]}}  )", "");
  ASSERT_TRUE(document.ok()) << document.status();
  EXPECT_EQ((*document)["b"]["x"][1]["x"], 4);
  EXPECT_EQ(ParseError(std::string(64, '[') + std::string(64, ']')), "");
}

TEST(StrictJsonTest, RefusesWhatParsersReadDifferently) {
  const struct {
    std::string text;
    std::string error;
  } cases[] = {
      {"", "f.json: is not valid UTF-8 JSON"},
      {"{\"a\": 1", "f.json: is not valid UTF-8 JSON: see byte 8 of 7"},
      {"{} {}", "not valid UTF-8 JSON"},
      {"{'a': 1}", "not valid UTF-8 JSON"},
      {"{\"a\": 1,}", "not valid UTF-8 JSON"},
      {"{\"a\": NaN}", "not valid UTF-8 JSON"},
      {"{\"a\": 1} // note", "not valid UTF-8 JSON"},
      {"{\"\xff\": 1}", "not valid UTF-8 JSON"},
      {"{\"\xed\xa0\x80\": 1}", "not valid UTF-8 JSON"},  // a surrogate
      {"{\"a\": 1e999}", "number is out of range"},
      {std::string("{}\0{}", 5), "f.json: is not valid JSON: NUL byte at byte 2"},
      {R"({"a": 1, "b": 2, "a": 1})", "f.json: states the key 'a' twice in one object"},
      {R"({"a": 1, "\u0061": 1})", "states the key 'a' twice"},
      {R"([{"x": {"a": 1}, "y": {"a": 1, "a": 2}}])", "states the key 'a' twice"},
      {std::string(65, '[') + std::string(65, ']'), "is nested deeper than 64"},
      {std::string(5'000'000, '['), "is nested deeper than 64"},
  };
  for (const auto& c : cases)
    EXPECT_THAT(ParseError(c.text), HasSubstr(c.error)) << c.text.substr(0, 100);
}

TEST(StrictJsonTest, QuotedIsShortAndPrintable) {
  EXPECT_EQ(Quoted("wé"), "'wé'");
  EXPECT_EQ(Quoted("a\nb"), "'a\\nb'");
  EXPECT_THAT(Quoted(std::string(1'000'000, 'x')), SizeIs(testing::Lt(300U)));
}

}  // namespace
}  // namespace octet
