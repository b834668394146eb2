// Lines that failed are computed again after a fix, and nothing else is.

#include <gmock/gmock.h>

#include <random>

#include "runtime/batch/job_identity.h"
#include "runtime/batch/journal_survey.h"
#include "tests/support/fault_job.h"
#include "tests/support/fault_samples.h"
#include "tests/support/open_journal.h"
#include "tests/support/power_cut_file_system.h"

namespace octet {
namespace {

using testing::HasSubstr;

constexpr int kRetryLines = 16;

// Requests of which bit i of `broken` spoils the i-th.
std::map<std::string, std::string> LinesWithFaults(uint32_t broken, int lines = kRetryLines) {
  std::string text;
  for (int i = 0; i < lines; ++i) {
    const std::string prompt = (broken >> i & 1) != 0 ? "[]" : absl::StrCat("[", i + 1, ", 9]");
    absl::StrAppend(&text, R"({"custom_id": "r)", i, R"(", "url": "/v1/completions", "body": )",
                    R"({"prompt": )", prompt, R"(, "ignore_eos": true, "max_tokens": )",
                    1 + i * 7 % 11, "}}\n");
  }
  return {{"in.jsonl", text}};
}

class RetryTest : public FaultJob {
 protected:
  JobResult Do(FileSystem& files, StartMode mode, int64_t stop_at = -1) {
    JobOptions options = Options(mode);
    if (stop_at >= 0) options.goes_on = [stop_at](int64_t step) { return step < stop_at; };
    return runner_->Run(files, {kInput}, kOutput, options);
  }

  // The output of an undisturbed run.
  std::string OutputOf(uint32_t broken, int lines = kRetryLines) {
    MemoryFileSystem files;
    files.files = LinesWithFaults(broken, lines);
    EXPECT_TRUE(Do(files, StartMode::kNew).status.ok());
    return files.files[kOutput];
  }

  // Changes the input, and keeps all else.
  static void Give(MemoryFileSystem& files, uint32_t broken, int lines = kRetryLines) {
    files.files[kInput] = LinesWithFaults(broken, lines)[kInput];
  }

  void ExpectRefused(MemoryFileSystem& files, const std::string& why) {
    const auto before = files.files;
    const JobResult refused = Do(files, StartMode::kRetryFailed);
    EXPECT_THAT(std::string(refused.status.message()), HasSubstr(why));
    EXPECT_EQ(files.files[kOutput], before.at(kOutput));
  }
};

// What octet jobs counts is always what is there: rows = ok + failed + left.
void ExpectCounts(FileSystem& files, int64_t answered, int64_t failed) {
  const auto survey = SurveyJournal(files, "out.jsonl");
  ASSERT_TRUE(survey.ok()) << survey.status();
  EXPECT_EQ(survey->answered, answered);
  EXPECT_EQ(survey->failed, failed);
}

TEST_F(RetryTest, OfAFinishedJobWithAnyFaults) {
  std::mt19937 random(1);
  for (int trial = 0; trial < 24; ++trial) {
    const uint32_t broken = (random() & random()) & 0xffff;
    const uint32_t still_broken = broken & random();
    const int faults = __builtin_popcount(broken);
    MemoryFileSystem files;
    files.files = LinesWithFaults(broken);
    ASSERT_TRUE(Do(files, StartMode::kNew).status.ok());
    ExpectCounts(files, kRetryLines - faults, faults);
    Give(files, still_broken);
    if (faults > 0) {
      const JobResult stopped = Do(files, StartMode::kRetryFailed, trial % 7);
      ASSERT_TRUE(stopped.status.ok()) << stopped.status;
      ASSERT_EQ(stopped.num_earlier, kRetryLines - faults);
      ExpectCounts(files, stopped.counts.answered, stopped.counts.refused);
      const JobResult done = Do(files, StartMode::kResume);
      ASSERT_TRUE(done.status.ok()) << done.status;
    }
    EXPECT_EQ(files.files[kOutput], OutputOf(faults > 0 ? still_broken : broken)) << trial;
    EXPECT_EQ(Do(files, StartMode::kRetryFailed).was_finished, still_broken == 0);
  }
}

TEST_F(RetryTest, OfAStoppedJob) {
  constexpr uint32_t kBroken = 0b1001'0010'0000'0101;
  for (int64_t stop = 0; stop < 40; ++stop) {
    MemoryFileSystem files;
    files.files = LinesWithFaults(kBroken);
    const JobResult first = Do(files, StartMode::kNew, stop);
    ASSERT_TRUE(first.status.ok()) << first.status;
    if (!first.abandoned) break;
    Give(files, 0);
    const JobResult second = Do(files, StartMode::kRetryFailed, stop);
    ASSERT_TRUE(second.status.ok()) << second.status;
    EXPECT_EQ(second.num_earlier, first.counts.answered);
    if (second.abandoned) {
      ASSERT_TRUE(Do(files, StartMode::kResume).status.ok());
    }
    EXPECT_EQ(files.files[kOutput], OutputOf(0)) << stop;
    ExpectCounts(files, kRetryLines, 0);
  }
}

// At any call that changes the disk the output is that of before, or that of after.
TEST_F(RetryTest, ThePowerGoesWhileItBegins) {
  constexpr uint32_t kBroken = 0b0100'0000'0001'0010;
  MemoryFileSystem finished;
  finished.files = LinesWithFaults(kBroken);
  ASSERT_TRUE(Do(finished, StartMode::kNew).status.ok());
  const std::string before = finished.files[kOutput];
  Give(finished, 0);
  PowerCutFileSystem undisturbed(finished.files);
  ASSERT_TRUE(Do(undisturbed, StartMode::kRetryFailed).status.ok());
  ASSERT_GT(undisturbed.calls(), 20);
  const std::string after = OutputOf(0);
  for (int64_t cut_at = 0; cut_at < undisturbed.calls(); ++cut_at) {
    SCOPED_TRACE(absl::StrCat("cut at call ", cut_at));
    PowerCutFileSystem disk(finished.files);
    disk.cut_at = cut_at;
    Do(disk, StartMode::kRetryFailed).status.IgnoreError();
    std::mt19937 random(static_cast<uint32_t>(cut_at));
    MemoryFileSystem files;
    files.files = disk.AfterCut(random);
    ASSERT_TRUE(files.files[kOutput] == before || files.files[kOutput] == after);
    const auto survey = SurveyJournal(files, kOutput);
    ASSERT_TRUE(survey.ok()) << survey.status();
    EXPECT_GE(survey->answered, kRetryLines - 3);
    EXPECT_LE(survey->answered + survey->failed, kRetryLines);
    const JobResult resumed = Do(files, StartMode::kResume);
    if (!resumed.status.ok() || (resumed.was_finished && files.files[kOutput] == before)) {
      // It had not begun: its --resume finds the finished job, or another input than that had.
      ASSERT_TRUE(Do(files, StartMode::kRetryFailed).status.ok());
    }
    ASSERT_EQ(files.files[kOutput], after);
  }
}

TEST_F(RetryTest, LinesThatWereGivenUpAreTriedAfresh) {
  MemoryFileSystem files;
  files.files = LinesWithFaults(0);
  JobIdentity job;
  *job.add_input() = *IdentifyFile(files, kInput, false, [] {});
  for (int attempt = 0; attempt < 2; ++attempt) {
    std::vector<std::string> notes;
    const auto journal =
        OpenJournal(files, kOutput, job, Options(StartMode::kResume).journal, notes);
    ASSERT_TRUE(journal.ok()) << journal.status();
    (*journal)->Start(std::vector<int64_t>{2, 5});
    ASSERT_TRUE((*journal)->Flush().ok());
    files.files[(*journal)->crash_path()] = "rank 0: SIGSEGV";
  }
  const JobResult given_up = Do(files, StartMode::kResume);
  ASSERT_TRUE(given_up.status.ok()) << given_up.status;
  ASSERT_EQ(given_up.counts.refused, 2);
  const JobResult retried = Do(files, StartMode::kRetryFailed);
  ASSERT_TRUE(retried.status.ok()) << retried.status;
  EXPECT_EQ(retried.counts.refused, 0);
  EXPECT_EQ(files.files[kOutput], OutputOf(0));
}

TEST_F(RetryTest, OnlyLinesThatFailedMayChange) {
  MemoryFileSystem files;
  files.files = LinesWithFaults(0b1000);
  ASSERT_TRUE(Do(files, StartMode::kNew).status.ok());
  Give(files, 0b10);  // line 2 was answered
  ExpectRefused(files, "a line of --input that has an answer is not that of then");
  Give(files, 0, kRetryLines - 1);
  ExpectRefused(files, "--input has only 15 lines");
  Give(files, 0, kRetryLines + 3);  // more lines are more work
  ASSERT_TRUE(Do(files, StartMode::kRetryFailed).status.ok());
  EXPECT_EQ(files.files[kOutput], OutputOf(0, kRetryLines + 3));
}

TEST_F(RetryTest, WhereThereIsNothingToRetry) {
  MemoryFileSystem files;
  files.files = LinesWithFaults(0);
  EXPECT_THAT(std::string(Do(files, StartMode::kRetryFailed).status.message()),
              HasSubstr("no journal tells of a job with the output out.jsonl"));
  files.files[kOutput] = "mine";
  ExpectRefused(files, "no journal tells of a job");
  EXPECT_FALSE(Do(files, StartMode::kNew).status.ok());
}

}  // namespace
}  // namespace octet
