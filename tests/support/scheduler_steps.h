// Requests and limits for a scheduler, and what its steps have.

#ifndef OCTET_TESTS_SUPPORT_SCHEDULER_STEPS_H_
#define OCTET_TESTS_SUPPORT_SCHEDULER_STEPS_H_

#include <cstdint>
#include <utility>
#include <vector>

#include "runtime/engine/scheduler.h"

namespace octet::scheduler_steps {

inline constexpr int64_t kManyPages = 1000;

struct Limits {
  int num_ranks = 1;
  int64_t max_num_seqs = 64;
  int64_t max_num_batched_tokens = 2048;
  int64_t pages_per_rank = kManyPages;
  int group_size = 0;  // 0: all ranks
  int64_t decode_room = 0;
  bool prefix_cache = false;
  DraftLimits drafts = {};

  operator SchedulerLimits() const {  // NOLINT(google-explicit-constructor)
    return {.max_num_seqs = max_num_seqs,
            .max_num_batched_tokens = max_num_batched_tokens,
            .pages = std::vector<int64_t>(num_ranks, pages_per_rank),
            .group_size = group_size > 0 ? group_size : num_ranks,
            .prefix_cache = prefix_cache,
            .decode_room = decode_room,
            .drafts = drafts};
  }
};

inline NewSequence Request(int64_t id, int num_prompt, int max_tokens) {
  NewSequence request;
  request.set_id(id);
  for (int i = 0; i < num_prompt; ++i) request.add_prompt_ids(i);
  request.mutable_params()->set_max_tokens(max_tokens);
  request.mutable_params()->set_num_prompt_logprobs(-1);
  return request;
}

inline std::vector<int64_t> Admitted(const RankStep& step) {
  std::vector<int64_t> ids;
  for (const NewSequence& added : step.admit()) ids.push_back(added.id());
  return ids;
}

inline std::vector<std::pair<int64_t, int>> Chunks(const RankStep& step) {
  std::vector<std::pair<int64_t, int>> chunks;
  for (const Chunk& chunk : step.chunks()) chunks.emplace_back(chunk.id(), chunk.num_tokens());
  return chunks;
}

inline void Finish(Scheduler& scheduler, const std::vector<int64_t>& ids) {
  StepResult result;
  for (const int64_t id : ids) result.add_finished()->set_id(id);
  scheduler.Finish(result);
}

}  // namespace octet::scheduler_steps

#endif  // OCTET_TESTS_SUPPORT_SCHEDULER_STEPS_H_
