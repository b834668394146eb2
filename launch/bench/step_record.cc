#include "launch/bench/step_record.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <type_traits>

#include "parallel/transport/collectives.h"

namespace octet {

StepRecorder::StepRecorder(const Communicator& world, const JobSetup& setup, Session& session)
    : world_(world), setup_(setup), session_(session) {}

StepRecorder::Counts StepRecorder::Count() const {
  Engine& engine = session_.engine();
  Counts counts = {.stats = engine.stats(),
                   .times = StepTimes(engine.clock(), world_, session_.group()),
                   .expert_tokens = {},
                   .rank_tokens = {},
                   .pages = engine.pages_in_use(),
                   .positions_seen = engine.positions_seen()};
  const ExpertLoad& load = engine.expert_load();
  for (int l = 0; l < load.num_layers(); ++l) {
    const auto tokens = load.expert_tokens(l);
    counts.expert_tokens.insert(counts.expert_tokens.end(), tokens.begin(), tokens.end());
    counts.rank_tokens.push_back(load.rank_tokens(l));
  }
  return counts;
}

StepRecord StepRecorder::Difference(const Counts& before, const Counts& after) const {
  const ModelConfig& config = setup_.model.config;
  StepRecord step = {
      .prompt_tokens = after.stats.prompt_tokens - before.stats.prompt_tokens,
      .sampled_tokens = after.stats.sampled_tokens - before.stats.sampled_tokens,
      // A step takes pages at its start and returns them at its end.
      .kv_bytes = std::max(before.pages, after.pages) *
                  static_cast<int64_t>(KvCache::PageBytes(config, setup_.engine.dtype)),
      .positions_seen = after.positions_seen - before.positions_seen};
  for (int i = 0; i < kNumTimes; ++i) step.times[i] = after.times[i] - before.times[i];
  for (int l = 0; l < config.num_layers; ++l) {
    for (int e = 0; e < config.num_experts; ++e) {
      const int64_t index = int64_t{l} * config.num_experts + e;
      if (after.expert_tokens[index] == before.expert_tokens[index]) continue;
      step.expert_bytes += static_cast<int64_t>(session_.weights().layers[l].experts[e]->bytes());
    }
  }
  return step;
}

bool StepRecorder::Step(std::vector<FinishedSequence>& finished) {
  using Clock = std::chrono::steady_clock;
  const Counts before = Count();
  const Clock::time_point start = Clock::now();
  if (!session_.engine().Step(finished)) return false;
  const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
  const Counts after = Count();
  records_.push_back(Difference(before, after));
  records_.back().seconds = seconds;
  for (size_t l = 0; l < after.rank_tokens.size(); ++l) {
    layer_pairs_.push_back(after.rank_tokens[l] - before.rank_tokens[l]);
  }
  return true;
}

namespace {

// Collective. Returns the numbers or records of each rank, on rank 0.
template <class T>
std::vector<std::vector<T>> GatherList(Communicator& world, const std::vector<T>& mine) {
  static_assert(std::is_trivially_copyable_v<T>);  // all ranks run the same program
  const std::string_view bytes(reinterpret_cast<const char*>(mine.data()), mine.size() * sizeof(T));
  std::vector<std::vector<T>> all;
  for (const std::string& theirs : GatherToRoot(world, {"steps"}, bytes)) {
    std::vector<T>& list = all.emplace_back(theirs.size() / sizeof(T));
    if (theirs.empty()) continue;  // not on rank 0
    std::memcpy(list.data(), theirs.data(), theirs.size());
  }
  return all;
}

}  // namespace

std::vector<std::vector<StepRecord>> StepRecorder::Gather(Communicator& world) const {
  std::vector<std::vector<StepRecord>> records = GatherList(world, records_);
  const std::vector<std::vector<int64_t>> pairs = GatherList(world, layer_pairs_);
  const ModelConfig& config = setup_.model.config;
  if (world.rank() == 0) {
    AddGroupPairs(session_.group().size(), config.num_layers, config.experts_per_token, pairs,
                  records);
  }
  return records;
}

void AddGroupPairs(int group_size, int num_layers, int topk,
                   const std::vector<std::vector<int64_t>>& layer_pairs,
                   std::vector<std::vector<StepRecord>>& records) {
  for (size_t first = 0; first < records.size(); first += group_size) {
    for (size_t i = 0; i < records[first].size(); ++i) {
      int64_t pairs = 0;  // of all layers and ranks
      int64_t busiest = 0;
      std::vector<int64_t> of_layers;  // of all ranks
      of_layers.reserve(num_layers);
      for (size_t l = i * num_layers; l < (i + 1) * num_layers; ++l) {
        int64_t most = 0;
        int64_t of_layer = 0;
        for (size_t r = first; r < first + group_size; ++r) {
          of_layer += layer_pairs[r][l];
          most = std::max(most, layer_pairs[r][l]);
        }
        of_layers.push_back(of_layer);
        pairs += of_layer;
        busiest += most;
      }
      StepRecord& step = records[first][i];
      step.tokens = of_layers.front() / topk;
      step.last_tokens = of_layers.back() / topk;
      step.mean_rank_pairs = static_cast<double>(pairs) / group_size;
      step.busiest_rank_pairs = busiest;
    }
  }
}

}  // namespace octet
