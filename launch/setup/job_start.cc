#include "launch/setup/job_start.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>

#include <chrono>
#include <exception>
#include <iostream>
#include <string>
#include <vector>

#include "launch/console/console.h"
#include "launch/process/last_resort.h"
#include "parallel/transport/agreement.h"

namespace octet {
namespace {

// Describes, for a dry run, the experts of each rank of a group, layer by layer if layers differ.
std::string DescribePlacement(const RunConfig& config, const JobSetup& setup) {
  const ExpertPlacement& placement = setup.placement;
  const auto experts_of = [&](int layer) {
    std::string text;
    for (int r = 0; r < placement.num_ranks(); ++r) {
      const std::vector<int> experts = placement.LocalExperts(layer, r);
      if (experts.empty()) continue;
      absl::StrAppend(&text, text.empty() ? " " : "; ", "rank ", r, ": ",
                      absl::StrJoin(experts, " "));
    }
    return text;
  };
  std::string text = absl::StrCat("placement ", config.placement(), "\n");
  std::string last;
  for (int l = 0; l < setup.model.config.num_layers; ++l) {
    const std::string experts = experts_of(l);
    if (experts != last) absl::StrAppend(&text, "  experts from layer ", l, " on:", experts, "\n");
    last = experts;
  }
  return text;
}

// Calls SetUpJob. All of its failures are known before any work has begun.
absl::StatusOr<JobSetup> SetUpOrRefuse(Communicator& world, const RunConfig& config,
                                       FileSystem& files) {
  try {
    return SetUpJob(world, config, files);
  } catch (const std::exception& exception) {
    if (world.size() > 1) throw;  // the other ranks are still in it
    return absl::ResourceExhaustedError(DescribeException(exception));
  }
}

}  // namespace

absl::StatusOr<RunConfig> ResolveOnAllRanks(Communicator& world, const RunConfigFlags& flags) {
  absl::StatusOr<RunConfig> config = flags.Resolve();
  const absl::Status status = AgreeOnStatus(world, config.status());
  if (!status.ok()) return status;
  return config;
}

absl::StatusOr<JobSetup> SetUpAndReport(Communicator& world, const RunConfig& config,
                                        FileSystem& files,
                                        const std::function<absl::Status(const JobSetup&)>& check) {
  world.set_timeout(std::chrono::duration<double>(config.timeout()));
  absl::StatusOr<JobSetup> setup = SetUpOrRefuse(world, config, files);
  if (!setup.ok()) return setup;
  if (check) {
    const absl::Status status = AgreeOnStatus(world, check(*setup));
    if (!status.ok()) return status;
  }
  for (const std::string& warning : setup->warnings) Say(world, absl::StrCat("note: ", warning));
  Say(world, DescribeSetup(world, *setup));
  if (config.dry_run() && world.rank() == 0) {
    std::cerr << DescribePlan(setup->memory) << DescribePlacement(config, *setup) << std::flush;
  }
  return setup;
}

}  // namespace octet
