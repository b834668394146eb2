// The power goes at any call that changes the disk; what was reported as safe is there afterwards.

#include "tests/support/fault_job.h"
#include "tests/support/fault_samples.h"
#include "tests/support/power_cut_file_system.h"

namespace octet {
namespace {

constexpr int64_t kSample = 120 / kFaultStep;
constexpr int64_t kFullSweep = 2000;

class PowerCutTest : public FaultJob {
 protected:
  // The state of the disk after a job that began on `files` and whose power was cut.
  static std::map<std::string, std::string> Cut(const std::map<std::string, std::string>& files,
                                                const JobOptions& options, int64_t cut_at,
                                                std::mt19937& random, int64_t& safe) {
    PowerCutFileSystem disk(files);
    disk.cut_at = cut_at;
    const JobResult result = runner_->Run(disk, {kInput}, kOutput, options);
    EXPECT_EQ(result.status.ok(), !disk.is_cut()) << result.status;
    safe = result.counts.safe;
    return disk.AfterCut(random);
  }
};

TEST_F(PowerCutTest, LosesNothingThatWasSafe) {
  PowerCutFileSystem undisturbed(Files());
  ASSERT_TRUE(runner_->Run(undisturbed, {kInput}, kOutput, Options()).status.ok());
  ASSERT_GT(undisturbed.calls(), 50);
  const int64_t cuts = NumFaults(kSample, kFullSweep);
  int64_t num_safe = 0;
  int64_t cut_twice = 0;
  for (const int64_t cut_at : SamplePoints(cuts, undisturbed.calls(), /*seed=*/1)) {
    SCOPED_TRACE(absl::StrCat("cut at call ", cut_at));
    std::mt19937 random(static_cast<uint32_t>(num_safe + cut_at));
    int64_t safe = 0;
    std::map<std::string, std::string> files = Cut(Files(), Options(), cut_at, random, safe);
    if (cut_at % 3 == 0) {  // and once more, while it goes on
      ++cut_twice;
      files = Cut(files, ResumeOptions(cut_at), cut_at / 2, random, safe);
    }
    MemoryFileSystem disk;
    disk.files = files;
    const JobResult resumed = runner_->Run(disk, {kInput}, kOutput, ResumeOptions(cut_at));
    ASSERT_TRUE(resumed.status.ok()) << resumed.status;
    if (!resumed.was_finished) {
      EXPECT_GE(resumed.num_earlier, safe);
    }
    ASSERT_EQ(disk.files[kOutput], *expected_);
    num_safe += safe;
  }
  EXPECT_GT(num_safe, 3 * cuts);  // there was something to lose
  std::printf("%ld power cuts, %ld of them twice, %ld results were safe: none lost\n", cuts,
              cut_twice, num_safe);
}

// A process that is killed leaves what it wrote, though not on the disk; the attempt after it
// counts that as done.
TEST_F(PowerCutTest, ResultsOfAKilledAttemptAreSafeOnceTheyCount) {
  for (int64_t step = 5; step < 60; step += 6) {
    PowerCutFileSystem disk(Files());
    JobOptions killed = Options();
    killed.journal.commit.most_results = 1000;  // nothing becomes durable
    killed.goes_on = [step](int64_t now) { return now < step; };
    ASSERT_TRUE(runner_->Run(disk, {kInput}, kOutput, killed).abandoned);
    JobOptions cut = Options(StartMode::kResume);
    cut.goes_on = [&disk](int64_t) {
      if (disk.cut_at < 0) disk.cut_at = disk.calls();
      return true;
    };
    const JobResult second = runner_->Run(disk, {kInput}, kOutput, cut);
    ASSERT_TRUE(disk.is_cut());
    std::mt19937 random(static_cast<uint32_t>(step));
    MemoryFileSystem after;
    after.files = disk.AfterCut(random);
    const JobResult third = runner_->Run(after, {kInput}, kOutput, ResumeOptions(step));
    ASSERT_TRUE(third.status.ok()) << third.status;
    EXPECT_GE(third.num_earlier, second.counts.safe);
    EXPECT_GE(second.counts.safe, second.num_earlier);
    EXPECT_EQ(after.files[kOutput], *expected_);
  }
}

}  // namespace
}  // namespace octet
