// Reasons read back from an output.

#include "runtime/batch/error_lines.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "runtime/batch/batch_result.h"
#include "tests/support/memory_file_system.h"

namespace octet {
namespace {

using testing::SizeIs;

TEST(ErrorLines, AreReadBack) {
  const BatchRequest request = {.custom_id = R"("response":{"status_code":400,)",
                                .prompts = {Prompt{.ids = {1}}}};
  const std::vector<FinishedSequence> choices(1);
  const RequestError error = {.message = "'n' is wrong", .param = "n", .code = "invalid_value"};
  const ParsedLine hostile = {.custom_id = R"("response":{"status_code":200,)",
                              .has_custom_id = true};
  MemoryFileSystem files;
  files.files["out.jsonl"] = FormatResult({}, 1, request, choices) + "\n" +
                             FormatError(2, {}, error) + "\n" + FormatError(5, hostile, error) +
                             "\n";
  int advances = 0;
  const absl::StatusOr<RefusalSummary> read =
      ReadErrorLines(files, "out.jsonl", [&] { ++advances; });
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->lines(), 2);
  EXPECT_EQ(advances, 3);
  const std::vector<RefusalReason> reasons = read->TopReasons(9);
  ASSERT_THAT(reasons, SizeIs(1));
  EXPECT_EQ(reasons[0].example.message, "'n' is wrong");
  EXPECT_EQ(reasons[0].example.code, "invalid_value");
  EXPECT_EQ(reasons[0].first_line, 2);
}

TEST(ErrorLines, WhatIsNoOutput) {
  MemoryFileSystem files;
  files.files["out.jsonl"] = "{\n";
  EXPECT_FALSE(ReadErrorLines(files, "out.jsonl", [] {}).ok());
  EXPECT_FALSE(ReadErrorLines(files, "nowhere.jsonl", [] {}).ok());
}

}  // namespace
}  // namespace octet
