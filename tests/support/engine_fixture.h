// Engines on ranks of this process, on the demo model.

#ifndef OCTET_TESTS_SUPPORT_ENGINE_FIXTURE_H_
#define OCTET_TESTS_SUPPORT_ENGINE_FIXTURE_H_

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/support/demo_model.h"
#include "tests/support/rank_model.h"

namespace octet::engine_runs {

inline constexpr int kMaxTokens = 128;  // of prompt and answer
inline constexpr int64_t kPages = 64;

inline std::vector<int32_t> PromptIds(int length, int first) {
  std::vector<int32_t> ids = {1};
  for (int i = 1; i < length; ++i) ids.push_back((first + 37 * i) % 2000 + 3);
  return ids;
}

// One token and several pages, greedy and drawn, with and without seed, logprobs and penalties.
inline std::vector<NewSequence> Requests() {
  std::vector<NewSequence> requests;
  const int lengths[] = {1, 5, 33, 70, 2, 31, 8};
  for (int i = 0; i < std::ssize(lengths); ++i) {
    requests.push_back(GreedyRequest(i, PromptIds(lengths[i], 100 * i), 3 + 2 * (i % 4)));
    SamplingParams& params = *requests.back().mutable_params();
    params.set_num_logprobs(i % 3 == 0 ? 3 : i % 3 - 2);
    params.set_temperature(i % 2 == 0 ? 0 : 0.5F + static_cast<float>(i) / 5);
    params.set_has_seed(i % 4 == 3);
    params.set_seed(i);
    params.set_ignore_eos(i != 4);
    if (i % 2 == 1) params.set_top_p(0.9F);
    if (i % 3 == 1) params.set_repetition_penalty(1.3F);
    if (i % 3 == 2) params.set_frequency_penalty(0.7F);
    if (i % 2 == 1) params.set_num_prompt_logprobs(i - 1);
    if (i == 3) params.add_stop("e");
  }
  return requests;
}

inline std::vector<std::string> Serialized(const std::vector<FinishedSequence>& finished) {
  std::vector<std::string> messages;
  for (const FinishedSequence& f : finished) messages.push_back(f.SerializeAsString());
  return messages;
}

struct Mode {
  int ranks;
  const char* placement;
  int threads;
  int64_t max_num_seqs;
  int64_t max_num_batched_tokens;
  int ep_size = 0;         // 0: all ranks
  int64_t pages = kPages;  // of each rank
  int64_t overlap_tokens = 0;
  int hosts = 1;
};

class EngineFixture : public testing::Test {
 protected:
  std::vector<FinishedSequence> Run(const Mode& mode, DType dtype,
                                    const std::vector<NewSequence>& requests) {
    const RankModelOptions options = {.dtype = dtype,
                                      .placement = mode.placement,
                                      .max_tokens = kMaxTokens,
                                      .threads = mode.threads,
                                      .ep_size = mode.ep_size,
                                      .hosts = mode.hosts};
    const SchedulerLimits limits = {.max_num_seqs = mode.max_num_seqs,
                                    .max_num_batched_tokens = mode.max_num_batched_tokens,
                                    .pages = {mode.pages},
                                    .overlap_tokens = mode.overlap_tokens};
    return RunEngine(mode.ranks, model_, options, limits, requests);
  }

  static constexpr Mode kPlain = {1, "contiguous", 1, 64, 2048};
  PosixFileSystem files_;
  ModelFiles model_ = OpenModelOrDie(files_, kDemoModel);
};

}  // namespace octet::engine_runs

#endif  // OCTET_TESTS_SUPPORT_ENGINE_FIXTURE_H_
