#include "tests/cuda_emu/grid.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <vector>

#include "tests/cuda_emu/access_observer.h"
#include "tests/cuda_emu/block.h"
#include "tests/cuda_emu/device_code.h"
#include "tests/cuda_emu/device_memory.h"
#include "tests/cuda_emu/streams.h"

uint3 threadIdx, blockIdx;
dim3 blockDim, gridDim;

namespace octet::cuda_emu {
namespace {

constexpr size_t kUsualDynamicShared = size_t{48} << 10;
constexpr unsigned kMostThreads = 1024;
constexpr unsigned kMostBlocksInYOrZ = 65535;

std::map<const void*, size_t>& AllowedDynamicShared() {
  static std::map<const void*, size_t> allowed;
  return allowed;
}

// Why no device would start it; null: nothing.
const char* FindFault(const cudaLaunchConfig_t& config, const void* kernel) {
  const dim3& block = config.blockDim;
  const dim3& grid = config.gridDim;
  const unsigned threads = block.x * block.y * block.z;
  if (threads == 0 || threads > kMostThreads) return "a kernel with a wrong number of threads";
  if (grid.x * grid.y * grid.z == 0 || std::max(grid.y, grid.z) > kMostBlocksInYOrZ) {
    return "a kernel with a wrong number of blocks";
  }
  const auto allowed = AllowedDynamicShared().find(kernel);
  if (config.dynamicSmemBytes >
      (allowed == AllowedDynamicShared().end() ? kUsualDynamicShared : allowed->second)) {
    return "a kernel with more dynamic shared memory than was allowed";
  }
  return nullptr;
}

// Blocks run one after the other, in any order.
void RunGrid(const dim3& grid, const dim3& block, size_t dynamic_bytes,
             const std::function<void()>& body) {
  const DeviceMemory::Access access;
  if (AccessObserver* observer = Emulation::Device().observer()) observer->BeginLaunch();
  gridDim = grid;
  blockDim = block;
  std::vector<unsigned> order(size_t{grid.x} * grid.y * grid.z);
  std::iota(order.begin(), order.end(), 0U);
  for (size_t i = order.size(); i > 1; --i) {
    std::swap(order[i - 1], order[Emulation::Device().Draw(static_cast<uint32_t>(i))]);
  }
  for (const unsigned b : order) {
    blockIdx = {b % grid.x, b / grid.x % grid.y, b / (grid.x * grid.y)};
    Block::Running().Run(block, dynamic_bytes, body);
  }
}

}  // namespace

void AllowDynamicShared(const void* kernel, size_t bytes) {
  AllowedDynamicShared()[kernel] = bytes;
}

cudaError_t Launch(const cudaLaunchConfig_t& config, const void* kernel,
                   const std::function<void()>& body) {
  const RuntimeLock lock(RuntimeMutex());
  if (const char* fault = FindFault(config, kernel)) {
    Emulation::Device().Fail(fault);
    return cudaErrorInvalidConfiguration;
  }
  const auto work = [grid = config.gridDim, block = config.blockDim,
                     bytes = config.dynamicSmemBytes, body] { RunGrid(grid, block, bytes, body); };
  return Enqueue(config.stream, work);
}

}  // namespace octet::cuda_emu
