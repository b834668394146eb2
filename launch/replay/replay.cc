#include "launch/replay/replay.h"

#include <iostream>

#include "launch/console/console.h"
#include "launch/files/proto_json.h"
#include "launch/files/result_file.h"
#include "launch/process/own_command.h"
#include "launch/replay/comparison_report.h"
#include "launch/replay/replay_comparison.h"
#include "launch/replay/replay_inputs.h"
#include "launch/replay/replay_options.h"
#include "launch/replay/replay_report.h"
#include "launch/replay/replay_run.h"
#include "launch/version.h"

namespace octet {
namespace {

class ReplayCommand : public Subcommand {
 public:
  explicit ReplayCommand(CommandLine& program)
      : Subcommand(program, "replay", "what a recorded routing would do on a cluster") {
    line().AddRequiredText("--trace", options_.trace, "file that --trace wrote");
    line().OnTexts(
        "--cluster", [this](const std::vector<std::string>& v) { options_.clusters = v; },
        "text proto of the cluster: proto/cluster.proto; may be repeated with --compare");
    line().AddCounts("--ranks", options_.ranks, {1, 1 << 20},
                     "the first so many of a cluster, whose last hosts repeat if it has fewer; "
                     "default: all");
    line().OnSwitch(
        "--compare", [this] { options_.compare = true; },
        "a table of clusters, numbers of ranks, and ranks in groups of all sizes; limits are "
        "those of each rank");
    AddPlacementFlags(line(), options_.settings.placement);
    line().AddText("--replica-policy", options_.settings.replica_policy,
                   "even (default), nearest or in-turn");
    AddJobFlags();
    line().AddCount("--copies", options_.settings.copies, {1, 1 << 20},
                    "of each recorded answer, with the experts of other answers; default 1");
    line().AddCount("--steps", options_.settings.steps, {1, int64_t{1} << 40},
                    "the first so many alone");
    line().OnSwitch(
        "--recorded", [this] { options_.settings.recorded = true; },
        "as where the job records its routing: all tokens have experts in the last layer");
    line().AddText("--point", options_.point, "a name for it in --output-json");
    line().AddText("--output-json", options_.output_json, "file for all of it as JSON");
  }

  ExitCode Run(Communicator& world) override {
    if (world.rank() != 0) return ExitCode::kDone;
    PosixFileSystem files;
    absl::Status status;
    if (!options_.output_json.empty()) {
      status = CheckResultFile(files, "--output-json", options_.output_json);
    }
    if (status.ok()) status = ResolveReplayOptions(options_);
    if (!status.ok()) return ExitWith(world, status, ExitCode::kCannotServe);
    std::vector<ClusterFile> clusters;
    for (const std::string& path : options_.clusters) {
      absl::StatusOr<ClusterFile> cluster = ReadClusterFile(files, path);
      if (!cluster.ok()) return ExitWith(world, cluster.status(), ExitCode::kCannotServe);
      clusters.push_back(*std::move(cluster));
    }
    const absl::StatusOr<ReplayedTrace> trace = ReadReplayedTrace(files, options_.trace);
    if (!trace.ok()) return ExitWith(world, trace.status(), ExitCode::kCannotServe);
    if (options_.compare) {
      return Show(world, files, CompareReplays(files, options_, *trace, clusters),
                  FormatComparison);
    }
    ClusterFile& cluster = clusters[0];
    const int ranks = options_.ranks.empty() ? 0 : static_cast<int>(options_.ranks[0]);
    cluster.cluster = WithRanks(cluster.cluster, ranks);
    absl::StatusOr<Replay> replay =
        RunReplay(files, options_.settings, GroupsOf(options_, options_.ep_size), *trace, cluster);
    if (replay.ok()) replay->set_point(options_.point);
    return Show(world, files, std::move(replay), FormatReplay);
  }

 private:
  template <class Result, class Format>
  ExitCode Show(Communicator& world, FileSystem& files, absl::StatusOr<Result> result,
                Format format) {
    if (!result.ok()) return ExitWith(world, result.status(), ExitCode::kCannotServe);
    result->set_command(OwnCommand());
    result->set_version(OctetVersion());
    std::cout << format(*result) << std::flush;
    if (options_.output_json.empty()) return ExitCode::kDone;
    const absl::Status status = WriteResultFile(files, options_.output_json, JsonOf(*result));
    return status.ok() ? ExitCode::kDone : ExitWith(world, status, ExitCode::kFailed);
  }

  // Those of run-batch that decide the steps.
  void AddJobFlags() {
    line().AddCount("--ep-size", options_.ep_size, {1, 1 << 20},
                    "ranks of an expert-parallel group; default: all");
    line().AddText("--expert-parallel", options_.expert_parallel,
                   "on (default), or off: each rank holds all experts");
    line().AddCount(
        "--max-num-seqs", options_.max_num_seqs, {1, 1 << 20},
        "sequences that run at the same time, in each group (or rank, to compare); default 64");
    line().AddCount("--max-num-batched-tokens", options_.max_num_batched_tokens, {1, 1 << 26},
                    "tokens of one step, in each group (or rank, to compare); default 256 a rank; "
                    "without --compare, at least 512");
    line().AddText("--overlap", options_.settings.overlap, "auto (default), on or off");
    line().AddText("--home", options_.settings.home, "least-loaded (default) or round-robin");
    line().AddText("--prefix-cache", options_.settings.prefix_cache,
                   "on (default): tokens that the recorded run found in it are computed once on a "
                   "rank; off: for each answer");
  }

  ReplayOptions options_;
};

}  // namespace

std::unique_ptr<Subcommand> AddReplay(CommandLine& program) {
  return std::make_unique<ReplayCommand>(program);
}

}  // namespace octet
