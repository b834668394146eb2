#include "launch/replay/replay_comparison.h"

#include <absl/status/status.h>
#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>

#include <algorithm>
#include <functional>
#include <set>

#include "kernels/base/activity.h"
#include "launch/replay/comparison_report.h"
#include "launch/replay/replay_run.h"

namespace octet {
namespace {

int CountRanks(const Cluster& cluster) {
  int ranks = 0;
  for (const ClusterHosts& hosts : cluster.hosts()) ranks += hosts.count() * hosts.ranks();
  return ranks;
}

int CountHosts(const Cluster& cluster) {
  int count = 0;
  for (const ClusterHosts& hosts : cluster.hosts()) count += hosts.count();
  return count;
}

// Groups with more ranks than experts only leave ranks without any, unless they are all ranks.
std::set<int, std::greater<>> GroupSizes(const ReplayOptions& o, const Cluster& cluster,
                                         int num_experts) {
  const int ranks = CountRanks(cluster);
  if (o.ep_size > 0) return {o.ep_size};
  std::set<int, std::greater<>> sizes;
  for (int size = 1; size <= ranks; size *= 2) sizes.insert(size);
  for (const ClusterHosts& hosts : cluster.hosts()) sizes.insert(hosts.ranks());
  std::erase_if(sizes, [&](int size) { return size > num_experts || ranks % size != 0; });
  sizes.insert(ranks);
  return sizes;
}

double ShareOf(const Replay& replay, const std::string& prefix) {
  double part = 0;
  for (const ReplayPhase* phase : {&replay.prefill(), &replay.decode()}) {
    for (const ReplayTime& time : phase->times()) {
      if (absl::StartsWith(time.name(), prefix)) part += time.seconds();
    }
  }
  return part / (replay.prefill().seconds() + replay.decode().seconds());
}

void Fill(const Replay& replay, ReplayChoice& choice) {
  choice.set_seconds(replay.prefill().seconds() + replay.decode().seconds());
  const auto tokens = static_cast<double>(replay.prompt_tokens() + replay.sampled_tokens());
  choice.set_tokens_per_s(tokens / choice.seconds());
  choice.set_tokens_per_s_of_rank(choice.tokens_per_s() / choice.ranks());
  for (const ReplayMemory& memory : replay.memory()) {
    if (memory.total_bytes() <= choice.rank_bytes()) continue;
    choice.set_rank_bytes(memory.total_bytes());
    choice.set_usable_bytes(memory.usable_bytes());
  }
  choice.set_exchange_share(ShareOf(replay, "exposed"));
  choice.set_late_ranks_share(ShareOf(replay, "late ranks"));
}

// Adds a note that is not there yet.
void AddNote(const std::string& note, ReplayComparison& comparison) {
  if (std::ranges::find(comparison.notes(), note) == comparison.notes().end()) {
    comparison.add_notes(note);
  }
}

ReplayChoice MakeChoice(const ClusterFile& cluster, const ReplayGroups& groups,
                        const absl::StatusOr<Replay>& replay) {
  ReplayChoice choice;
  choice.set_cluster(cluster.path);
  choice.set_ranks(CountRanks(cluster.cluster));
  choice.set_hosts(CountHosts(cluster.cluster));
  choice.set_ep_size(groups.ep_size);
  choice.set_max_num_seqs(groups.max_num_seqs);
  choice.set_max_num_batched_tokens(groups.max_num_batched_tokens);
  if (replay.ok()) {
    Fill(*replay, choice);
  } else {
    choice.set_refusal(std::string(replay.status().message()));
  }
  return choice;
}

void AddNotes(const Replay& replay, ReplayComparison& comparison) {
  for (const std::string& note : replay.notes()) AddNote(note, comparison);
}

// A comparison of clusters that are not busy says little about them.
void NoteIdleSlots(const ReplayOptions& o, const ReplayedTrace& trace,
                   ReplayComparison& comparison) {
  const int64_t answers = std::ssize(trace.table.answers) * o.settings.copies;
  int64_t most = 0;
  for (const ReplayChoice& choice : comparison.choices()) {
    most = std::max(most, int64_t{choice.ranks()} * o.max_num_seqs);
  }
  if (answers >= most) return;
  AddNote(absl::StrCat("the job has ", answers, " answers, and the most ranks have room for ", most,
                       " at a time: --copies ", (most * o.settings.copies + answers - 1) / answers,
                       " fills them"),
          comparison);
}

}  // namespace

absl::StatusOr<ReplayComparison> CompareReplays(FileSystem& files, const ReplayOptions& options,
                                                const ReplayedTrace& trace,
                                                const std::vector<ClusterFile>& clusters) {
  ReplayComparison comparison;
  comparison.set_trace(trace.path);
  comparison.set_placement(options.settings.placement.placement);
  const std::vector<int64_t> all = {0};
  for (const ClusterFile& file : clusters) {
    if (file.cluster.hosts_size() == 0) {
      return absl::InvalidArgumentError(absl::StrCat(file.path, ": there are no hosts"));
    }
    for (const int64_t ranks : options.ranks.empty() ? all : options.ranks) {
      ClusterFile cluster = file;
      cluster.cluster = WithRanks(file.cluster, static_cast<int>(ranks));
      for (const int size : GroupSizes(options, cluster.cluster, trace.model.num_experts)) {
        const ReplayGroups groups = GroupsOf(options, size);
        const absl::StatusOr<Replay> replay =
            RunReplay(files, options.settings, groups, trace, cluster);
        Activity::OfThisThread().Tick();
        *comparison.add_choices() = MakeChoice(cluster, groups, replay);
        if (replay.ok()) AddNotes(*replay, comparison);
      }
    }
  }
  const bool none = std::ranges::all_of(comparison.choices(),
                                        [](const ReplayChoice& c) { return !c.refusal().empty(); });
  if (none) return absl::InvalidArgumentError(comparison.choices(0).refusal());
  NoteIdleSlots(options, trace, comparison);
  comparison.set_answer(AnswerOf(comparison));
  return comparison;
}

}  // namespace octet
