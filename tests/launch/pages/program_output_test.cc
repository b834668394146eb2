#include "launch/pages/program_output.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>

namespace octet {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::HasSubstr;

// More than a pipe holds, in both directions.
TEST(ProgramOutputTest, TakesAndGivesLongTexts) {
  const std::string text(3'000'000, 'x');
  EXPECT_EQ(OutputOfProgram({"cat"}, text, seconds(60)).value(), text);
  EXPECT_EQ(OutputOfProgram({"wc", "-c"}, "", seconds(60)).value(), "0\n");
}

TEST(ProgramOutputTest, AProgramThatIsNotThereIsNotFound) {
  const auto output = OutputOfProgram({"octet-no-such-program"}, "", seconds(60));
  EXPECT_TRUE(absl::IsNotFound(output.status())) << output.status();
}

TEST(ProgramOutputTest, TellsWhyAProgramFailed) {
  const auto output =
      OutputOfProgram({"sh"}, "echo why; echo 'the reason' >&2; exit 3", seconds(60));
  EXPECT_TRUE(absl::IsInternal(output.status()));
  EXPECT_THAT(std::string(output.status().message()), HasSubstr("sh: failed: the reason"));
}

// Whether it holds its output open or not.
TEST(ProgramOutputTest, AProgramThatHangsIsKilled) {
  for (const char* script : {"exec sleep 1000", "exec sleep 1000 > /dev/null 2> /dev/null"}) {
    const auto output = OutputOfProgram({"sh", "-c", script}, "", milliseconds(300));
    EXPECT_TRUE(absl::IsDeadlineExceeded(output.status())) << output.status();
  }
}

// The blocked signals of this thread are not the program's, and its environment is small.
TEST(ProgramOutputTest, BeginsInAStateOfItsOwn) {
  sigset_t blocked, before;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &blocked, &before);
  const auto output = OutputOfProgram(
      {"sh", "-c", "grep -c 'SigBlk:.*0000000000000000' /proc/self/status; env | sort"}, "",
      seconds(60));
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  ASSERT_TRUE(output.ok()) << output.status();
  EXPECT_THAT(*output, testing::StartsWith("1\nLC_ALL=C.UTF-8\n"));
}

}  // namespace
}  // namespace octet
