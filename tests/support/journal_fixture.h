// Attempts at a job, each with the journal that the ones before it left.

#ifndef OCTET_TESTS_SUPPORT_JOURNAL_FIXTURE_H_
#define OCTET_TESTS_SUPPORT_JOURNAL_FIXTURE_H_

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "tests/support/memory_file_system.h"
#include "tests/support/open_journal.h"

namespace octet::journal_attempts {

inline constexpr char kJobOutput[] = "out.jsonl";
inline constexpr char kPart1[] = "out.jsonl.journal/part-000001";

inline BatchResult NumberedResult(int64_t number) {
  return {.number = number,
          .answered = number % 3 != 2,
          .line_hash = static_cast<uint64_t>(number) + 100,
          .custom_id_hash = static_cast<uint64_t>(number) + 200,
          .text = "result " + std::to_string(number)};
}

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
    EXPECT_THAT(std::string(status.message()), testing::HasSubstr(reason));
    auto after = files_.files;
    for (const auto& [path, bytes] : before) {
      if (path == "out.jsonl.journal/lock") continue;
      EXPECT_EQ(after[path], bytes) << path;
    }
    EXPECT_THAT(after, testing::SizeIs(before.size()));
  }

  // Where nothing was before.
  void ExpectRefusedUnwritten(absl::StatusCode code, const std::string& reason) {
    const absl::Status status = Look(StartMode::kNew).status();
    EXPECT_EQ(status.code(), code);
    EXPECT_THAT(std::string(status.message()), testing::HasSubstr(reason));
    EXPECT_TRUE(files_.files.empty());
  }

  std::vector<std::string> Names() { return files_.List("out.jsonl.journal").value(); }

  MemoryFileSystem files_;
  std::vector<std::string> notes_;
  uint64_t hash_of_lines_ = 0;
};

}  // namespace octet::journal_attempts

#endif  // OCTET_TESTS_SUPPORT_JOURNAL_FIXTURE_H_
