#include "launch/bench/step_record.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <type_traits>

#include "parallel/transport/collectives.h"

namespace octet {

static_assert(std::is_trivially_copyable_v<StepRecord>);  // all ranks run the same program

StepRecorder::StepRecorder(const Communicator& world, const JobSetup& setup, Session& session)
    : world_(world), setup_(setup), session_(session) {}

StepRecorder::Counts StepRecorder::Count() const {
  const Engine& engine = session_.engine();
  Counts counts = {.stats = engine.stats(),
                   .times = {},
                   .expert_tokens = {},
                   .busiest_rank_tokens = engine.expert_load().busiest_rank_tokens(),
                   .pages = engine.kv_cache().num_pages() - engine.kv_cache().num_free_pages(),
                   .positions_seen = engine.positions_seen()};
  for (int i = 0; i < kNumPhases; ++i) {
    counts.times[i] = engine.clock().seconds(static_cast<Phase>(i));
  }
  std::ranges::copy(WaitTimes(world_, session_.group()), counts.times.begin() + kNumPhases);
  for (int l = 0; l < engine.expert_load().num_layers(); ++l) {
    const auto tokens = engine.expert_load().expert_tokens(l);
    counts.expert_tokens.insert(counts.expert_tokens.end(), tokens.begin(), tokens.end());
  }
  return counts;
}

StepRecord StepRecorder::Difference(const Counts& before, const Counts& after) const {
  const ModelConfig& config = setup_.model.config;
  const int rank = session_.group().rank();
  StepRecord step = {
      .prompt_tokens = after.stats.prompt_tokens - before.stats.prompt_tokens,
      .sampled_tokens = after.stats.sampled_tokens - before.stats.sampled_tokens,
      // Pages are taken at a step's start and given back at its end.
      .kv_bytes = std::max(before.pages, after.pages) *
                  static_cast<int64_t>(KvCache::PageBytes(config, setup_.engine.dtype)),
      .positions_seen = after.positions_seen - before.positions_seen};
  for (int i = 0; i < kNumTimes; ++i) step.times[i] = after.times[i] - before.times[i];
  int64_t pairs = 0;  // (token, slot) of all layers
  for (int l = 0; l < config.num_layers; ++l) {
    for (int e = 0; e < config.num_experts; ++e) {
      const int64_t index = int64_t{l} * config.num_experts + e;
      const int64_t tokens = after.expert_tokens[index] - before.expert_tokens[index];
      pairs += tokens;
      if (tokens == 0 || setup_.placement.ranks(l, e)[0] != rank) continue;
      step.expert_bytes += static_cast<int64_t>(session_.weights().layers[l].experts[e]->bytes());
    }
  }
  if (rank != 0) return step;
  step.tokens = pairs / config.num_layers / config.experts_per_token;
  step.mean_rank_pairs = static_cast<double>(pairs) / session_.group().size();
  step.busiest_rank_pairs = after.busiest_rank_tokens - before.busiest_rank_tokens;
  return step;
}

bool StepRecorder::Step(std::vector<FinishedSequence>& finished) {
  using Clock = std::chrono::steady_clock;
  const Counts before = Count();
  const Clock::time_point start = Clock::now();
  if (!session_.engine().Step(finished)) return false;
  const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
  records_.push_back(Difference(before, Count()));
  records_.back().seconds = seconds;
  return true;
}

std::vector<std::vector<StepRecord>> GatherRecords(Communicator& world,
                                                   const std::vector<StepRecord>& mine) {
  const std::string_view bytes(reinterpret_cast<const char*>(mine.data()),
                               mine.size() * sizeof(StepRecord));
  std::vector<std::vector<StepRecord>> all;
  for (const std::string& theirs : GatherToRoot(world, {"steps"}, bytes)) {
    std::vector<StepRecord>& records = all.emplace_back(theirs.size() / sizeof(StepRecord));
    if (theirs.empty()) continue;  // not on rank 0
    std::memcpy(records.data(), theirs.data(), theirs.size());
  }
  return all;
}

}  // namespace octet
