// The work of a rank's experts in one layer, planned on a CUDA device from what has come to the
// rank. As ExpertPlan (parallel/dispatch/expert_plan.h). All pointers are to memory of the device.

#ifndef OCTET_KERNELS_CUDA_EXPERT_PLAN_H_
#define OCTET_KERNELS_CUDA_EXPERT_PLAN_H_

#include <cuda_runtime_api.h>

#include <cstdint>

#include "kernels/cuda/exchange_plan.h"
#include "kernels/cuda/grouped_swiglu.h"

namespace octet::cuda {

// What the homes have sent to this rank.
struct ArrivedPairs {
  int num_homes;
  int topk;
  // [num_homes + 1] ExactBases of the sizes that the homes sent.
  const MessageSize* starts;
  // [num_homes] where the blocks of each home lie: its tokens among the rows that came, its pairs
  // in `pairs`, and its returns among the rows that go back. May be `starts`.
  const MessageSize* bases;
  const DevicePair* pairs;  // block by block, each in the order of its tokens and slots
};

// The experts of this rank.
struct LocalExperts {
  int num_local;
  const int32_t* local_of;  // [experts] index among those of this rank, ascending; others -1
};

// A row that goes back is the weighted sum of the outputs for these pairs.
struct DeviceReturn {
  int32_t first_pair;
  int32_t num_pairs;
  int32_t result;  // row among those that go back
};

// Rows are grouped by local expert, then by home, then in the order of the home's pairs.
struct DeviceExpertPlan {
  int64_t tile_rows;   // of a full tile
  int64_t most_tiles;  // there is room for

  int32_t* offsets;    // [num_local + 1] into rows
  int32_t* rows;       // of each pair's token, among those that came
  int32_t* output_of;  // the index in `rows` of each of ArrivedPairs::pairs
  ExpertTile* tiles;   // as DivideIntoTiles (grouped_swiglu.h) says
  int32_t* num_tiles;
  DeviceReturn* returns;  // [starts[num_homes].returns] home by home
  int32_t* counts;        // [num_local] used by PlanExperts only
};

// `plan` says where results are written. A pair whose expert is not
// local is a trap, after which the device computes nothing.
cudaError_t PlanExperts(const ArrivedPairs& arrived, const LocalExperts& experts,
                        const DeviceExpertPlan& plan, cudaStream_t stream);

// pairs_of[e] += the pairs of each local expert e. offsets: of the plan; pairs_of: [num_experts].
cudaError_t CountPairs(const LocalExperts& experts, int num_experts, const int32_t* offsets,
                       int64_t* pairs_of, cudaStream_t stream);

}  // namespace octet::cuda

#endif  // OCTET_KERNELS_CUDA_EXPERT_PLAN_H_
