#include "kernels/cuda/exchange_plan.h"

#include "kernels/cuda/block_scan.h"
#include "kernels/cuda/device.h"
#include "kernels/cuda/launch.h"

namespace octet::cuda {
namespace {

OCTET_DEVICE int OwnerOf(const HomeRouting& routing, int token, int slot) {
  return routing.owner_of[routing.topk_idx[int64_t{token} * routing.topk + slot]];
}

// What the token puts into the message to `rank`.
OCTET_DEVICE MessageSize SizeOfToken(const HomeRouting& routing, int token, int rank) {
  int pairs = 0;
  for (int slot = 0; slot < routing.topk; ++slot) {
    pairs += OwnerOf(routing, token, slot) == rank ? 1 : 0;
  }
  return {pairs > 0 ? 1 : 0, pairs, pairs == routing.topk ? 1 : pairs};
}

// A block for each rank.
__global__ void __launch_bounds__(kScanThreads, 1)
    CountSendsKernel(HomeRouting routing, MessageSize* sizes) {
  const int rank = static_cast<int>(blockIdx.x);
  const auto size_of = [&](int token) { return SizeOfToken(routing, token, rank); };
  const RunSums<MessageSize> sums = SumRuns(*routing.num_tokens, size_of);
  if (threadIdx.x == 0) sizes[rank] = sums.all;
}

// Writes what the token puts into the message to `rank`, at the places `at`.
OCTET_DEVICE void WriteToken(const HomeRouting& routing, const DeviceSendPlan& plan, int token,
                             int rank, MessageSize at) {
  const int64_t first = int64_t{token} * routing.topk;
  const int32_t row = at.tokens - plan.bases[rank].tokens;
  const bool is_summed = SizeOfToken(routing, token, rank).pairs == routing.topk;
  int pairs = 0;
  for (int slot = 0; slot < routing.topk; ++slot) {
    if (OwnerOf(routing, token, slot) != rank) continue;
    const int64_t i = first + slot;
    plan.pairs[at.pairs + pairs] = {row, routing.topk_idx[i], routing.topk_weights[i]};
    plan.send_row_of[i] = pairs == 0 ? at.tokens : -1;
    plan.return_of[i] = is_summed && pairs > 0 ? -1 : at.returns + pairs;
    ++pairs;
  }
}

// A block for each rank.
__global__ void __launch_bounds__(kScanThreads, 1)
    PlanSendsKernel(HomeRouting routing, DeviceSendPlan plan) {
  const int rank = static_cast<int>(blockIdx.x);
  const MessageSize size = NumberItems(
      *routing.num_tokens, plan.bases[rank],
      [&](int token) { return SizeOfToken(routing, token, rank); },
      [&](int token, const MessageSize& at) { WriteToken(routing, plan, token, rank, at); });
  if (threadIdx.x == 0) plan.sizes[rank] = size;
}

// A warp for all.
__global__ void __launch_bounds__(kLanes)
    ExactBasesKernel(const MessageSize* sizes, int num_messages, MessageSize* bases) {
  MessageSize next = {};
  for (int first = 0; first < num_messages; first += kLanes) {
    const int i = first + static_cast<int>(threadIdx.x);
    const MessageSize size = i < num_messages ? sizes[i] : MessageSize{};
    const MessageSize upto = ScanWarp(size);
    if (i < num_messages) bases[i] = next + (upto - size);
    next = next + ValueOf(upto, kLanes - 1);
  }
  if (threadIdx.x == 0) bases[num_messages] = next;
}

__global__ void __launch_bounds__(kLanes)
    CapacityBasesKernel(MessageSize room, int num_messages, MessageSize* bases) {
  for (int i = static_cast<int>(threadIdx.x); i <= num_messages; i += kLanes) {
    bases[i] = {i * room.tokens, i * room.pairs, i * room.returns};
  }
}

}  // namespace

cudaError_t CountSends(const HomeRouting& routing, MessageSize* sizes, cudaStream_t stream) {
  return Launch({.blocks_x = routing.num_ranks, .threads = kScanThreads}, stream, CountSendsKernel,
                routing, sizes);
}

cudaError_t ExactBases(const MessageSize* sizes, int num_messages, MessageSize* bases,
                       cudaStream_t stream) {
  return Launch({.threads = kLanes}, stream, ExactBasesKernel, sizes, num_messages, bases);
}

cudaError_t CapacityBases(const MessageSize& room, int num_messages, MessageSize* bases,
                          cudaStream_t stream) {
  return Launch({.threads = kLanes}, stream, CapacityBasesKernel, room, num_messages, bases);
}

cudaError_t PlanSends(const HomeRouting& routing, const DeviceSendPlan& plan, cudaStream_t stream) {
  return Launch({.blocks_x = routing.num_ranks, .threads = kScanThreads}, stream, PlanSendsKernel,
                routing, plan);
}

}  // namespace octet::cuda
