#include "runtime/io/line_reader.h"

#include <absl/strings/str_cat.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <random>
#include <thread>

#include "runtime/io/compressed_stream.h"
#include "tests/support/faulty_file_system.h"
#include "tests/support/memory_file_system.h"
#include "tests/support/test_files.h"

namespace octet {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using ReadResult = LineReader::Result;

absl::StatusOr<std::vector<std::string>> ReadLines(FileSystem& files,
                                                   const std::vector<std::string>& paths) {
  absl::StatusOr<LineReader> reader = LineReader::Open(files, paths);
  if (!reader.ok()) return reader.status();
  std::vector<std::string> lines;
  std::string line;
  while (true) {
    const absl::StatusOr<ReadResult> result = reader->Next(line);
    if (!result.ok()) return result.status();
    if (*result == ReadResult::kEnd) return lines;
    lines.push_back(line);
  }
}

std::string ReadError(FileSystem& files, const std::vector<std::string>& paths) {
  return std::string(ReadLines(files, paths).status().message());
}

class LineReaderTest : public testing::Test {
 protected:
  // Compressed where the name says so.
  void WriteFile(const std::string& path, const std::string& text) {
    auto output = CompressedFor(path, memory_.CreateOutput(path).value()).value();
    ASSERT_TRUE(output->Write(std::as_bytes(std::span(text))).ok());
    ASSERT_TRUE(output->Close().ok());
  }

  MemoryFileSystem memory_;
  FaultyFileSystem files_{memory_};
};

TEST_F(LineReaderTest, LinesOfFilesOneAfterTheOther) {
  memory_.files = {{"a", "1\n2\n"}, {"b", "3"}, {"empty", ""}, {"c", "\n\r\n4\r\n"}, {"d", "\n"}};
  EXPECT_THAT(*ReadLines(files_, {"a", "b", "empty", "c", "d", "a"}),
              ElementsAre("1", "2", "3", "", "\r", "4\r", "", "1", "2"));
  EXPECT_THAT(*ReadLines(files_, {"empty", "empty"}), IsEmpty());
  EXPECT_THAT(*ReadLines(files_, {}), IsEmpty());
}

TEST_F(LineReaderTest, TheSameLinesHoweverTheyAreRead) {
  std::mt19937 random(1);
  for (int round = 0; round < 200; ++round) {
    std::vector<std::string> expected;
    const int num_files = 1 + round % 3;
    std::vector<std::string> paths;
    for (int f = 0; f < num_files; ++f) {
      std::string text;
      for (int i = std::uniform_int_distribution(0, 9)(random); i > 0; --i) {
        // More than a buffer now and then.
        const size_t length = round % 20 == 0 && i == 3 ? 600'000 : random() % 20;
        expected.emplace_back(length, static_cast<char>('a' + random() % 26));
        absl::StrAppend(&text, expected.back(), "\n");
      }
      // Where the last line has something, its newline may be missing.
      if (!text.empty() && !expected.back().empty() && random() % 2 == 0) text.pop_back();
      paths.push_back(absl::StrCat(f, std::array{"", ".gz", ".zst"}[random() % 3]));
      WriteFile(paths.back(), text);
    }
    files_.most_bytes_per_read = 1 + random() % 50 * (round % 20 == 0 ? 10'000 : 1);
    ASSERT_EQ(*ReadLines(files_, paths), expected) << round;
  }
}

// A pipe that gives one line of so many bytes, and then a short one.
class PipeWithLongLine : public MemoryFileSystem {
 public:
  explicit PipeWithLongLine(size_t bytes) : bytes_(bytes) {}

  bool Exists(const std::string&) override { return true; }
  bool IsFile(const std::string&) override { return false; }
  bool IsDirectory(const std::string&) override { return false; }
  absl::StatusOr<std::unique_ptr<InputStream>> OpenInput(const std::string& path) override {
    return std::make_unique<Input>(bytes_, path);
  }

 private:
  class Input : public InputStream {
   public:
    Input(size_t bytes, std::string path) : left_(bytes), path_(std::move(path)) {}
    absl::StatusOr<size_t> Read(std::span<std::byte> out) override {
      const size_t n = std::min(out.size(), left_);
      std::fill_n(out.begin(), n, std::byte{'x'});
      left_ -= n;
      if (n > 0 || ended_) return n;
      ended_ = true;
      const std::string_view end = "\nshort\n";
      std::transform(end.begin(), end.end(), out.begin(), [](char c) { return std::byte(c); });
      return end.size();
    }
    const std::string& path() const override { return path_; }

   private:
    size_t left_;
    bool ended_ = false;
    std::string path_;
  };

  size_t bytes_;
};

TEST(LineReader, ALineThatIsTooLongIsDroppedInBoundedMemory) {
  constexpr size_t kMost = LineReader::kMaxLineBytes;
  for (const size_t bytes : {kMost, kMost + 1, 10 * kMost}) {
    PipeWithLongLine files(bytes);
    LineReader reader = LineReader::Open(files, {"pipe"}).value();
    std::string line;
    EXPECT_EQ(reader.Next(line).value(), bytes <= kMost ? ReadResult::kLine : ReadResult::kTooLong);
    EXPECT_EQ(line.size(), bytes <= kMost ? bytes : 0);
    EXPECT_LE(line.capacity(), 2 * kMost);
    EXPECT_EQ(reader.Next(line).value(), ReadResult::kLine);
    EXPECT_EQ(line, "short");
    EXPECT_EQ(reader.Next(line).value(), ReadResult::kEnd);
    EXPECT_EQ(reader.Next(line).value(), ReadResult::kEnd);
    EXPECT_EQ(reader.EstimatedLines(), 0);
  }
}

TEST_F(LineReaderTest, EstimatesTheNumberOfLines) {
  constexpr int kLines = 60'000;  // of each file
  std::mt19937 random(2);
  std::string text;
  for (int i = 0; i < kLines; ++i) {
    absl::StrAppend(&text, std::string(20 + random() % 60, static_cast<char>('a' + random() % 26)),
                    random(), "\n");
  }
  for (const char* suffix : {"", ".gz", ".zst"}) {
    WriteFile(absl::StrCat("a", suffix), text);
    WriteFile(absl::StrCat("b", suffix), text);
    LineReader reader =
        LineReader::Open(files_, {absl::StrCat("a", suffix), absl::StrCat("b", suffix)}).value();
    EXPECT_EQ(reader.EstimatedLines(), 0);
    std::string line;
    for (int i = 1; i <= 2 * kLines; ++i) {
      ASSERT_EQ(reader.Next(line).value(), ReadResult::kLine);
      if (i < 1000 || i % 500 > 0) continue;
      const double ratio = static_cast<double>(reader.EstimatedLines()) / (2 * kLines);
      // Compressed bytes are read ahead.
      const double stored = static_cast<double>(memory_.files[absl::StrCat("a", suffix)].size());
      const double ahead = *suffix == '\0' ? 0 : 65536 / (stored * i / kLines);
      ASSERT_GT(ratio, 1 / (1 + ahead) - 0.05) << suffix << " " << i;
      ASSERT_LT(ratio, 1.05) << suffix << " " << i;
    }
    EXPECT_EQ(reader.Next(line).value(), ReadResult::kEnd);
    EXPECT_EQ(reader.EstimatedLines(), 2 * kLines) << suffix;
  }
}

TEST_F(LineReaderTest, NamesTheFileThatCannotBeRead) {
  memory_.files = {{"a", "1\n2\n"}};
  EXPECT_THAT(ReadError(files_, {"a", "nowhere"}), HasSubstr("nowhere: no such file"));
  PosixFileSystem posix;
  const std::string directory = TestDirectory();
  EXPECT_THAT(ReadError(posix, {directory}), HasSubstr(directory + ": is a directory"));
  EXPECT_THAT(ReadError(posix, {directory + "/nowhere"}), HasSubstr("/nowhere: cannot be opened"));
}

TEST_F(LineReaderTest, AFileMayVanishBeforeItsTurn) {
  memory_.files = {{"a", "1\n"}, {"b", "2\n"}};
  LineReader reader = LineReader::Open(files_, {"a", "b"}).value();
  memory_.files.erase("b");
  std::string line;
  EXPECT_EQ(reader.Next(line).value(), ReadResult::kLine);
  EXPECT_THAT(std::string(reader.Next(line).status().message()), HasSubstr("b: no such file"));
}

// Wherever the disk fails, the error comes through, and no line is made up.
TEST_F(LineReaderTest, ReturnsEveryReadError) {
  std::string text;
  for (int i = 0; i < 50; ++i) absl::StrAppend(&text, "line ", i, "\n");
  for (const char* suffix : {"", ".gz", ".zst"}) {
    const std::string path = absl::StrCat("a", suffix);
    WriteFile(path, text);
    files_.most_bytes_per_read = 40;
    files_.fail_at = -1;
    const int64_t before = files_.calls();
    const std::vector<std::string> lines = *ReadLines(files_, {path});
    const int64_t calls = files_.calls() - before;
    ASSERT_GT(calls, 5);
    for (int64_t i = 0; i < calls; ++i) {
      files_.fail_at = files_.calls() + i;
      EXPECT_EQ(ReadError(files_, {path}), path + ": disk on fire") << i;
    }
  }
}

TEST(LineReader, APipeIsOpenedOnce) {
  const std::string path = TestDirectory() + "/fifo";
  ASSERT_EQ(mkfifo(path.c_str(), 0600), 0);
  std::thread writer([&path] { WriteFile(path, "1\n2"); });
  PosixFileSystem posix;
  const auto lines = ReadLines(posix, {path});
  writer.join();
  EXPECT_THAT(*lines, ElementsAre("1", "2"));
}

TEST(LineReader, StandardInputHasNoSizeEvenWhereAFileHasItsName) {
  const std::filesystem::path old = std::filesystem::current_path();
  std::filesystem::current_path(TestDirectory());
  WriteFile("-", "1\n2\n");
  WriteFile("file", "1\n2\n");
  PosixFileSystem posix;
  LineReader reader = LineReader::Open(posix, {"file", "-"}).value();
  std::string line;
  EXPECT_EQ(reader.Next(line).value(), ReadResult::kLine);
  EXPECT_EQ(reader.EstimatedLines(), 0);
  std::filesystem::current_path(old);
}

TEST_F(LineReaderTest, AMarkOfUtf8IsPassedOver) {
  WriteFile("a", "\xEF\xBB\xBF{}\n\xEF\xBB\xBF{}\n");
  WriteFile("b.gz", "\xEF\xBB\xBF{1}\n");
  EXPECT_THAT(*ReadLines(files_, {"a", "b.gz"}), ElementsAre("{}", "\xEF\xBB\xBF{}", "{1}"));
}

TEST_F(LineReaderTest, AFileOfAnotherKindIsAnError) {
  WriteFile("a", "{}\n");
  WriteFile("b.gz", "PK\x03\x04{}\n");
  EXPECT_THAT(ReadError(files_, {"b.gz"}), HasSubstr("b.gz is a zip archive"));
  EXPECT_THAT(ReadError(files_, {"a", "b.gz"}), HasSubstr("b.gz is a zip archive"));
}

TEST_F(LineReaderTest, PeekLosesNothing) {
  WriteFile("a", "1\n2");
  WriteFile("empty", "");
  WriteFile("b", "BZh9");
  std::string line;
  LineReader reader = LineReader::Open(files_, {"empty", "a"}).value();
  ASSERT_TRUE(reader.Peek(std::chrono::milliseconds(0)).ok());
  ASSERT_EQ(reader.Next(line).value(), ReadResult::kLine);
  EXPECT_EQ(line, "1");
  ASSERT_TRUE(reader.Peek(std::chrono::milliseconds(0)).ok());
  ASSERT_EQ(reader.Next(line).value(), ReadResult::kLine);
  EXPECT_EQ(line, "2");
  EXPECT_EQ(reader.Next(line).value(), ReadResult::kEnd);
  LineReader other = LineReader::Open(files_, {"b"}).value();
  EXPECT_THAT(std::string(other.Peek(std::chrono::milliseconds(0)).message()),
              HasSubstr("b is compressed by bzip2"));
}

}  // namespace
}  // namespace octet
