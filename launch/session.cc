#include "launch/session.h"

#include <chrono>

#include "kernels/base/activity.h"
#include "parallel/transport/agreement.h"
#include "parallel/transport/host_group.h"

namespace octet {
namespace {

using Clock = std::chrono::steady_clock;

// Collective. Returns the replicated weights from the cache if every rank finds them there;
// otherwise memory for them, which the ranks of a host share if it is the host's.
absl::StatusOr<ReplicatedMemory> GetReplicatedMemory(Communicator& world, const HostGroup& host,
                                                     size_t bytes, Backend& backend,
                                                     const LoadProgress& progress,
                                                     PackCache* cache) {
  if (!backend.is_on_host()) return ReplicatedMemory{.buffer = backend.Allocate(bytes)};
  if (cache != nullptr) {
    const bool check = host.index == 0;
    Buffer mapped = MapReplicated(*cache, bytes, check, backend, progress);
    const bool mine = mapped.data() != nullptr;
    const absl::Status all =
        AgreeOnStatus(world, mine ? absl::OkStatus() : absl::NotFoundError(""));
    if (all.ok()) return ReplicatedMemory{.buffer = std::move(mapped), .is_loaded = true};
  }
  absl::StatusOr<Buffer> memory = MapHostMemory(world, host, bytes);
  if (!memory.ok()) return memory.status();
  return ReplicatedMemory{
      .buffer = *std::move(memory), .part = host.index, .num_parts = host.size()};
}

// Collective. Loads this rank's weights, and its part of the weights that its host's ranks share.
absl::StatusOr<ModelWeights> LoadShared(Communicator& world, const HostGroup& host,
                                        const JobSetup& setup, int group_rank, Backend& backend,
                                        const LoadProgress& progress, PackCache* cache) {
  const ModelFiles& model = setup.model;
  const DType dtype = setup.engine.dtype;
  uint64_t before = 0;  // bytes read before the rest
  const auto count = [&](uint64_t done, uint64_t total) {
    before = done;
    progress(done, total);
  };
  absl::StatusOr<ReplicatedMemory> memory =
      GetReplicatedMemory(world, host, ReplicatedMemoryBytes(model.tensors, model.config, dtype),
                          backend, count, cache);
  if (!memory.ok()) return memory.status();
  absl::StatusOr<ModelWeights> weights = LoadWeights(
      model.tensors, model.config, setup.placement, group_rank, *std::move(memory), backend, dtype,
      [&](uint64_t done, uint64_t total) { progress(before + done, before + total); }, cache);
  const absl::Status status = AgreeOnStatus(world, weights.status());
  if (!status.ok()) return status;
  return weights;
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
  absl::StatusOr<ModelWeights> weights = LoadShared(world, host, setup, session->group_->rank(),
                                                    *session->backend_, count_bytes, cache);
  if (!weights.ok()) return weights.status();
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
  session->load_seconds_ = std::chrono::duration<double>(Clock::now() - start).count();
  return session;
}

void Session::KeepWeights(PackCache& cache) {
  octet::KeepWeights(weights_, keeps_replicated_, cache, *backend_);
}

}  // namespace octet
