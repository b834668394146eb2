// Tokens of a trace, answer by answer, and the bytes of .npy files.

#include "runtime/trace/token_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "runtime/trace/line_signatures.h"
#include "runtime/trace/npy.h"
#include "runtime/trace/traced_attempt.h"
#include "runtime/trace/traced_counts.h"
#include "tests/support/memory_file_system.h"
#include "tests/support/tiny_trace.h"

namespace octet {
namespace {

using testing::ElementsAre;
using testing::ElementsAreArray;
using testing::HasSubstr;

TokenTable Read(MemoryFileSystem& files) {
  absl::StatusOr<TokenTable> table = ReadTokenTable(files, "t.zst");
  EXPECT_TRUE(table.ok()) << table.status();
  return *std::move(table);
}

TEST(TokenTable, IsByLineChoiceAndPosition) {
  MemoryFileSystem files;
  WriteTinyTrace(
      files, "t.zst",
      {TinyStep(0,
                {{.line = 2, .choice = 1, .experts = std::string("\3\2\1\0", 4)},
                 {.line = 1, .position = 0}},
                0),
       TinyStep(0, {{.line = 2, .choice = 0, .experts = std::string("\1\3\0\2", 4)}}, 1),
       TinyStep(1, {{.line = 1, .position = 1, .experts = std::string("\2\1\3\1", 4)}})});
  const TokenTable table = Read(files);
  EXPECT_EQ(table.num_layers, 2);
  EXPECT_EQ(table.topk, 2);
  ASSERT_EQ(table.answers.size(), 3U);
  EXPECT_EQ(table.answers[0].line, 1);
  EXPECT_EQ(table.answers[0].num_tokens, 2);
  EXPECT_EQ(table.answers[1].choice, 0);
  EXPECT_EQ(table.answers[1].first_row, 2);
  EXPECT_EQ(table.answers[2].choice, 1);
  EXPECT_THAT(table.experts, ElementsAreArray({0, 1, 2, 3, 2, 1, 3, 1, 1, 3, 0, 2, 3, 2, 1, 0}));
  const uint16_t most = FloatToHalf(0.75F);
  const uint16_t least = FloatToHalf(0.25F);
  EXPECT_EQ(table.weights.size(), 16U);
  EXPECT_THAT(std::vector(table.weights.begin(), table.weights.begin() + 4),
              ElementsAre(most, least, most, least));
  EXPECT_EQ(table.places[1].step, 1);
  EXPECT_EQ(table.places[2].rank, 1);
  EXPECT_EQ(table.places[2].attempt, 0);
}

// Computed again after a preemption, or by another attempt.
TEST(TokenTable, TheLastOfATokenCounts) {
  MemoryFileSystem files;
  const std::string again("\3\1\1\3", 4);
  WriteTinyTrace(files, "t.zst",
                 {TinyStep(0, {{.line = 1}}), TinyStep(4, {{.line = 1, .experts = again}}, 1)});
  const TokenTable table = Read(files);
  EXPECT_THAT(table.experts, ElementsAre(3, 1, 1, 3));
  EXPECT_EQ(table.places[0].step, 4);
  EXPECT_EQ(table.places[0].rank, 1);
}

// What was found counts as if it had been computed, also what was found in what was found.
TEST(TokenTable, HasTheTokensThatWereFound) {
  MemoryFileSystem files;
  const std::string experts("\3\1\1\3", 4);
  StepRouting second = TinyStep(1, {{.line = 1, .position = 1}}, 1);
  AddFound(second, 1, 1, 2);
  StepRouting third = TinyStep(2, {{.line = 3, .position = 2}}, 1);
  AddFound(third, 3, 2, 1);
  WriteTinyTrace(files, "t.zst",
                 {TinyStep(0, {{.line = 2, .experts = experts}}, 1), second, third});
  const TokenTable table = Read(files);
  ASSERT_EQ(table.answers.size(), 3U);
  EXPECT_EQ(table.answers[0].prompt_tokens, 2);
  EXPECT_EQ(table.answers[2].num_tokens, 3);
  EXPECT_EQ(table.answers[2].prompt_tokens, 3);
  // Rows: line 1 has 0 and 1, line 2 has 2, line 3 has 3 to 5.
  EXPECT_THAT(table.origins, ElementsAre(2, 1, 2, 2, 1, 5));
  for (const int row : {0, 2, 3}) {
    EXPECT_EQ(table.experts[4 * row], 3) << row;
    EXPECT_EQ(table.weights[4 * row], FloatToHalf(0.75F)) << row;
    EXPECT_EQ(table.places[row].step, 0) << row;
  }
  EXPECT_EQ(table.experts[4 * 4], 0);
}

TEST(TokenTable, AnAnswerThatThereIsNotLeavesAHole) {
  MemoryFileSystem files;
  StepRouting step = TinyStep(0, {{.line = 1, .position = 1}});
  AddFound(step, 1, 1, 7);
  WriteTinyTrace(files, "t.zst", {step});
  EXPECT_THAT(std::string(ReadTokenTable(files, "t.zst").status().message()),
              HasSubstr("lacks token 0 of line 1, choice 0"));
}

// No reader of traces takes another shape in the middle.
TEST(TraceReader, AHeaderOfAnotherShapeIsAnError) {
  MemoryFileSystem files;
  TraceHeader other = TinyHeader();
  other.set_top_k(1);
  TraceWriter writer(*files.CreateOutput("t.zst"));
  StepRouting step = TinyStep(0, {{.line = 1}});
  writer.AddHeader(TinyHeader());
  EXPECT_TRUE(writer.AddStep(step).ok());
  writer.AddHeader(other);
  EXPECT_TRUE(writer.EndBlock().ok());
  EXPECT_TRUE(writer.Close().ok());
  for (const absl::Status& status :
       {ReadTokenTable(files, "t.zst").status(), LineSignatures::Read(files, "t.zst").status(),
        ReadAttempts(files, "t.zst").status(), ReadTracedCounts(files, "t.zst").status()}) {
    EXPECT_EQ(status.message(), "t.zst: has traces of several models");
  }
}

TEST(TokenTable, AMissingTokenIsAnError) {
  MemoryFileSystem files;
  for (const int32_t position : {1, 7, 2'000'000'000}) {
    WriteTinyTrace(files, "t.zst", {TinyStep(0, {{.line = 3, .position = position}})});
    const auto table = ReadTokenTable(files, "t.zst");
    EXPECT_THAT(std::string(table.status().message()),
                HasSubstr("lacks token 0 of line 3, choice 0"));
  }
}

TEST(Npy, HeaderIsThatOfFormat1) {
  const std::string header = NpyHeader(kNpyInt16, std::vector<int64_t>{12, 4, 2});
  EXPECT_EQ(header.size() % 64, 0U);
  EXPECT_EQ(header.substr(0, 8), std::string("\x93NUMPY\1\0", 8));
  const size_t length = static_cast<uint8_t>(header[8]) + 256 * static_cast<uint8_t>(header[9]);
  EXPECT_EQ(length, header.size() - 10);
  EXPECT_THAT(header.substr(10), testing::StartsWith("{'descr': '<i2', 'fortran_order': False, "
                                                     "'shape': (12, 4, 2), }"));
  EXPECT_EQ(header.back(), '\n');
  EXPECT_THAT(NpyHeader(kNpyFloat16, std::vector<int64_t>{3}), HasSubstr("'shape': (3,), }"));
}

TEST(Half, RoundsToNearestEven) {
  EXPECT_EQ(FloatToHalf(0), 0);
  EXPECT_EQ(FloatToHalf(1), 0x3c00);
  EXPECT_EQ(FloatToHalf(-2), 0xc000);
  EXPECT_EQ(FloatToHalf(65504), 0x7bff);
  EXPECT_EQ(FloatToHalf(65519.996F), 0x7bff);
  EXPECT_EQ(FloatToHalf(65520), 0x7c00);
  EXPECT_EQ(FloatToHalf(1 + 0x1p-11F), 0x3c00) << "a tie goes to the even one";
  EXPECT_EQ(FloatToHalf(1 + 3 * 0x1p-11F), 0x3c02);
  EXPECT_EQ(FloatToHalf(0x1p-24F), 1);
  EXPECT_EQ(FloatToHalf(0x1p-25F), 0);
  EXPECT_EQ(FloatToHalf(3 * 0x1p-25F), 2);
  for (int half = 0; half < 0x7c00; ++half) {
    EXPECT_EQ(FloatToHalf(HalfToFloat(static_cast<uint16_t>(half))), half);
  }
}

}  // namespace
}  // namespace octet
