// Lines that take long to read, as processes: no rank is accused of standing still.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/support/octet_process.h"
#include "tests/support/sanitized.h"
#include "tests/support/test_files.h"

namespace octet {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr size_t kManyBytes = size_t{10} << 20;
constexpr size_t kMostBytes = size_t{63} << 20;  // LineReader::kMaxLineBytes is 64 MiB

std::string Repeat(const std::string& item, size_t bytes) {
  std::string text;
  text.reserve(bytes + item.size());
  while (text.size() < bytes) text += item;
  return text;
}

std::string Line(const std::string& id, const std::string& fields) {
  return R"({"custom_id":")" + id + R"(","method":"POST","url":"/v1/completions","body":{)" +
         fields + R"("prompt":"Once","max_tokens":2}})" + "\n";
}

TEST(SlowLineTest, ARankThatReadsIsNotAccused) {
  const std::string directory = TestDirectory();
  std::string keys;
  for (int i = 0; i < 700'000; ++i) keys += "\"k" + std::to_string(i) + "\":0,";
  WriteFile(directory + "/in.jsonl",
            Line("a", R"("x":[)" + Repeat("{},", kManyBytes) + "{}],") +
                Line("b", R"("x":[)" + Repeat("1,", kManyBytes) + "1],") +
                Line("c", R"("x":")" + Repeat("\\u00e9", kMostBytes) + "\",") +
                Line("d", R"("x":[)" + Repeat("\"xxxxxxxxxxxxxxxx\",", kManyBytes) + "1],") +
                Line("e", keys) + Line("f", ""));
  const ProcessResult run =
      RunOctet(2, "--threads 1 run-batch --model " OCTET_SOURCE_DIR "/launch/demo/model -i " +
                      directory + "/in.jsonl -o " + directory +
                      "/out.jsonl --progress none --timeout " + (kSanitized ? "10" : "1"));
  EXPECT_EQ(run.exit_code, 0) << run.output;
  EXPECT_THAT(run.output, Not(HasSubstr("no progress")));
  EXPECT_THAT(run.output, HasSubstr("1 answered, 5 refused"));
}

}  // namespace
}  // namespace octet
