#include "runtime/io/strict_json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <utility>
#include <vector>

#include "kernels/base/activity.h"
#include "tests/support/json.h"
#include "tests/support/sanitized.h"

namespace octet {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;
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
      {R"({"a": "\ud800"})", "f.json: is not valid UTF-8 JSON: see byte 14 of 15"},
      {"[1, 2 3]", "see byte 7 of 8"},
      {"\"a", "see byte 3 of 2"},
      {std::string(1'000'000, '9'), "number is out of range"},
      {std::string(65, '[') + std::string(65, ']'), "is nested deeper than 64"},
      {std::string(5'000'000, '['), "is nested deeper than 64"},
  };
  for (const auto& c : cases)
    EXPECT_THAT(ParseError(c.text), HasSubstr(c.error)) << c.text.substr(0, 100);
}

// So many copies of `item` in a list.
std::string ListOf(const std::string& item, int64_t count) {
  std::string text = "[";
  text.reserve(static_cast<size_t>(count) * (item.size() + 1) + 1);
  for (int64_t i = 0; i < count; ++i) {
    text += item;
    text += ',';
  }
  text.back() = ']';
  return text;
}

// A random document, written by the library.
json RandomValue(std::mt19937& random, int depth) {
  const auto below = [&random](uint32_t n) { return random() % n; };
  switch (below(depth > 0 ? 9 : 7)) {
    case 0:
      return nullptr;
    case 1:
      return below(2) == 0;
    case 2:
      return -static_cast<int64_t>(random());
    case 3:
      return uint64_t{random()} << below(33);
    case 4:
      return std::ldexp(static_cast<double>(random()), static_cast<int>(below(200)) - 150);
    case 5:
      return std::string(below(40), static_cast<char>(below(0x80)));
    case 6:
      return "\u00fc\U0001F600\n\"\\";
    case 7: {
      json list = json::array();
      for (uint32_t i = below(6); i > 0; --i) list.push_back(RandomValue(random, depth - 1));
      return list;
    }
    default: {
      json object = json::object();
      for (uint32_t i = below(6); i > 0; --i) {
        object["k" + std::to_string(below(9))] = RandomValue(random, depth - 1);
      }
      return object;
    }
  }
}

// The library's plain parser is the reference, of valid texts and of damaged ones.
TEST(StrictJsonTest, ReadsAsTheLibrary) {
  std::mt19937 random(1);
  int num_refused = 0;
  for (int i = 0; i < 2000; ++i) {
    const json value = RandomValue(random, 5);
    std::string text = value.dump(i % 2 == 0 ? -1 : 2, ' ', i % 3 == 0);
    const auto parsed = ParseStrictJson(text, "");
    ASSERT_TRUE(parsed.ok()) << parsed.status() << text;
    EXPECT_EQ(*parsed, value);
    EXPECT_EQ(parsed->dump(), json::parse(text).dump());
    text[random() % text.size()] = static_cast<char>(1 + random() % 255);
    const auto damaged = ParseStrictJson(text, "");
    if (!damaged.ok()) {
      ++num_refused;
      const std::string reason(damaged.status().message());
      EXPECT_TRUE(!json::accept(text) || reason.find("twice") != reason.npos) << text << reason;
    } else {
      EXPECT_EQ(damaged->dump(), json::parse(text).dump());
    }
  }
  EXPECT_GT(num_refused, 500);
}

// Each took minutes, or all memory, where the time was quadratic.
TEST(StrictJsonTest, TakesManyValuesOfAnyShape) {
  constexpr int64_t kMany = kSanitized ? 10'000 : 200'000;
  for (const char* item : {"{}", "[]", "{\"\":1}", "\"\"", "-1.5e3", "[[]]"}) {
    const auto list = ParseStrictJson(ListOf(item, kMany), "");
    ASSERT_TRUE(list.ok()) << list.status();
    ASSERT_THAT(*list, SizeIs(kMany));
    EXPECT_EQ(list->back(), json::parse(item));
  }
  std::string keys = "{";
  for (int i = 0; i < kMany; ++i) keys += "\"" + std::to_string(i) + "\":{},";
  const auto object = ParseStrictJson(keys + "\"end\":1}", "");
  ASSERT_TRUE(object.ok()) << object.status();
  EXPECT_THAT(*object, SizeIs(kMany + 1));
  EXPECT_THAT(ParseError(keys + "\"7\":1}"), HasSubstr("states the key '7' twice"));
}

TEST(StrictJsonTest, LimitsWhatATextHolds) {
  if (!kSanitized) {
    EXPECT_EQ(ParseError(ListOf("0", kMaxJsonValues - 1)), "");
    EXPECT_EQ(ParseError(ListOf("{}", kMaxJsonParts - 1)), "");
  }
  EXPECT_EQ(ParseError(ListOf("0", kMaxJsonValues)), "f.json: has more than 4000000 values");
  const std::string parts = "f.json: has more than 1500000 texts, lists, objects and members";
  EXPECT_EQ(ParseError(ListOf("{\"a\":0}", kMaxJsonParts / 2)), parts);
  if (kSanitized) return;
  EXPECT_EQ(ParseError(ListOf("{}", kMaxJsonParts)), parts);
  EXPECT_EQ(ParseError(ListOf("\"\"", kMaxJsonParts)), parts);
}

TEST(StrictJsonTest, ALongTextIsNoStandstill) {
  for (const std::string& text :
       {"\"" + std::string(1'000'000, 'x') + "\"", std::string(1'000'000, '7'),
        std::string(1'000'000, ' ') + "1", ListOf("[]", 300'000)}) {
    const uint64_t before = Activity::OfThisThread().progress();
    (void)ParseStrictJson(text, "");
    EXPECT_GE(Activity::OfThisThread().progress(), before + 10) << text.substr(0, 10);
  }
}

std::vector<std::pair<std::string, json>> Members(const std::string& text) {
  std::vector<std::pair<std::string, json>> members;
  const absl::Status status =
      ParseStrictJsonObject(text, "f.json", [&](const std::string& name, const json& value) {
        members.emplace_back(name, value);
        return absl::OkStatus();
      });
  EXPECT_TRUE(status.ok()) << status;
  return members;
}

std::string MembersError(const std::string& text, const absl::Status& of_visit = {}) {
  const absl::Status status = ParseStrictJsonObject(
      text, "f.json", [&](const std::string&, const json&) { return of_visit; });
  return std::string(status.message());
}

TEST(StrictJsonTest, GivesMembersInTheirOrder) {
  EXPECT_THAT(Members("{}"), SizeIs(0));
  EXPECT_THAT(Members(R"({"b": 1, "a": {"x": [{}, {"y": null}]}, "c": [[]]})"),
              ElementsAre(Pair("b", 1), Pair("a", json::parse(R"({"x": [{}, {"y": null}]})")),
                          Pair("c", json::parse("[[]]"))));
}

TEST(StrictJsonTest, RefusesMembersAsWholeTexts) {
  for (const char* text : {"[]", "[{}]", "1", "null", "\"a\""}) {
    EXPECT_EQ(MembersError(text), "f.json: is not an object") << text;
  }
  EXPECT_THAT(MembersError(R"({"a": 1, "b": 2, "a": 3})"), HasSubstr("the key 'a' twice"));
  EXPECT_THAT(MembersError(R"({"a": {"b": 1, "b": 2}})"), HasSubstr("the key 'b' twice"));
  EXPECT_THAT(MembersError(R"({"a": 1} x)"), HasSubstr("see byte 10 of 10"));
  EXPECT_THAT(MembersError(R"({"a": 1)"), HasSubstr("not valid UTF-8 JSON"));
  EXPECT_EQ(MembersError(R"({"a": 1, })", absl::NotFoundError("unknown")), "unknown");
  // The outermost object, the member and its list count, too.
  const std::string list = ListOf("[]", kMaxJsonParts - 3);
  if (kSanitized) return;
  EXPECT_EQ(MembersError("{\"a\":" + list + ",\"b\":" + list + "}"), "");
  EXPECT_THAT(MembersError("{\"a\":[" + list + "," + list + "]}"), HasSubstr("has more than"));
}

TEST(StrictJsonTest, QuotedIsShortAndPrintable) {
  EXPECT_EQ(Quoted("wé"), "'wé'");
  EXPECT_EQ(Quoted("a\nb"), "'a\\nb'");
  EXPECT_THAT(Quoted(std::string(1'000'000, 'x')), SizeIs(testing::Lt(300U)));
  EXPECT_EQ(Shortened(std::string(200, 'x')), std::string(200, 'x'));
  const std::string end(100, 'y');
  EXPECT_EQ(Shortened(std::string(101, 'x') + end), std::string(100, 'x') + "…" + end);
  EXPECT_EQ(Quoted("\xff\xc2\x9b é\xc3"), "'\\xff\\xc2\\x9b é\\xc3'");  // C1's CSI among them
  EXPECT_EQ(Shortened(std::string(99, 'x') + "é" + "é" + std::string(99, 'y')),
            std::string(99, 'x') + "…" + "é" + std::string(99, 'y'));
}

}  // namespace
}  // namespace octet
