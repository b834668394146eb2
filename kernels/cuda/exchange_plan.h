// The plan of a home for its tokens, made on a CUDA device: which of them go to which rank, and
// where their outputs come back.
//
// It is SendPlan (parallel/dispatch/send_plan.h) where each rank is a host of its own, but for the
// home's own rank, which gets a message as all others do. All pointers are to memory of the device,
// nothing waits for the host, and all results are the same on each run.
//
// What goes to each rank, or comes from it, is a block of rows, of pairs and of returned rows.
// Where blocks begin is read from the device: right behind each other (ExactBases), or each with
// the same room (CapacityBases), so that the host knows all places before the plan is made.

#ifndef OCTET_KERNELS_CUDA_EXCHANGE_PLAN_H_
#define OCTET_KERNELS_CUDA_EXCHANGE_PLAN_H_

#include <cuda_runtime_api.h>

#include <algorithm>
#include <cstdint>

namespace octet::cuda {

// How much one rank sends to another in one layer. A sum of sizes says where a block begins.
struct MessageSize {
  int32_t tokens;
  int32_t pairs;
  int32_t returns;  // rows that come back
};

// The most that `num_tokens` tokens of `topk` experts put into one message.
constexpr MessageSize LargestMessage(int32_t num_tokens, int topk) {
  // A token with all of its experts on one rank comes back as one row.
  return {num_tokens, num_tokens * topk, num_tokens * std::max(1, topk - 1)};
}

// RoutedPair (parallel/dispatch/letter.h) on the device.
struct DevicePair {
  int32_t row;  // of the token, in the message in which it comes
  int32_t expert;
  float weight;
};

// The experts of the tokens of a home, and the rank that serves each expert for it.
struct HomeRouting {
  const int32_t* num_tokens;  // how many there are, on the device; later rows are not read
  int topk;
  const int32_t* topk_idx;    // [.., topk]
  const float* topk_weights;  // [.., topk]
  const int32_t* owner_of;    // [experts] rank
  int num_ranks;
};

// sizes[r] = what goes to rank r. sizes: [num_ranks].
cudaError_t CountSends(const HomeRouting& routing, MessageSize* sizes, cudaStream_t stream);

// bases[i] = sizes[0] + .. + sizes[i - 1]. bases: [num_messages + 1], the last one the sum of all.
cudaError_t ExactBases(const MessageSize* sizes, int num_messages, MessageSize* bases,
                       cudaStream_t stream);

// bases[i] = i * room. bases: [num_messages + 1].
cudaError_t CapacityBases(const MessageSize& room, int num_messages, MessageSize* bases,
                          cudaStream_t stream);

// A token goes once to each rank on which it has an expert, in the order of tokens. It comes back
// as one row for each slot, or as one summed row from a rank that has all of its experts.
struct DeviceSendPlan {
  const MessageSize* bases;  // [num_ranks] where the blocks of each rank begin

  MessageSize* sizes;    // [num_ranks] what goes to each rank, as CountSends says
  DevicePair* pairs;     // block by block, each in the order of tokens and slots
  int32_t* send_row_of;  // [.., topk] the row sent for the rank of a slot, at the first slot of
                         // that rank; -1 at others
  int32_t* return_of;  // [.., topk] the row that comes back for a slot; -1 after the first slot if
                       // one rank sums all of them
};

// `plan` says where results are written; rows of tokens that are not there are left as they are.
cudaError_t PlanSends(const HomeRouting& routing, const DeviceSendPlan& plan, cudaStream_t stream);

}  // namespace octet::cuda

#endif  // OCTET_KERNELS_CUDA_EXCHANGE_PLAN_H_
