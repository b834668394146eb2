// Engines with a prefix cache give the bytes of engines without.

#include <random>

#include "tests/support/engine_fixture.h"
#include "tests/support/local_ranks.h"

namespace octet::engine_runs {
namespace {

// Requests whose prompts begin with the tokens of few others, so that whole pages, parts of pages
// and single tokens are shared; greedy and drawn, some with the logprobs of their prompts.
std::vector<NewSequence> SharingRequests(uint32_t seed, int count) {
  std::mt19937 random(seed);
  const auto draw = [&](int least, int most) {
    return least + static_cast<int>(random() % (most - least + 1));
  };
  std::vector<NewSequence> requests;
  for (int id = 0; id < count; ++id) {
    std::vector<int32_t> prompt = PromptIds(draw(1, 90), 1000 * draw(0, 1));
    const int own = draw(0, 3) == 0 ? 0 : draw(1, 20);
    for (int i = 0; i < own; ++i) prompt.push_back(draw(3, 1999));
    NewSequence request = GreedyRequest(id, prompt, draw(1, 15));
    SamplingParams& params = *request.mutable_params();
    if (draw(0, 1) == 0) params.set_temperature(0.9F);
    if (draw(0, 5) == 0) params.set_num_prompt_logprobs(draw(0, 2));
    if (draw(0, 3) == 0) params.set_repetition_penalty(1.2F);
    requests.push_back(request);
  }
  return requests;
}

class PrefixCacheTest : public EngineFixture {
 protected:
  std::vector<std::string> RunCached(const Mode& mode, DType dtype, bool prefix_cache,
                                     const std::vector<NewSequence>& requests,
                                     bool routed_experts = false) {
    const RankModelOptions options = {.dtype = dtype,
                                      .placement = mode.placement,
                                      .max_tokens = kMaxTokens,
                                      .threads = mode.threads,
                                      .ep_size = mode.ep_size,
                                      .hosts = mode.hosts,
                                      .return_routed_experts = routed_experts};
    const SchedulerLimits limits = {.max_num_seqs = mode.max_num_seqs,
                                    .max_num_batched_tokens = mode.max_num_batched_tokens,
                                    .pages = {mode.pages},
                                    .overlap_tokens = mode.overlap_tokens,
                                    .prefix_cache = prefix_cache};
    SchedulerStats stats;
    const auto finished = RunEngine(mode.ranks, model_, options, limits, requests, nullptr, &stats);
    found_ += stats.found_tokens;
    preemptions_ += stats.preemptions;
    return Serialized(finished);
  }

  int64_t found_ = 0;  // tokens
  int64_t preemptions_ = 0;
};

constexpr Mode kCachedModes[] = {
    {1, "contiguous", 1, 64, 2048},
    {1, "contiguous", 3, 5, 40},
    {1, "contiguous", 1, 64, 100, 0, 6},  // few pages: eviction and preemption
    {2, "round-robin", 1, 64, 64},
    {2, "random:1", 1, 8, 2048, 1, 5},
    {2, "contiguous", 1, 64, 100, 0, kPages, 1},
    {3, "random:2", 1, 64, 30, 0, 4},
    {3, "round-robin", 1, 6, 7, 0, 5, 4, 2},
    {4, "random:3", 1, 64, 200, 2, 5, 1},
    {4, "contiguous", 1, 64, 2048, 0, kPages, 0, 2},
};

TEST_F(PrefixCacheTest, TheSameBytesWithAndWithoutInEveryMode) {
  uint32_t seed = 0;
  for (const Mode& mode : kCachedModes) {
    for (const DType dtype : {DType::kF32, DType::kBF16}) {
      const std::vector<NewSequence> requests = SharingRequests(seed++, 24);
      const auto expected = RunCached(kPlain, dtype, false, requests);
      EXPECT_EQ(RunCached(mode, dtype, true, requests), expected)
          << mode.ranks << " ranks, " << mode.placement << ", " << mode.max_num_seqs
          << " sequences, " << mode.max_num_batched_tokens << " tokens, " << mode.pages << " pages";
    }
  }
  EXPECT_GT(found_, 3000);
  EXPECT_GT(preemptions_, 10);
}

TEST_F(PrefixCacheTest, TheSameRoutedExperts) {
  const std::vector<NewSequence> requests = SharingRequests(7, 24);
  const auto expected = RunCached(kPlain, DType::kF32, false, requests, true);
  EXPECT_EQ(RunCached(kPlain, DType::kF32, true, requests, true), expected);
  EXPECT_EQ(RunCached({3, "random:2", 1, 64, 30, 0, 4}, DType::kF32, true, requests, true),
            expected);
  EXPECT_GT(found_, 300);
}

// What is taken from a page does not depend on how it was computed: alone or in chunks.
TEST_F(PrefixCacheTest, LaterRequestsFindWhatEarlierOnesLeft) {
  std::vector<NewSequence> requests;
  for (int id = 0; id < 6; ++id) {
    requests.push_back(GreedyRequest(id, PromptIds(70 + id % 3, 5), 20));
    requests.back().mutable_params()->set_temperature(id < 3 ? 0 : 1);
  }
  const auto expected = RunCached(kPlain, DType::kBF16, false, requests);
  for (const int64_t tokens : {9, 33, 2048}) {
    found_ = 0;
    EXPECT_EQ(RunCached({1, "contiguous", 1, 1, tokens}, DType::kBF16, true, requests), expected);
    EXPECT_EQ(found_, 70 + 71 + 69 + 70 + 71) << "all but their last tokens";
  }
}

// Why pages can be shared: a token's keys and values don't depend on the chunk it was computed in.
TEST_F(PrefixCacheTest, PagesHaveTheSameBytesHoweverTheyWereComputed) {
  const std::vector<int32_t> prompt = PromptIds(75, 3);
  for (const DType dtype : {DType::kF32, DType::kBF16}) {
    const auto pages = [&](int64_t chunk) {
      std::string bytes;
      RunLocalRanks(1, [&](Communicator& comm) {
        RankModel model(comm, model_, {.dtype = dtype, .max_tokens = kMaxTokens});
        model.Logits(prompt, chunk, (std::ssize(prompt) + chunk - 1) / chunk);
        for (int l = 0; l < model_.config.num_layers; ++l) {
          const KvBlocks blocks = model.kv_cache().layer(l);
          bytes.append(reinterpret_cast<const char*>(blocks.pages),
                       blocks.page_bytes * model.kv_cache().num_pages());
        }
      });
      return bytes;
    };
    const std::string expected = pages(75);
    for (const int64_t chunk : {1, 7, 32, 50}) EXPECT_TRUE(pages(chunk) == expected) << chunk;
  }
}

}  // namespace
}  // namespace octet::engine_runs
