#include "launch/chat/input_history.h"

#include <absl/strings/str_cat.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "tests/support/test_files.h"

namespace octet {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(InputHistoryTest, LinesOfSeveralPrograms) {
  const std::string path = TestDirectory() + "/state/octet/history";
  const InputHistory one(path);
  const InputHistory other(path);
  EXPECT_THAT(*one.Load(), IsEmpty());
  ASSERT_TRUE(one.Add("who?").ok());
  ASSERT_TRUE(other.Add("größer \\").ok());
  ASSERT_TRUE(one.Add("why?").ok());
  EXPECT_THAT(*other.Load(), ElementsAre("who?", "größer \\", "why?"));
  struct stat info {};
  ASSERT_EQ(stat(path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600U);
}

TEST(InputHistoryTest, ALongFileIsCut) {
  const std::string path = TestDirectory() + "/history";
  std::string text = "\xff is not UTF-8\n\n";
  const size_t count = 2 * InputHistory::kMostLines + 1;
  for (size_t i = 0; i < count; ++i) absl::StrAppend(&text, "line ", i, "\n");
  WriteFile(path, text);
  const auto lines = InputHistory(path).Load();
  ASSERT_EQ(lines->size(), InputHistory::kMostLines);
  EXPECT_EQ(lines->back(), absl::StrCat("line ", count - 1));
  EXPECT_EQ(ReadFile(path).substr(0, 10), "line 1001\n");
}

TEST(InputHistoryTest, ErrorsNameThePath) {
  const std::string directory = TestDirectory();
  WriteFile(directory + "/octet", "a file");
  const absl::Status status = InputHistory(directory + "/octet/history").Add("a");
  EXPECT_THAT(std::string(status.message()), HasSubstr(directory + "/octet"));
  EXPECT_TRUE(InputHistory("").Add("without a home").ok());
}

}  // namespace
}  // namespace octet
