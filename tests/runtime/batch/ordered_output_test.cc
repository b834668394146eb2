#include "runtime/batch/ordered_output.h"

#include <absl/strings/str_cat.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <random>

#include "tests/support/faulty_file_system.h"
#include "tests/support/memory_file_system.h"

namespace octet {
namespace {

constexpr char kOrdered[] = "out";
constexpr char kWaiting[] = "out.waiting";

bool IsWaiting(const MemoryFileSystem& files) {
  const auto next = files.files.lower_bound(kWaiting);
  return next != files.files.end() && next->first.starts_with("out.waiting.");
}

// Lines have uneven lengths, some none.
std::string Line(int64_t number) {
  return number % 7 == 3 ? "" : absl::StrCat(number, std::string(number * 13 % 50, 'x'));
}

std::string NumberedLines(int64_t count) {
  std::string text;
  for (int64_t i = 0; i < count; ++i) absl::StrAppend(&text, Line(i), "\n");
  return text;
}

std::vector<int64_t> Shuffled(int64_t count, int seed) {
  std::vector<int64_t> order(count);
  std::iota(order.begin(), order.end(), 0);
  std::shuffle(order.begin(), order.end(), std::mt19937(seed));
  return order;
}

absl::Status WriteAll(FileSystem& files, const std::vector<int64_t>& order,
                      size_t most_waiting_bytes) {
  auto stream = files.CreateOutput(kOrdered);
  if (!stream.ok()) return stream.status();
  OrderedOutput output(files, *std::move(stream), kWaiting, most_waiting_bytes);
  for (const int64_t number : order) {
    absl::Status status = output.Add(number, Line(number));
    if (status.ok() && number % 5 == 0) status = output.Flush();
    if (!status.ok()) return status;
  }
  return output.Close();
}

TEST(OrderedOutput, AnyOrderIsPutRight) {
  for (int seed = 0; seed < 50; ++seed) {
    for (const size_t most_waiting_bytes : {size_t{0}, size_t{200}, size_t{1} << 20}) {
      MemoryFileSystem files;
      const int64_t count = 1 + seed * 3;
      ASSERT_TRUE(WriteAll(files, Shuffled(count, seed), most_waiting_bytes).ok());
      EXPECT_EQ(files.files[kOrdered], NumberedLines(count));
      EXPECT_FALSE(IsWaiting(files));
    }
  }
}

TEST(OrderedOutput, NothingIsHeldBackAfterFlush) {
  MemoryFileSystem files;
  OrderedOutput output(files, files.CreateOutput(kOrdered).value(), kWaiting);
  ASSERT_TRUE(output.Add(1, "b").ok());
  ASSERT_TRUE(output.Flush().ok());
  EXPECT_EQ(files.files[kOrdered], "");
  ASSERT_TRUE(output.Add(0, "a").ok());
  ASSERT_TRUE(output.Flush().ok());
  EXPECT_EQ(files.files[kOrdered], "a\nb\n");
}

TEST(OrderedOutput, TheFileOfWaitingLinesIsMadeWhenNeededAndRemoved) {
  MemoryFileSystem files;
  {
    OrderedOutput output(files, files.CreateOutput(kOrdered).value(), kWaiting, 10);
    ASSERT_TRUE(output.Add(2, "0123456789").ok());
    EXPECT_FALSE(IsWaiting(files));
    ASSERT_TRUE(output.Add(3, "!").ok());
    EXPECT_TRUE(IsWaiting(files));
  }
  EXPECT_FALSE(IsWaiting(files));  // also when the job ends early
}

TEST(OrderedOutput, ManyBytesAreWrittenInPieces) {
  MemoryFileSystem memory;
  FaultyFileSystem files(memory);
  OrderedOutput output(files, files.CreateOutput(kOrdered).value(), kWaiting);
  for (int i = 0; i < 100'000; ++i) ASSERT_TRUE(output.Add(i, "0123456789").ok());
  EXPECT_GT(memory.files[kOrdered].size(), 1'000'000U);  // without any Flush
  EXPECT_LT(files.calls(), 30);
}

TEST(OrderedOutput, ReturnsEveryError) {
  const std::vector<int64_t> order = Shuffled(40, 1);
  for (const size_t most_waiting_bytes : {0, 200, 1000}) {
    MemoryFileSystem memory;
    FaultyFileSystem files(memory);
    ASSERT_TRUE(WriteAll(files, order, most_waiting_bytes).ok());
    for (int64_t calls = files.calls(), i = 0; i < calls; ++i) {
      files.fail_at = files.calls() + i;
      const absl::Status status = WriteAll(files, order, most_waiting_bytes);
      EXPECT_THAT(std::string(status.message()), testing::HasSubstr(": disk on fire")) << i;
      EXPECT_FALSE(IsWaiting(memory));
    }
  }
}

TEST(OrderedOutput, WhatLiesInTheWayIsLeft) {
  MemoryFileSystem files;
  OrderedOutput first(files, files.CreateOutput("a").value(), kWaiting, 0);
  OrderedOutput second(files, files.CreateOutput("b").value(), kWaiting, 0);
  files.files[kWaiting] = "somebody's";
  for (OrderedOutput* output : {&first, &second}) {
    ASSERT_TRUE(output->Add(1, output == &first ? "A1" : "B1").ok());
  }
  for (OrderedOutput* output : {&first, &second}) {
    ASSERT_TRUE(output->Add(0, "0").ok());
    ASSERT_TRUE(output->Close().ok());
  }
  EXPECT_EQ(files.files["a"], "0\nA1\n");
  EXPECT_EQ(files.files["b"], "0\nB1\n");
  EXPECT_EQ(files.files[kWaiting], "somebody's");
  EXPECT_EQ(files.files.size(), 3U);
}

TEST(OrderedOutputDeathTest, EachNumberComesOnceAndAllCome) {
  MemoryFileSystem files;
  OrderedOutput output(files, files.CreateOutput(kOrdered).value(), kWaiting);
  ASSERT_TRUE(output.Add(0, "a").ok());
  ASSERT_TRUE(output.Add(2, "c").ok());
  EXPECT_DEATH(output.Add(0, "a").IgnoreError(), "number");
  EXPECT_DEATH(output.Add(2, "c").IgnoreError(), "number");
  EXPECT_DEATH(output.Close().IgnoreError(), "line 1 is missing");
}

}  // namespace
}  // namespace octet
