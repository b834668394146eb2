#include "launch/replay/replay_run.h"

#include <absl/status/status.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>

#include <algorithm>
#include <numeric>

#include "launch/replay/replay_memory.h"
#include "launch/replay/replay_report.h"
#include "launch/setup/engine_choice.h"
#include "launch/statistics/statistics.h"
#include "parallel/dispatch/replica_policy.h"
#include "runtime/replay/step_model.h"

namespace octet {
namespace {

absl::Status Bad(const std::string& what) { return absl::InvalidArgumentError(what); }

absl::Status InFile(const std::string& path, const absl::Status& status) {
  return Bad(absl::StrCat(path, ": ", std::string(status.message())));
}

// The sums over the steps that prefill, or over the others.
struct PhaseSum {
  std::vector<double> seconds;  // of each step
  double exchange_seconds = 0;
  int64_t tokens = 0;
  std::array<double, kNumReplayedTimes> times = {};

  void Add(const StepModel::Prediction& step, int64_t step_tokens) {
    seconds.push_back(step.seconds);
    exchange_seconds += step.exchange_seconds;
    tokens += step_tokens;
    for (int t = 0; t < kNumReplayedTimes; ++t) times[t] += step.times[t];
  }

  ReplayPhase ToProto() const {
    ReplayPhase phase;
    if (seconds.empty()) return phase;
    phase.set_steps(std::ssize(seconds));
    phase.set_seconds(std::accumulate(seconds.begin(), seconds.end(), 0.0));
    phase.set_tokens_per_s(static_cast<double>(tokens) / phase.seconds());
    phase.set_exchange_seconds(exchange_seconds);
    phase.set_step_p50(Median(seconds));
    phase.set_step_p95(Quantile(seconds, 0.95));
    for (int t = 0; t < kNumReplayedTimes; ++t) {
      ReplayTime& time = *phase.add_times();
      time.set_name(Name(static_cast<ReplayedTime>(t)));
      time.set_seconds(times[t]);
    }
    return phase;
  }
};

void WriteTraffic(const ReplayedTraffic& t, Replay& replay) {
  const auto add = [&](const char* kind, int64_t bytes, int64_t messages, int64_t in_place) {
    ReplayTraffic& traffic = *replay.add_traffic();
    traffic.set_kind(kind);
    traffic.set_bytes(bytes);
    traffic.set_messages(messages);
    traffic.set_bytes_in_place(in_place);
  };
  add("control", t.control_bytes, t.control_messages, 0);
  add("routing", t.routing_bytes, t.routing_messages, 0);
  add("dispatch", t.dispatch_bytes, t.dispatch_messages, t.dispatch_in_place);
  add("combine", t.combine_bytes, t.combine_messages, t.combine_in_place);
}

void PredictSteps(const ReplaySettings& o, ReplayedJob& job, StepModel& model, Replay& replay) {
  PhaseSum prefill, decode;
  ReplayedTraffic traffic;
  int64_t steps = 0;
  while (const ReplayedStep* step = job.Next()) {
    const StepModel::Prediction prediction = model.Predict(job, *step);
    const StepCounts& counts = step->counts;
    step->prefills() ? prefill.Add(prediction, counts.prompt_tokens)
                     : decode.Add(prediction, counts.sampled_tokens);
    replay.set_prompt_tokens(replay.prompt_tokens() + counts.prompt_tokens);
    replay.set_sampled_tokens(replay.sampled_tokens() + counts.sampled_tokens);
    traffic.Add(prediction.traffic);
    if (++steps == o.steps) break;
  }
  *replay.mutable_prefill() = prefill.ToProto();
  *replay.mutable_decode() = decode.ToProto();
  WriteTraffic(traffic, replay);
  for (const int64_t bytes : model.sent_bytes()) replay.add_sent_bytes(bytes);
}

void NoteStepsBeyondProfiles(const ClusterModel& cluster, int64_t most_tokens, Replay& replay) {
  int64_t measured = most_tokens;
  for (int h = 0; h < cluster.num_hosts(); ++h) {
    measured = std::min(measured, cluster.host(h).most_tokens());
  }
  if (most_tokens <= measured) return;
  replay.add_notes(absl::StrFormat(
      "a rank computes up to %d tokens at once, and a profile knows at most %d (octet bench layer "
      "--rows): times beyond lie on the line through its last two",
      most_tokens, measured));
}

void NoteWhatIsLeftOut(const ClusterModel& cluster, Replay& replay) {
  for (int h = 0; h < cluster.num_hosts(); ++h) {
    const HostModel& host = cluster.host(h);
    if (cluster.ranks_are_devices() || host.most_busy() >= host.num_ranks()) continue;
    replay.add_notes(absl::StrFormat(
        "a host has %d ranks, and its profile knows at most %d that work at the same time: what "
        "more of them take from each other is left out",
        host.num_ranks(), host.most_busy()));
    return;
  }
}

SchedulerLimits MakeLimits(const ReplaySettings& o, const ReplayGroups& groups,
                           const ClusterModel& cluster, const ReplayedModel& model,
                           const ReplayMemoryPlan& memory) {
  const int size = groups.ep_size;
  return {.max_num_seqs = groups.max_num_seqs,
          .max_num_batched_tokens = ChooseBatchedTokens(groups.max_num_batched_tokens, size),
          .pages = memory.pages,
          .group_size = size,
          .overlap_tokens =
              ChooseOverlap(cluster.HostNames(), o.overlap, size, model.num_experts, model.topk),
          .prefix_cache = o.prefix_cache == "on"};
}

Replay Describe(const ReplaySettings& o, const ReplayedTrace& trace, const std::string& path,
                const ClusterModel& cluster, const SchedulerLimits& limits) {
  Replay replay;
  replay.set_trace(trace.path);
  replay.set_placement(o.placement.placement);
  replay.set_cluster(path);
  replay.set_ranks(cluster.num_ranks());
  replay.set_hosts(cluster.num_hosts());
  replay.set_threads(cluster.host(0).threads());
  replay.set_ep_size(limits.group_size);
  replay.set_max_num_seqs(limits.max_num_seqs);
  replay.set_max_num_batched_tokens(limits.max_num_batched_tokens);
  return replay;
}

}  // namespace

absl::StatusOr<Replay> RunReplay(FileSystem& files, const ReplaySettings& o, ReplayGroups groups,
                                 const ReplayedTrace& trace, const ClusterFile& file) {
  const ReplayedModel& model = trace.model;
  const absl::StatusOr<ClusterModel> cluster = MakeClusterModel(file, model);
  if (!cluster.ok()) return cluster.status();
  const absl::StatusOr<int> group = ChooseGroupSize(groups.ep_size, cluster->num_ranks());
  if (!group.ok()) return group.status();
  groups.ep_size = *group;
  const absl::StatusOr<ExpertPlacement> placement =
      MakePlacement(files, o.placement, {model.num_layers, model.num_experts, *group});
  if (!placement.ok()) return placement.status();
  const absl::StatusOr<ReplayMemoryPlan> memory = PlanReplayMemory(*cluster, model, *placement);
  if (!memory.ok()) return InFile(file.path, memory.status());
  const SchedulerLimits limits = MakeLimits(o, groups, *cluster, model, *memory);
  absl::StatusOr<ReplayedJob> job =
      ReplayedJob::Make(trace.table, limits, ParseHomeSetting(o.home)->policy, o.copies);
  if (!job.ok()) return InFile(trace.path, job.status());
  StepModel steps(*cluster, model, *placement, *ParseReplicaPolicy(o.replica_policy), trace.table,
                  o.recorded);
  Replay replay = Describe(o, trace, file.path, *cluster, limits);
  PredictSteps(o, *job, steps, replay);
  WriteMemory(*memory, *job, replay);
  NoteWhatIsLeftOut(*cluster, replay);
  NoteStepsBeyondProfiles(*cluster, steps.most_tokens(), replay);
  replay.set_answer(AnswerOf(replay));
  return replay;
}

}  // namespace octet
