// What octet jobs tells of a job, at each point where it may be killed.

#include <gmock/gmock.h>
#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>

#include "launch/batch/job_status.h"
#include "runtime/batch/job_identity.h"
#include "runtime/batch/journal_files.h"
#include "tests/support/demo_model.h"
#include "tests/support/json.h"
#include "tests/support/octet_process.h"
#include "tests/support/open_journal.h"
#include "tests/support/test_files.h"

namespace octet {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

class JobsTest : public testing::Test {
 protected:
  static constexpr int64_t kLines = 6;

  JobsTest() {
    std::string lines;
    for (int i = 0; i < kLines; ++i) lines += "{\"prompt\": \"" + std::to_string(i) + "\"}\n\n";
    WriteFile(input_, lines);
  }

  std::unique_ptr<Journal> Begin(StartMode mode) {
    JobIdentity job;
    *job.add_input() = *IdentifyFile(files_, input_, false, [] {});
    JournalOptions options = {.mode = mode, .commit = {.in_background = false}};
    options.input_paths = {input_};
    std::vector<std::string> notes;
    auto journal = OpenJournal(files_, output_, job, options, notes);
    EXPECT_TRUE(journal.ok()) << journal.status();
    return *std::move(journal);
  }

  // Adds results, of which each third is an error.
  static void Add(Journal& journal, std::initializer_list<int64_t> numbers) {
    journal.Start(std::vector<int64_t>(numbers));
    for (const int64_t number : numbers) {
      EXPECT_TRUE(journal
                      .Add({.number = number,
                            .answered = number % 3 != 2,
                            .line_hash = 1,
                            .text = R"({"usage":{"completion_tokens":7}})"})
                      .ok());
    }
    EXPECT_TRUE(journal.Flush().ok());
  }

  JobStatus Status() {
    const auto status = StatusOfJob(files_, output_, {});
    EXPECT_TRUE(status.ok()) << status.status();
    if (!status.ok()) return {};
    EXPECT_EQ(status->answered() + status->failed() + status->left(), kLines);
    return *status;
  }

  // The same part, written by an attempt on another host.
  static std::string OnHost(const std::string& part, const std::string& host) {
    JournalHeader header;
    const size_t end = part.find('\n');
    const auto old = ParseRecord(part.substr(0, end), 0);
    EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(old->text, &header));
    header.set_host(host);
    const std::string line = FormatRecord(
        {.kind = JournalRecord::Kind::kHeader, .text = TextInOneLine(header)}, /*seed=*/0);
    const std::string_view without_newline(line.data(), line.size() - 1);
    const auto ending = ParseRecord(part.substr(end + 1, part.size() - end - 2),
                                    SeedFromHeader(part.substr(0, end)));
    return line + FormatRecord(*ending, SeedFromHeader(without_newline));
  }

  std::string Part(int attempt) const {
    return output_ + ".journal/part-00000" + std::to_string(attempt);
  }

  const std::string directory_ = TestDirectory();
  const std::string input_ = directory_ + "/in.jsonl";
  const std::string output_ = directory_ + "/out.jsonl";
  PosixFileSystem files_;
};

TEST_F(JobsTest, ARunningJobAndAKilledOne) {
  {
    const auto journal = Begin(StartMode::kNew);
    EXPECT_EQ(Status().left(), kLines);
    Add(*journal, {0, 1, 2});
    journal->Start(std::vector<int64_t>{3, 4});
    EXPECT_TRUE(journal->Flush().ok());
    const JobStatus running = Status();
    EXPECT_EQ(running.state(), "running");
    EXPECT_EQ(running.answered(), 2);
    EXPECT_EQ(running.failed(), 1);
    EXPECT_EQ(running.left(), 3);
    EXPECT_EQ(running.under_way(), 2);
    EXPECT_EQ(running.attempts(), 1);
  }
  EXPECT_EQ(Status().state(), "killed");
  {
    const auto journal = Begin(StartMode::kResume);
    Add(*journal, {3, 5});
    EXPECT_TRUE(journal->Stop("by the signal TERM").ok());
  }
  const JobStatus stopped = Status();
  EXPECT_EQ(stopped.state(), "stopped");
  EXPECT_EQ(stopped.reason(), "by the signal TERM");
  EXPECT_EQ(stopped.attempts(), 2);
  EXPECT_EQ(stopped.left(), 1);
  EXPECT_THAT(FormatJobStatus(stopped), HasSubstr("3 answered, 2 failed, 1 left\n"));
}

// Without a lock only the header says on which host an attempt was.
bool WasHere(size_t bytes, const std::string& part) { return bytes > part.find('\n'); }

// A part that is cut at any byte counts its whole records, as the next attempt does; looking at it
// changes nothing.
TEST_F(JobsTest, AnyKillPointGivesWhatTheNextAttemptFinds) {
  Add(*Begin(StartMode::kNew), {0, 1, 2, 3});
  const std::string whole = ReadFile(Part(1));
  int64_t before = 0;
  for (size_t bytes = 0; bytes <= whole.size(); ++bytes) {
    std::filesystem::remove_all(output_ + ".journal");
    std::filesystem::create_directories(output_ + ".journal");
    WriteFile(Part(1), whole.substr(0, bytes));
    const auto status = StatusOfJob(files_, output_, {input_});
    ASSERT_TRUE(status.ok()) << status.status();
    EXPECT_EQ(ReadFile(Part(1)), whole.substr(0, bytes));
    EXPECT_EQ(status->answered() + status->failed() + status->left(), kLines);
    EXPECT_EQ(status->state(), WasHere(bytes, whole) ? "killed" : "recent") << bytes;
    const int64_t done = status->answered() + status->failed();
    EXPECT_GE(done, before);
    before = done;
    if (bytes % 7 == 0 && bytes > 0) {
      EXPECT_EQ(Begin(StartMode::kResume)->num_earlier(), done) << bytes;
    }
  }
  EXPECT_EQ(before, 4);
}

// What is seen from another host, at any point where a job may be cut.
TEST_F(JobsTest, OfAnotherHostItSaysWhatCanBeKnown) {
  Add(*Begin(StartMode::kNew), {0, 1, 2});
  EXPECT_TRUE(Begin(StartMode::kResume)->Stop("by the signal TERM").ok());
  const std::string whole = OnHost(ReadFile(Part(2)), "elsewhere");
  for (size_t bytes = 0; bytes <= whole.size(); ++bytes) {
    WriteFile(Part(2), whole.substr(0, bytes));
    WriteFile(output_ + ".journal/lock", "process 7 on elsewhere since 2026-01-01 00:00:00 UTC");
    EXPECT_EQ(Status().state(), bytes == whole.size() ? "stopped" : "recent") << bytes;
    EXPECT_EQ(Status().left(), 3);
  }
  WriteFile(Part(2), whole.substr(0, whole.find('\n') + 1));
  EXPECT_THAT(Status().reason(), HasSubstr("whether it runs is known on elsewhere alone"));
  std::filesystem::last_write_time(
      Part(2), std::filesystem::file_time_type::clock::now() - std::chrono::minutes(5));
  EXPECT_EQ(Status().state(), "silent");
  EXPECT_THAT(Status().reason(), HasSubstr("it wrote last 5 min"));
}

// A lock on another file, or of another device, is not this job's.
TEST_F(JobsTest, AJobOfThisHostIsKilledIfNobodyHasItsLock) {
  Add(*Begin(StartMode::kNew), {0});
  const auto other = files_.Lock(directory_ + "/other");
  ASSERT_TRUE(other.ok());
  EXPECT_EQ(Status().state(), "killed");
  const auto journal = Begin(StartMode::kResume);
  EXPECT_EQ(Status().state(), "running");
}

TEST_F(JobsTest, AJobThatIsKilledWhileItPutsResultsInOrder) {
  {
    const auto journal = Begin(StartMode::kNew);
    Add(*journal, {0, 1, 2, 3, 4, 5});
    EXPECT_TRUE(journal->Stop(kAllResults).ok());  // as Finish does first
  }
  const JobStatus killed = Status();
  EXPECT_EQ(killed.state(), "killed");
  EXPECT_EQ(killed.reason(), "while it put the results in order");
  EXPECT_EQ(killed.left(), 0);
}

// Rank 0 ends by the signal that mpirun sends when another rank has crashed.
TEST_F(JobsTest, ACrashWinsOverTheSignalThatFollowsIt) {
  {
    const auto journal = Begin(StartMode::kNew);
    Add(*journal, {0});
    EXPECT_TRUE(journal->Stop("the signal TERM").ok());
  }
  WriteFile(Part(1) + ".crash", "rank 1: SIGSEGV in experts\n");
  EXPECT_EQ(Status().state(), "crashed");
}

TEST_F(JobsTest, ACrashNamesItsReason) {
  Add(*Begin(StartMode::kNew), {0});
  WriteFile(Part(1) + ".crash", "rank 1: stood still in dispatch\nmore\n");
  const JobStatus crashed = Status();
  EXPECT_EQ(crashed.state(), "crashed");
  EXPECT_EQ(crashed.reason(), "rank 1: stood still in dispatch");
}

TEST_F(JobsTest, SaysWhyItDoesNotKnowWhatIsLeft) {
  Add(*Begin(StartMode::kNew), {0});
  WriteFile(input_, "{}\n");
  const auto changed = StatusOfJob(files_, output_, {});
  EXPECT_FALSE(changed->has_left());
  EXPECT_THAT(changed->notes(0), HasSubstr("is not as large as when the job began"));
  std::filesystem::remove(input_);
  EXPECT_THAT(StatusOfJob(files_, output_, {})->notes(0), HasSubstr("in.jsonl"));
  EXPECT_TRUE(absl::IsNotFound(StatusOfJob(files_, output_ + "x", {}).status()));
}

TEST_F(JobsTest, ACommandForRealJobs) {
  EXPECT_EQ(RunOctet(0, "jobs " + output_).exit_code, 2);
  WriteFile(input_, R"({"custom_id": "a", "method": "POST", "url": "/v1/completions", )"
                    R"("body": {"prompt": "And", "max_tokens": 2}})"
                    "\nno request\n");
  EXPECT_EQ(RunOctet(0, "run-batch --model " + std::string(kDemoModel) + " -i " + input_ + " -o " +
                            output_ + " --threads 1")
                .exit_code,
            0);
  const ProcessResult finished = RunOctet(0, "jobs --json " + output_);
  EXPECT_EQ(finished.exit_code, 0);
  const nlohmann::json status = ParseJson(finished.output);
  EXPECT_EQ(status["state"], "finished");
  EXPECT_EQ(status["answered"].get<int64_t>() + status["failed"].get<int64_t>(), 2);
  EXPECT_EQ(status["failed"], 1);
  EXPECT_THAT(RunOctet(0, "jobs " + output_).output, StartsWith(output_ + ": finished on "));
}

}  // namespace
}  // namespace octet
