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
#include "launch/setup/engine_choice.h"

namespace octet {
namespace {

int CountRanks(const Cluster& cluster) {
  int ranks = 0;
  for (const ClusterHosts& hosts : cluster.hosts()) {
    ranks += std::max(1, hosts.count()) * std::max(1, hosts.ranks());
  }
  return ranks;
}

int CountHosts(const Cluster& cluster) {
  int count = 0;
  for (const ClusterHosts& hosts : cluster.hosts()) count += std::max(1, hosts.count());
  return count;
}

// Groups with more ranks than experts only leave ranks without any, unless they are all ranks.
std::set<int, std::greater<>> GroupSizes(const ReplayOptions& o, const Cluster& cluster,
                                         int num_experts) {
  const int ranks = CountRanks(cluster);
  if (o.ep_size > 0) return {o.ep_size};
  std::set<int, std::greater<>> sizes = {ranks};
  for (int size = 1; size <= std::min(ranks, num_experts); size *= 2) sizes.insert(size);
  sizes.insert(std::max(1, cluster.hosts(0).ranks()));
  std::erase_if(sizes, [&](int size) { return ranks % size != 0; });
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

void AddChoice(FileSystem& files, const ReplayOptions& o, const ReplayedTrace& trace,
               const ClusterFile& file, int num_hosts, ReplayComparison& comparison,
               int num_ranks) {
  ReplayChoice& choice = *comparison.add_choices();
  choice.set_cluster(file.path);
  choice.set_ranks(num_ranks);
  choice.set_hosts(num_hosts);
  choice.set_ep_size(o.ep_size);
  choice.set_max_num_seqs(o.max_num_seqs);
  choice.set_max_num_batched_tokens(o.max_num_batched_tokens);
  const absl::StatusOr<Replay> replay = RunReplay(files, o, trace, file, num_ranks);
  Activity::OfThisThread().Tick();
  if (!replay.ok()) {
    choice.set_refusal(std::string(replay.status().message()));
    return;
  }
  Fill(*replay, choice);
  for (const std::string& note : replay->notes()) AddNote(note, comparison);
}

// A comparison of clusters that are not busy says little about them.
void NoteIdleSlots(const ReplayOptions& o, const ReplayedTrace& trace,
                   ReplayComparison& comparison) {
  const int64_t answers = std::ssize(trace.table.answers) * o.copies;
  int64_t most = 0;
  for (const ReplayChoice& choice : comparison.choices()) {
    most = std::max(most, int64_t{choice.ranks()} * o.max_num_seqs);
  }
  if (answers >= most) return;
  AddNote(absl::StrCat("the job has ", answers, " answers, and the most ranks have room for ", most,
                       " at a time: --copies ", (most * o.copies + answers - 1) / answers,
                       " fills them"),
          comparison);
}

}  // namespace

absl::StatusOr<ReplayComparison> CompareReplays(FileSystem& files, const ReplayOptions& options,
                                                const ReplayedTrace& trace,
                                                const std::vector<ClusterFile>& clusters) {
  ReplayComparison comparison;
  comparison.set_trace(trace.path);
  comparison.set_placement(options.placement.placement);
  const int64_t of_rank =
      options.max_num_batched_tokens > 0 ? options.max_num_batched_tokens : kBatchedTokensOfRank;
  const std::vector<int64_t> all = {0};
  for (const ClusterFile& file : clusters) {
    if (file.cluster.hosts_size() == 0) {
      return absl::InvalidArgumentError(absl::StrCat(file.path, ": there are no hosts"));
    }
    for (const int64_t ranks : options.ranks.empty() ? all : options.ranks) {
      const Cluster cluster = WithRanks(file.cluster, static_cast<int>(ranks));
      for (const int size : GroupSizes(options, cluster, trace.model.num_experts)) {
        ReplayOptions o = options;
        o.ep_size = size;
        o.max_num_seqs *= size;
        o.max_num_batched_tokens = of_rank * size;
        AddChoice(files, o, trace, file, CountHosts(cluster), comparison, CountRanks(cluster));
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
