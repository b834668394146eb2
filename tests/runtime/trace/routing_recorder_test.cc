// What an engine records of its steps: the same routing on any ranks, and every byte that was sent.

#include "runtime/trace/routing_recorder.h"

#include <gtest/gtest.h>

#include <map>
#include <tuple>

#include "kernels/base/dtype.h"
#include "tests/support/demo_model.h"
#include "tests/support/rank_model.h"

namespace octet {
namespace {

struct Mode {
  int ranks;
  const char* placement;
  int64_t max_num_batched_tokens = 64;
  int hosts = 1;
  int ep_size = 0;     // 0: all ranks
  int64_t pages = 64;  // of each rank
  int64_t overlap_tokens = 0;
};

constexpr Mode kModes[] = {
    {1, "contiguous", 7},
    {2, "round-robin"},
    {3, "random:1", 2048, 2},
    {5, "random:2", 64, 3},
    {4, "random:3", 30, 2, 2},          // groups
    {2, "contiguous", 64, 1, 0, 4},     // preemption
    {3, "random:4", 64, 2, 0, 64, 1},   // micro-batches
    {4, "round-robin", 30, 2, 2, 4, 1}  // all of it
};

std::vector<NewSequence> Requests() {
  std::vector<NewSequence> requests;
  for (int i = 0; i < 6; ++i) {
    std::vector<int32_t> prompt = {1};
    for (int t = 0; t < 11 * i; ++t) prompt.push_back(3 + (i * 91 + t * 37) % 2000);
    requests.push_back(GreedyRequest(i, prompt, 2 + 3 * (i % 3)));
    requests.back().set_line(1 + i / 2);
    requests.back().set_choice(i % 2);
  }
  return requests;
}

// Experts and gate weights of a token, in all layers.
using TokenRouting = std::pair<std::string, std::string>;
using TokenKey = std::tuple<int64_t, int32_t, int32_t>;  // line, choice, position

class RoutingRecorderTest : public testing::Test {
 protected:
  std::vector<FinishedSequence> Run(const Mode& mode, Engine::OnRouting on_routing) {
    const RankModelOptions options = {.placement = mode.placement,
                                      .max_tokens = 128,
                                      .ep_size = mode.ep_size,
                                      .hosts = mode.hosts,
                                      .on_routing = std::move(on_routing)};
    return RunEngine(mode.ranks, model_, options,
                     {.max_num_batched_tokens = mode.max_num_batched_tokens,
                      .pages = {mode.pages},
                      .overlap_tokens = mode.overlap_tokens},
                     Requests());
  }

  std::vector<StepRouting> Record(const Mode& mode) {
    std::vector<StepRouting> steps;
    const auto finished = Run(mode, [&](StepRouting& step) { steps.push_back(step); });
    EXPECT_EQ(finished.size(), Requests().size());
    return steps;
  }

  std::map<TokenKey, TokenRouting> ByToken(const std::vector<StepRouting>& steps) {
    const size_t slots = model_.config.num_layers * model_.config.experts_per_token;
    std::map<TokenKey, TokenRouting> tokens;
    for (const StepRouting& step : steps) {
      size_t row = 0;
      for (const TokenRun& run : step.runs()) {
        for (int i = 0; i < run.num_tokens(); ++i, ++row) {
          tokens[{run.line(), run.choice(), run.first_position() + i}] = {
              step.experts().substr(row * slots, slots),
              step.weights().substr(2 * row * slots, 2 * slots)};
        }
      }
      EXPECT_EQ(step.experts().size(), row * slots);
      EXPECT_EQ(step.weights().size(), 2 * row * slots);
    }
    return tokens;
  }

  PosixFileSystem files_;
  const ModelFiles model_ = OpenModelOrDie(files_, kDemoModel);
};

TEST_F(RoutingRecorderTest, ATokensRoutingIsTheSameOnAnyRanks) {
  const std::map<TokenKey, TokenRouting> expected = ByToken(Record({1, "contiguous", 2048}));
  size_t num_tokens = 0;
  for (const NewSequence& r : Requests()) {
    num_tokens += r.prompt_ids_size() + r.params().max_tokens() - 1;  // the last is not computed
  }
  EXPECT_EQ(expected.size(), num_tokens);
  for (const Mode& mode : kModes) {
    EXPECT_EQ(ByToken(Record(mode)), expected) << mode.ranks << " ranks, " << mode.placement;
  }
}

TEST_F(RoutingRecorderTest, AnswersAreTheSameBytes) {
  for (const Mode& mode : kModes) {
    const auto with = Run(mode, [](StepRouting&) {});
    const auto without = Run(mode, nullptr);
    ASSERT_EQ(with.size(), without.size());
    for (size_t i = 0; i < with.size(); ++i) {
      EXPECT_EQ(with[i].SerializeAsString(), without[i].SerializeAsString());
    }
  }
}

TEST_F(RoutingRecorderTest, ExpertsAreBestFirstWithTheirWeights) {
  for (const auto& [key, token] : ByToken(Record({1, "contiguous"}))) {
    const std::string& experts = token.first;
    const std::string& weights = token.second;
    for (size_t slot = 0; slot < experts.size(); slot += 2) {
      const auto weight = [&](size_t s) {
        uint16_t half = 0;
        std::memcpy(&half, weights.data() + 2 * s, sizeof(half));
        return HalfToFloat(half);
      };
      EXPECT_NE(experts[slot], experts[slot + 1]);
      EXPECT_GE(weight(slot), weight(slot + 1));
      EXPECT_NEAR(weight(slot) + weight(slot + 1), 1, 1e-3);
    }
  }
}

// Step by step and rank by rank.
TEST_F(RoutingRecorderTest, RowsAreWhatCommunicatorsCounted) {
  const int64_t row = model_.config.hidden_size * 4;  // float32 both ways
  for (const Mode& mode : kModes) {
    std::map<int64_t, std::vector<StepRouting>> by_step;
    for (StepRouting& step : Record(mode)) by_step[step.step()].push_back(std::move(step));
    int64_t all_bytes = 0;
    for (const auto& [number, ranks] : by_step) {
      ASSERT_EQ(std::ssize(ranks), mode.ranks);
      std::vector<CountedBytes> expected(mode.ranks);
      for (int r = 0; r < mode.ranks; ++r) {
        ASSERT_EQ(ranks[r].rank(), r);
        CountedBytes& mine = expected[r];
        for (const PeerRows& peer : ranks[r].peers()) {
          mine.set_dispatch_in_place(mine.dispatch_in_place() + row * peer.rows_in_place());
          mine.set_dispatch_sent(mine.dispatch_sent() + row * peer.rows_sent());
          mine.set_routing_sent(mine.routing_sent() + peer.letter_bytes());
          CountedBytes& its = expected[peer.rank()];
          its.set_combine_in_place(its.combine_in_place() + row * peer.returns_in_place());
          its.set_combine_sent(its.combine_sent() + row * peer.returns_sent());
        }
      }
      for (int r = 0; r < mode.ranks; ++r) {
        EXPECT_EQ(ranks[r].counted().ShortDebugString(), expected[r].ShortDebugString())
            << "step " << number << ", rank " << r << " of " << mode.ranks;
        all_bytes += expected[r].dispatch_in_place() + expected[r].dispatch_sent();
      }
    }
    EXPECT_EQ(all_bytes > 0, mode.ranks > 1);
  }
}

TEST_F(RoutingRecorderTest, ExpertTokensAreThoseOfTheRouting) {
  for (const Mode& mode : kModes) {
    const std::vector<StepRouting> steps = Record(mode);
    std::map<int64_t, int64_t> pairs, computed;  // by step
    for (const StepRouting& step : steps) {
      pairs[step.step()] += std::ssize(step.experts());
      for (const int32_t n : step.expert_tokens()) computed[step.step()] += n;
      ASSERT_EQ(step.seconds_size(), kNumTimes);
      for (const float seconds : step.seconds()) EXPECT_GE(seconds, 0);
    }
    EXPECT_EQ(pairs, computed);
  }
}

}  // namespace
}  // namespace octet
