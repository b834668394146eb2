#include "runtime/trace/traced_counts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/memory_file_system.h"
#include "tests/support/tiny_trace.h"

namespace octet {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::string Chosen(std::initializer_list<int> experts) { return {experts.begin(), experts.end()}; }

// Two steps of rank 0, in the second also one token of rank 1; then a step without tokens.
std::vector<StepRouting> Steps() {
  return {TinyStep(0, {{.experts = Chosen({0, 1, 2, 3})}, {.experts = Chosen({1, 0, 2, 0})}}),
          TinyStep(0, {}, 1),
          TinyStep(1, {{.experts = Chosen({3, 1, 0, 1})}}),
          TinyStep(1, {{.experts = Chosen({3, 2, 1, 0})}}, 1),
          TinyStep(2, {}),
          TinyStep(2, {}, 1)};
}

TEST(TracedCounts, OfAWholeTrace) {
  MemoryFileSystem files;
  WriteTinyTrace(files, "t.zst", Steps());
  const auto counts = ReadTracedCounts(files, "t.zst");
  ASSERT_TRUE(counts.ok()) << counts.status();
  ASSERT_EQ(counts->layers.size(), 2U);
  const LayerCounts& layer = counts->layers[0];
  EXPECT_THAT(layer.steps, ElementsAre(2, 2, 0, 0, 0, 1, 1, 2));
  EXPECT_THAT(layer.total, ElementsAre(2, 3, 1, 2));
  EXPECT_THAT(layer.sets.experts, ElementsAre(0, 1, 1, 3, 2, 3));
  EXPECT_THAT(layer.sets.tokens, ElementsAre(2, 1, 1));
  EXPECT_THAT(counts->layers[1].total, ElementsAre(3, 2, 2, 1));
  EXPECT_EQ(counts->row_bytes, 16);
  EXPECT_EQ(counts->return_bytes, 32);
}

TEST(TracedCounts, OfTwoHalves) {
  MemoryFileSystem files;
  WriteTinyTrace(files, "t.zst", Steps());
  const auto halves = ReadHalvedCounts(files, "t.zst");
  ASSERT_TRUE(halves.ok()) << halves.status();
  EXPECT_THAT(halves->first.layers[0].steps, ElementsAre(2, 2, 0, 0));
  EXPECT_THAT(halves->first.layers[0].sets.tokens, ElementsAre(2));
  EXPECT_THAT(halves->second.layers[0].steps, ElementsAre(0, 1, 1, 2));
}

TEST(TracedCounts, SetsOfOtherThanTwoExpertsAreAPartOfThem) {
  MemoryFileSystem files;
  TraceHeader header = TinyHeader();
  header.set_top_k(1);
  TraceWriter writer(*files.CreateOutput("t.zst"));
  writer.AddHeader(header);
  constexpr int kTokens = 10'000;
  StepRouting step = TinyStep(0, {});
  for (int i = 0; i < kTokens; ++i) {
    TokenRun& run = *step.add_runs();
    run.set_first_position(i);
    run.set_num_tokens(1);
    *step.mutable_experts() += Chosen({i % 4 == 0 ? 0 : 1, 2});
    *step.mutable_weights() += std::string(4, '\0');
  }
  ASSERT_TRUE(writer.AddStep(step).ok() && writer.EndBlock().ok() && writer.Close().ok());
  const auto counts = ReadTracedCounts(files, "t.zst");
  ASSERT_TRUE(counts.ok()) << counts.status();
  EXPECT_THAT(counts->layers[0].total, ElementsAre(kTokens / 4, 3 * kTokens / 4, 0, 0));
  EXPECT_GT(counts->layers[0].sets.num_sets(), 2000);
  EXPECT_LE(counts->layers[0].sets.num_sets(), 4096);
}

TEST(TracedCounts, WhatHasNoCountsIsRefused) {
  MemoryFileSystem files;
  WriteTinyTrace(files, "empty.zst", {TinyStep(0, {})});
  EXPECT_THAT(std::string(ReadTracedCounts(files, "empty.zst").status().message()),
              HasSubstr("empty.zst: has no tokens"));
  WriteTinyTrace(files, "one.zst", {TinyStep(0, {{}})});
  EXPECT_THAT(std::string(ReadHalvedCounts(files, "one.zst").status().message()),
              HasSubstr("one.zst: has one step"));
  EXPECT_FALSE(ReadTracedCounts(files, "none.zst").ok());
}

}  // namespace
}  // namespace octet
