#include "runtime/batch/journal_record.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace octet {
namespace {

using Kind = JournalRecord::Kind;
using testing::ElementsAre;

constexpr uint64_t kSeed = 77;

std::string_view WithoutNewline(const std::string& line) {
  EXPECT_EQ(line.back(), '\n');
  return std::string_view(line).substr(0, line.size() - 1);
}

BatchResult SampleResult() {
  return {.number = 12,
          .answered = true,
          .line_hash = 0xfedcba9876543210,
          .custom_id_hash = 5,
          .text = R"({"custom_id": "a", "text": "one two  three"})"};
}

TEST(JournalRecord, ResultsComeBack) {
  const std::string line = FormatResultRecord(SampleResult(), kSeed);
  const auto record = ParseRecord(WithoutNewline(line), kSeed);
  ASSERT_TRUE(record);
  EXPECT_EQ(record->kind, Kind::kResult);
  EXPECT_EQ(record->result.number, 12);
  EXPECT_TRUE(record->result.answered);
  EXPECT_EQ(record->result.line_hash, 0xfedcba9876543210);
  EXPECT_EQ(record->result.custom_id_hash, 5);
  EXPECT_EQ(record->result.text, SampleResult().text);
  EXPECT_EQ(FormatRecord(*record, kSeed), line);
}

TEST(JournalRecord, ErrorsWithoutACustomIdComeBack) {
  BatchResult result = SampleResult();
  result.answered = false;
  result.custom_id_hash.reset();
  const auto record = ParseRecord(WithoutNewline(FormatResultRecord(result, kSeed)), kSeed);
  ASSERT_TRUE(record);
  EXPECT_FALSE(record->result.answered);
  EXPECT_FALSE(record->result.custom_id_hash);
  EXPECT_EQ(record->result.text, result.text);
}

TEST(JournalRecord, OtherKindsComeBack) {
  const std::string started = FormatRecord({.kind = Kind::kStarted, .numbers = {3, 4, 9}}, kSeed);
  EXPECT_THAT(ParseRecord(WithoutNewline(started), kSeed)->numbers, ElementsAre(3, 4, 9));
  for (const Kind kind : {Kind::kHeader, Kind::kEnded}) {
    const std::string line = FormatRecord({.kind = kind, .text = "job { seed: 1 }"}, kSeed);
    const auto record = ParseRecord(WithoutNewline(line), kSeed);
    ASSERT_TRUE(record);
    EXPECT_EQ(record->kind, kind);
    EXPECT_EQ(record->text, "job { seed: 1 }");
  }
}

TEST(JournalRecord, NothingThatIsNotWholeIsARecord) {
  const std::string line = FormatResultRecord(SampleResult(), kSeed);
  const std::string_view whole = WithoutNewline(line);
  for (size_t size = 0; size < whole.size(); ++size) {
    EXPECT_FALSE(ParseRecord(whole.substr(0, size), kSeed)) << size;
  }
  for (size_t i = 0; i < whole.size(); ++i) {
    for (const char change : {'\x01', '\x20'}) {
      std::string changed(whole);
      changed[i] = static_cast<char>(changed[i] ^ change);
      const auto record = ParseRecord(changed, kSeed);
      // The case of a hexadecimal digit of the checksum means nothing.
      if (record) {
        EXPECT_EQ(FormatRecord(*record, kSeed), line) << i;
      }
    }
  }
  EXPECT_FALSE(ParseRecord(whole, kSeed + 1));  // of another file
}

TEST(JournalRecord, EachHeaderGivesItsOwnSeed) {
  EXPECT_NE(SeedFromHeader("header a"), SeedFromHeader("header b"));
}

}  // namespace
}  // namespace octet
