#include "launch/session.h"

#include <chrono>

#include "kernels/activity.h"
#include "parallel/agreement.h"
#include "parallel/host_group.h"

namespace octet {
namespace {

using Clock = std::chrono::steady_clock;

// Collective: this rank's weights, and its part of what its host's ranks share.
absl::StatusOr<ModelWeights> LoadShared(Communicator& world, const JobSetup& setup, int group_rank,
                                        Backend& backend, const LoadProgress& progress) {
  const ModelFiles& model = setup.model;
  const DType dtype = setup.engine.dtype;
  const HostGroup host = FindHostGroup(world);
  absl::StatusOr<Buffer> memory =
      MapHostMemory(world, host, ReplicatedMemoryBytes(model.tensors, model.config, dtype));
  if (!memory.ok()) return memory.status();
  absl::StatusOr<ModelWeights> weights =
      LoadWeights(model.tensors, model.config, setup.placement, group_rank,
                  {.buffer = *std::move(memory), .part = host.index, .num_parts = host.size()},
                  backend, dtype, progress);
  const absl::Status status = AgreeOnStatus(world, weights.status());
  if (!status.ok()) return status;
  return weights;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Session>> Session::Load(Communicator& world, const JobSetup& setup,
                                                       double timeout_seconds,
                                                       const LoadProgress& progress) {
  const Clock::time_point start = Clock::now();
  world.set_timeout(std::chrono::duration<double>(timeout_seconds));
  std::unique_ptr<Session> session(new Session);
  session->group_ = world.MakeGroup(setup.engine.limits.group_size);
  session->backend_ = MakeCpuBackend(setup.isa, setup.threads);
  const auto count_bytes = [&](uint64_t done, uint64_t total) {
    session->bytes_loaded_ = done;
    progress(done, total);
  };
  absl::StatusOr<ModelWeights> weights =
      LoadShared(world, setup, session->group_->rank(), *session->backend_, count_bytes);
  if (!weights.ok()) return weights.status();
  session->weights_ = *std::move(weights);
  session->engine_ =
      std::make_unique<Engine>(EngineRanks{world, *session->group_}, *session->backend_,
                               EngineModel{setup.model.config, session->weights_, setup.placement,
                                           setup.model.tokenizer.get()},
                               setup.engine);
  Activity::OfThisThread().Enter({"serving"});
  session->load_seconds_ = std::chrono::duration<double>(Clock::now() - start).count();
  return session;
}

}  // namespace octet
