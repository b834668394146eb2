#include "launch/setup/compute_device.h"

#include <absl/status/status.h>
#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>
#include <absl/strings/str_split.h>

#include <chrono>
#include <cmath>
#include <utility>

#include "kernels/cpu/make_cpu_backend.h"
#include "launch/setup/device_assignment.h"
#include "launch/setup/instruction_path.h"
#include "launch/setup/thread_placement.h"
#include "parallel/transport/agreement.h"
#include "parallel/transport/collectives.h"
#include "parallel/transport/host_group.h"
#include "parallel/transport/nccl_rows.h"
#include "parallel/transport/nccl_version.h"
#include "parallel/transport/own_rows.h"
#include "runtime/io/strict_json.h"

namespace octet {
namespace {

absl::Status CheckSettings(const RunConfig& config) {
  if (config.device() != "cpu" && config.device() != "cuda") {
    return absl::InvalidArgumentError(
        absl::StrCat("--device ", Quoted(config.device()), ": must be cpu or cuda"));
  }
  if (config.device() == "cuda" && !config.pack_cache().empty()) {
    return absl::InvalidArgumentError(
        "--pack-cache has no effect with --device cuda: it keeps weights as processors read them");
  }
  const std::string& rows = config.row_transport();
  if (rows != "auto" && rows != "nccl" && rows != "mpi") {
    return absl::InvalidArgumentError(
        absl::StrCat("--row-transport ", Quoted(rows), ": must be auto, nccl or mpi"));
  }
  if (config.device() == "cpu" && rows == "nccl") {
    return absl::InvalidArgumentError("--row-transport nccl has no effect without --device cuda");
  }
  return absl::OkStatus();
}

bool HostSeesRouting(const RunConfig& config) {
  return !config.trace().empty() || config.return_routed_experts();
}

// shares: whether ranks of a host share a device.
absl::StatusOr<RowPath> ChooseRowPath(const RunConfig& config, int num_ranks, bool shares) {
  const bool by_nccl = config.row_transport() == "nccl";
  if (config.row_transport() == "mpi") return RowPath::kHosts;
  if (HostSeesRouting(config)) {
    if (!by_nccl) return RowPath::kHosts;
    return absl::InvalidArgumentError(
        "--row-transport nccl: --trace and --return-routed-experts need --row-transport mpi, with "
        "which the host knows the routing");
  }
  if (by_nccl && shares) {
    return absl::InvalidArgumentError(
        "--row-transport nccl: ranks share a CUDA device, between which NCCL can't send rows: "
        "start "
        "fewer ranks on each host, or use --row-transport mpi");
  }
  const bool alone = num_ranks == 1 || config.ep_size() == 1;
  if (alone && !by_nccl) return RowPath::kOwn;
  return by_nccl || (HasNccl() && !shares) ? RowPath::kNccl : RowPath::kHosts;
}

// Collective. Returns the number of this rank's device: the ranks of a host take its devices in
// turn, those of their NUMA nodes first.
int AssignMine(Communicator& world, const HostGroup& host, const std::vector<CudaDevice>& devices) {
  const std::vector<std::string> all =
      AllGather(world, {"NUMA nodes"}, absl::StrJoin(NodesOfThisRank(world), " "));
  std::vector<std::vector<int>> rank_nodes;
  for (const int rank : host.ranks) {
    std::vector<int>& nodes = rank_nodes.emplace_back();
    for (const absl::string_view number : absl::StrSplit(all[rank], ' ', absl::SkipEmpty())) {
      OCTET_CHECK(absl::SimpleAtoi(number, &nodes.emplace_back())) << all[rank];
    }
  }
  std::vector<int> device_nodes;
  device_nodes.reserve(devices.size());
  for (const CudaDevice& device : devices) device_nodes.push_back(device.numa_node);
  return AssignDevices(rank_nodes, device_nodes)[host.index];
}

// Collective.
absl::StatusOr<RankDevice> ChooseCudaDevice(Communicator& world, const RunConfig& config,
                                            std::vector<std::string>& warnings) {
  const absl::StatusOr<std::vector<CudaDevice>> devices = FindCudaDevices();
  absl::Status status = devices.status();
  if (!status.ok()) {
    status = absl::FailedPreconditionError(
        absl::StrCat("--device cuda: ", std::string(status.message())));
  }
  status = AgreeOnStatus(world, status);
  if (!status.ok()) return status;
  const HostGroup host = FindHostGroup(world);
  const auto count = static_cast<int>(devices->size());
  const int number = AssignMine(world, host, *devices);
  RankDevice chosen = {.number = number, .device = (*devices)[number]};
  status = AgreeOnFacts(
      world, {{"CUDA devices (kinds differ in their arithmetic)", chosen.device.path()}});
  if (!status.ok()) return status;
  chosen.use = TestTensorCores(chosen.number);
  const std::string replaced = chosen.use.Describe();
  status = AgreeOnFacts(world, {{"the self-test of CUDA kernels", replaced}});
  if (!status.ok()) return status;
  if (!replaced.empty()) {
    warnings.push_back(absl::StrCat("CUDA kernels differ from the plain ones on ",
                                    chosen.device.name, ", so it computes", replaced));
  }
  const bool shares = host.size() > count;
  const std::string crowd =
      host.index == 0 && shares
          ? absl::StrCat(host.size(), " ranks on ", world.hosts()[world.rank()], " share ", count,
                         count == 1 ? " CUDA device" : " CUDA devices")
          : "";
  bool some_share = false;
  for (const std::string& note : AllGather(world, {"CUDA devices"}, crowd)) {
    if (note.empty()) continue;
    some_share = true;
    warnings.push_back(note);
  }
  const absl::StatusOr<RowPath> path = ChooseRowPath(config, world.size(), some_share);
  if (!path.ok()) return path.status();
  chosen.row_path = *path;
  return chosen;
}

}  // namespace

std::string ComputeDevice::path() const {
  if (!cuda) return Name(isa);
  return absl::StrCat(cuda->device.path(), "+", Name(isa), cuda->use.Describe());
}

std::unique_ptr<Backend> ComputeDevice::MakeBackend(int host_threads) const {
  std::unique_ptr<Backend> host = MakeCpuBackend(isa, host_threads);
  return cuda ? MakeCudaBackend(cuda->number, std::move(host), cuda->use) : std::move(host);
}

absl::StatusOr<ComputeDevice> ChooseComputeDevice(Communicator& world, const RunConfig& config,
                                                  std::vector<std::string>& warnings) {
  const absl::Status status = CheckSettings(config);
  if (!status.ok()) return status;
  const absl::StatusOr<Isa> isa = ChooseIsa(world, config.isa(), warnings);
  if (!isa.ok()) return isa.status();
  ComputeDevice device = {.isa = *isa};
  if (config.device() == "cpu") return device;
  absl::StatusOr<RankDevice> cuda = ChooseCudaDevice(world, config, warnings);
  if (!cuda.ok()) return cuda.status();
  device.cuda = *std::move(cuda);
  return device;
}

absl::StatusOr<std::unique_ptr<RowTransport>> ComputeDevice::MakeRows(
    Communicator& group, Backend& backend, double timeout_seconds) const {
  if (!cuda || cuda->row_path == RowPath::kHosts) return std::unique_ptr<RowTransport>();
  if (cuda->row_path == RowPath::kOwn) return std::make_unique<OwnRows>(backend);
  return MakeNcclRows(group, StreamOf(backend), cuda->device.bus_id,
                      std::chrono::seconds(std::llround(std::ceil(timeout_seconds))));
}

std::vector<HostMemory> GatherDeviceMemory(Communicator& world, const RankDevice& mine) {
  const CudaDevice& device = mine.device;
  const std::string name =
      absl::StrCat("CUDA device ", device.bus_id, " of ", world.hosts()[world.rank()]);
  const AvailableMemory available = {.bytes = static_cast<int64_t>(device.free_bytes),
                                     .limited_by = device.name};
  return GatherMemory(world, {.key = name, .name = name, .available = available});
}

}  // namespace octet
