#include "launch/subcommand.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>
#include <absl/strings/str_join.h>
#include <absl/strings/str_split.h>
#include <absl/strings/string_view.h>

#include <chrono>
#include <exception>
#include <iostream>
#include <map>
#include <span>
#include <vector>

#include "kernels/activity.h"
#include "launch/last_resort.h"
#include "launch/one_line.h"
#include "parallel/agreement.h"
#include "parallel/collectives.h"
#include "runtime/batch/job_identity.h"
#include "runtime/io/fingerprint.h"
#include "runtime/model/pack_cache.h"

namespace octet {

void Say(const Communicator& world, const std::string& text) {
  if (world.rank() == 0) std::cerr << absl::StrCat("octet: ", OneLine(text), "\n") << std::flush;
}

void SayLines(const Communicator& world, const std::string& text) {
  if (world.rank() != 0) return;
  std::string lines = "octet: ";
  for (const absl::string_view line : absl::StrSplit(text, '\n')) {
    absl::StrAppend(&lines, OneLine({line.data(), line.size()}), "\n");
  }
  std::cerr << lines << std::flush;
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

}  // namespace

namespace {

// SetUpJob, whose failures are all known before any work has begun.
absl::StatusOr<JobSetup> SetUpOrRefuse(Communicator& world, const RunConfig& config,
                                       FileSystem& files) {
  try {
    return SetUpJob(world, config, files);
  } catch (const std::exception& exception) {
    if (world.size() > 1) throw;  // the others are in the middle of it
    return absl::ResourceExhaustedError(DescribeException(exception));
  }
}

}  // namespace

absl::StatusOr<JobSetup> SetUpAndSay(Communicator& world, const RunConfig& config,
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

namespace {

// What packed weights are made from, as a short text: files by size, time and beginning.
absl::StatusOr<std::string> NameOfWeights(const RunConfig& config, const JobSetup& setup,
                                          FileSystem& files) {
  JobIdentity identity;
  identity.set_model(setup.model.fingerprint);
  if (!config.random_weights()) {
    const absl::Status status = IdentifyModel(
        files, config.model(), /*read_contents=*/false, [] { Activity::OfThisThread().Tick(); },
        identity);
    if (!status.ok()) return status;
  }
  const std::string text = identity.ShortDebugString();
  Fingerprint fingerprint;
  fingerprint.Add(std::as_bytes(std::span(text)));
  return fingerprint.ToHex();
}

// Collective: completes the cache, and says on rank 0 what all ranks have to say of it.
void KeepWeights(Communicator& world, const RunConfig& config, Session& session, PackCache& cache) {
  const auto start = std::chrono::steady_clock::now();
  session.KeepWeights(cache);
  const std::vector<std::string> kept =
      GatherToRoot(world, {"pack cache"}, absl::StrCat(cache.bytes_kept()));
  const std::vector<std::string> notes =
      GatherToRoot(world, {"pack cache"}, absl::StrJoin(cache.TakeNotes(), "\n"));
  if (world.rank() != 0) return;
  for (int r = 0; r < world.size(); ++r) {
    for (const absl::string_view note : absl::StrSplit(notes[r], '\n', absl::SkipEmpty())) {
      Say(world, absl::StrCat("note: rank ", r, ": ", note));
    }
  }
  double bytes = 0;
  for (const std::string& text : kept) bytes += std::stod(text);
  if (bytes == 0) return;
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  Say(world, absl::StrFormat("wrote %.2f GB to --pack-cache %s in %.1f s", bytes / 1e9,
                             config.pack_cache(), seconds.count()));
}

// Collective: says on rank 0 where ranks of one host send each other messages.
void NoteSharedMemory(Communicator& world, const absl::Status& mine) {
  std::map<std::string, int> ranks_by_reason;
  for (const std::string& reason :
       GatherToRoot(world, {"shared memory"}, std::string(mine.message()))) {
    if (!reason.empty()) ++ranks_by_reason[reason];
  }
  for (const auto& [reason, ranks] : ranks_by_reason) {
    Say(world, absl::StrCat("note: ", ranks, " ranks send all rows as messages, which takes ",
                            "longer, as shared memory was refused: ", reason));
  }
}

}  // namespace

absl::StatusOr<std::unique_ptr<Session>> LoadSession(Communicator& world, const RunConfig& config,
                                                     const JobSetup& setup, FileSystem& files,
                                                     Progress& progress) {
  std::optional<PackCache> cache;
  if (!config.pack_cache().empty()) {
    const absl::StatusOr<std::string> model = NameOfWeights(config, setup, files);
    const absl::Status status = AgreeOnStatus(world, model.status());
    if (!status.ok()) return status;
    cache.emplace(files, config.pack_cache(), *model, setup.engine.dtype);
  }
  absl::StatusOr<std::unique_ptr<Session>> session = Session::Load(
      world, setup, config.timeout(),
      [&progress](uint64_t done, uint64_t total) { progress.Load(done, total); },
      cache ? &*cache : nullptr);
  if (session.ok()) progress.SetMapped((*session)->weights().mapped_bytes);
  progress.EndStage();
  if (session.ok()) NoteSharedMemory(world, (*session)->engine().shared_memory());
  if (session.ok() && cache) KeepWeights(world, config, **session, *cache);
  return session;
}

}  // namespace octet
