#include "runtime/batch/stream_output.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/faulty_file_system.h"
#include "tests/support/memory_file_system.h"

namespace octet {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr char kStreamed[] = "out.jsonl";

class StreamOutputTest : public testing::Test {
 protected:
  absl::StatusOr<std::unique_ptr<StreamOutput>> Begin(FileSystem& files, bool overwrite = false) {
    auto output = StreamOutput::Look(files, kStreamed, overwrite, [] {});
    if (!output.ok()) return output;
    const absl::Status status = (*output)->Begin(notes_);
    if (!status.ok()) return status;
    return output;
  }

  void ExpectRefused(const std::string& reason) {
    const auto before = memory_.files;
    const absl::Status status = Begin(memory_).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
    EXPECT_THAT(std::string(status.message()), HasSubstr(reason));
    EXPECT_EQ(memory_.files, before);
  }

  static absl::Status Complete(StreamOutput& output) {
    for (const int64_t number : {1, 0}) {
      absl::Status status = output.Add({.number = number, .text = std::to_string(number)});
      if (!status.ok()) return status;
    }
    return output.Finish(2);
  }

  MemoryFileSystem memory_;
  std::vector<std::string> notes_;
};

TEST_F(StreamOutputTest, HasItsNameWhenItIsComplete) {
  const auto output = Begin(memory_);
  ASSERT_TRUE(output.ok()) << output.status();
  EXPECT_FALSE(memory_.Exists(kStreamed));
  ASSERT_TRUE(Complete(**output).ok());
  EXPECT_THAT(memory_.files, ElementsAre(testing::Pair(kStreamed, "0\n1\n")));
}

TEST_F(StreamOutputTest, OneAtATime) {
  const auto first = Begin(memory_);
  ASSERT_TRUE(first.ok());
  ExpectRefused("--output out.jsonl is in use by process ");
  EXPECT_EQ(Begin(memory_, /*overwrite=*/true).status().code(),
            absl::StatusCode::kFailedPrecondition);
  ASSERT_TRUE(Complete(**first).ok());
  ExpectRefused("is there already: 4 bytes");
}

// Where the file system can't lock, each has files of its own, and what is complete stays.
TEST_F(StreamOutputTest, TwoThatDontKnowOfEachOtherDoNoHarm) {
  memory_.can_lock = false;
  const auto first = Begin(memory_);
  const auto second = Begin(memory_);
  ASSERT_TRUE(first.ok() && second.ok());
  ASSERT_TRUE((*second)->Add({.number = 0, .text = "other"}).ok());
  ASSERT_TRUE(Complete(**first).ok());
  EXPECT_THAT(std::string((*second)->Finish(1).message()),
              HasSubstr("was made by somebody else while the job ran; it is kept, and the results "
                        "lie in out.jsonl.journal/output-000002"));
  EXPECT_EQ(memory_.files[kStreamed], "0\n1\n");
  EXPECT_EQ(memory_.files["out.jsonl.journal/output-000002"], "other\n");
}

TEST_F(StreamOutputTest, WorkOfOthersIsKeptUnlessAsked) {
  memory_.files = {{"out.jsonl.journal/part-000001", "0123456789abcdef header job { }\n"},
                   {"out.jsonl.journal/notes", "mine"}};
  ExpectRefused(
      "did not finish has left its work in out.jsonl.journal; --overwrite throws it away");
  ASSERT_TRUE(Complete(**Begin(memory_, /*overwrite=*/true)).ok());
  EXPECT_THAT(memory_.files, ElementsAre(testing::Pair(kStreamed, "0\n1\n"),
                                         testing::Pair("out.jsonl.journal/notes", "mine")));
}

TEST_F(StreamOutputTest, WhatAKilledOneLeftIsRemoved) {
  memory_.files = {{"out.jsonl.journal/lock", "process 1 on here since then"},
                   {"out.jsonl.journal/output-000004", "half"},
                   {"out.jsonl.journal/waiting-000004.12-0", "half"}};
  ASSERT_TRUE(Complete(**Begin(memory_)).ok());
  EXPECT_THAT(memory_.files, ElementsAre(testing::Pair(kStreamed, "0\n1\n")));
}

TEST_F(StreamOutputTest, ReturnsEveryError) {
  FaultyFileSystem files(memory_);
  const auto run = [&] {
    const auto output = Begin(files, /*overwrite=*/true);
    return output.ok() ? Complete(**output) : output.status();
  };
  ASSERT_TRUE(run().ok());
  const int64_t calls = files.calls();
  for (int64_t i = 0; i < calls - 2; ++i) {  // the last two give the claim back
    memory_.files = {{kStreamed, "old"}};
    files.fail_at = files.calls() + i;
    EXPECT_THAT(std::string(run().message()), HasSubstr(": disk on fire")) << i;
    EXPECT_THAT(memory_.files[kStreamed], testing::AnyOf("old", "0\n1\n"));
  }
}

}  // namespace
}  // namespace octet
