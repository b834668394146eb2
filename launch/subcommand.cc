#include "launch/subcommand.h"

#include <absl/strings/str_cat.h>

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

namespace {

// For a dry run: the experts of each rank of a group, layer by layer as long as layers differ.
std::string DescribePlacement(const RunConfig& config, const JobSetup& setup) {
  const ExpertPlacement& placement = setup.placement;
  const auto experts_of = [&](int layer) {
    std::string text;
    for (int r = 0; r < placement.num_ranks(); ++r) {
      absl::StrAppend(&text, r > 0 ? "; " : " ", "rank ", r, ":");
      for (const int e : placement.LocalExperts(layer, r)) absl::StrAppend(&text, " ", e);
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

}  // namespace

absl::StatusOr<JobSetup> SetUpAndSay(Communicator& world, const RunConfig& config,
                                     FileSystem& files) {
  world.set_timeout(std::chrono::duration<double>(config.timeout()));
  absl::StatusOr<JobSetup> setup = SetUpJob(world, config, files);
  if (!setup.ok()) return setup;
  for (const std::string& warning : setup->warnings) Say(world, absl::StrCat("note: ", warning));
  Say(world, DescribeSetup(world, *setup));
  if (config.dry_run() && world.rank() == 0) {
    std::cerr << DescribePlan(setup->memory) << DescribePlacement(config, *setup) << std::flush;
  }
  return setup;
}

absl::StatusOr<std::unique_ptr<RankProgress>> RankProgress::Make(Communicator& world,
                                                                 const RunConfig& config) {
  std::unique_ptr<RankProgress> made(new RankProgress);
  const bool speaks = world.rank() == 0;
  // A bar would stand between answers on the same terminal.
  const bool among_answers = config.progress() == "auto" && config.output() == "-";
  const std::string setting = !speaks ? "none" : among_answers ? "plain" : config.progress();
  absl::StatusOr<std::unique_ptr<Progress>> progress = MakeProgress(setting, made->terminal_);
  const absl::Status status = AgreeOnStatus(world, progress.status());
  if (!status.ok()) return status;
  made->progress_ = *std::move(progress);
  return made;
}

absl::StatusOr<std::unique_ptr<Session>> LoadSession(Communicator& world, const RunConfig& config,
                                                     const JobSetup& setup, Progress& progress) {
  absl::StatusOr<std::unique_ptr<Session>> session =
      Session::Load(world, setup, config.timeout(),
                    [&progress](uint64_t done, uint64_t total) { progress.Load(done, total); });
  progress.EndStage();
  return session;
}

}  // namespace octet
