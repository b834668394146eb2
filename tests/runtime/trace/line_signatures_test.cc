#include "runtime/trace/line_signatures.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/memory_file_system.h"
#include "tests/support/tiny_trace.h"

namespace octet {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

LineSignatures Read(std::vector<StepRouting> steps) {
  MemoryFileSystem files;
  WriteTinyTrace(files, "t.zst", std::move(steps));
  absl::StatusOr<LineSignatures> signatures = LineSignatures::Read(files, "t.zst");
  EXPECT_TRUE(signatures.ok()) << signatures.status();
  return *std::move(signatures);
}

TEST(LineSignatures, CountTheExpertsOfALinesTokensByLayer) {
  const LineSignatures signatures =
      Read({TinyStep(0, {{.line = 2, .position = 0, .experts = std::string("\1\3\0\2", 4)},
                         {.line = 7, .position = 0}}),
            TinyStep(1, {{.line = 2, .position = 1, .experts = std::string("\1\0\2\3", 4)}}, 1)});
  EXPECT_EQ(signatures.num_lines(), 2);
  EXPECT_EQ(signatures.num_layers(), 2);
  EXPECT_EQ(signatures.num_experts(), 4);
  EXPECT_EQ(signatures.model(), "tiny");
  EXPECT_THAT(signatures.Find(2), ElementsAre(1, 2, 0, 1, 1, 0, 2, 1));
  EXPECT_THAT(signatures.Find(7), ElementsAre(1, 1, 0, 0, 0, 0, 1, 1));
  EXPECT_THAT(signatures.Find(1), IsEmpty());
}

TEST(LineSignatures, OnlyTheFirstTokensOfChoice0Count) {
  std::vector<TinyToken> tokens(80);
  for (int i = 0; i < 80; ++i) tokens[i] = {.line = 3, .choice = i / 40, .position = i % 40};
  tokens.push_back({.line = 5, .choice = 1});
  tokens.push_back({.line = 6, .position = 32});
  const LineSignatures signatures = Read({TinyStep(0, tokens)});
  EXPECT_THAT(signatures.Find(3), ElementsAre(32, 32, 0, 0, 0, 0, 32, 32));
  EXPECT_THAT(signatures.Find(5), IsEmpty());
  EXPECT_THAT(signatures.Find(6), IsEmpty());
}

// After a preemption, or in another attempt.
TEST(LineSignatures, ATokenThatWasComputedAgainCountsOnce) {
  const LineSignatures signatures = Read({TinyStep(0, {{}}), TinyStep(9, {{}}, 1)});
  EXPECT_THAT(signatures.Find(1), ElementsAre(1, 1, 0, 0, 0, 0, 1, 1));
}

TEST(LineSignatures, FoundTokensAreThoseOfAnotherLine) {
  const std::string experts("\3\1\1\3", 4);
  StepRouting step = TinyStep(1, {{.line = 5, .position = 1}, {.line = 6, .position = 2}});
  AddFound(step, 5, 1, 4);
  AddFound(step, 6, 2, 4);  // of which line 4 has one
  const LineSignatures signatures = Read({TinyStep(0, {{.line = 4, .experts = experts}}), step});
  EXPECT_THAT(signatures.Find(4), ElementsAre(0, 1, 0, 1, 0, 1, 0, 1));
  EXPECT_THAT(signatures.Find(5), ElementsAre(1, 2, 0, 1, 0, 1, 1, 2));
  EXPECT_THAT(signatures.Find(6), ElementsAre(1, 1, 0, 0, 0, 0, 1, 1));
}

// A chunk of a prompt may begin before the 32nd position and end after it.
TEST(LineSignatures, ARunOfTokensIsCut) {
  StepRouting step = TinyStep(0, {});
  TokenRun& run = *step.add_runs();
  run.set_line(4);
  run.set_first_position(30);
  run.set_num_tokens(5);
  for (int i = 0; i < 5; ++i) *step.mutable_experts() += std::string("\0\1\2\3", 4);
  step.mutable_weights()->resize(5 * 4 * 2);
  const LineSignatures signatures = Read({step});
  EXPECT_THAT(signatures.Find(4), ElementsAre(2, 2, 0, 0, 0, 0, 2, 2));
}

// Bytes without a whole block count as the torn end of a trace.
TEST(LineSignatures, AFileWithoutBlocksHasNoLines) {
  MemoryFileSystem files;
  files.files["x.zst"] = "nothing of the kind";
  EXPECT_EQ(LineSignatures::Read(files, "x.zst")->num_lines(), 0);
  EXPECT_THAT(std::string(LineSignatures::Read(files, "y.zst").status().message()),
              HasSubstr("y.zst"));
}

}  // namespace
}  // namespace octet
