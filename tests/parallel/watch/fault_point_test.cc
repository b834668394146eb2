#include "parallel/watch/fault_point.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>

namespace octet {
namespace {

TEST(FaultPointTest, IsRead) {
  const auto fault = FaultPoint::Parse("rank=1,phase=dispatch,count=3,signal=STOP");
  ASSERT_TRUE(fault.ok()) << fault.status();
  EXPECT_EQ(fault->rank, 1);
  EXPECT_EQ(fault->phase, "dispatch");
  EXPECT_EQ(fault->count, 3);
  EXPECT_EQ(fault->signal, SIGSTOP);
  EXPECT_EQ(FaultPoint::Parse("phase=init,signal=KILL")->count, 1);
  EXPECT_TRUE(FaultPoint::Parse("phase=reading,signal=HANG").ok());
}

TEST(FaultPointTest, WhatIsNotUnderstoodIsRefused) {
  for (const char* text :
       {"rank=1", "phase=dispatch", "rank=x,phase=init,signal=STOP", "phase=lunch,signal=STOP",
        "phase=init,signal=9", "phase=init,signal=STOP,count=0", "phase=init,signal=STOP,a=b",
        "rank=-1,phase=init,signal=STOP", "rank=1 phase=init", ","}) {
    const auto fault = FaultPoint::Parse(text);
    EXPECT_EQ(fault.status().code(), absl::StatusCode::kInvalidArgument) << text;
    EXPECT_THAT(std::string(fault.status().message()), testing::HasSubstr("OCTET_FAULT")) << text;
  }
}

volatile std::sig_atomic_t interrupts = 0;

TEST(FaultPointTest, RaisesItsSignalOnceAtTheCountedEntry) {
  const auto before = std::signal(SIGINT, [](int) { interrupts = interrupts + 1; });
  Activity activity;
  FaultPoint::Parse("rank=0,phase=experts,count=2,signal=INT")->Install(activity);
  activity.Enter({"experts", 0});
  activity.Enter({"router", 1});
  EXPECT_EQ(interrupts, 0);
  activity.Enter({"experts", 1});
  EXPECT_EQ(interrupts, 1);
  activity.Enter({"experts", 2});
  EXPECT_EQ(interrupts, 1);
  std::signal(SIGINT, before);
}

}  // namespace
}  // namespace octet
