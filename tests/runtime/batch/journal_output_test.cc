// The output that a job completes, and files that are not the journal's.

#include <absl/strings/str_cat.h>

#include <map>

#include "tests/support/journal_fixture.h"

namespace octet::journal_attempts {
namespace {

using testing::AllOf;
using testing::HasSubstr;

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

}  // namespace
}  // namespace octet::journal_attempts
