// A run beside a saved one; what the files are that can't be compared with.

#include "launch/bench/run_comparison.h"

#include <absl/strings/str_cat.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "launch/bench/machine_profile.h"
#include "tests/support/demo_model.h"
#include "tests/support/json.h"
#include "tests/support/memory_file_system.h"
#include "tests/support/octet_process.h"
#include "tests/support/test_files.h"

namespace octet {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

constexpr std::string_view kThreads[] = {"threads", "machine.cpu"};

RunValues Values(const std::string& json) {
  const absl::StatusOr<RunValues> values = ParseRunValues(json, "x");
  EXPECT_TRUE(values.ok()) << values.status();
  return values.ok() ? *values : RunValues();
}

std::string Compare(const std::string& run, const std::string& saved) {
  return CompareRuns(Values(run), {"old.json", Values(saved), kThreads});
}

std::vector<std::string> Names(const std::string& json) {
  std::vector<std::string> names;
  for (const RunValue& value : Values(json)) names.push_back(value.name);
  return names;
}

TEST(RunValues, ElementsOfListsHaveTheNameOfTheirWork) {
  EXPECT_THAT(Names(R"({"a": {"b": 1, "c": "x"}, "d": [2, 3], "rows": 4})"),
              ElementsAre("a.b", "a.c", "d[0]", "d[1]", "rows"));
  EXPECT_THAT(
      Names(R"({"times": [{"kernel": "matmul", "rows": 16, "context": 0, "seconds": 1},
                          {"kernel": "matmul", "rows": 16, "context": 8, "seconds": 1},
                          {"kernel": "matmul", "rows": 16, "context": 8, "seconds": 2}],
                "messages": [{"same_host": true, "us": 1}, {"same_host": false, "us": 2}],
                "moe": [{"dtype": "bfloat16", "layer": {"rows": 3}}]})"),
      ElementsAre("times[matmul rows 16].seconds", "times[matmul rows 16 context 8].seconds",
                  "times[matmul rows 16 context 8 (2)].seconds", "messages[same_host].us",
                  "messages[1].us", "moe[bfloat16].layer.rows"));
}

TEST(RunComparison, ShowsWhatDiffersWithItsRatio) {
  const std::string text = Compare(
      R"({"threads": 2, "machine": {"cpu": "A"}, "rate": 130, "zero": 1, "by": "DRAM", "n": 7})",
      R"({"rate": 104.0, "n": 7, "zero": 0, "by": "dots", "threads": 2.0,
                  "machine": {"cpu": "A"}})");
  EXPECT_EQ(text,
            "compared with old.json  this run  saved   ratio\n"
            "rate                    130       104     1.250\n"
            "zero                    1         0       -\n"
            "by                      \"DRAM\"    \"dots\"  -\n"
            "the same in both: 1 other values\n"
            "comparable: machine and work are the same as in old.json\n");
}

TEST(RunComparison, NamesWhatOnlyOneRunHas) {
  const std::string text = Compare(
      R"({"rate": 1, "new": 2, "times": [{"rows": 1, "s": 1, "b": 2}, {"rows": 2, "s": 1, "b": 2}]})",
      R"({"rate": 1, "old": 2, "times": [{"rows": 1, "s": 1}, {"rows": 16, "s": 1, "b": 2}]})");
  EXPECT_THAT(text,
              AllOf(HasSubstr("only in this run: new\n"
                              "only in this run: times[rows 1].b\n"
                              "only in this run: times[rows 2]\n"
                              "only in old.json: old\n"
                              "only in old.json: times[rows 16]\n"),
                    HasSubstr("the same in both: 2 other values\n"), Not(HasSubstr("no measure"))));
  EXPECT_THAT(Compare(R"({"a": 1})", R"({"b": 1})"), HasSubstr("no measure is in both\n"));
}

TEST(RunComparison, SaysLoudlyThatRunsDoNotCompare) {
  const std::string run = R"({"threads": 2, "machine": {"cpu": "A"}, "rate": 2})";
  EXPECT_THAT(Compare(run, R"({"threads": 4, "rate": 1})"),
              AllOf(HasSubstr("2.000"),
                    HasSubstr("NOT COMPARABLE with old.json: the ratios say nothing, as the runs "
                              "differ\n"
                              "  threads: 2 in this run, 4 in old.json\n"
                              "  machine.cpu: \"A\" in this run, not stated in old.json\n"),
                    Not(HasSubstr("\ncomparable"))));
}

// The file's texts don't reach the terminal as they are.
TEST(RunComparison, TextsAreEscapedAndShortened) {
  const std::string text =
      Compare(R"({"a": "x", "threads": 1})",
              R"({"a": "\u001b[2J", "\u001b": 1, "threads": ")" + std::string(100000, 'y') + "\"}");
  EXPECT_THAT(text, AllOf(HasSubstr("\\u001b[2J"), Not(HasSubstr("\x1b"))));
  EXPECT_LT(text.size(), 5000U);
}

std::string Message(const SavedRun::Read& read) {
  EXPECT_FALSE(read.ok());
  return std::string(read.status().message());
}

TEST(SavedRun, WhatNoBenchmarkSavedIsRefused) {
  MemoryFileSystem files;
  const auto throughput = [&](const std::string& text) {
    files.files["f"] = text;
    return Message(SavedRun::ReadThroughput(files, "f"));
  };
  EXPECT_THAT(throughput(""), HasSubstr("--compare f"));
  EXPECT_THAT(throughput("{\"ranks\": 1, \"prefill_"), HasSubstr("--compare f"));
  EXPECT_THAT(throughput("{\"ranks\": 1, \"ranks\": 2}"), HasSubstr("--compare f"));
  EXPECT_EQ(throughput("[1]"), "--compare f: is not a JSON object");
  EXPECT_THAT(throughput("{\"ranks\": 1, \"prefill_tokens_per_s\": \"9\"}"),
              HasSubstr("--compare f: is no report of octet bench throughput, which --output-json "
                        "writes: it has no number prefill_tokens_per_s"));
  EXPECT_THAT(Message(SavedRun::ReadThroughput(files, "none")), HasSubstr("--compare none"));

  files.files["m.txt"] = "kernels { dram_copy_bytes_per_second: 2 }";
  EXPECT_EQ(Message(SavedRun::ReadExchange(files, "m.txt")),
            "--compare m.txt: has no results of octet bench exchange, which --save writes");
  EXPECT_TRUE(SavedRun::ReadKernels(files, "m.txt").ok());
  files.files["m.txt"] = "kernels { cors: 2 }";
  EXPECT_THAT(Message(SavedRun::ReadKernels(files, "m.txt")), HasSubstr("--compare m.txt:1:"));
  EXPECT_FALSE(SavedRun::ReadKernels(files, "")->has_value());
}

// Runs a benchmark, which saves what it measured, and then once more beside that.
void ExpectCompares(int ranks, const std::string& job, const std::string& save) {
  const std::string saved = TestDirectory() + "/saved.json";
  ASSERT_EQ(RunOctet(ranks, absl::StrCat(job, save, saved)).exit_code, 0);
  const ProcessResult again = RunOctet(ranks, absl::StrCat(job, save, saved, " --compare ", saved));
  EXPECT_EQ(again.exit_code, 0) << again.output;
  EXPECT_THAT(again.output, AllOf(HasSubstr("compared with "), HasSubstr("\ncomparable: machine"),
                                  Not(HasSubstr("only in ")), Not(HasSubstr("no measure"))));
  const ProcessResult refused =
      RunOctet(ranks, absl::StrCat(job, " --compare ", OCTET_SOURCE_DIR "/README.md"));
  EXPECT_EQ(refused.exit_code, 2) << refused.output;
  EXPECT_THAT(refused.output, AllOf(HasSubstr("--compare "), Not(HasSubstr("GB/s"))));
}

const std::string kThroughput = absl::StrCat(
    "bench throughput --threads 1 --num-prompts 2 --input-len 8 --output-len 3 --model ",
    kDemoModel);

TEST(RunComparison, OfThroughput) { ExpectCompares(2, kThroughput, " --output-json "); }

TEST(RunComparison, OfExchange) {
  ExpectCompares(2, "bench exchange --threads 1 --tokens 4 --hidden-size 24", " --save ");
}

TEST(RunComparison, OfKernels) {
  ExpectCompares(0,
                 "bench kernels --threads 1 --isa avx2 --inputs 64 --outputs 48 --rows 2 --tokens "
                 "3 --seq-len 5 --contexts 40 --memory-mib 1 --formats Q8_0",
                 " --save ");
}

TEST(RunComparison, OtherWorkIsSaid) {
  const std::string saved = TestDirectory() + "/saved.json";
  ASSERT_EQ(RunOctet(0, kThroughput + " --no-bounds --output-json " + saved).exit_code, 0);
  const ProcessResult other = RunOctet(
      0,
      absl::StrCat(kThroughput, " --no-bounds --dtype float32 --max-num-seqs 7 --compare ", saved));
  EXPECT_EQ(other.exit_code, 0) << other.output;
  EXPECT_THAT(other.output, AllOf(HasSubstr("\nNOT COMPARABLE with "),
                                  HasSubstr("  numerics_class: \"bfloat16/float32/"),
                                  HasSubstr("  max_num_seqs: 7 in this run, 64 in ")));
}

// A condition that no report has would never be checked.
TEST(RunComparison, ReportsHaveAllConditions) {
  const std::string path = TestDirectory() + "/saved.json";
  ASSERT_EQ(RunOctet(0, kThroughput + " --no-bounds --output-json " + path).exit_code, 0);
  PosixFileSystem files;
  const SavedRun::Read throughput = SavedRun::ReadThroughput(files, path);
  ASSERT_TRUE(throughput.ok()) << throughput.status();
  MemoryFileSystem memory;
  MachineProfile profile;
  profile.mutable_kernels()->set_dram_copy_bytes_per_second(1);
  profile.mutable_kernels()->mutable_caches();
  profile.mutable_exchange();
  ASSERT_TRUE(UpdateMachineProfile(memory, "m", profile).ok());
  const SavedRun::Read kernels = SavedRun::ReadKernels(memory, "m");
  const SavedRun::Read exchange = SavedRun::ReadExchange(memory, "m");
  for (const SavedRun::Read* read : {&throughput, &kernels, &exchange}) {
    ASSERT_TRUE(read->ok()) << read->status();
    const SavedRun& run = ***read;
    for (const std::string_view name : run.conditions) {
      EXPECT_NE(FindRunValue(run.values, std::string(name)), nullptr) << name;
    }
  }
}

}  // namespace
}  // namespace octet
