// Experts that move while an engine runs: no answer changes.

#include <absl/strings/str_cat.h>
#include <gmock/gmock.h>

#include <algorithm>
#include <numeric>

#include "parallel/placement/balanced_placement.h"
#include "tests/support/engine_fixture.h"
#include "tests/support/sanitized.h"

namespace octet::engine_runs {
namespace {

using testing::Each;
using testing::HasSubstr;

constexpr int64_t kManyPairs = 1000;

class LiveMovesTest : public EngineFixture {
 protected:
  PlacementShape ShapeFor(int num_ranks) const {
    return {model_.config.num_layers, model_.config.num_experts, num_ranks};
  }

  ExpertPlacement Placed(const std::string& name, int num_ranks) const {
    return ExpertPlacement::Parse(name, ShapeFor(num_ranks)).value();
  }

  // Answers while `options` move experts.
  std::vector<std::string> Answers(const Mode& mode, RankModelOptions options,
                                   std::vector<std::string>* notes = nullptr) {
    options.placement = mode.placement;
    options.max_tokens = kMaxTokens;
    options.ep_size = mode.ep_size;
    options.hosts = mode.hosts;
    const SchedulerLimits limits = {.max_num_seqs = mode.max_num_seqs,
                                    .max_num_batched_tokens = mode.max_num_batched_tokens,
                                    .pages = {mode.pages},
                                    .overlap_tokens = mode.overlap_tokens};
    return Serialized(RunEngine(mode.ranks, model_, options, limits, Requests(), notes));
  }

  // Other placements all the time, with and without replicas; sets `layers` to how often a layer's
  // experts had moved.
  RankModelOptions MovingAlways(int num_ranks, int& layers) const {
    RankModelOptions options;
    options.rebalance.rooms.assign(num_ranks, kManyPairs);
    options.before_step = [this, num_ranks, &layers](Engine& engine, int step) {
      if (step == 0) {
        layers = 0;
        engine.SetOnPlacement([&layers](const ExpertPlacement&) { ++layers; });
      }
      const ExpertPlacement base = Placed(absl::StrCat("random:", 1 + step / 2), num_ranks);
      const ExpertCounts alike(base.num_layers(), std::vector<int64_t>(base.num_experts(), 1));
      engine.MoveExperts(step % 4 < 2 ? base : AddReplicas(base, alike, 3));
    };
    return options;
  }
};

TEST_F(LiveMovesTest, TheSameBytesWhileExpertsMove) {
  const std::vector<std::string> expected = Serialized(Run(kPlain, DType::kF32, Requests()));
  const Mode modes[] = {
      {.ranks = 2,
       .placement = "contiguous",
       .threads = 1,
       .max_num_seqs = 64,
       .max_num_batched_tokens = 16},
      {.ranks = 3,
       .placement = "round-robin",
       .threads = 1,
       .max_num_seqs = 3,
       .max_num_batched_tokens = 40,
       .overlap_tokens = 2,
       .hosts = 2},
      {.ranks = 4,
       .placement = "random:9",
       .threads = 1,
       .max_num_seqs = 64,
       .max_num_batched_tokens = 8,
       .ep_size = 2},
  };
  for (const Mode& mode : modes) {
    if (kSanitized && mode.ranks != 3) continue;
    int layers = 0;
    const int group_size = mode.ep_size > 0 ? mode.ep_size : mode.ranks;
    EXPECT_EQ(Answers(mode, MovingAlways(group_size, layers)), expected) << mode.ranks << " ranks";
    EXPECT_GE(layers, model_.config.num_layers) << mode.ranks << " ranks";
  }
}

TEST_F(LiveMovesTest, PlacesExpertsAnewByWhatTheyComputed) {
  const Mode mode = {2, "contiguous", 1, 64, 16};
  const std::vector<std::string> expected = Serialized(Run(kPlain, DType::kF32, Requests()));
  std::vector<ExpertCounts> seen;
  RankModelOptions options;
  options.rebalance = {.every = 3,
                       .place =
                           [&](const ExpertCounts& counts) {
                             seen.push_back(counts);
                             return PlaceByPartition(ShapeFor(2), counts);
                           },
                       .rooms = {kManyPairs, kManyPairs}};
  int layers = 0;
  options.before_step = [&layers](Engine& engine, int step) {
    if (step == 0) engine.SetOnPlacement([&layers](const ExpertPlacement&) { ++layers; });
  };
  EXPECT_EQ(Answers(mode, options), expected);
  EXPECT_GE(layers, 1);
  ASSERT_GE(seen.size(), 2U);
  for (const ExpertCounts& counts : seen) {
    std::vector<int64_t>
        sums;  // of each layer, through which the same tokens went but for the last
    for (const auto& layer : counts) sums.push_back(std::reduce(layer.begin(), layer.end()));
    EXPECT_THAT(std::span(sums).first(sums.size() - 1), Each(sums.front()));
    EXPECT_GT(sums.back(), 0);
    EXPECT_LE(sums.back(), sums.front());
    for (const int64_t sum : sums) EXPECT_EQ(sum % model_.config.experts_per_token, 0);
  }
}

// The first rank has nothing, and room for nothing.
TEST_F(LiveMovesTest, WhereARankHasNoRoomExpertsStay) {
  const Mode mode = {2, "contiguous", 1, 64, 16};
  RankModelOptions options;
  options.rebalance.rooms = {12, 12};
  std::string last;
  options.before_step = [&](Engine& engine, int step) {
    engine.SetOnPlacement([&](const ExpertPlacement& p) { last = p.ToString(); });
    if (step == 1) engine.MoveExperts(Placed("round-robin", 2));
  };
  std::vector<std::string> notes;
  EXPECT_EQ(Answers(mode, options, &notes), Serialized(Run(kPlain, DType::kF32, Requests())));
  EXPECT_EQ(last, "");
  ASSERT_EQ(notes.size(), 1U);
  EXPECT_THAT(notes[0], HasSubstr("the experts of 3 layers stay where they are"));
}

}  // namespace
}  // namespace octet::engine_runs
