#include "runtime/io/file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <thread>

#include "tests/support/counting_file_system.h"
#include "tests/support/memory_file_system.h"
#include "tests/support/test_files.h"

namespace octet {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class FileTest : public testing::Test {
 protected:
  FileTest()
      : directory_(JoinPath(testing::TempDir(), "octet_file_test." + std::to_string(getpid()))) {
    std::filesystem::create_directory(directory_);
  }
  ~FileTest() override { std::filesystem::remove_all(directory_); }

  std::string Path(const std::string& name) const { return JoinPath(directory_, name); }

  std::string directory_;
  PosixFileSystem posix_;
};

std::string ReadAt(const RandomAccessFile& file, uint64_t offset, size_t bytes) {
  std::string text(bytes, '?');
  const absl::Status status = file.Read(offset, std::as_writable_bytes(std::span(text)));
  return status.ok() ? text : std::string(status.message());
}

TEST_F(FileTest, ReadsRanges) {
  WriteFile(Path("a"), "0123456789");
  const auto file = posix_.Open(Path("a"));
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_EQ((*file)->size(), 10U);
  EXPECT_EQ((*file)->path(), Path("a"));
  EXPECT_EQ(ReadAt(**file, 3, 4), "3456");
  EXPECT_EQ(ReadAt(**file, 0, 10), "0123456789");
  EXPECT_EQ(ReadAt(**file, 10, 0), "");
  EXPECT_EQ(posix_.ReadWhole(Path("a")).value(), "0123456789");
}

TEST_F(FileTest, ReadsWholeFilesOfALimitedSizeOnly) {
  WriteFile(Path("a"), "0123456789");
  EXPECT_EQ(posix_.ReadWhole(Path("a"), 10).value(), "0123456789");
  const auto message = [this](const std::string& path, size_t most) {
    return std::string(posix_.ReadWhole(path, most).status().message());
  };
  EXPECT_EQ(message(Path("a"), 9), Path("a") + ": has 10 bytes; at most 9 are read");
  std::filesystem::resize_file(Path("a"), uint64_t{1} << 36);  // of which nothing is stored
  EXPECT_THAT(message(Path("a"), FileSystem::kMostBytes), HasSubstr("at most 67108864 are read"));
  EXPECT_EQ(message(directory_, 9), directory_ + ": is a directory");
  EXPECT_EQ(message("/dev/zero", 9), "/dev/zero: is not a regular file");
}

TEST_F(FileTest, ReadingPastTheEndNamesFileAndPlace) {
  WriteFile(Path("a"), "0123456789");
  const auto file = posix_.Open(Path("a"));
  ASSERT_TRUE(file.ok());
  EXPECT_THAT(ReadAt(**file, 8, 4), HasSubstr(Path("a") + ": ends at byte 10, 2 bytes before"));
}

TEST_F(FileTest, AFileThatShrinksIsAnError) {
  WriteFile(Path("a"), "0123456789");
  const auto file = posix_.Open(Path("a"));
  ASSERT_TRUE(file.ok());
  std::filesystem::resize_file(Path("a"), 4);
  EXPECT_THAT(ReadAt(**file, 0, 10), HasSubstr(Path("a") + ": ends at byte 4"));
}

TEST_F(FileTest, WhatIsNoFileCannotBeOpened) {
  EXPECT_EQ(posix_.Open(Path("absent")).status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(posix_.Open(Path("absent")).status().message()),
              HasSubstr(Path("absent")));
  EXPECT_THAT(std::string(posix_.Open(directory_).status().message()), HasSubstr("is a directory"));
  ASSERT_EQ(mkfifo(Path("fifo").c_str(), 0600), 0);
  EXPECT_THAT(std::string(posix_.Open(Path("fifo")).status().message()),
              HasSubstr("not a regular file"));
}

TEST_F(FileTest, TellsFilesFromDirectories) {
  WriteFile(Path("b"), "");
  WriteFile(Path("a"), "");
  EXPECT_TRUE(posix_.IsFile(Path("a")));
  EXPECT_FALSE(posix_.IsDirectory(Path("a")));
  EXPECT_TRUE(posix_.IsDirectory(directory_));
  EXPECT_FALSE(posix_.IsFile(directory_));
  EXPECT_FALSE(posix_.IsFile(Path("absent")));
}

TEST_F(FileTest, ListsADirectoryOrSaysWhyNot) {
  WriteFile(Path("b"), "");
  WriteFile(Path("a"), "");
  EXPECT_THAT(posix_.List(directory_).value(), ElementsAre("a", "b"));
  const absl::Status absent = posix_.List(Path("absent")).status();
  EXPECT_EQ(absent.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(absent.message()), HasSubstr(Path("absent") + ": cannot be listed"));
  EXPECT_FALSE(posix_.List(Path("a")).ok());
}

TEST(CountingFileSystemTest, KeepsEveryRangeOfEveryThread) {
  MemoryFileSystem memory;
  memory.files = {{"d/a", std::string(1000, 'a')}, {"d/b", "b"}};
  CountingFileSystem counting(memory);
  const auto a = counting.Open("d/a");
  ASSERT_TRUE(a.ok());
  EXPECT_EQ(counting.BytesRead(), 0U);
  {
    std::vector<std::jthread> threads;
    threads.reserve(4);
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&a] {
        for (int j = 0; j < 100; ++j) ReadAt(**a, 5, 7);
      });
    }
  }
  EXPECT_EQ(counting.Reads("d/a").size(), 400U);
  EXPECT_EQ(counting.BytesRead("d/a"), 2800U);
  ReadAt(**a, 999, 2);  // fails, so it does not count
  EXPECT_EQ(counting.ReadWhole("d/b").value(), "b");
  EXPECT_THAT(counting.Reads("d/b"), ElementsAre(CountingFileSystem::Range{0, 1}));
  EXPECT_EQ(counting.BytesRead(), 2801U);
  counting.Reset();
  EXPECT_EQ(counting.BytesRead(), 0U);
}

}  // namespace
}  // namespace octet
