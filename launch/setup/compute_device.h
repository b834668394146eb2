// The device on which a rank computes.

#ifndef OCTET_LAUNCH_SETUP_COMPUTE_DEVICE_H_
#define OCTET_LAUNCH_SETUP_COMPUTE_DEVICE_H_

#include <absl/status/statusor.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "kernels/base/backend.h"
#include "kernels/cpu/isa.h"
#include "kernels/cuda/cuda_runtime.h"
#include "launch/setup/memory_plan.h"
#include "parallel/transport/communicator.h"
#include "parallel/transport/row_transport.h"
#include "proto/config.pb.h"

namespace octet {

// How rows go between the devices of a group.
enum class RowPath {
  kHosts,  // through memory of the hosts, and by MPI between them
  kOwn,    // a rank alone: not at all
  kNccl,
};

// The CUDA device of a rank.
struct RankDevice {
  int number = 0;
  CudaDevice device;
  TensorCoreUse use;  // the same on all ranks, as is the next
  RowPath row_path = RowPath::kHosts;
};

struct ComputeDevice {
  Isa isa;                         // of the host
  std::optional<RankDevice> cuda;  // none: the rank computes on the host

  // The instruction path of the numerics class.
  std::string path() const;

  std::unique_ptr<Backend> MakeBackend(int host_threads) const;

  // Collective over the group of this rank. Null if rows lie in memory of hosts.
  absl::StatusOr<std::unique_ptr<RowTransport>> MakeRows(Communicator& group, Backend& backend,
                                                         double timeout_seconds) const;
};

// Collective. Chooses what `config` (--device, --isa) asks for, the same kind on all ranks: the
// ranks of a host take its CUDA devices in turn, those of their own NUMA nodes first. An error
// names the rank that lacks one, or that has another kind. Adds warnings about devices that ranks
// share.
absl::StatusOr<ComputeDevice> ChooseComputeDevice(Communicator& world, const RunConfig& config,
                                                  std::vector<std::string>& warnings);

// Collective. Returns the CUDA devices of the job as hosts, each with its free memory. All ranks
// have chosen one.
std::vector<HostMemory> GatherDeviceMemory(Communicator& world, const RankDevice& mine);

}  // namespace octet

#endif  // OCTET_LAUNCH_SETUP_COMPUTE_DEVICE_H_
