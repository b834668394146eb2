#include "runtime/batch/journal.h"

#include <functional>
#include <utility>

#include "runtime/batch/input_lines.h"
#include "tests/support/forwarding_file_system.h"
#include "tests/support/journal_fixture.h"

namespace octet::journal_attempts {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;

TEST_F(JournalTest, ResultsInAnyOrderBecomeAnOutputInTheirs) {
  {
    const auto journal = OpenOrDie(StartMode::kNew);
    for (const int64_t number : {2, 0, 3, 1})
      ASSERT_TRUE(journal->Add(NumberedResult(number)).ok());
    EXPECT_FALSE(files_.Exists(kJobOutput));
    ASSERT_TRUE(journal->Finish(4).ok());
  }
  EXPECT_EQ(files_.files[kJobOutput], "result 0\nresult 1\nresult 2\nresult 3\n");
  EXPECT_THAT(Names(), testing::ElementsAre("finished", "lock"));
}

TEST_F(JournalTest, ALaterAttemptHasWhatEarlierOnesDid) {
  Attempt(StartMode::kNew, {0, 5});
  Attempt(StartMode::kResume, {1, 3});
  const auto journal = OpenOrDie(StartMode::kResume);
  EXPECT_THAT(notes_, IsEmpty());
  EXPECT_EQ(journal->num_earlier(), 4);
  EXPECT_EQ(journal->num_safe(), 4);
  for (const int64_t number : {0, 1, 3, 5}) {
    const auto earlier = journal->Find(number);
    ASSERT_TRUE(earlier) << number;
    EXPECT_EQ(earlier->answered, NumberedResult(number).answered);
    EXPECT_EQ(earlier->line_hash, NumberedResult(number).line_hash);
    EXPECT_EQ(earlier->custom_id_hash, NumberedResult(number).custom_id_hash);
  }
  for (const int64_t number : {2, 4, 6, 1000}) EXPECT_FALSE(journal->Find(number)) << number;
  for (const int64_t number : {4, 2}) ASSERT_TRUE(journal->Add(NumberedResult(number)).ok());
  ASSERT_TRUE(journal->Finish(6).ok());
  EXPECT_EQ(files_.files[kJobOutput],
            "result 0\nresult 1\nresult 2\nresult 3\nresult 4\nresult 5\n");
}

TEST_F(JournalTest, ALongResultComesThroughWhole) {
  BatchResult large = NumberedResult(0);
  large.text = std::string(5 << 20, 'x');
  {
    const auto journal = OpenOrDie(StartMode::kNew);
    ASSERT_TRUE(journal->Add(large).ok());
    ASSERT_TRUE(journal->Flush().ok());
  }
  const auto journal = OpenOrDie(StartMode::kResume);
  ASSERT_TRUE(journal->Finish(1).ok());
  EXPECT_EQ(files_.files[kJobOutput], large.text + "\n");
}

TEST_F(JournalTest, ATouchedInputIsResumedWithANote) {
  JobIdentity touched;
  touched.add_input()->set_name("in.jsonl");
  {
    const auto journal = OpenOrDie(StartMode::kNew, touched);
    ASSERT_TRUE(journal->Add(NumberedResult(0)).ok());
    ASSERT_TRUE(journal->Flush().ok());
  }
  touched.mutable_input(0)->set_mtime_ns(5);
  {
    const auto journal = OpenOrDie(StartMode::kResume, touched);
    EXPECT_EQ(journal->num_earlier(), 1);
    EXPECT_THAT(notes_, testing::ElementsAre(HasSubstr("--input in.jsonl was touched")));
    ASSERT_TRUE(journal->Finish(1).ok());
  }
  // All lines of a finished job are compared.
  touched.mutable_input(0)->set_mtime_ns(6);
  hash_of_lines_ = AddToHash(0, NumberedResult(0).line_hash);
  EXPECT_NE(OpenOrDie(StartMode::kNew, touched)->finished(), nullptr);
  EXPECT_THAT(notes_, testing::ElementsAre(HasSubstr("--input in.jsonl was touched")));
  hash_of_lines_ = 17;
  ExpectRefused(StartMode::kNew, "another job: the lines of --input are not those of then",
                touched);
}

TEST_F(JournalTest, UnfinishedWorkIsNotThrownAwayUnasked) {
  Attempt(StartMode::kNew, {0, 1});
  ExpectRefused(StartMode::kNew, "has left 2 results; --resume goes on with them, --overwrite");
  EXPECT_EQ(OpenOrDie(StartMode::kOverwrite)->num_earlier(), 0);
  EXPECT_EQ(OpenOrDie(StartMode::kResume)->num_earlier(), 0);
  EXPECT_EQ(OpenOrDie(StartMode::kNew)->num_earlier(), 0);  // there is nothing to lose
}

TEST_F(JournalTest, ResumingNothingBegins) {
  EXPECT_EQ(OpenOrDie(StartMode::kResume)->num_earlier(), 0);
  EXPECT_THAT(notes_, Contains(HasSubstr("nothing of out.jsonl is there yet")));
}

TEST_F(JournalTest, AJobThatDiffersIsNotResumed) {
  Attempt(StartMode::kNew, {0});
  JobIdentity job;
  job.set_created(5);
  ExpectRefused(StartMode::kResume, "was begun as another job on ", job);
  ExpectRefused(StartMode::kResume, "--created was 0, and is 5", job);
}

TEST_F(JournalTest, OneAttemptAtATime) {
  const auto first = OpenOrDie(StartMode::kNew);
  for (const StartMode mode : {StartMode::kNew, StartMode::kResume, StartMode::kOverwrite}) {
    ExpectRefused(mode, "--output out.jsonl is in use by process ");
  }
  EXPECT_THAT(files_.files["out.jsonl.journal/lock"],
              AllOf(HasSubstr(" on "), HasSubstr(" since 20")));
}

// Where the file system can't lock, two attempts do the same work, and neither harms the other.
TEST_F(JournalTest, AttemptsThatDontKnowOfEachOtherDoNoHarm) {
  files_.can_lock = false;
  const auto old_attempt = OpenOrDie(StartMode::kNew);
  EXPECT_THAT(notes_, Contains(HasSubstr("no locks available")));
  ASSERT_TRUE(old_attempt->Add(NumberedResult(0)).ok());
  ASSERT_TRUE(old_attempt->Flush().ok());
  {
    const auto new_attempt = OpenOrDie(StartMode::kResume);
    EXPECT_EQ(new_attempt->num_earlier(), 1);
    ASSERT_TRUE(old_attempt->Add(NumberedResult(1)).ok());
    ASSERT_TRUE(new_attempt->Add(NumberedResult(1)).ok());
    ASSERT_TRUE(old_attempt->Flush().ok());
    ASSERT_TRUE(new_attempt->Finish(2).ok());
  }
  EXPECT_EQ(files_.files[kJobOutput], "result 0\nresult 1\n");
  EXPECT_FALSE(old_attempt->Finish(2).ok());  // its part is gone
  EXPECT_EQ(files_.files[kJobOutput], "result 0\nresult 1\n");
}

// What another process does just before a file is made.
class BusyFileSystem : public ForwardingFileSystem {
 public:
  using ForwardingFileSystem::ForwardingFileSystem;

  std::function<void()> before_create_new = [] {};

  absl::StatusOr<std::unique_ptr<OutputStream>> CreateNew(const std::string& path) override {
    std::exchange(before_create_new, [] {})();
    return base_.CreateNew(path);
  }
};

TEST_F(JournalTest, AttemptsThatBeginAtOnceHavePartsOfTheirOwn) {
  files_.can_lock = false;
  std::unique_ptr<Journal> other;
  BusyFileSystem busy(files_);
  busy.before_create_new = [&] { other = OpenOrDie(StartMode::kNew); };
  const auto opened =
      OpenJournal(busy, kJobOutput, {}, {.commit = {.in_background = false}}, notes_);
  ASSERT_TRUE(opened.ok()) << opened.status();
  const std::unique_ptr<Journal>& journal = *opened;
  EXPECT_THAT(Names(), testing::ElementsAre("part-000001", "part-000002"));
  EXPECT_NE(journal->crash_path(), other->crash_path());
  for (Journal* attempt : {other.get(), journal.get()}) {
    EXPECT_EQ(attempt->finished(), nullptr);
    ASSERT_TRUE(attempt->Add(NumberedResult(0)).ok());
    ASSERT_TRUE(attempt->Flush().ok());
  }
  ASSERT_TRUE(journal->Finish(1).ok());
  EXPECT_EQ(files_.files[kJobOutput], "result 0\n");
  EXPECT_FALSE(other->Finish(1).ok());  // its part is gone
  EXPECT_EQ(files_.files[kJobOutput], "result 0\n");
}

TEST_F(JournalTest, CountsTheCrashesOfWhatWasInFlight) {
  for (int attempt = 1; attempt <= 3; ++attempt) {
    const auto journal = OpenOrDie(StartMode::kResume);
    journal->Start(std::vector<int64_t>{2, 3});
    if (attempt == 1) {
      journal->Start(std::vector<int64_t>{1});
      ASSERT_TRUE(journal->Add(NumberedResult(1)).ok());
    }
    ASSERT_TRUE(journal->Flush().ok());
    EXPECT_EQ(journal->FaultsOf(2).crashes, attempt - 1);
    EXPECT_EQ(journal->FaultsOf(1).crashes, 0);
    EXPECT_EQ(journal->FaultsOf(4).crashes, 0);
    files_.files[journal->crash_path()] = "rank 1: SIGSEGV";
  }
  // It was killed, once while it made a note, which is nobody's fault.
  for (const bool empty_note : {false, true}) {
    const auto journal = OpenOrDie(StartMode::kResume);
    journal->Start(std::vector<int64_t>{2});
    ASSERT_TRUE(journal->Flush().ok());
    if (empty_note) files_.files[journal->crash_path()] = "";
  }
  EXPECT_EQ(OpenOrDie(StartMode::kResume)->FaultsOf(2).crashes, 3);
}

// Who reads a line computes nothing: the others in flight are not at fault.
TEST_F(JournalTest, CountsTheStandstillsOfWhatWasReadOrInFlight) {
  for (const char* note : {"rank 1: stood still\n", "reading 7, rank 0: stood still\n",
                           "reading 7, rank 0: SIGSEGV\n"}) {
    const auto journal = OpenOrDie(StartMode::kResume);
    journal->Start(std::vector<int64_t>{2});
    ASSERT_TRUE(journal->Flush().ok());
    files_.files[journal->crash_path()] = note;
  }
  const auto journal = OpenOrDie(StartMode::kResume);
  EXPECT_EQ(journal->FaultsOf(2).standstills, 1);
  EXPECT_EQ(journal->FaultsOf(2).count(), 1);
  EXPECT_EQ(journal->FaultsOf(2).in_reading, 0);
  EXPECT_EQ(journal->FaultsOf(7).standstills, 1);
  EXPECT_EQ(journal->FaultsOf(7).crashes, 1);
  EXPECT_EQ(journal->FaultsOf(7).in_reading, 2);
  EXPECT_EQ(journal->FaultsOf(3).count(), 0);
}

}  // namespace
}  // namespace octet::journal_attempts
