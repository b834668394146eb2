#include "launch/sweep/child_process.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <thread>

#include "launch/sweep/descendants.h"
#include "tests/support/test_files.h"

namespace octet {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;

constexpr milliseconds kShortGrace{200};

class ChildProcessTest : public testing::Test {
 protected:
  ChildCommand Shell(const std::string& script, double timeout = 60) const {
    return {.words = {"sh", "-c", script},
            .environment = {"OCTET_WORD=a b"},
            .log = directory_ + "/log.txt",
            .timeout = timeout};
  }

  ChildEnd Run(const ChildCommand& command) {
    const auto end = RunChild(command, stop_, kShortGrace);
    EXPECT_TRUE(end.ok()) << end.status();
    EXPECT_EQ(DescendantsOf(getpid()), before_);
    return end.ok() ? *end : ChildEnd();
  }

  std::string Log() const { return ReadFile(directory_ + "/log.txt"); }

  const std::string directory_ = TestDirectory();
  const std::vector<pid_t> before_ = DescendantsOf(getpid());
  StopFlag stop_;
};

TEST_F(ChildProcessTest, TellsHowItEndedAndKeepsWhatItSaid) {
  const ChildEnd end = Run(Shell("echo said; echo \"$OCTET_WORD\" >&2; cat; exit 3"));
  EXPECT_EQ(end.exit_code, 3);
  EXPECT_FALSE(end.timed_out);
  EXPECT_FALSE(end.stopped);
  EXPECT_EQ(Log(), "said\na b\n");
  EXPECT_EQ(Run(Shell("kill -9 $$")).exit_code, 128 + SIGKILL);
  EXPECT_EQ(Run(Shell("true")).exit_code, 0);
  EXPECT_EQ(Log(), "");
}

TEST_F(ChildProcessTest, SaysWhatCannotBeRun) {
  const auto missing = RunChild(
      {.words = {directory_ + "/none"}, .environment = {}, .log = directory_ + "/l", .timeout = 9},
      stop_);
  EXPECT_TRUE(absl::IsNotFound(missing.status())) << missing.status();
  EXPECT_THAT(std::string(missing.status().message()), HasSubstr("/none: can't be run"));
  ChildCommand no_log = Shell("true");
  no_log.log = directory_ + "/none/log.txt";
  EXPECT_FALSE(RunChild(no_log, stop_).ok());
}

TEST_F(ChildProcessTest, TermEndsItAtTheTimeout) {
  const ChildEnd end = Run(Shell("trap \"echo told; exit 5\" TERM; sleep 60 & wait", 0.2));
  EXPECT_TRUE(end.timed_out);
  EXPECT_EQ(end.exit_code, 5);
  EXPECT_EQ(Log(), "told\n");
}

TEST_F(ChildProcessTest, WhatIgnoresTermIsKilled) {
  const ChildEnd end = Run(Shell("trap \"\" TERM; while true; do sleep 60; done", 0.2));
  EXPECT_TRUE(end.timed_out);
  EXPECT_EQ(end.exit_code, 128 + SIGKILL);
}

// As mpirun is, which run.sh starts in a session of its own.
TEST_F(ChildProcessTest, NothingIsLeftBehind) {
  const ChildEnd end = Run(Shell("setsid sh -c \"trap : TERM; sleep 60; sleep 60\" & echo ready"));
  EXPECT_EQ(end.exit_code, 0);
  EXPECT_EQ(Log(), "ready\n");
}

TEST_F(ChildProcessTest, AnotherThreadStopsIt) {
  std::thread other([this] {
    std::this_thread::sleep_for(milliseconds(200));
    stop_.Set();
  });
  const ChildEnd end = Run(Shell("sleep 60"));
  other.join();
  EXPECT_TRUE(end.stopped);
  EXPECT_FALSE(end.timed_out);
  EXPECT_EQ(end.exit_code, 128 + SIGTERM);
}

}  // namespace
}  // namespace octet
