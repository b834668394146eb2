// A job that ends between two steps, wherever, is gone on with as if nothing had been.

#include <absl/strings/str_split.h>

#include "tests/support/fault_job.h"
#include "tests/support/fault_samples.h"

namespace octet {
namespace {

using InterruptionTest = FaultJob;

TEST_F(InterruptionTest, AfterEveryStep) {
  MemoryFileSystem memory;
  memory.files = Files();
  const int64_t steps = runner_->Run(memory, {kInput}, kOutput, Options()).steps;
  ASSERT_GT(steps, 50);
  for (int64_t stop = 0; stop < steps; stop += kFaultStep) {
    memory.files = Files();
    JobOptions options = Options();
    options.goes_on = [stop](int64_t step) { return step < stop; };
    const JobResult first = runner_->Run(memory, {kInput}, kOutput, options);
    ASSERT_TRUE(first.status.ok()) << first.status;
    ASSERT_FALSE(memory.files.contains(kOutput)) << stop;
    const JobResult second = runner_->Run(memory, {kInput}, kOutput, ResumeOptions(stop));
    ASSERT_TRUE(second.status.ok()) << stop << ": " << second.status;
    EXPECT_GE(second.num_earlier, first.counts.answered + first.counts.refused) << stop;
    ASSERT_EQ(memory.files[kOutput], *expected_) << stop;
    EXPECT_EQ(second.counts.answered + second.counts.refused, 40);
  }
}

// What an attempt found in its prefix cache, another computes, and the other way round.
TEST_F(InterruptionTest, OfRequestsThatShareTheirPrompts) {
  std::string shared = "1";
  for (int i = 1; i < 45; ++i) absl::StrAppend(&shared, ", ", i * 37 % 500);
  std::string lines;
  for (int i = 0; i < 10; ++i) {
    absl::StrAppend(&lines, R"({"custom_id": "r)", i, R"(", "url": "/v1/completions", "body": )",
                    R"({"prompt": [)", shared, ", ", i % 4, R"(], "max_tokens": )", 2 + i % 5,
                    R"(, "ignore_eos": true, "n": )", 1 + i % 3, "}}\n");
  }
  MemoryFileSystem memory;
  memory.files = {{kInput, lines}};
  const int64_t steps = runner_->Run(memory, {kInput}, kOutput, Options()).steps;
  const std::string expected = memory.files[kOutput];
  for (int64_t stop = 1; stop < steps; stop += kFaultStep) {
    memory.files = {{kInput, lines}};
    JobOptions options = Options();
    options.prefix_cache = stop % 2 == 1;
    options.goes_on = [stop](int64_t step) { return step < stop; };
    const JobResult first = runner_->Run(memory, {kInput}, kOutput, options);
    ASSERT_TRUE(first.status.ok()) << first.status;
    const JobResult second = runner_->Run(memory, {kInput}, kOutput, ResumeOptions(stop));
    ASSERT_TRUE(second.status.ok()) << stop << ": " << second.status;
    ASSERT_EQ(memory.files[kOutput], expected) << stop;
  }
}

// Attempt after attempt, each of which does a little.
TEST_F(InterruptionTest, AgainAndAgain) {
  MemoryFileSystem memory;
  memory.files = Files();
  int64_t attempts = 0;
  int64_t done = 0;
  while (!memory.files.contains(kOutput)) {
    ASSERT_LT(attempts, 100);
    JobOptions options = ResumeOptions(attempts++);
    options.goes_on = [](int64_t step) { return step < 25; };
    const JobResult result = runner_->Run(memory, {kInput}, kOutput, options);
    ASSERT_TRUE(result.status.ok()) << result.status;
    EXPECT_GE(result.num_earlier, done);
    done = result.num_earlier;
  }
  EXPECT_GT(attempts, 3);
  EXPECT_EQ(memory.files[kOutput], *expected_);
  const JobResult again = runner_->Run(memory, {kInput}, kOutput, Options());
  EXPECT_TRUE(again.was_finished);
}

// What the ranks of an attempt leave that fails at request 10, and what becomes of it.
struct PoisonCase {
  const char* name;
  const char* notes[2];
  const char* message;
};

class PoisonTest : public FaultJob, public testing::WithParamInterface<PoisonCase> {};

// Whatever runs beside the request that crashes the program, or at which it stands still, is
// answered.
TEST_P(PoisonTest, ARequestIsGivenUpAfterTwoFaults) {
  constexpr int kPoison = 10;
  MemoryFileSystem memory;
  memory.files = Files();
  int faults = 0;
  for (int attempt = 1; !memory.files.contains(kOutput); ++attempt) {
    ASSERT_LE(attempt, 3);
    const std::string part = absl::StrCat("out.jsonl.journal/part-00000", attempt);
    JobOptions options = Options(StartMode::kResume);
    options.goes_on = [&](int64_t) {
      const std::string& records = memory.files[part];
      const bool in_flight = records.find(absl::StrCat(" started ", kPoison)) != std::string::npos;
      if (in_flight) memory.files[part + ".crash"] = GetParam().notes[faults++];
      return !in_flight;
    };
    const JobResult result = runner_->Run(memory, {kInput}, kOutput, options);
    ASSERT_TRUE(result.status.ok()) << result.status;
  }
  EXPECT_EQ(faults, 2);
  const std::vector<std::string> lines = absl::StrSplit(memory.files[kOutput], '\n');
  const std::vector<std::string> expected = absl::StrSplit(*expected_, '\n');
  ASSERT_EQ(lines.size(), expected.size());
  for (size_t i = 0; i < lines.size(); ++i) {
    if (i == kPoison) {
      EXPECT_NE(lines[i].find(GetParam().message), std::string::npos) << lines[i];
    } else {
      EXPECT_EQ(lines[i], expected[i]);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    Faults, PoisonTest,
    testing::Values(
        PoisonCase{"Crash",
                   {"rank 0: SIGSEGV", "rank 0: SIGSEGV"},
                   R"("code":"crashed","message":"octet crashed 2 times while it computed)"},
        PoisonCase{"Standstill",
                   {"rank 0: stood still", "rank 1: stood still"},
                   R"("code":"stood_still","message":"octet stood still 2 times while it comp)"},
        PoisonCase{"Both",
                   {"rank 0: stood still", "rank 1: SIGBUS"},
                   R"("code":"crashed","message":"octet crashed once and stood still once while)"},
        PoisonCase{"Reading",
                   {"reading 10, rank 0: stood still", "reading 10, rank 0: stood still"},
                   R"("message":"octet stood still 2 times while it read this line")"}),
    [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace octet
