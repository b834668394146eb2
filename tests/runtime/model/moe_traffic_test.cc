// What the communicator counts is what the routing makes necessary.

#include <gtest/gtest.h>

#include <mutex>
#include <set>

#include "tests/support/demo_model.h"
#include "tests/support/local_ranks.h"
#include "tests/support/rank_model.h"

namespace octet {
namespace {

struct Case {
  int ranks;
  const char* placement;
  DType dtype;
};

struct PayloadBytes {
  int64_t dispatch = 0;
  int64_t combine = 0;
};

// For tokens whose home is `home`: each distinct other rank reads the row once, and gives back one
// float32 row, or one for each slot where it has only some of them.
PayloadBytes Necessary(const Routing& routing, const ExpertPlacement& placement, int layer,
                       int home, int64_t hidden, DType dtype) {
  PayloadBytes bytes;
  for (int64_t t = 0; t < routing.num_tokens; ++t) {
    std::multiset<int32_t> owners;
    for (int slot = 0; slot < routing.topk; ++slot) {
      owners.insert(placement.ranks(layer, routing.topk_idx[t * routing.topk + slot])[0]);
    }
    for (const int32_t owner : std::set<int32_t>(owners.begin(), owners.end())) {
      if (owner == home) continue;
      const auto slots = static_cast<int>(owners.count(owner));
      bytes.dispatch += hidden * static_cast<int64_t>(SizeOf(dtype));
      bytes.combine += hidden * 4 * (slots == routing.topk ? 1 : slots);
    }
  }
  return bytes;
}

class MoeTrafficTest : public testing::TestWithParam<Case> {};

TEST_P(MoeTrafficTest, NothingIsSentTwiceOrWiderThanNeeded) {
  const Case c = GetParam();
  PosixFileSystem files;
  const ModelFiles model = OpenModelOrDie(files, kDemoModel);
  const ModelConfig& config = model.config;
  const auto placement =
      ExpertPlacement::Parse(c.placement, {config.num_layers, config.num_experts, c.ranks});
  std::mutex mutex;
  PayloadBytes necessary;
  PayloadBytes counted;
  RunLocalRanks(c.ranks, [&](Communicator& comm) {
    const auto add = [&](const RoutedTokens& tokens) {
      const PayloadBytes bytes = Necessary(tokens.routing, *placement, tokens.layer, comm.rank(),
                                           config.hidden_size, c.dtype);
      const std::lock_guard lock(mutex);
      necessary.dispatch += bytes.dispatch;
      necessary.combine += bytes.combine;
    };
    RankModel rank_model(comm, model, {.dtype = c.dtype, .placement = c.placement},
                         {.observe = add});
    // Uneven loads: rank r has 17 r tokens.
    std::vector<int32_t> tokens(17 * comm.rank());
    for (size_t i = 0; i < tokens.size(); ++i) tokens[i] = static_cast<int32_t>(3 + i * 31 % 2000);
    rank_model.Logits(tokens, 50, 4);
    const std::lock_guard lock(mutex);
    counted.dispatch += comm.bytes_read_in_place(Traffic::kDispatch);
    counted.combine += comm.bytes_read_in_place(Traffic::kCombine);
    EXPECT_EQ(comm.bytes_sent(Traffic::kDispatch), 0) << "they are on one host";
  });
  EXPECT_GT(counted.dispatch, 0);
  EXPECT_EQ(counted.dispatch, necessary.dispatch);
  EXPECT_EQ(counted.combine, necessary.combine);
}

INSTANTIATE_TEST_SUITE_P(Placements, MoeTrafficTest,
                         testing::Values(Case{2, "random:1", DType::kBF16},
                                         Case{3, "random:2", DType::kF32},
                                         Case{5, "random:3", DType::kBF16},
                                         Case{8, "contiguous", DType::kBF16},
                                         Case{11, "random:4", DType::kBF16}));

}  // namespace
}  // namespace octet
