#include "runtime/batch/journal.h"

#include <absl/strings/str_cat.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <limits>
#include <map>
#include <utility>

#include "runtime/batch/input_lines.h"
#include "tests/support/faulty_file_system.h"
#include "tests/support/forwarding_file_system.h"
#include "tests/support/memory_file_system.h"
#include "tests/support/open_journal.h"

namespace octet {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

constexpr char kJobOutput[] = "out.jsonl";
constexpr char kPart1[] = "out.jsonl.journal/part-000001";

BatchResult NumberedResult(int64_t number) {
  return {.number = number,
          .answered = number % 3 != 2,
          .line_hash = static_cast<uint64_t>(number) + 100,
          .custom_id_hash = static_cast<uint64_t>(number) + 200,
          .text = "result " + std::to_string(number)};
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

class JournalTest : public testing::Test {
 protected:
  JournalOptions Options(StartMode mode) {
    JournalOptions options = {.mode = mode, .commit = {.in_background = false}};
    options.hash_of_lines = [this] { return hash_of_lines_; };
    return options;
  }
  absl::StatusOr<std::unique_ptr<Journal>> Open(StartMode mode, const JobIdentity& job = {}) {
    notes_.clear();
    return OpenJournal(files_, kJobOutput, job, Options(mode), notes_);
  }
  absl::StatusOr<std::unique_ptr<Journal>> Look(StartMode mode) {
    JournalOptions options = Options(mode);
    options.expected_results = 100;
    return Journal::Look(files_, kJobOutput, {}, options, notes_);
  }
  std::unique_ptr<Journal> OpenOrDie(StartMode mode, const JobIdentity& job = {}) {
    auto journal = Open(mode, job);
    EXPECT_TRUE(journal.ok()) << journal.status();
    return *std::move(journal);
  }

  // An attempt that is killed after these results.
  void Attempt(StartMode mode, const std::vector<int64_t>& numbers) {
    const auto journal = OpenOrDie(mode);
    for (const int64_t number : numbers) ASSERT_TRUE(journal->Add(NumberedResult(number)).ok());
    ASSERT_TRUE(journal->Flush().ok());
  }

  void ExpectRefused(StartMode mode, const std::string& reason, const JobIdentity& job = {}) {
    const auto before = files_.files;
    const absl::Status status = Open(mode, job).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
    EXPECT_THAT(std::string(status.message()), HasSubstr(reason));
    auto after = files_.files;
    for (const auto& [path, bytes] : before) {
      if (path == "out.jsonl.journal/lock") continue;
      EXPECT_EQ(after[path], bytes) << path;
    }
    EXPECT_THAT(after, SizeIs(before.size()));
  }

  // Where nothing was before.
  void ExpectRefusedUnwritten(absl::StatusCode code, const std::string& reason) {
    const absl::Status status = Look(StartMode::kNew).status();
    EXPECT_EQ(status.code(), code);
    EXPECT_THAT(std::string(status.message()), HasSubstr(reason));
    EXPECT_TRUE(files_.files.empty());
  }

  std::vector<std::string> Names() { return files_.List("out.jsonl.journal").value(); }

  MemoryFileSystem files_;
  std::vector<std::string> notes_;
  uint64_t hash_of_lines_ = 0;
};

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

TEST_F(JournalTest, TornTailsAreDropped) {
  Attempt(StartMode::kNew, {0, 1, 2});
  const std::string whole = files_.files[kPart1];
  const size_t last_record = whole.rfind('\n', whole.size() - 2) + 1;
  for (size_t size = last_record; size < whole.size(); ++size) {
    files_.files.erase("out.jsonl.journal/part-000002");
    files_.files[kPart1] = whole.substr(0, size);
    const auto journal = OpenOrDie(StartMode::kResume);
    EXPECT_EQ(journal->num_earlier(), 2) << size;
    EXPECT_THAT(notes_, SizeIs(size > last_record ? 1 : 0));
  }
}

// Wherever it is: in a record, in the newline that ends it, in the one before.
TEST_F(JournalTest, AFlippedBitLosesItsRecordOnly) {
  Attempt(StartMode::kNew, {0, 1, 2, 3, 4});
  const std::string whole = files_.files[kPart1];
  const size_t header_end = whole.find('\n') + 1;
  int64_t notes = 0;
  for (size_t i = header_end; i < whole.size(); ++i) {
    for (int bit = 0; bit < 8; ++bit) {
      files_.files.erase("out.jsonl.journal/part-000002");
      files_.files[kPart1] = whole;
      files_.files[kPart1][i] ^= static_cast<char>(1 << bit);
      EXPECT_EQ(OpenOrDie(StartMode::kResume)->num_earlier(), 4) << i << " " << bit;
      EXPECT_THAT(notes_,
                  Contains(testing::ContainsRegex(
                      "part-000001: (1 record is damaged, at byte|the last [0-9]+ bytes)")));
      notes += std::ssize(notes_);
    }
  }
  EXPECT_EQ(notes, static_cast<int64_t>(whole.size() - header_end) * 8);
}

TEST_F(JournalTest, SeveralDamagedRecordsAreCounted) {
  Attempt(StartMode::kNew, {0, 1, 2, 3, 4});
  std::string& part = files_.files[kPart1];
  for (const char* text : {"result 1", "result 2", "result 4"}) part[part.find(text)] ^= 1;
  const auto journal = OpenOrDie(StartMode::kResume);
  EXPECT_EQ(journal->num_earlier(), 2);
  EXPECT_THAT(notes_,
              Contains(AllOf(HasSubstr("2 records are damaged, the first at byte "),
                             HasSubstr(", and the last "), HasSubstr("their work is done again"))));
}

// All checksums of a part depend on its header.
TEST_F(JournalTest, AResultThatNoJobHasIsDamage) {
  Attempt(StartMode::kNew, {0});
  std::string& part = files_.files[kPart1];
  const uint64_t seed = SeedFromHeader(part.substr(0, part.find('\n')));
  for (const int64_t number : {std::numeric_limits<int64_t>::max(), int64_t{1} << 21}) {
    part += FormatResultRecord({.number = number}, seed);
  }
  part += FormatResultRecord(NumberedResult(1), seed);
  const auto journal = OpenOrDie(StartMode::kResume);
  EXPECT_EQ(journal->num_earlier(), 2);
  EXPECT_THAT(notes_, Contains(HasSubstr("2 records are damaged")));
}

TEST_F(JournalTest, ADamagedHeaderIsSaid) {
  Attempt(StartMode::kNew, {0, 1, 2});
  files_.files[kPart1][30] ^= 1;
  ExpectRefused(StartMode::kNew, "that can't be read, as their header is damaged; --resume does");
  EXPECT_EQ(OpenOrDie(StartMode::kResume)->num_earlier(), 0);
  EXPECT_THAT(notes_,
              Contains(HasSubstr("part-000001: its header is damaged, so that nothing of")));
}

TEST_F(JournalTest, ForeignFilesAreLeft) {
  const std::map<std::string, std::string> foreign = {
      {"out.jsonl.journal/notes.txt", "mine"},
      {"out.jsonl.journal/part-1", "mine"},
      {"out.jsonl.journal/part-last", "mine"},
      {"out.jsonl.journal/part-000001.bak", "mine"},
      {"out.jsonl.journal/part-000007", "my diary, part 7: all is well"},
      {"out.jsonl.journal/output-old", "mine"},
      {"out.jsonl.journal/finished.txt", "mine"},
      {"out.jsonl.journal/sub/part-000001", "mine"},
      {"out.jsonl.journal.bak", "mine"},
      {"out.jsonl.partial", "mine"},
      {"out.jsonl.waiting", "mine"}};
  for (const StartMode mode : {StartMode::kNew, StartMode::kResume, StartMode::kOverwrite}) {
    files_.files = foreign;
    files_.files["out.jsonl.journal/output-000003"] = "of an attempt that was killed";
    {
      const auto journal = OpenOrDie(mode);
      ASSERT_TRUE(journal->Add(NumberedResult(0)).ok());
      EXPECT_FALSE(files_.Exists("out.jsonl.journal/output-000003"));
      ASSERT_TRUE(journal->Finish(1).ok());
    }
    std::map<std::string, std::string> expected = foreign;
    for (const char* name : {"out.jsonl", "out.jsonl.journal/lock", "out.jsonl.journal/finished"}) {
      expected[name] = files_.files[name];
    }
    EXPECT_EQ(files_.files, expected);
  }
}

TEST_F(JournalTest, ForeignFilesInTheJournalsPlacesAreRefused) {
  for (const char* name : {"lock", "finished"}) {
    files_.files = {{absl::StrCat("out.jsonl.journal/", name), "a poem of mine"}};
    for (const StartMode mode : {StartMode::kNew, StartMode::kResume, StartMode::kOverwrite}) {
      ExpectRefused(mode, absl::StrCat(name, ": is not octet's, and stands where"));
      EXPECT_EQ(files_.files.begin()->second, "a poem of mine");
    }
  }
  files_.files = {{"out.jsonl.journal", "a poem of mine"}};
  ExpectRefused(StartMode::kOverwrite, "out.jsonl.journal: is not a directory");
}

TEST_F(JournalTest, AnOutputOfNoJobIsKept) {
  files_.files[kJobOutput] = "precious";
  ExpectRefused(StartMode::kNew,
                "is there already, and no journal says that octet wrote it: 8 bytes, last changed "
                "1970-01-01 00:00:00 UTC; --overwrite replaces it");
  ExpectRefused(StartMode::kResume, "move it away, and --resume goes on");
  EXPECT_EQ(files_.files.size(), 1U);
}

// Who asked for it once need not ask again, but for another file.
TEST_F(JournalTest, AnOutputThatIsToBeReplacedStaysUntilTheEnd) {
  files_.files[kJobOutput] = "old";
  Attempt(StartMode::kOverwrite, {0});
  EXPECT_EQ(files_.files[kJobOutput], "old");
  files_.files[kJobOutput] = "precious";
  ExpectRefused(StartMode::kResume, "is there already");
  files_.files[kJobOutput] = "old";
  Attempt(StartMode::kResume, {1});
  const auto journal = OpenOrDie(StartMode::kResume);
  EXPECT_EQ(journal->num_earlier(), 2);
  ASSERT_TRUE(journal->Finish(2).ok());
  EXPECT_EQ(files_.files[kJobOutput], "result 0\nresult 1\n");
}

TEST_F(JournalTest, AnOutputThatAppearsMeanwhileIsKept) {
  {
    const auto journal = OpenOrDie(StartMode::kNew);
    ASSERT_TRUE(journal->Add(NumberedResult(0)).ok());
    files_.files[kJobOutput] = "precious";
    const absl::Status status = journal->Finish(1);
    EXPECT_THAT(std::string(status.message()),
                AllOf(HasSubstr("is there already"), HasSubstr("what is done is kept in")));
  }
  EXPECT_EQ(files_.files[kJobOutput], "precious");
  files_.files.erase(kJobOutput);
  ASSERT_TRUE(OpenOrDie(StartMode::kResume)->Finish(1).ok());
  EXPECT_EQ(files_.files[kJobOutput], "result 0\n");
}

// As a process leaves it that is killed before its last rename.
TEST_F(JournalTest, AnOutputThatLacksOnlyItsNameGetsIt) {
  {
    const auto journal = OpenOrDie(StartMode::kNew);
    ASSERT_TRUE(journal->Add(NumberedResult(0)).ok());
    ASSERT_TRUE(journal->Finish(1).ok());
  }
  files_.files["out.jsonl.journal/output-000001"] = files_.files[kJobOutput];
  ExpectRefused(StartMode::kResume, "its job is finished and lies in ");
  files_.files.erase(kJobOutput);
  EXPECT_NE(OpenOrDie(StartMode::kResume)->finished(), nullptr);
  EXPECT_EQ(files_.files[kJobOutput], "result 0\n");
  EXPECT_THAT(Names(), testing::ElementsAre("finished", "lock"));
}

TEST_F(JournalTest, ARefusedJobLeavesNoTrace) {
  files_.rehearsal = absl::PermissionDeniedError("out.jsonl: can't be replaced");
  ExpectRefusedUnwritten(absl::StatusCode::kPermissionDenied, "can't be replaced");
  files_.rehearsal = absl::OkStatus();
  files_.capacity = 49'999;  // 100 results of 250 bytes, twice
  ExpectRefusedUnwritten(absl::StatusCode::kResourceExhausted,
                         "take 50000 bytes at the very least, and . has room for 49999");
  files_.capacity = 50'000;
  EXPECT_TRUE(Look(StartMode::kNew).ok());
  EXPECT_TRUE(files_.files.empty());
}

TEST_F(JournalTest, AFullDiskAtTheEndCostsNothing) {
  Attempt(StartMode::kNew, {0, 1, 2});
  {
    const auto journal = OpenOrDie(StartMode::kResume);
    const auto before = files_.files;
    files_.capacity -= files_.Room() - 45;  // for the end's record, not for the output
    const absl::Status status = journal->Finish(3);
    EXPECT_THAT(
        std::string(status.message()),
        AllOf(HasSubstr("No space left on device"),
              HasSubstr("what is done is kept in out.jsonl.journal, and --resume goes on")));
    EXPECT_EQ(files_.files.size(), before.size());
  }
  files_.capacity = uint64_t{1} << 40;
  ASSERT_TRUE(OpenOrDie(StartMode::kResume)->Finish(3).ok());
  EXPECT_EQ(files_.files[kJobOutput], "result 0\nresult 1\nresult 2\n");
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

TEST_F(JournalTest, AFinishedJobIsFoundDone) {
  JobIdentity job;
  job.set_seed(3);
  {
    const auto journal = OpenOrDie(StartMode::kNew, job);
    ASSERT_TRUE(journal->Add(NumberedResult(0)).ok());
    ASSERT_TRUE(journal->Finish(1).ok());
  }
  for (const StartMode mode : {StartMode::kNew, StartMode::kResume}) {
    const auto journal = OpenOrDie(mode, job);
    ASSERT_NE(journal->finished(), nullptr);
    EXPECT_EQ(journal->finished()->results(), 1);
  }
  ExpectRefused(StartMode::kResume, "finished output of another job: --seed was 3, and is 0");
  EXPECT_EQ(OpenOrDie(StartMode::kOverwrite, job)->finished(), nullptr);
  EXPECT_EQ(files_.files[kJobOutput], "result 0\n");  // until the new one is complete
}

TEST_F(JournalTest, WhatAFinishedJobSaysIsShownAsOneLineAndLeadsNowhereElse) {
  files_.files[kJobOutput] = "x";
  files_.files["secret"] = "y";
  std::string& finished = files_.files["out.jsonl.journal/finished"];
  finished = R"(job { } finished: "2025\xff\n" output_bytes: 7)";
  ExpectRefused(StartMode::kResume, R"(completed it on 2025\xff\n: it has 1 bytes)");
  finished = R"(job { } assembled: "../secret" output_bytes: 1 replaces { size: 1 })";
  ExpectRefused(StartMode::kResume, "or is damaged; --overwrite");
}

TEST_F(JournalTest, AnOutputThatWasChangedIsKept) {
  {
    const auto journal = OpenOrDie(StartMode::kNew);
    ASSERT_TRUE(journal->Add(NumberedResult(0)).ok());
    ASSERT_TRUE(journal->Finish(1).ok());
  }
  files_.files[kJobOutput] += "more";
  for (const StartMode mode : {StartMode::kNew, StartMode::kResume}) {
    ExpectRefused(mode, "is not as octet completed it on 20");
    ExpectRefused(mode, "it has 13 bytes, last changed ");
  }
  files_.files.erase(kJobOutput);
  EXPECT_EQ(OpenOrDie(StartMode::kResume)->finished(), nullptr);
}

TEST_F(JournalTest, AFinishedJobGivesWayToAnotherWhenAsked) {
  JobIdentity other;
  other.set_seed(3);
  {
    const auto journal = OpenOrDie(StartMode::kNew, other);
    ASSERT_TRUE(journal->Finish(0).ok());
  }
  ExpectRefused(StartMode::kNew,
                "is the finished output of another job: --seed was 3, and is 0; --overwrite");
  {
    const auto journal = OpenOrDie(StartMode::kOverwrite);
    ASSERT_TRUE(journal->Add(NumberedResult(0)).ok());
    ASSERT_TRUE(journal->Flush().ok());
  }
  EXPECT_EQ(OpenOrDie(StartMode::kResume)->num_earlier(), 1);
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

// An earlier attempt that is overlooked would be one whose work is lost.
TEST_F(JournalTest, EveryErrorOnOpeningIsReturnedAndLosesNothing) {
  Attempt(StartMode::kNew, {0, 1});
  const std::string part = files_.files[kPart1];
  FaultyFileSystem files(files_);
  const JournalOptions options = {.mode = StartMode::kResume, .commit = {.in_background = false}};
  ASSERT_TRUE(OpenJournal(files, kJobOutput, {}, options, notes_).ok());
  for (int64_t calls = files.calls(), i = 0; i < calls; ++i) {
    files.fail_at = files.calls() + i;
    const absl::Status status = OpenJournal(files, kJobOutput, {}, options, notes_).status();
    EXPECT_THAT(std::string(status.message()), HasSubstr(": disk on fire")) << i;
    EXPECT_EQ(files_.files[kPart1], part) << i;
  }
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
  {
    // It was killed, which is nobody's fault.
    const auto journal = OpenOrDie(StartMode::kResume);
    journal->Start(std::vector<int64_t>{2});
    ASSERT_TRUE(journal->Flush().ok());
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

TEST_F(JournalTest, ARecordThatIsDamagedLaterIsNotPassedOn) {
  Attempt(StartMode::kNew, {0, 1});
  const auto journal = OpenOrDie(StartMode::kResume);
  std::string& part = files_.files[kPart1];
  part[part.find("result 1")] ^= 1;
  const absl::Status status = journal->Finish(2);
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(status.message()), HasSubstr("part-000001: the record at byte "));
  EXPECT_FALSE(files_.Exists(kJobOutput));
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

}  // namespace
}  // namespace octet
