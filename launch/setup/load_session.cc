#include "launch/setup/load_session.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>
#include <absl/strings/str_join.h>
#include <absl/strings/str_split.h>
#include <absl/strings/string_view.h>

#include <chrono>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "launch/console/console.h"
#include "launch/setup/keep_weights.h"
#include "parallel/transport/agreement.h"
#include "parallel/transport/collectives.h"
#include "runtime/checkpoint/pack_cache.h"

namespace octet {
namespace {

// Collective. Completes the cache, and on rank 0 reports the notes of all ranks about it.
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

// Collective. Says on rank 0 where ranks of one host exchange messages.
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
  SayWhereWeightsStay(world, setup.host_weights);
  std::optional<PackCache> cache;
  if (!config.pack_cache().empty()) {
    const absl::StatusOr<std::string> model = NameOfWeights(config, setup.model, files);
    const absl::Status status = AgreeOnStatus(world, model.status());
    if (!status.ok()) return status;
    cache.emplace(files, config.pack_cache(), *model,
                  NameOfPackedFormats(setup.model, setup.engine.dtype));
  }
  absl::StatusOr<std::unique_ptr<Session>> session = Session::Load(
      world, setup, config.timeout(),
      [&progress](uint64_t done, uint64_t total) { progress.Load(done, total); },
      cache ? &*cache : nullptr);
  if (session.ok()) progress.SetMapped((*session)->weights().mapped_bytes);
  progress.EndStage();
  if (session.ok()) NoteSharedMemory(world, (*session)->engine().shared_memory());
  if (session.ok()) NoteHostWeights(world, config, setup.host_weights);
  if (session.ok() && cache) KeepWeights(world, config, **session, *cache);
  return session;
}

}  // namespace octet
