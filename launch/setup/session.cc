#include "launch/setup/session.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_split.h>

#include <chrono>

#include "kernels/base/activity.h"
#include "launch/statistics/seconds_since.h"
#include "parallel/transport/agreement.h"
#include "parallel/transport/collectives.h"
#include "parallel/transport/host_group.h"

namespace octet {
namespace {

using Clock = std::chrono::steady_clock;

// Where the replicated weights of a host lie; an empty path if in memory without a name.
struct SharedFile {
  std::string path;
  bool is_whole = false;
};

// Collective. Finds the file in which the host keeps them, or makes one.
SharedFile FindReplicated(Communicator& world, const HostGroup& host, size_t bytes,
                          KeptWeights* kept) {
  const PackedPart part = ReplicatedPart(bytes);
  SharedFile mine;
  if (kept != nullptr && host.index == 0) {
    mine.path = kept->Find(part);
    mine.is_whole = !mine.path.empty();
    if (!mine.is_whole && !kept->Make(part).empty()) mine.path = kept->PathOfMade(part);
  }
  const std::vector<std::string> all = AllGather(
      world, {"kept weights"}, absl::StrCat(mine.is_whole ? "whole " : "new ", mine.path));
  const std::vector<std::string> words =
      absl::StrSplit(all[host.ranks[0]], absl::MaxSplits(' ', 1));
  return {.path = words[1], .is_whole = words[0] == "whole"};
}

// Collective. Returns the replicated weights from the cache if every rank finds them there;
// otherwise memory for them, which the ranks of a host share if it is the host's.
absl::StatusOr<ReplicatedMemory> GetReplicatedMemory(Communicator& world, const HostGroup& host,
                                                     size_t bytes, Backend& backend,
                                                     const LoadProgress& progress,
                                                     const WeightStores& stores) {
  PackCache* const cache = stores.cache;
  if (!backend.is_on_host()) return ReplicatedMemory{.buffer = backend.Allocate(bytes)};
  if (cache != nullptr) {
    const bool check = host.index == 0;
    Buffer mapped = MapReplicated(*cache, bytes, check, backend, progress);
    const bool mine = mapped.data() != nullptr;
    const absl::Status all =
        AgreeOnStatus(world, mine ? absl::OkStatus() : absl::NotFoundError(""));
    if (all.ok()) return ReplicatedMemory{.buffer = std::move(mapped), .is_loaded = true};
  }
  const SharedFile file = FindReplicated(world, host, bytes, stores.kept);
  absl::StatusOr<Buffer> memory = MapHostMemory(world, host, bytes, file.path);
  if (!memory.ok()) return memory.status();
  return ReplicatedMemory{.buffer = *std::move(memory),
                          .part = host.index,
                          .num_parts = host.size(),
                          .is_loaded = file.is_whole};
}

// Collective. Loads this rank's weights, and its part of the weights that its host's ranks share.
absl::StatusOr<ModelWeights> LoadShared(Communicator& world, const HostGroup& host,
                                        const JobSetup& setup, int group_rank, Backend& backend,
                                        const LoadProgress& progress, const WeightStores& stores) {
  const ModelFiles& model = setup.model;
  const DType dtype = setup.engine.dtype;
  uint64_t before = 0;  // bytes read before the rest
  const auto count = [&](uint64_t done, uint64_t total) {
    before = done;
    progress(done, total);
  };
  absl::StatusOr<ReplicatedMemory> memory =
      GetReplicatedMemory(world, host, ReplicatedMemoryBytes(model.tensors, model.config, dtype),
                          backend, count, stores);
  if (!memory.ok()) return memory.status();
  absl::StatusOr<ModelWeights> weights = LoadWeights(
      model.tensors, model.config, setup.placement, group_rank, *std::move(memory), backend, dtype,
      [&](uint64_t done, uint64_t total) { progress(before + done, before + total); }, stores);
  const absl::Status status = AgreeOnStatus(world, weights.status());
  if (!status.ok()) return status;
  return weights;
}

// Frees what an earlier attempt kept and this one does not need: other memory is planned without
// it.
void FreeOthers(const HostGroup& host, const JobSetup& setup, KeptWeights& kept) {
  std::vector<int> ranks;  // of groups
  ranks.reserve(host.ranks.size());
  for (const int r : host.ranks) ranks.push_back(r % setup.placement.num_ranks());
  kept.KeepOnly(NamesOfParts(setup.placement, ranks));
}

}  // namespace

absl::StatusOr<std::unique_ptr<Session>> Session::Load(Communicator& world, const JobSetup& setup,
                                                       double timeout_seconds,
                                                       const LoadProgress& progress,
                                                       PackCache* cache) {
  const Clock::time_point start = Clock::now();
  world.set_timeout(std::chrono::duration<double>(timeout_seconds));
  std::unique_ptr<Session> session(new Session);
  session->group_ = world.MakeGroup(setup.engine.limits.group_size);
  session->backend_ = setup.device.MakeBackend(setup.threads);
  const auto count_bytes = [&](uint64_t done, uint64_t total) {
    session->bytes_loaded_ = done;
    progress(done, total);
  };
  const HostGroup host = FindHostGroup(world);
  KeptWeights* const kept = setup.host_weights.kept.get();
  if (kept != nullptr && host.index == 0) FreeOthers(host, setup, *kept);
  absl::StatusOr<ModelWeights> weights =
      LoadShared(world, host, setup, session->group_->rank(), *session->backend_, count_bytes,
                 {.cache = cache, .kept = kept});
  if (!weights.ok()) return weights.status();
  if (kept != nullptr) kept->Seal();
  session->weights_ = *std::move(weights);
  session->keeps_replicated_ = host.index == 0;
  absl::StatusOr<std::unique_ptr<RowTransport>> rows =
      setup.device.MakeRows(*session->group_, *session->backend_, timeout_seconds);
  if (!rows.ok()) return rows.status();
  session->rows_ = *std::move(rows);
  const EngineRanks ranks = {world, *session->group_, session->rows_.get()};
  session->engine_ =
      std::make_unique<Engine>(ranks, *session->backend_,
                               EngineModel{setup.model.config, session->weights_, setup.placement,
                                           setup.model.tokenizer.get(), setup.model.tensors},
                               setup.engine);
  Activity::OfThisThread().Enter({"serving"});
  session->load_seconds_ = SecondsSince(start);
  return session;
}

void Session::KeepWeights(PackCache& cache) {
  octet::KeepWeights(weights_, keeps_replicated_, cache, *backend_);
}

}  // namespace octet
