#include "launch/plan/plan.h"

#include <absl/strings/str_cat.h>

#include <iostream>

#include "launch/console/console.h"
#include "launch/files/proto_json.h"
#include "launch/files/result_file.h"
#include "launch/plan/plan_options.h"
#include "launch/plan/plan_report.h"
#include "launch/plan/plan_run.h"
#include "launch/process/own_command.h"
#include "launch/setup/slot_map.h"
#include "launch/version.h"

namespace octet {
namespace {

constexpr NumberRange<int64_t> kRooms = {0, 1 << 26};
constexpr NumberRange<int64_t> kSpeeds = {1, 1'000'000};
constexpr NumberRange<int64_t> kPlanSeeds = {0, int64_t{1} << 62};

class PlanCommand : public Subcommand {
 public:
  explicit PlanCommand(CommandLine& program)
      : Subcommand(program, "plan", "where experts should live, by a trace or a load") {
    AddInputFlags();
    AddRankFlags();
    line().AddText("--objective", options_.objective,
                   "load, time, bytes or both; default time, or load without steps");
    line().OnTexts(
        "--policy", [this](const auto& names) { options_.policies = names; },
        absl::StrCat("placement to compare, instead of all: ", PlanPolicies(),
                     ", or a placement file; may be repeated"));
    line().AddCount("--seed", options_.seed, kPlanSeeds, "of random and of searches; default 0");
    line().AddText("--out", options_.out, "file for the placement of --objective or --policy");
    line().AddText("--format", options_.format,
                   absl::StrCat("of --out: ", PlacementFormats(), "; default octet"));
    line().AddText("--output-json", options_.output_json, "file for all figures as JSON");
  }

  ExitCode Run(Communicator& world) override {
    if (world.rank() != 0) return ExitCode::kDone;
    PosixFileSystem files;
    absl::Status status = CheckPlanOptions(options_);
    if (status.ok()) status = CheckFiles(files);
    if (!status.ok()) return ExitWith(world, status, ExitCode::kCannotServe);
    std::string note;
    absl::StatusOr<PlanResult> result = MakePlan(files, note);
    if (!result.ok()) return ExitWith(world, result.status(), ExitCode::kCannotServe);
    result->report.set_command(OwnCommand());
    result->report.set_version(OctetVersion());
    absl::StatusOr<std::string> placement = "";
    if (!options_.out.empty()) {
      placement = FormatSlotPlan(options_.format, options_.out, result->plan);
      if (!placement.ok()) return ExitWith(world, placement.status(), ExitCode::kCannotServe);
    }
    if (!note.empty()) Say(world, note);
    std::cout << FormatPlan(result->report) << std::flush;
    if (!options_.out.empty()) status = WriteResultFile(files, options_.out, *placement);
    if (status.ok() && !options_.output_json.empty()) {
      status = WriteResultFile(files, options_.output_json, JsonOf(result->report));
    }
    return status.ok() ? ExitCode::kDone : ExitWith(world, status, ExitCode::kFailed);
  }

 private:
  void AddInputFlags() {
    line().AddText("--trace", options_.trace,
                   "file that --trace wrote: its first half is planned for, the second judges");
    line().AddText("--load", options_.load,
                   "file with the tokens of each layer's experts, as for --expert-counts");
    line().AddText("--fit", options_.fit, "trace (.zst) or load that is planned for");
    line().AddText("--judge", options_.judge, "trace (.zst) or load that judges");
  }

  void AddRankFlags() {
    line().AddCount("--ranks", options_.ranks, kRankCounts, "over which experts are spread");
    line().AddText("--hosts", options_.hosts,
                   "hostfile of mpirun, MPICH, PBS or SLURM: copies to other hosts weigh more");
    line().AddCount("--host-weight", options_.host_weight, {0, 1'000'000},
                    "of a copy to another host, beside one to a rank; default 10");
    line().AddCounts("--slots", options_.slots, kRooms,
                     "experts that a rank holds in each layer: of each rank, or one for all");
    line().AddCounts("--memory", options_.memory, kRooms,
                     "the same over all layers together, instead");
    line().AddCount("--replicas", options_.replicas, kReplicaCounts,
                    "more slots than experts in each layer, instead; default 0");
    line().AddCount("--replica-budget", options_.replica_budget, kReplicaCounts,
                    "replicas in all layers, divided where they help most, instead");
    line().AddCounts("--speeds", options_.speeds, kSpeeds, "of the ranks; default all alike");
    line().AddCount("--expert-groups", options_.expert_groups, kRankCounts,
                    "groups of experts that eplb keeps on one host; default 1");
  }

  absl::Status CheckFiles(FileSystem& files) const {
    if (!options_.out.empty()) {
      absl::Status status = CheckResultFile(files, "--out", options_.out);
      if (!status.ok()) return status;
    }
    if (options_.output_json.empty()) return absl::OkStatus();
    return CheckResultFile(files, "--output-json", options_.output_json);
  }

  absl::StatusOr<PlanResult> MakePlan(FileSystem& files, std::string& note) const {
    const absl::StatusOr<PlanRouting> routing = ReadPlanRouting(files, options_);
    if (!routing.ok()) return routing.status();
    std::optional<ReplicaDivision> division;
    const absl::StatusOr<PlanSetting> setting =
        MakePlanSetting(files, options_, routing->fit, division, note);
    if (!setting.ok()) return setting.status();
    return RunPlan(files, options_, *routing, *setting, division);
  }

  PlanOptions options_;
};

}  // namespace

std::unique_ptr<Subcommand> AddPlan(CommandLine& program) {
  return std::make_unique<PlanCommand>(program);
}

}  // namespace octet
