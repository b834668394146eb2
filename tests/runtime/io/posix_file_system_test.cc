// What files of this machine may be replaced, locked and followed to.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>

#include "runtime/io/file.h"
#include "tests/support/test_files.h"

namespace octet {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class PosixFileSystemTest : public testing::Test {
 protected:
  std::string Path(const std::string& name) const { return JoinPath(directory_, name); }
  std::vector<std::string> Names() { return posix_.List(directory_).value(); }

  const std::string directory_ = TestDirectory();
  PosixFileSystem posix_;
};

TEST_F(PosixFileSystemTest, LinksAreFollowedAlsoToNothing) {
  std::filesystem::create_directory(Path("d"));
  std::filesystem::create_symlink("d/second", Path("first"));
  std::filesystem::create_symlink("../third", Path("d/second"));
  std::filesystem::create_symlink(Path("third"), Path("absolute"));
  std::filesystem::create_symlink("loop", Path("loop"));
  EXPECT_EQ(posix_.Resolve(Path("first")).value(), Path("d/../third"));
  EXPECT_EQ(posix_.Resolve(Path("absolute")).value(), Path("third"));
  EXPECT_EQ(posix_.Resolve(Path("third")).value(), Path("third"));
  EXPECT_EQ(posix_.Resolve("-").value(), "-");
  EXPECT_THAT(std::string(posix_.Resolve(Path("loop")).status().message()),
              HasSubstr("loop: cannot be followed"));
}

TEST_F(PosixFileSystemTest, ARehearsedRenameLeavesAllAsItIs) {
  std::filesystem::create_directory(Path("d"));
  WriteFile(Path("file"), "precious");
  for (const char* name : {"file", "absent"}) {
    for (const std::string& directory : {directory_, Path("d")}) {
      EXPECT_EQ(posix_.RehearseRename(directory, Path(name)), absl::OkStatus());
    }
  }
  EXPECT_EQ(ReadFile(Path("file")), "precious");
  EXPECT_THAT(Names(), ElementsAre("d", "file"));
  EXPECT_TRUE(posix_.List(Path("d"))->empty());
}

TEST_F(PosixFileSystemTest, ARehearsalSaysWhatWillFail) {
  std::filesystem::create_directory(Path("d"));
  EXPECT_THAT(std::string(posix_.RehearseRename(directory_, Path("d")).message()),
              HasSubstr("d: is a directory"));
  EXPECT_TRUE(std::filesystem::exists(Path("d")));
  EXPECT_THAT(std::string(posix_.RehearseRename(directory_, Path(std::string(255, 'x'))).message()),
              HasSubstr("File name too long"));
  EXPECT_THAT(std::string(posix_.RehearseRename(Path("absent"), Path("file")).message()),
              HasSubstr("file: can't be made: No such file or directory"));
  EXPECT_FALSE(posix_.RehearseRename("/proc", "/proc/absent").ok());
  EXPECT_THAT(Names(), ElementsAre("d"));
}

// Who waits for a lock that was removed would otherwise have one beside the next.
TEST_F(PosixFileSystemTest, ALockThatWasRemovedIsNone) {
  EXPECT_EQ(posix_.LockExisting(Path("lock")).status().code(), absl::StatusCode::kNotFound);
  auto first = posix_.Lock(Path("lock"));
  ASSERT_TRUE(first.ok());
  EXPECT_EQ(posix_.LockExisting(Path("lock")).status().code(), absl::StatusCode::kUnavailable);
  ASSERT_TRUE(posix_.Remove(Path("lock")).ok());
  const auto second = posix_.Lock(Path("lock"));
  EXPECT_TRUE(second.ok());
  first->reset();
  EXPECT_EQ(posix_.Lock(Path("lock")).status().code(), absl::StatusCode::kUnavailable);
}

TEST_F(PosixFileSystemTest, ScratchFilesHaveNamesOfTheirOwn) {
  const auto a = posix_.CreateScratch(Path("s"));
  const auto b = posix_.CreateScratch(Path("s"));
  ASSERT_TRUE(a.ok() && b.ok());
  EXPECT_NE((*a)->path(), (*b)->path());
  WriteFile(Path("file.new"), "somebody's");
  ASSERT_TRUE(posix_.ReplaceDurably(Path("file"), "text").ok());
  EXPECT_EQ(ReadFile(Path("file")), "text");
  EXPECT_EQ(ReadFile(Path("file.new")), "somebody's");
  EXPECT_EQ(Names().size(), 4U);
  EXPECT_FALSE(posix_.ReplaceDurably(directory_, "text").ok());
  EXPECT_EQ(Names().size(), 4U);
}

TEST_F(PosixFileSystemTest, AFifoWithoutAReaderIsNotWaitedFor) {
  ASSERT_EQ(mkfifo(Path("fifo").c_str(), 0600), 0);
  const absl::Status status = posix_.CreateOutput(Path("fifo")).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  const auto reader = posix_.OpenInput(Path("fifo"));
  ASSERT_TRUE(reader.ok());
  EXPECT_TRUE(posix_.CreateOutput(Path("fifo")).ok());
}

TEST_F(PosixFileSystemTest, NamesOfOneFileAreTheSame) {
  WriteFile(Path("a"), "");
  WriteFile(Path("b"), "");
  std::filesystem::create_hard_link(Path("a"), Path("hard"));
  std::filesystem::create_symlink("a", Path("soft"));
  EXPECT_TRUE(posix_.IsSame(Path("a"), Path("hard")));
  EXPECT_TRUE(posix_.IsSame(Path("hard"), Path("soft")));
  EXPECT_FALSE(posix_.IsSame(Path("a"), Path("b")));
  EXPECT_FALSE(posix_.IsSame(Path("a"), Path("absent")));
  EXPECT_GT(posix_.AvailableBytes(directory_).value(), 0U);
  EXPECT_FALSE(posix_.AvailableBytes(Path("absent")).ok());
}

}  // namespace
}  // namespace octet
