// The file of a routing trace: what is written can be read, whatever becomes of its end.

#include "runtime/trace/trace_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "runtime/trace/trace_reader.h"
#include "tests/support/faulty_file_system.h"
#include "tests/support/memory_file_system.h"
#include "tests/support/tiny_trace.h"

namespace octet {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr char kTracePath[] = "traces/t.zst";

class TraceFileTest : public testing::Test {
 protected:
  void SetUp() override { files_.files["traces/other"] = ""; }

  std::unique_ptr<TraceFile> Look(TraceStart start) {
    notes_.clear();
    auto trace = TraceFile::Look(files_, kTracePath, start, TinyHeader(), notes_);
    EXPECT_TRUE(trace.ok()) << trace.status();
    return *std::move(trace);
  }

  std::string RefusalOf(TraceStart start, const TraceHeader& header = TinyHeader()) {
    const auto trace = TraceFile::Look(files_, kTracePath, start, header, notes_);
    return trace.ok() ? "" : std::string(trace.status().message());
  }

  // An attempt that writes blocks of a step each.
  void Write(TraceStart start, const std::vector<int64_t>& steps) {
    const auto trace = Look(start);
    ASSERT_TRUE(trace->Begin().ok());
    for (const int64_t number : steps) {
      StepRouting step = TinyStep(number, {{.line = 1}});
      trace->Add(step);
      ASSERT_TRUE(trace->Write(/*all=*/true).ok());
    }
    ASSERT_TRUE(trace->Close().ok());
  }

  // The numbers of the steps, -1 for a header; the error after them.
  std::vector<int64_t> Read() {
    std::vector<int64_t> numbers;
    auto reader = TraceReader::Open(files_, kTracePath);
    EXPECT_TRUE(reader.ok()) << reader.status();
    while (true) {
      const auto record = reader->Next();
      error_ = std::string(record.status().message());
      if (!record.ok() || *record == nullptr) break;
      numbers.push_back((*record)->has_header() ? -1 : (*record)->step().step());
    }
    torn_bytes_ = reader->torn_bytes();
    return numbers;
  }

  MemoryFileSystem files_;
  std::vector<std::string> notes_;
  std::string error_;
  uint64_t torn_bytes_ = 0;
};

TEST_F(TraceFileTest, IsReadAsItWasWritten) {
  Write(TraceStart::kNew, {0, 1, 2});
  EXPECT_THAT(Read(), ElementsAre(-1, 0, 1, 2));
  EXPECT_EQ(error_, "");
  EXPECT_EQ(torn_bytes_, 0U);
  auto reader = TraceReader::Open(files_, kTracePath);
  EXPECT_EQ((*reader->Next())->header().DebugString(), TinyHeader().DebugString());
  EXPECT_EQ((*reader->Next())->step().DebugString(), TinyStep(0, {{.line = 1}}).DebugString());
}

TEST_F(TraceFileTest, ManyStepsGoIntoFewBlocks) {
  const auto trace = Look(TraceStart::kNew);
  ASSERT_TRUE(trace->Begin().ok());
  const size_t bytes_of_header = files_.files[kTracePath].size();
  for (int64_t i = 0; i < 100; ++i) {
    StepRouting step = TinyStep(i, {{.line = 1}});
    trace->Add(step);
    EXPECT_EQ(step.step(), i) << "it is left as it was";
    ASSERT_TRUE(trace->Write(/*all=*/false).ok());
  }
  EXPECT_EQ(files_.files[kTracePath].size(), bytes_of_header);
  ASSERT_TRUE(trace->Close().ok());
  EXPECT_EQ(Read().size(), 101U);
}

TEST_F(TraceFileTest, OneThatIsThereIsRefused) {
  Write(TraceStart::kNew, {0});
  EXPECT_THAT(RefusalOf(TraceStart::kNew), HasSubstr("--trace traces/t.zst: is there already"));
  Write(TraceStart::kOverwrite, {5});
  EXPECT_THAT(Read(), ElementsAre(-1, 5));
}

TEST_F(TraceFileTest, ResumeGoesOn) {
  Write(TraceStart::kResume, {0, 1});
  EXPECT_THAT(notes_, ElementsAre(HasSubstr("is not there")));
  Write(TraceStart::kResume, {0});
  EXPECT_THAT(notes_, ElementsAre());
  EXPECT_THAT(Read(), ElementsAre(-1, 0, 1, -1, 0));
  TraceHeader other = TinyHeader();
  other.set_model("another");
  EXPECT_THAT(RefusalOf(TraceStart::kResume, other), HasSubstr("is a trace of another model"));
  EXPECT_EQ(files_.files.size(), 2U) << "nothing is left beside it";
}

// However much of the last block is there.
TEST_F(TraceFileTest, ATornEndIsCut) {
  Write(TraceStart::kNew, {0, 1});
  const std::string whole = files_.files[kTracePath];
  Write(TraceStart::kResume, {2});
  const std::string more = files_.files[kTracePath];
  ASSERT_TRUE(more.starts_with(whole));
  for (size_t size = whole.size() + 1; size < more.size(); ++size) {
    files_.files[kTracePath] = more.substr(0, size);
    const std::vector<int64_t> read = Read();
    EXPECT_EQ(error_, "");
    EXPECT_TRUE(read == std::vector<int64_t>({-1, 0, 1}) ||
                read == std::vector<int64_t>({-1, 0, 1, -1}));
    Write(TraceStart::kResume, {7});
    EXPECT_EQ(Read().back(), 7) << size;
    EXPECT_EQ(torn_bytes_, 0U);
    EXPECT_EQ(Read()[2], 1);
  }
}

TEST_F(TraceFileTest, ADamagedBlockIsAnError) {
  Write(TraceStart::kNew, {0, 1, 2});
  const std::string whole = files_.files[kTracePath];
  Write(TraceStart::kOverwrite, {0});
  const size_t second = files_.files[kTracePath].size();  // where the block of step 1 begins
  for (size_t i = second; i < whole.size(); ++i) {
    std::string damaged = whole;
    damaged[i] = static_cast<char>(damaged[i] ^ 0x40);
    files_.files[kTracePath] = damaged;
    const std::vector<int64_t> read = Read();
    EXPECT_LT(read.size(), 4U) << "no byte may change unseen: " << i;
    if (read.size() > 2) continue;  // the last block: as if torn
    EXPECT_THAT(error_, HasSubstr("is damaged")) << i;
    EXPECT_THAT(RefusalOf(TraceStart::kResume), HasSubstr("is damaged"));
  }
}

TEST_F(TraceFileTest, AWriteThatFailsIsNamed) {
  const auto trace = Look(TraceStart::kNew);
  ASSERT_TRUE(trace->Begin().ok());
  files_.capacity = 0;
  StepRouting step = TinyStep(0, {{.line = 1}});
  trace->Add(step);
  const absl::Status status = trace->Write(/*all=*/true);
  EXPECT_FALSE(status.ok());
  EXPECT_THAT(std::string(status.message()), HasSubstr("--trace traces/t.zst: "));
  EXPECT_FALSE(trace->Close().ok()) << "it is final";
}

TEST_F(TraceFileTest, WhatCanBeNoTraceIsRefused) {
  std::vector<std::string> notes;
  const auto refusal = [&](const std::string& path) {
    const auto trace = TraceFile::Look(files_, path, TraceStart::kNew, TinyHeader(), notes);
    return trace.ok() ? "" : std::string(trace.status().message());
  };
  EXPECT_THAT(refusal("traces/t.bin"), HasSubstr("must end in .zst"));
  EXPECT_THAT(refusal("nowhere/t.zst"), HasSubstr("there is no directory nowhere"));
  files_.files["traces/d.zst/x"] = "";
  EXPECT_THAT(refusal("traces/d.zst"), HasSubstr("is no file"));
}

}  // namespace
}  // namespace octet
