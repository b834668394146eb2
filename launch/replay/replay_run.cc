#include "launch/replay/replay_run.h"

#include <absl/status/status.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <numeric>

#include "launch/bench/machine_profile.h"
#include "launch/console/text_table.h"
#include "launch/files/proto_text.h"
#include "launch/replay/replay_memory.h"
#include "launch/replay/replay_report.h"
#include "launch/setup/engine_choice.h"
#include "launch/statistics/statistics.h"
#include "parallel/dispatch/replica_policy.h"
#include "runtime/replay/step_model.h"
#include "runtime/trace/trace_reader.h"

namespace octet {
namespace {

absl::Status Bad(const std::string& what) { return absl::InvalidArgumentError(what); }

absl::Status InFile(const std::string& path, const absl::Status& status) {
  return Bad(absl::StrCat(path, ": ", std::string(status.message())));
}

absl::StatusOr<ReplayedModel> ReadModel(FileSystem& files, const std::string& path) {
  absl::StatusOr<TraceReader> reader = TraceReader::Open(files, path);
  if (!reader.ok()) return reader.status();
  const absl::StatusOr<const TraceRecord*> first = reader->Next();
  if (!first.ok()) return first.status();
  if (*first == nullptr) return Bad(absl::StrCat(path, ": has no steps"));
  return ReplayedModel::FromHeader(reader->header());
}

std::string Beside(const std::string& file, const std::string& name) {
  return (std::filesystem::path(file).parent_path() / name).string();
}

absl::StatusOr<ClusterModel> ReadCluster(FileSystem& files, const std::string& path,
                                         const ReplayedModel& model) {
  const absl::StatusOr<std::string> text = files.ReadWhole(path);
  if (!text.ok()) return text.status();
  Cluster cluster;
  absl::Status status = ParseTextProto(*text, cluster);
  if (!status.ok()) {
    return Bad(absl::StrCat(path, ":", std::string(status.message()),
                            " (a Cluster is expected: proto/cluster.proto)"));
  }
  std::map<std::string, MachineProfile> profiles;
  for (const ClusterHosts& hosts : cluster.hosts()) {
    if (profiles.contains(hosts.profile())) continue;
    absl::StatusOr<MachineProfile> profile =
        ReadMachineProfile(files, Beside(path, hosts.profile()));
    if (!profile.ok()) return profile.status();
    profiles.emplace(hosts.profile(), *std::move(profile));
  }
  MachineProfile exchange;
  if (!cluster.exchange().empty()) {
    absl::StatusOr<MachineProfile> read =
        ReadMachineProfile(files, Beside(path, cluster.exchange()));
    if (!read.ok()) return read.status();
    exchange = *std::move(read);
  }
  absl::StatusOr<ClusterModel> made = ClusterModel::Make(
      cluster, model, profiles, exchange.has_exchange() ? &exchange.exchange() : nullptr);
  if (!made.ok()) return InFile(path, made.status());
  return made;
}

absl::StatusOr<int> ChooseGroup(const ReplayOptions& o, int num_ranks) {
  if (o.expert_parallel != "on" && o.expert_parallel != "off") {
    return Bad("--expert-parallel must be on or off");
  }
  if (o.expert_parallel == "off" && o.ep_size > 1) {
    return Bad("--expert-parallel off: each rank is a group, so --ep-size can only be 1");
  }
  return ChooseGroupSize(o.expert_parallel == "off" ? 1 : o.ep_size, num_ranks);
}

absl::Status CheckNames(const ReplayOptions& o) {
  if (!ParseReplicaPolicy(o.replica_policy))
    return Bad("--replica-policy must be even, nearest or in-turn");
  if (o.overlap != "auto" && o.overlap != "on" && o.overlap != "off") {
    return Bad("--overlap must be auto, on or off");
  }
  if (o.prefix_cache != "on" && o.prefix_cache != "off") {
    return Bad("--prefix-cache must be on or off");
  }
  const std::optional<HomeSetting> home = ParseHomeSetting(o.home);
  if (home && home->policy != HomePolicy::kAffinity) return absl::OkStatus();
  return Bad("--home must be least-loaded or round-robin");
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

void PredictSteps(const ReplayOptions& o, ReplayedJob& job, StepModel& model, Replay& replay) {
  PhaseSum prefill, decode;
  ReplayedTraffic traffic;
  int64_t steps = 0;
  while (const ReplayedStep* step = job.Next()) {
    const StepModel::Prediction prediction = model.Predict(job, *step);
    const StepCounts& counts = step->counts;
    step->prefills() ? prefill.Add(prediction, counts.prompt_tokens)
                     : decode.Add(prediction, counts.sampled_tokens);
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
    if (host.most_busy() >= host.num_ranks()) continue;
    replay.add_notes(absl::StrFormat(
        "a host has %d ranks, and its profile knows at most %d that work at the same time: what "
        "more of them take from each other is left out",
        host.num_ranks(), host.most_busy()));
    return;
  }
}

SchedulerLimits MakeLimits(const ReplayOptions& o, const ClusterModel& cluster,
                           const ReplayedModel& model, const ReplayMemoryPlan& memory, int group) {
  return {.max_num_seqs = o.max_num_seqs,
          .max_num_batched_tokens = ChooseBatchedTokens(o.max_num_batched_tokens, group),
          .pages = memory.pages,
          .group_size = group,
          .overlap_tokens =
              ChooseOverlap(cluster.HostNames(), o.overlap, group, model.num_experts, model.topk),
          .prefix_cache = o.prefix_cache == "on"};
}

Replay Describe(const ReplayOptions& o, const ClusterModel& cluster, int group) {
  Replay replay;
  replay.set_point(o.point);
  replay.set_trace(o.trace);
  replay.set_placement(o.placement.placement);
  replay.set_cluster(o.cluster);
  replay.set_ranks(cluster.num_ranks());
  replay.set_hosts(cluster.num_hosts());
  replay.set_threads(cluster.host(0).threads());
  replay.set_ep_size(group);
  return replay;
}

}  // namespace

absl::StatusOr<Replay> RunReplay(FileSystem& files, const ReplayOptions& o) {
  absl::Status status = CheckNames(o);
  if (!status.ok()) return status;
  const absl::StatusOr<ReplayedModel> model = ReadModel(files, o.trace);
  if (!model.ok()) return model.status();
  const absl::StatusOr<ClusterModel> cluster = ReadCluster(files, o.cluster, *model);
  if (!cluster.ok()) return cluster.status();
  const absl::StatusOr<int> group = ChooseGroup(o, cluster->num_ranks());
  if (!group.ok()) return group.status();
  const absl::StatusOr<ExpertPlacement> placement =
      MakePlacement(files, o.placement, {model->num_layers, model->num_experts, *group});
  if (!placement.ok()) return placement.status();
  const absl::StatusOr<ReplayMemoryPlan> memory = PlanReplayMemory(*cluster, *model, *placement);
  if (!memory.ok()) return InFile(o.cluster, memory.status());
  const absl::StatusOr<TokenTable> table = ReadTokenTable(files, o.trace);
  if (!table.ok()) return table.status();
  const SchedulerLimits limits = MakeLimits(o, *cluster, *model, *memory, *group);
  absl::StatusOr<ReplayedJob> job =
      ReplayedJob::Make(*table, limits, ParseHomeSetting(o.home)->policy, o.copies);
  if (!job.ok()) return InFile(o.trace, job.status());
  StepModel steps(*cluster, *model, *placement, *ParseReplicaPolicy(o.replica_policy), *table,
                  o.recorded);
  Replay replay = Describe(o, *cluster, *group);
  PredictSteps(o, *job, steps, replay);
  WriteMemory(*memory, *job, replay);
  NoteWhatIsLeftOut(*cluster, replay);
  NoteStepsBeyondProfiles(*cluster, steps.most_tokens(), replay);
  replay.set_answer(AnswerOf(replay));
  return replay;
}

}  // namespace octet
