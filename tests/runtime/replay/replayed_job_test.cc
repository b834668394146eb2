// The steps of a replayed job.

#include "runtime/replay/replayed_job.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>

namespace octet {
namespace {

using testing::HasSubstr;

// Answers of these prompts and lengths.
TokenTable TableOf(const std::vector<std::pair<int64_t, int64_t>>& answers) {
  TokenTable table;
  table.num_layers = 1;
  table.num_experts = 4;
  table.topk = 2;
  int64_t rows = 0;
  for (const auto& [prompt, tokens] : answers) {
    const int64_t line = std::ssize(table.answers) + 1;
    const int64_t computed = prompt + tokens - 1;
    table.answers.push_back({.line = line,
                             .choice = 0,
                             .first_row = rows,
                             .num_tokens = computed,
                             .prompt_tokens = prompt});
    rows += computed;
  }
  table.places.resize(rows);
  return table;
}

SchedulerLimits Limits(int ranks, int64_t tokens) {
  return {.max_num_seqs = 4,
          .max_num_batched_tokens = tokens,
          .pages = std::vector<int64_t>(ranks),
          .group_size = ranks};
}

TEST(ReplayedJob, ComputesEachTokenOnceAndSamplesEachAnswer) {
  const TokenTable table = TableOf({{5, 3}, {40, 1}, {1, 7}, {3, 2}, {9, 9}});
  for (const int ranks : {1, 2, 3}) {
    absl::StatusOr<ReplayedJob> job =
        ReplayedJob::Make(table, Limits(ranks, 16), HomePolicy::kLeastLoaded, 1);
    ASSERT_TRUE(job.ok()) << job.status();
    std::map<int64_t, int64_t> next, sampled;
    int64_t prompt_tokens = 0;
    while (const ReplayedStep* step = job->Next()) {
      prompt_tokens += step->counts.prompt_tokens;
      for (const auto& chunks : step->ranks) {
        for (const ReplayedChunk& chunk : chunks) {
          EXPECT_EQ(chunk.position, next[chunk.sequence]);
          EXPECT_EQ(job->RowOf(chunk.sequence, chunk.position),
                    table.answers[chunk.sequence].first_row + chunk.position);
          next[chunk.sequence] += chunk.num_tokens;
          sampled[chunk.sequence] += chunk.samples ? 1 : 0;
        }
      }
    }
    EXPECT_EQ(prompt_tokens, 58);
    for (int64_t s = 0; s < 5; ++s) {
      EXPECT_EQ(next[s], table.answers[s].num_tokens) << s;
      EXPECT_EQ(sampled[s], table.answers[s].num_tokens - table.answers[s].prompt_tokens + 1) << s;
    }
  }
}

TEST(ReplayedJob, CopiesChooseTheExpertsOfOtherAnswers) {
  const TokenTable table = TableOf({{5, 3}, {2, 1}});
  absl::StatusOr<ReplayedJob> job =
      ReplayedJob::Make(table, Limits(1, 64), HomePolicy::kLeastLoaded, 2);
  ASSERT_TRUE(job.ok());
  EXPECT_EQ(job->RowOf(2, 0), table.answers[1].first_row);
  EXPECT_EQ(job->RowOf(2, 3), table.answers[1].first_row + 1) << "position 3 of 2 tokens";
  EXPECT_EQ(job->RowOf(3, 1), table.answers[0].first_row + 1);
  std::set<int64_t> sequences;
  while (const ReplayedStep* step = job->Next()) {
    for (const ReplayedChunk& chunk : step->ranks[0]) sequences.insert(chunk.sequence);
  }
  EXPECT_EQ(sequences.size(), 4U);
}

TEST(ReplayedJob, PreemptedSequencesAreComputedAgain) {
  const TokenTable table = TableOf({{30, 70}, {30, 70}});
  SchedulerLimits limits = Limits(1, 64);
  limits.pages = {5};  // of 32 positions: one sequence needs 4
  absl::StatusOr<ReplayedJob> job = ReplayedJob::Make(table, limits, HomePolicy::kLeastLoaded, 1);
  ASSERT_TRUE(job.ok());
  int64_t tokens = 0;
  while (const ReplayedStep* step = job->Next()) {
    for (const ReplayedChunk& chunk : step->ranks[0]) tokens += chunk.num_tokens;
  }
  EXPECT_GT(tokens, 2 * 99);
  EXPECT_GE(job->most_pages(0), 4);
  EXPECT_LE(job->most_pages(0), 5);
}

// The second and the third answer begin with 40 tokens of the first one, on each rank once.
TEST(ReplayedJob, WhatWasFoundIsComputedOnceOnARank) {
  TokenTable table = TableOf({{50, 3}, {50, 3}, {50, 3}});
  for (int64_t row = 0; row < 3 * 52; ++row) {
    table.origins.push_back(row % 52 < 40 ? row % 52 : row);
  }
  const auto count = [&](bool prefix_cache, int copies) {
    SchedulerLimits limits = Limits(1, 64);
    limits.prefix_cache = prefix_cache;
    absl::StatusOr<ReplayedJob> job =
        ReplayedJob::Make(table, limits, HomePolicy::kLeastLoaded, copies);
    EXPECT_TRUE(job.ok()) << job.status();
    int64_t tokens = 0;
    while (const ReplayedStep* step = job->Next()) {
      for (const ReplayedChunk& chunk : step->ranks[0]) tokens += chunk.num_tokens;
    }
    return tokens;
  };
  EXPECT_EQ(count(false, 1), 3 * 52);
  EXPECT_EQ(count(true, 1), 3 * 52 - 2 * 40);
  EXPECT_EQ(count(true, 2), 2 * (3 * 52 - 2 * 40)) << "copies are other prompts";
}

TEST(ReplayedJob, SaysWhatCannotBeReplayed) {
  TokenTable table = TableOf({{5, 3}});
  SchedulerLimits limits = Limits(1, 64);
  table.answers[0].prompt_tokens = 0;
  EXPECT_THAT(ReplayedJob::Make(table, limits, HomePolicy::kLeastLoaded, 1).status().message(),
              HasSubstr("the prompt of line 1"));
  table = TableOf({{5, 300}});
  limits.pages = {2};
  EXPECT_THAT(ReplayedJob::Make(table, limits, HomePolicy::kLeastLoaded, 1).status().message(),
              HasSubstr("305 tokens has no room"));
}

}  // namespace
}  // namespace octet
