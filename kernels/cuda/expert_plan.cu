#include "kernels/cuda/expert_plan.h"

#include "kernels/cuda/block_scan.h"
#include "kernels/cuda/device.h"
#include "kernels/cuda/launch.h"

namespace octet::cuda {
namespace {

// The home of pair i of all that have come.
OCTET_DEVICE int HomeOf(const ArrivedPairs& arrived, int i) {
  int first = 0;
  int last = arrived.num_homes - 1;
  while (first < last) {
    const int middle = (first + last + 1) / 2;
    if (arrived.starts[middle].pairs <= i) {
      first = middle;
    } else {
      last = middle - 1;
    }
  }
  return first;
}

// The index in `pairs` of pair i of all that have come.
OCTET_DEVICE int PlaceOf(const ArrivedPairs& arrived, int home, int i) {
  return arrived.bases[home].pairs + (i - arrived.starts[home].pairs);
}

OCTET_DEVICE int NumPairs(const ArrivedPairs& arrived) {
  return arrived.starts[arrived.num_homes].pairs;
}

// 1 if pair i of all that have come is of this local expert, else 0.
OCTET_DEVICE int IsOfExpert(const ArrivedPairs& arrived, const LocalExperts& experts, int i,
                            int local) {
  const DevicePair& pair = arrived.pairs[PlaceOf(arrived, HomeOf(arrived, i), i)];
  return experts.local_of[pair.expert] == local ? 1 : 0;
}

// A block for each local expert.
__global__ void __launch_bounds__(kScanThreads, 1)
    CountRowsKernel(ArrivedPairs arrived, LocalExperts experts, int32_t* counts) {
  const int local = static_cast<int>(blockIdx.x);
  const auto size_of = [&](int i) { return IsOfExpert(arrived, experts, i, local); };
  const RunSums<int> sums = SumRuns(NumPairs(arrived), size_of);
  if (threadIdx.x == 0) counts[local] = sums.all;
}

// The rows and tiles of the experts before one of them.
struct ExpertBegin {
  int row;
  int tile;
};

OCTET_DEVICE int NumTiles(int rows, int tile_rows) { return (rows + tile_rows - 1) / tile_rows; }

OCTET_DEVICE ExpertBegin BeginOf(const DeviceExpertPlan& plan, int local, int tile_rows) {
  ExpertBegin begin = {};
  for (int e = static_cast<int>(threadIdx.x) % kLanes; e < local; e += kLanes) {
    begin.row += plan.counts[e];
    begin.tile += NumTiles(plan.counts[e], tile_rows);
  }
  return {SumOfWarp(begin.row), SumOfWarp(begin.tile)};
}

// The threads of a block write the tiles of the expert.
OCTET_DEVICE void WriteTiles(const DeviceExpertPlan& plan, int local, const ExpertBegin& begin,
                             int tile_rows) {
  const int end = begin.row + plan.counts[local];
  const int num_tiles = NumTiles(plan.counts[local], tile_rows);
  for (int i = static_cast<int>(threadIdx.x); i < num_tiles; i += kScanThreads) {
    const int first = begin.row + i * tile_rows;
    plan.tiles[begin.tile + i] = {local, first, min(first + tile_rows, end)};
  }
}

// A block for each local expert, and one for where the last one ends.
__global__ void __launch_bounds__(kScanThreads, 1)
    PlaceRowsKernel(ArrivedPairs arrived, LocalExperts experts, DeviceExpertPlan plan) {
  const int local = static_cast<int>(blockIdx.x);
  const int tile_rows = static_cast<int>(plan.tile_rows);
  const ExpertBegin begin = BeginOf(plan, local, tile_rows);
  if (threadIdx.x == 0) plan.offsets[local] = begin.row;
  if (local == experts.num_local) {
    if (threadIdx.x != 0) return;
    if (begin.row != NumPairs(arrived)) __trap();  // a pair is not of a local expert
    *plan.num_tiles = begin.tile;
    return;
  }
  WriteTiles(plan, local, begin, tile_rows);
  const auto size_of = [&](int i) { return IsOfExpert(arrived, experts, i, local); };
  NumberItems(NumPairs(arrived), begin.row, size_of, [&](int i, int output) {
    if (size_of(i) == 0) return;
    const int home = HomeOf(arrived, i);
    const int place = PlaceOf(arrived, home, i);
    plan.rows[output] = arrived.bases[home].tokens + arrived.pairs[place].row;
    plan.output_of[place] = output;
  });
}

// How many of a home's pairs the return sums that begins with pair j: topk if this rank has all
// slots of the token, else 1. 0: none begins there.
OCTET_DEVICE int PairsOfReturn(const DevicePair* pairs, int num_pairs, int j, int topk) {
  int first = j;
  while (first > 0 && pairs[first - 1].row == pairs[j].row) --first;
  const int last = first + topk - 1;
  if (last >= num_pairs || pairs[last].row != pairs[j].row) return 1;
  return first == j ? topk : 0;
}

// A block for each home.
__global__ void __launch_bounds__(kScanThreads, 1)
    ListReturnsKernel(ArrivedPairs arrived, DeviceReturn* returns) {
  const int home = static_cast<int>(blockIdx.x);
  const MessageSize base = arrived.bases[home];
  const int first_return = arrived.starts[home].returns;
  const int num_pairs = arrived.starts[home + 1].pairs - arrived.starts[home].pairs;
  const DevicePair* const pairs = arrived.pairs + base.pairs;
  const auto pairs_of = [&](int j) { return PairsOfReturn(pairs, num_pairs, j, arrived.topk); };
  const auto size_of = [&](int j) { return pairs_of(j) > 0 ? 1 : 0; };
  NumberItems(num_pairs, 0, size_of, [&](int j, int number) {
    if (pairs_of(j) == 0) return;
    returns[first_return + number] = {base.pairs + j, pairs_of(j), base.returns + number};
  });
}

__global__ void __launch_bounds__(kLanes)
    CountPairsKernel(LocalExperts experts, int num_experts, const int32_t* offsets,
                     int64_t* pairs_of) {
  const int expert = static_cast<int>(blockIdx.x) * kLanes + static_cast<int>(threadIdx.x);
  if (expert >= num_experts) return;
  const int local = experts.local_of[expert];
  if (local >= 0) pairs_of[expert] += offsets[local + 1] - offsets[local];
}

}  // namespace

cudaError_t PlanExperts(const ArrivedPairs& arrived, const LocalExperts& experts,
                        const DeviceExpertPlan& plan, cudaStream_t stream) {
  if (plan.tile_rows < 1) return cudaErrorInvalidValue;
  cudaError_t error = Launch({.blocks_x = experts.num_local, .threads = kScanThreads}, stream,
                             CountRowsKernel, arrived, experts, plan.counts);
  if (error != cudaSuccess) return error;
  error = Launch({.blocks_x = experts.num_local + 1, .threads = kScanThreads}, stream,
                 PlaceRowsKernel, arrived, experts, plan);
  if (error != cudaSuccess) return error;
  return Launch({.blocks_x = arrived.num_homes, .threads = kScanThreads}, stream, ListReturnsKernel,
                arrived, plan.returns);
}

cudaError_t CountPairs(const LocalExperts& experts, int num_experts, const int32_t* offsets,
                       int64_t* pairs_of, cudaStream_t stream) {
  return Launch({.blocks_x = (num_experts + kLanes - 1) / kLanes, .threads = kLanes}, stream,
                CountPairsKernel, experts, num_experts, offsets, pairs_of);
}

}  // namespace octet::cuda
