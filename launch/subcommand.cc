#include "launch/subcommand.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>

#include <chrono>
#include <iostream>

#include "parallel/agreement.h"

namespace octet {

void Say(const Communicator& world, const std::string& text) {
  if (world.rank() == 0) std::cerr << "octet: " << text << std::endl;
}

ExitCode ExitWith(const Communicator& world, const absl::Status& status, ExitCode code) {
  Say(world, std::string(status.message()));
  return code;
}

absl::StatusOr<RunConfig> ResolveOnAllRanks(Communicator& world, const RunConfigFlags& flags) {
  absl::StatusOr<RunConfig> config = flags.Resolve();
  const absl::Status status = AgreeOnStatus(world, config.status());
  if (!status.ok()) return status;
  return config;
}

absl::StatusOr<JobSetup> SetUpAndSay(Communicator& world, const RunConfig& config,
                                     FileSystem& files) {
  world.set_timeout(std::chrono::duration<double>(config.timeout()));
  absl::StatusOr<JobSetup> setup = SetUpJob(world, config, files);
  if (!setup.ok()) return setup;
  for (const std::string& warning : setup->warnings) Say(world, absl::StrCat("note: ", warning));
  Say(world, DescribeSetup(world, *setup));
  if (config.dry_run() && world.rank() == 0) {
    std::cerr << DescribePlan(setup->memory) << std::flush;
  }
  return setup;
}

LoadProgress SayLoading(const Communicator& world) {
  using Clock = std::chrono::steady_clock;
  return [&world, start = Clock::now(), next_line = 2.0](uint64_t done, uint64_t total) mutable {
    const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
    if (seconds < next_line && done < total) return;
    next_line = seconds + 2;
    Say(world, absl::StrFormat("loaded %.2f of %.2f GB, %.2f GB/s", done / 1e9, total / 1e9,
                               done / 1e9 / seconds));
  };
}

}  // namespace octet
