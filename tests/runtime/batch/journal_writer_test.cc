#include "runtime/batch/journal_writer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "runtime/batch/journal_reader.h"
#include "tests/support/faulty_file_system.h"
#include "tests/support/memory_file_system.h"

namespace octet {
namespace {

using testing::HasSubstr;
using namespace std::chrono_literals;

constexpr char kPartPath[] = "out.journal/part-000001";

BatchResult WrittenResult(int64_t number, const std::string& text = "{}") {
  return {.number = number, .answered = true, .text = text};
}

std::unique_ptr<JournalWriter> Writer(FileSystem& files, const GroupCommit& commit) {
  return JournalWriter::Create(files, kPartPath, "job { }", commit).value();
}

// Up to ten seconds, on a machine that is busy.
bool BecomesDurable(const JournalWriter& writer, int64_t results) {
  for (int i = 0; i < 1000 && writer.num_durable() < results; ++i) {
    std::this_thread::sleep_for(10ms);
  }
  return writer.num_durable() >= results;
}

std::vector<std::string> KindsOfRecords(FileSystem& files) {
  JournalReader reader = JournalReader::Open(files, kPartPath).value();
  std::vector<std::string> kinds;
  for (uint64_t at = 0; at < reader.size(); at = reader.next()) {
    const std::optional<JournalRecord> record = reader.Read(at).value();
    if (!record) {
      kinds.emplace_back("torn");
      break;
    }
    switch (record->kind) {
      case JournalRecord::Kind::kHeader:
        kinds.push_back("header " + record->text);
        break;
      case JournalRecord::Kind::kStarted:
        kinds.push_back("started " + std::to_string(record->numbers.size()));
        break;
      case JournalRecord::Kind::kResult:
        kinds.push_back("result " + std::to_string(record->result.number));
        break;
      case JournalRecord::Kind::kEnded:
        kinds.push_back("ended " + record->text);
    }
  }
  return kinds;
}

TEST(JournalWriter, WritesWhatWasAppendedInItsOrder) {
  MemoryFileSystem files;
  const auto writer = Writer(files, {.in_background = false});
  const std::vector<int64_t> numbers = {7, 8};
  writer->AppendStarted(numbers);
  const uint64_t offset = writer->Append(WrittenResult(8, "eight"));
  EXPECT_EQ(KindsOfRecords(files).size(), 1U);  // the header; the rest waits for Flush
  ASSERT_TRUE(writer->Flush().ok());
  ASSERT_TRUE(writer->End("TERM").ok());
  EXPECT_THAT(KindsOfRecords(files),
              testing::ElementsAre("header job { }", "started 2", "result 8", "ended TERM"));
  JournalReader reader = JournalReader::Open(files, kPartPath).value();
  ASSERT_TRUE(reader.Read(0).value());
  EXPECT_EQ(reader.Read(offset).value()->result.text, "eight");
}

// What a trace holds of a result is safe before the result is.
TEST(JournalWriter, SyncsWhatMustComeBeforeItsResults) {
  MemoryFileSystem memory;
  FaultyFileSystem files(memory);
  std::vector<int64_t> durable;  // results, when it was asked for
  absl::Status status;
  JournalWriter* begun = nullptr;
  const auto writer = Writer(files, {.most_results = 1, .in_background = false, .sync_before = [&] {
                                       durable.push_back(begun->num_durable());
                                       return status;
                                     }});
  begun = writer.get();
  for (int64_t number = 0; number < 2; ++number) {
    writer->Append(WrittenResult(number));
    ASSERT_TRUE(writer->Flush().ok());
  }
  EXPECT_THAT(durable, testing::ElementsAre(0, 1));
  EXPECT_EQ(writer->num_durable(), 2);
  status = absl::ResourceExhaustedError("the trace has no room");
  writer->Append(WrittenResult(2));
  EXPECT_EQ(writer->Flush(), status);
  EXPECT_EQ(writer->num_durable(), 2) << "its routing may be lost";
}

TEST(JournalWriter, ResultsBecomeDurableInGroups) {
  MemoryFileSystem memory;
  FaultyFileSystem files(memory);
  const auto writer = Writer(files, {.most_results = 4, .in_background = false});
  for (int i = 1; i <= 11; ++i) {
    writer->Append(WrittenResult(i));
    ASSERT_TRUE(writer->Flush().ok());
    EXPECT_EQ(writer->num_durable(), i / 4 * 4);
  }
  ASSERT_TRUE(writer->End("done").ok());
  EXPECT_EQ(writer->num_durable(), 11);
}

TEST(JournalWriter, AFullGroupOrAnOldOneBecomesDurableInTheBackground) {
  MemoryFileSystem files;
  const auto by_number = Writer(files, {.most_results = 2, .most_age = 1h});
  by_number->Append(WrittenResult(0));
  ASSERT_TRUE(by_number->Flush().ok());
  std::this_thread::sleep_for(20ms);
  EXPECT_EQ(by_number->num_durable(), 0);
  by_number->Append(WrittenResult(1));
  ASSERT_TRUE(by_number->Flush().ok());
  EXPECT_TRUE(BecomesDurable(*by_number, 2));

  MemoryFileSystem others;
  const auto by_age = Writer(others, {.most_results = 1000, .most_age = 10ms});
  by_age->Append(WrittenResult(0));
  ASSERT_TRUE(by_age->Flush().ok());
  EXPECT_TRUE(BecomesDurable(*by_age, 1));
  EXPECT_GT(by_age->cost().cpu_seconds, 0);
}

TEST(JournalWriter, AnErrorIsFinal) {
  for (const bool in_background : {false, true}) {
    MemoryFileSystem memory;
    FaultyFileSystem files(memory);
    const auto writer = Writer(files, {.most_results = 1, .in_background = in_background});
    files.fail_at = files.calls() + 1;  // the write succeeds, what makes it durable fails
    writer->Append(WrittenResult(0));
    absl::Status status = writer->Flush();
    for (int i = 0; i < 1000 && status.ok(); ++i) {
      std::this_thread::sleep_for(10ms);
      status = writer->Flush();
    }
    EXPECT_THAT(std::string(status.message()), HasSubstr("part-000001: disk on fire"));
    writer->Append(WrittenResult(1));
    EXPECT_EQ(writer->Flush(), status);
    EXPECT_EQ(writer->End("done"), status);
    EXPECT_EQ(writer->num_durable(), 0);
  }
}

// As the thread of the signals does while the rank is busy.
TEST(JournalWriter, AnotherThreadMayEndIt) {
  MemoryFileSystem files;
  const auto writer = Writer(files, {});
  std::thread ends;
  int64_t flushed = 0;
  for (int i = 0;; ++i) {
    if (i == 50) ends = std::thread([&] { EXPECT_TRUE(writer->End("TERM").ok()); });
    writer->Append(WrittenResult(i));
    if (!writer->Flush().ok()) break;
    flushed = i + 1;
  }
  ends.join();
  EXPECT_TRUE(writer->End("again").ok());
  EXPECT_GE(writer->num_durable(), flushed);
  const std::vector<std::string> records = KindsOfRecords(files);
  EXPECT_EQ(records.back(), "ended TERM");
  EXPECT_EQ(std::ssize(records) - 2, writer->num_durable());
}

TEST(JournalWriter, NeverWritesToAFileThatIsThere) {
  MemoryFileSystem files;
  files.files[kPartPath] = "of another attempt";
  EXPECT_FALSE(JournalWriter::Create(files, kPartPath, "", {}).ok());
  EXPECT_EQ(files.files[kPartPath], "of another attempt");
}

}  // namespace
}  // namespace octet
