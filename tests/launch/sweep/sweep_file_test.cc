#include "launch/sweep/sweep_file.h"

#include <absl/strings/str_replace.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/memory_file_system.h"
#include "tests/support/sweep_fixture.h"

namespace octet {
namespace {

using testing::HasSubstr;

absl::StatusOr<Sweep> ReadText(const std::string& text) {
  MemoryFileSystem files;
  files.files["s.textproto"] = text;
  return ReadSweep(files, "s.textproto");
}

TEST(SweepFileTest, LeftOutFieldsHaveDefaults) {
  const auto sweep = ReadText(R"(axes { name: "a" values { name: "1" } })");
  ASSERT_TRUE(sweep.ok()) << sweep.status();
  EXPECT_EQ(sweep->repetitions(), 3);
  EXPECT_EQ(sweep->timeout(), 3600);
  EXPECT_EQ(sweep->seed(), 0);
  EXPECT_TRUE(sweep->launcher().empty());
  EXPECT_TRUE(ReadText(kSmallSweep).ok());
}

TEST(SweepFileTest, TheExampleCanBeRun) {
  PosixFileSystem files;
  const auto sweep = ReadSweep(files, OCTET_SOURCE_DIR "/launch/examples/sweep.textproto");
  ASSERT_TRUE(sweep.ok()) << sweep.status();
  EXPECT_EQ(PlanSweep(*sweep).points.size(), 6U);
}

TEST(SweepFileTest, RefusesWhatItCannotRun) {
  const auto expect_refused = [](const std::string& text, const std::string& message) {
    const auto sweep = ReadText(text);
    ASSERT_FALSE(sweep.ok()) << text;
    EXPECT_THAT(std::string(sweep.status().message()), HasSubstr("s.textproto:"));
    EXPECT_THAT(std::string(sweep.status().message()), HasSubstr(message)) << text;
  };
  const std::string axis = R"(axes { name: "a" values { name: "1" } } )";
  expect_refused("repeats: 3", "1:8: Message type \"octet.Sweep\" has no field named \"repeats\"");
  expect_refused("", "axes: there are none");
  expect_refused(axis + axis, "axes[1]: another axis is named a too");
  expect_refused(R"(axes { name: "a" })", "axes[0]: has no values");
  expect_refused(R"(axes { name: "a" values { name: "1" } values { name: "1" } })",
                 "axes[0].values[1]: another value is named 1 too");
  for (const char* name : {"", "a b", "a=b", "a,b", "a\\n", "é"}) {
    expect_refused(absl::StrCat("axes { name: \"", name, "\" values { name: \"1\" } }"),
                   "axes[0]: its name");
  }
  expect_refused(R"(axes { name: "void" values { name: "1" } })",
                 "axes[0]: void is a column of sweep.csv");
  expect_refused(axis + R"(bench: "--output-json=x")", "bench: --output-json can't be given");
  expect_refused(R"(axes { name: "a" values { name: "1" bench: ["--compare", "x"] } })",
                 "axes[0].values[0].bench: --compare can't be given");
  expect_refused(axis + R"(launcher: "")", "launcher: a word ''");
  expect_refused(axis + R"(bench: "a\000b")", "bench: a word");
  expect_refused(axis + "repetitions: -1", "repetitions: must be at least 1");
  expect_refused(axis + "timeout: -1", "timeout: must be above 0");
  expect_refused(axis + "timeout: nan", "timeout: must be above 0");
  expect_refused(axis + "repetitions: 100001", "more than 100000 runs");
}

TEST(SweepFileTest, ManyAxesAreCountedWithoutOverflow) {
  std::string text;
  for (int a = 0; a < 70; ++a) {
    absl::StrAppend(&text, "axes { name: \"a", a,
                    "\" values { name: \"1\" } values { name: ", "\"2\" } }\n");
  }
  EXPECT_THAT(std::string(ReadText(text).status().message()), HasSubstr("more than 100000 runs"));
}

}  // namespace
}  // namespace octet
