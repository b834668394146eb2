// Journals with bytes that are not as they were written, or can't be read.

#include <limits>

#include "tests/support/faulty_file_system.h"
#include "tests/support/journal_fixture.h"

namespace octet::journal_attempts {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::HasSubstr;
using testing::SizeIs;

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

}  // namespace
}  // namespace octet::journal_attempts
