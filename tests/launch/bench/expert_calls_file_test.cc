// Files of calls of experts: what is read, and what is refused in which line.

#include "launch/bench/expert_calls_file.h"

#include <absl/strings/str_cat.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>

#include "runtime/io/file.h"
#include "tests/support/oracle.h"

namespace octet {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

absl::StatusOr<std::vector<ExpertCall>> Parse(const std::string& text) {
  return ParseExpertCalls(text, "calls.txt", 8, 2);
}

TEST(ExpertCallsFile, ReadsCallsAndHowOftenTheyWere) {
  const auto calls = Parse(
      "# 4, 1:1:1:1\n"
      "\n"
      "4, 14:11:6:1, 4096, 28672, 100, bf16:bf16:bf16, true, 20, 2, 1, 4096, 1, 8  # freq=3\n"
      "  2,5:3\r\n"
      "8, 9:9:3:3:2:2:1:1, 4096, 28672, 100, b, true, 20, 2, 1, 4096, 1, 8 # freq=7 layers=[0,1]");
  ASSERT_TRUE(calls.ok()) << calls.status();
  ASSERT_EQ(calls->size(), 3U);
  EXPECT_THAT((*calls)[0].tokens, ElementsAre(14, 11, 6, 1));
  EXPECT_EQ((*calls)[0].frequency, 3);
  EXPECT_THAT((*calls)[1].tokens, ElementsAre(5, 3));
  EXPECT_EQ((*calls)[1].frequency, 1);
  EXPECT_EQ((*calls)[2].tokens.size(), 8U);
  EXPECT_EQ((*calls)[2].frequency, 7);
}

TEST(ExpertCallsFile, SaysWhichLineIsWrong) {
  const auto expect_refused = [](const std::string& line, const std::string& message) {
    const auto calls = Parse("2, 1:1\n# a comment\n" + line + "\n2, 1:1\n");
    ASSERT_FALSE(calls.ok()) << line;
    EXPECT_THAT(std::string(calls.status().message()), HasSubstr("calls.txt: line 3 " + message))
        << line;
  };
  expect_refused("nothing", "must be as");
  expect_refused("3, 1:1", "says '3' experts and has the tokens of 2");
  expect_refused("2, 1:0",
                 "has '0' as the tokens of an expert, which must be a whole number from 1");
  expect_refused("2, 1:x", "has 'x' as the tokens of an expert");
  expect_refused("2, 1:-4", "has '-4' as the tokens of an expert");
  expect_refused("1, 7", "has tokens of 1 experts; the model has 8, of which each token takes 2");
  expect_refused("9, 1:1:1:1:1:1:1:1:1", "has tokens of 9 experts");
  expect_refused("2, 1:1 # freq=0", "has freq='0', which must be a whole number from 1");
  expect_refused("2, 1:1 # freq=", "has freq=''");
  expect_refused("2, 1:1, 1, 1, 1, b, true, 20, 2, 1, 1, 1, 64", "is of '64' experts");
  expect_refused("2, 1:1, 1, 1, 1, b, true, 20, 8, 1, 1, 1, 8", "has '8' experts of each token");
  for (const char* empty : {"", "\n \n", "# 2, 1:1"}) {
    const auto calls = Parse(empty);
    ASSERT_FALSE(calls.ok());
    EXPECT_THAT(std::string(calls.status().message()), HasSubstr("calls.txt: has no calls"));
  }
}

TEST(ExpertCallsFile, HasSoManyCallsAtMost) {
  std::string text;
  for (int i = 0; i < 100'000; ++i) text += "2, 1:1\n";
  const auto most = Parse(text);
  ASSERT_TRUE(most.ok()) << most.status();
  EXPECT_EQ(most->size(), 100'000U);
  const auto more = Parse(text + "2, 1:1\n");
  ASSERT_FALSE(more.ok());
  EXPECT_THAT(std::string(more.status().message()), HasSubstr("line 100001 is beyond the most"));
}

// Calls of each file, how often they were together, and the most (token, slot) pairs of one.
struct Profile {
  std::string name;
  size_t calls;
  int64_t frequency;
  int64_t most_pairs;
};

TEST(ExpertCallsOracle, AllOfZenDnnsAreRead) {
  const auto directory = OraclePath("mixtral_load/zendnn");
  OCTET_SKIP_WITHOUT_ORACLE(directory, "files of calls that ZenDNN's benchmarks have");
  const Profile profiles[] = {
      {"prompt_bs8", 32, 32, 897 * 2},    {"prompt_bs16", 32, 32, 1921 * 2},
      {"prompt_bs32", 32, 32, 3969 * 2},  {"decode_bs8", 153, 4062, 8 * 2},
      {"decode_bs16", 200, 4064, 16 * 2}, {"decode_bs32", 200, 4063, 32 * 2}};
  PosixFileSystem files;
  for (const Profile& profile : profiles) {
    const std::string path =
        absl::StrCat(*directory, "/mixtral_moe_", profile.name, "_fused_profiled.txt");
    const auto text = files.ReadWhole(path, size_t{1} << 20);
    ASSERT_TRUE(text.ok()) << text.status();
    const auto calls = Parse(*text);
    ASSERT_TRUE(calls.ok()) << calls.status();
    EXPECT_EQ(calls->size(), profile.calls) << path;
    int64_t frequency = 0;
    int64_t most_pairs = 0;  // towards the end of a run fewer sequences are left
    for (const ExpertCall& call : *calls) {
      frequency += call.frequency;
      most_pairs = std::max(most_pairs, std::reduce(call.tokens.begin(), call.tokens.end()));
    }
    EXPECT_EQ(most_pairs, profile.most_pairs) << path;
    EXPECT_EQ(frequency, profile.frequency) << path;
  }
}

}  // namespace
}  // namespace octet
