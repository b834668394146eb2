// Experts that another than the router chose.

#include <map>

#include "tests/support/engine_fixture.h"

namespace octet::engine_runs {
namespace {

// By (line, position): the experts of all layers.
using TokenExperts = std::map<std::pair<int64_t, int64_t>, std::string>;

int32_t ExpertOf(int layer, int64_t line, int64_t position, int slot) {
  return static_cast<int32_t>((3 * line + position + 2 * layer + slot) % 8);
}

void Override(int layer, const Batch& batch, Routing& routing) {
  ASSERT_EQ(batch.lines.size(), batch.spans.size());
  for (size_t run = 0; run < batch.spans.size(); ++run) {
    const SequenceSpan& span = batch.spans[run];
    for (int64_t row = span.first_row; row < span.first_row + span.num_rows; ++row) {
      for (int slot = 0; slot < routing.topk; ++slot) {
        routing.topk_idx[row * routing.topk + slot] =
            ExpertOf(layer, batch.lines[run], batch.positions[row], slot);
      }
    }
  }
}

void Keep(const StepRouting& step, size_t slots, TokenExperts& experts) {
  size_t from = 0;
  for (const TokenRun& run : step.runs()) {
    for (int i = 0; i < run.num_tokens(); ++i) {
      experts[{run.line(), run.first_position() + i}] = step.experts().substr(from, slots);
      from += slots;
    }
  }
}

TEST(ExpertOverrideTest, TokensGoWhereTheyAreSentInEveryMode) {
  constexpr size_t kSlots = size_t{3} * 2;
  PosixFileSystem files;
  const ModelFiles model = OpenModelOrDie(files, kDemoModel);
  const std::vector<NewSequence> requests = Requests();
  const auto run = [&](int ranks, const std::string& placement, SchedulerLimits limits,
                       TokenExperts& experts) {
    limits.pages = {limits.pages.empty() ? kPages : limits.pages[0]};
    return Serialized(
        RunEngine(ranks, model,
                  {.placement = placement,
                   .max_tokens = kMaxTokens,
                   .on_routing = [&](StepRouting& step) { Keep(step, kSlots, experts); },
                   .override_experts = Override},
                  limits, requests));
  };
  TokenExperts experts;
  const auto expected = run(1, "contiguous", {}, experts);
  TokenExperts others;
  EXPECT_EQ(run(2, "random:3", {.max_num_batched_tokens = 20}, others), expected);
  EXPECT_EQ(run(3, "round-robin", {.pages = {4}, .overlap_tokens = 1}, others), expected);
  EXPECT_EQ(others, experts);
  EXPECT_GT(experts.size(), 150U);
  for (const auto& [token, chosen] : experts) {
    for (size_t i = 0; i < kSlots; ++i) {
      const auto slot = static_cast<int>(i % 2);
      EXPECT_EQ(chosen[i], ExpertOf(static_cast<int>(i / 2), token.first, token.second, slot));
    }
  }
  const auto routed =
      Serialized(RunEngine(1, model, {.max_tokens = kMaxTokens}, {.pages = {kPages}}, requests));
  EXPECT_NE(routed, expected);
}

}  // namespace
}  // namespace octet::engine_runs
