// Files that are no JSON lines, by their first bytes.

#include "runtime/io/input_kind.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace octet {
namespace {

using testing::HasSubstr;

constexpr char kLine[] = R"({"custom_id": "a", "url": "/v1/completions", "body": {"prompt": [1]}})";

// With `zeros` bytes before or behind each letter.
std::string Wide(const std::string& text, size_t before, size_t behind) {
  std::string wide;
  for (const char c : text) {
    wide += std::string(before, '\0');
    wide += c;
    wide += std::string(behind, '\0');
  }
  return wide;
}

TEST(InputKind, LinesOfObjects) {
  const std::string line = kLine;
  const std::string valid[] = {"",
                               "\n",
                               "{",
                               "{broken",
                               "{broken\n" + line,
                               line,
                               line + "\n" + line,
                               "\n\r\n  " + line,
                               line + "\r\n" + line + "\r\n",
                               std::string(kUtf8Mark) + line,
                               "nonsense\n" + line,
                               "null\n" + line,
                               "[1, 2]\n" + line,
                               "{\"prompt\": [1,\n" + line,
                               std::string(1 << 20, ' ') + line,
                               "{\"a\": \"" + std::string(1 << 20, 'x') + "\"}"};
  for (const std::string& start : valid) {
    EXPECT_EQ(WhyNotJsonLines(start), "") << start.substr(0, 100);
    EXPECT_TRUE(MayHaveJsonLines(start.substr(0, kInputKindBytes))) << start.substr(0, 100);
  }
}

TEST(InputKind, NoLineOfAnObject) {
  for (const char* start : {"custom_id,prompt\na,b\n", "nonsense", "\"{}\"\n", "[1]",
                            "# title\n\ntext", "<html>\n<body>"}) {
    EXPECT_EQ(WhyNotJsonLines(start), "") << start;
    EXPECT_FALSE(MayHaveJsonLines(start)) << start;
  }
}

TEST(InputKind, OtherEncodings) {
  const std::string line = kLine;
  const struct {
    std::string start;
    const char* kind;
  } cases[] = {
      {"\xff\xfe" + Wide(line, 0, 1), "is UTF-16; lines must be UTF-8: iconv -f UTF-16 -t UTF-8"},
      {"\xfe\xff" + Wide(line, 1, 0), "is UTF-16;"},
      {Wide(line, 0, 1), "is UTF-16LE;"},
      {Wide(line, 1, 0), "is UTF-16BE;"},
      {std::string("\xff\xfe\0\0", 4) + Wide(line, 0, 3), "is UTF-32;"},
      {std::string("\0\0\xfe\xff", 4) + Wide(line, 3, 0), "is UTF-32;"},
      {Wide(line, 0, 3), "is UTF-32LE;"},
      {Wide(line, 3, 0), "is UTF-32BE;"},
  };
  for (const auto& c : cases) EXPECT_THAT(WhyNotJsonLines(c.start), HasSubstr(c.kind));
}

TEST(InputKind, OtherFiles) {
  std::string tar = "in.jsonl";
  tar.resize(512);
  tar.replace(257, 5, "ustar");
  const struct {
    std::string start;
    const char* kind;
  } cases[] = {
      {"BZh91AY&SY", "bzip2 -dc"},
      {std::string("\xFD"
                   "7zXZ\0\0",
                   7),
       "xz -dc"},
      {"\x04\x22\x4D\x18 ", "lz4 -dc"},
      {"LZIP\x01", "lzip -dc"},
      {"PK\x03\x04 in.jsonl{}\n", "unzip -p"},
      {"7z\xBC\xAF\x27\x1C", "7z e"},
      {tar, "tar -xOf"},
      {"%PDF-1.7\n", "a PDF document"},
      {"PAR1\x15", "a Parquet file"},
      {"ARROW1", "an Arrow file"},
      {std::string("SQLite format 3\0", 16), "an SQLite database"},
      {"\x80\x04\x95", "a Python pickle"},
  };
  for (const auto& c : cases) EXPECT_THAT(WhyNotJsonLines(c.start), HasSubstr(c.kind));
}

TEST(InputKind, OtherFormsOfJson) {
  const std::string line = kLine;
  for (const std::string& start :
       {"[" + line + ", " + line + "]", std::string("[\n  {\n    \"a\": 1\n  }\n]"),
        std::string("["), " \n[ " + line, std::string(kUtf8Mark) + "[" + line}) {
    EXPECT_THAT(WhyNotJsonLines(start), HasSubstr("jq -c '.[]'")) << start;
  }
  for (const char* start :
       {"{\n", "{\n  \"a\": 1\n}\n", "{\r\n\t\"a\": 1\r\n}", "{ \"a\": 1,\n  \"b\": 2 }",
        "{\"body\": {\n  \"prompt\": 1}}", "{\"custom_id\": \"a\",\n\"body\": {}}"}) {
    EXPECT_THAT(WhyNotJsonLines(start), HasSubstr("jq -c .")) << start;
  }
  EXPECT_THAT(WhyNotJsonLines(line + "\r" + line + "\r"), HasSubstr("tr '\\r' '\\n'"));
}

}  // namespace
}  // namespace octet
