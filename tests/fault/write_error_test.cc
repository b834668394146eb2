// Every call to the disk fails once: the job says which file and why, and nothing done is lost.

#include <gmock/gmock.h>

#include "tests/support/fault_job.h"
#include "tests/support/fault_samples.h"
#include "tests/support/faulty_file_system.h"

namespace octet {
namespace {

using testing::HasSubstr;

class WriteErrorTest : public FaultJob, public testing::WithParamInterface<const char*> {};

TEST_P(WriteErrorTest, EndsTheJobAndLosesNothing) {
  const std::string output = GetParam();
  MemoryFileSystem memory;
  FaultyFileSystem files(memory);
  files.most_bytes_per_read = 500;
  memory.files = Files();
  ASSERT_TRUE(runner_->Run(files, {kInput}, output, Options()).status.ok());
  const std::string expected = memory.files[output];
  const int64_t calls = files.calls();
  ASSERT_GT(calls, 50);
  int64_t in_the_end = 0;  // when the output was complete already
  for (int64_t i = 0; i < calls; i += kFaultStep) {
    SCOPED_TRACE(absl::StrCat("call ", i, " of ", calls));
    memory.files = Files();
    if (i % 2 == 0) memory.files[output] = "of an earlier run";
    files.fail_at = files.calls() + i;
    const JobResult failed = runner_->Run(
        files, {kInput}, output, Options(i % 2 == 0 ? StartMode::kOverwrite : StartMode::kNew));
    ASSERT_FALSE(failed.status.ok());
    EXPECT_THAT(std::string(failed.status.message()), HasSubstr(": disk on fire"));
    EXPECT_THAT(std::string(failed.status.message()),
                testing::AnyOf(HasSubstr(kInput), HasSubstr(output), testing::StartsWith(".:")));
    if (memory.files[output] == expected) {
      ++in_the_end;
    } else {
      EXPECT_EQ(memory.files[output], i % 2 == 0 ? "of an earlier run" : "");
      if (memory.files[output].empty()) memory.files.erase(output);
    }
    files.fail_at = -1;
    // An attempt that failed before it could say that it replaces the output has left it alone.
    if (!memory.Exists(output + ".journal")) memory.files.erase(output);
    const JobResult resumed = runner_->Run(files, {kInput}, output, ResumeOptions(i));
    ASSERT_TRUE(resumed.status.ok()) << resumed.status;
    if (!resumed.was_finished) {
      EXPECT_GE(resumed.num_earlier, failed.counts.safe);
    }
    ASSERT_EQ(memory.files[output], expected);
  }
  EXPECT_LT(in_the_end, 12);
  std::printf("%ld calls failed, one at a time: nothing lost\n",
              (calls + kFaultStep - 1) / kFaultStep);
}

INSTANTIATE_TEST_SUITE_P(Outputs, WriteErrorTest,
                         testing::Values("out.jsonl", "out.jsonl.gz", "out.jsonl.zst"),
                         [](const testing::TestParamInfo<const char*>& test) {
                           std::string name = test.param;
                           std::replace(name.begin(), name.end(), '.', '_');
                           return name;
                         });

}  // namespace
}  // namespace octet
