#include "launch/plan/plan_options.h"

#include <absl/status/status.h>
#include <absl/strings/str_cat.h>

#include <algorithm>
#include <numeric>

#include "launch/hosts/hostfile.h"
#include "launch/setup/expert_counts_file.h"
#include "launch/setup/slot_map.h"
#include "runtime/io/strict_json.h"
#include "runtime/trace/traced_counts.h"

namespace octet {
namespace {

// Larger shapes would take hours.
constexpr int kMostPlanned = 1024;

absl::Status BadOption(const std::string& what) { return absl::InvalidArgumentError(what); }

absl::Status NamingFlag(const std::string& flag, const absl::Status& status) {
  return {status.code(), absl::StrCat(flag, " ", std::string(status.message()))};
}

RoutingCounts OfTotals(ExpertCounts totals) {
  RoutingCounts counts;
  for (std::vector<int64_t>& total : totals) {
    counts.layers.push_back({.total = std::move(total), .steps = {}, .sets = {}});
  }
  return counts;
}

absl::StatusOr<RoutingCounts> ReadEither(FileSystem& files, const std::string& flag,
                                         const std::string& path) {
  if (path.ends_with(".zst")) {
    absl::StatusOr<RoutingCounts> counts = ReadTracedCounts(files, path);
    return counts.ok() ? std::move(counts) : NamingFlag(flag, counts.status());
  }
  absl::StatusOr<ExpertCounts> totals = ReadExpertCounts(files, flag, path);
  if (!totals.ok()) return totals.status();
  return OfTotals(*std::move(totals));
}

absl::StatusOr<PlanRouting> ReadTwo(FileSystem& files, const PlanOptions& o) {
  absl::StatusOr<RoutingCounts> fit = ReadEither(files, "--fit", o.fit);
  if (!fit.ok()) return fit.status();
  absl::StatusOr<RoutingCounts> judged = ReadEither(files, "--judge", o.judge);
  if (!judged.ok()) return judged.status();
  const bool same = fit->layers.size() == judged->layers.size() &&
                    fit->layers[0].num_experts() == judged->layers[0].num_experts();
  if (!same) {
    return BadOption(absl::StrCat("--judge ", o.judge, ": has ", judged->layers.size(),
                                  " layers of ", judged->layers[0].num_experts(),
                                  " experts, and --fit ", fit->layers.size(), " of ",
                                  fit->layers[0].num_experts()));
  }
  return PlanRouting{*std::move(fit), o.fit, *std::move(judged), o.judge};
}

absl::StatusOr<PlanRouting> ReadFiles(FileSystem& files, const PlanOptions& o) {
  if (!o.fit.empty()) return ReadTwo(files, o);
  if (!o.load.empty()) {
    absl::StatusOr<ExpertCounts> totals = ReadExpertCounts(files, "--load", o.load);
    if (!totals.ok()) return totals.status();
    return PlanRouting{OfTotals(*std::move(totals)), o.load, std::nullopt, ""};
  }
  absl::StatusOr<HalvedCounts> halves = ReadHalvedCounts(files, o.trace);
  if (!halves.ok()) return NamingFlag("--trace", halves.status());
  return PlanRouting{std::move(halves->first), "the first half of " + o.trace,
                     std::move(halves->second), "the second half of " + o.trace};
}

// Returns the values of a flag for each rank.
absl::StatusOr<std::vector<int64_t>> ForEachRank(const std::string& flag,
                                                 const std::vector<int64_t>& values,
                                                 int num_ranks) {
  if (values.size() == 1) return std::vector<int64_t>(num_ranks, values.front());
  if (std::ssize(values) == num_ranks) return values;
  return BadOption(absl::StrCat(flag, " has ", values.size(), " numbers for ", num_ranks,
                                " ranks: give one for each, or one for all"));
}

absl::Status SetRanks(FileSystem& files, const PlanOptions& o, PlanSetting& setting,
                      std::string& note) {
  int num_ranks = o.ranks;
  if (!o.hosts.empty()) {
    absl::StatusOr<HostsOfRanks> hosts = ReadHostfile(files, "--hosts", o.hosts, num_ranks);
    if (!hosts.ok()) return hosts.status();
    if (num_ranks != 0 && num_ranks != std::ssize(hosts->host_of)) {
      return BadOption(absl::StrCat("--hosts ", o.hosts, ": has slots for ", hosts->host_of.size(),
                                    " ranks, and --ranks is ", num_ranks));
    }
    num_ranks = static_cast<int>(hosts->host_of.size());
    setting.ranks.hosts = std::move(hosts->host_of);
    setting.host_weight = o.host_weight;
    note = std::move(hosts->note);
  }
  if (num_ranks == 0 || num_ranks > kMostPlanned) {
    return BadOption(absl::StrCat("--ranks, or --hosts, must say for which ranks, at most ",
                                  kMostPlanned, ", the experts are placed"));
  }
  setting.ranks.hosts.resize(num_ranks);
  setting.shape.num_ranks = num_ranks;
  setting.ranks.speeds.assign(num_ranks, 1);
  if (o.speeds.empty()) return absl::OkStatus();
  const absl::StatusOr<std::vector<int64_t>> speeds = ForEachRank("--speeds", o.speeds, num_ranks);
  if (!speeds.ok()) return speeds.status();
  setting.ranks.speeds.assign(speeds->begin(), speeds->end());
  return absl::OkStatus();
}

// Checks that all experts of each layer have a slot.
absl::Status CheckRoom(const std::string& flag, const PlanSetting& setting) {
  for (size_t l = 0; l < setting.slots.size(); ++l) {
    const std::vector<int>& slots = setting.slots[l];
    const int sum = std::accumulate(slots.begin(), slots.end(), 0);
    if (sum >= setting.shape.num_experts) continue;
    return BadOption(absl::StrCat(flag, " leaves layer ", l, " ", sum, " slots for ",
                                  setting.shape.num_experts, " experts"));
  }
  return absl::OkStatus();
}

absl::Status SetSlots(const PlanOptions& o, PlanSetting& setting) {
  const PlacementShape& shape = setting.shape;
  if (!o.slots.empty()) {
    const absl::StatusOr<std::vector<int64_t>> slots =
        ForEachRank("--slots", o.slots, shape.num_ranks);
    if (!slots.ok()) return slots.status();
    if (*std::ranges::max_element(*slots) > shape.num_experts) {
      return BadOption(
          absl::StrCat("--slots must be at most ", shape.num_experts, ", the experts of a layer"));
    }
    setting.slots.assign(shape.num_layers, {slots->begin(), slots->end()});
    return CheckRoom("--slots", setting);
  }
  if (!o.memory.empty()) {
    const absl::StatusOr<std::vector<int64_t>> rooms =
        ForEachRank("--memory", o.memory, shape.num_ranks);
    if (!rooms.ok()) return rooms.status();
    setting.slots = SlotsOfRooms(shape, *rooms);
    return CheckRoom("--memory", setting);
  }
  const int replicas = std::max(o.replicas, 0);
  if (replicas > (shape.num_ranks - 1) * shape.num_experts) {
    return BadOption(absl::StrCat("--replicas must be at most ",
                                  (shape.num_ranks - 1) * shape.num_experts,
                                  ": more do not find a rank without the expert"));
  }
  setting.slots = SpreadSlots(shape, std::vector<int>(shape.num_layers, replicas));
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckPlanOptions(const PlanOptions& o) {
  if (o.fit.empty() != o.judge.empty()) {
    return BadOption(
        "--fit and --judge go together: a file to plan for, and another to judge with");
  }
  const int inputs = (o.trace.empty() ? 0 : 1) + (o.load.empty() ? 0 : 1) + (o.fit.empty() ? 0 : 1);
  if (inputs != 1)
    return BadOption("one of --trace, --load, or --fit with --judge must name the routing");
  const int rooms = (o.slots.empty() ? 0 : 1) + (o.memory.empty() ? 0 : 1) +
                    (o.replicas < 0 ? 0 : 1) + (o.replica_budget < 0 ? 0 : 1);
  if (rooms > 1) {
    return BadOption(
        "--slots, --memory, --replicas and --replica-budget each say how many slots there "
        "are: give one of them");
  }
  const bool known = o.objective.empty() || o.objective == kLoadObjective ||
                     o.objective == kTimeObjective || o.objective == kBytesObjective ||
                     o.objective == kBothObjective;
  if (!known) {
    return BadOption(absl::StrCat("--objective must be load, time, bytes or both, not ",
                                  Quoted(Shortened(o.objective))));
  }
  if (!IsPlacementFormat(o.format)) {
    return BadOption(absl::StrCat("--format must be one of ", PlacementFormats(), ", not ",
                                  Quoted(Shortened(o.format))));
  }
  if (o.format != "octet" && o.out.empty()) {
    return BadOption("--format has no effect without --out, the file for the placement");
  }
  return absl::OkStatus();
}

absl::StatusOr<PlanRouting> ReadPlanRouting(FileSystem& files, const PlanOptions& options) {
  absl::StatusOr<PlanRouting> routing = ReadFiles(files, options);
  if (!routing.ok() || routing->fit.layers[0].num_experts() <= kMostPlanned) return routing;
  return BadOption(absl::StrCat("the layers have ", routing->fit.layers[0].num_experts(),
                                " experts; at most ", kMostPlanned, " are planned"));
}

absl::StatusOr<PlanSetting> MakePlanSetting(FileSystem& files, const PlanOptions& options,
                                            const RoutingCounts& fit,
                                            std::optional<ReplicaDivision>& division,
                                            std::string& note) {
  PlanSetting setting;
  setting.shape = {.num_layers = static_cast<int>(fit.layers.size()),
                   .num_experts = fit.layers[0].num_experts(),
                   .num_ranks = 0};
  setting.expert_groups = options.expert_groups;
  setting.seed = static_cast<uint64_t>(options.seed);
  absl::Status status = SetRanks(files, options, setting, note);
  if (!status.ok()) return status;
  if (options.replica_budget < 0) {
    status = SetSlots(options, setting);
  } else {
    division = DivideReplicas(fit, setting, options.replica_budget);
    setting.slots = SpreadSlots(setting.shape, division->replicas);
  }
  if (!status.ok()) return status;
  return setting;
}

}  // namespace octet
