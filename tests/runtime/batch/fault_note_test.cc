#include "runtime/batch/fault_note.h"

#include <gtest/gtest.h>

#include <string>

namespace octet {
namespace {

TEST(FaultNoteTest, SaysWhatHappenedAndWhen) {
  const FaultNote crash =
      FaultNote::Parse("rank 1 of 2 on a: SIGSEGV\nrank 0 of 2 on a: SIGABRT\n");
  EXPECT_FALSE(crash.stood_still);
  EXPECT_EQ(crash.reading, std::nullopt);
  const FaultNote still = FaultNote::Parse("rank 1 of 2 on a: stood still\n");
  EXPECT_TRUE(still.stood_still);
  EXPECT_EQ(still.reading, std::nullopt);
  const FaultNote reading = FaultNote::Parse("reading 170, rank 0 of 2 on a: stood still\n");
  EXPECT_TRUE(reading.stood_still);
  EXPECT_EQ(reading.reading, 170);
  EXPECT_EQ(FaultNote::Parse("reading 0, rank 0 on a: SIGSEGV").reading, 0);
}

TEST(FaultNoteTest, WhateverElseStandsThereIsACrash) {
  for (const std::string text :
       {"", "\n", "reading", "reading ", "reading x, rank 0: SIGSEGV", "reading -1, a: b",
        "reading 99999999999999999999, a: b", ": ", "a: b: stood still", "stood still",
        "rank 0: failed: x (stood still)"}) {
    const FaultNote note = FaultNote::Parse(text);
    EXPECT_FALSE(note.stood_still) << text;
    EXPECT_EQ(note.reading, std::nullopt) << text;
  }
}

TEST(FaultNoteTest, FaultsAreCounted) {
  EarlierFaults faults;
  faults.Add({.stood_still = true});
  faults.Add({.stood_still = true, .reading = 3});
  faults.Add({});
  EXPECT_EQ(faults.crashes, 1);
  EXPECT_EQ(faults.standstills, 2);
  EXPECT_EQ(faults.in_reading, 1);
  EXPECT_EQ(faults.count(), 3);
}

}  // namespace
}  // namespace octet
