// Counting and numbering by one block, for kernels.
//
// Each warp takes a run of the items, and goes through it twice: first it counts, and when the
// counts of the runs before are known, it numbers. A block thus meets once, however many items
// there are.

#ifndef OCTET_KERNELS_CUDA_BLOCK_SCAN_H_
#define OCTET_KERNELS_CUDA_BLOCK_SCAN_H_

#include "kernels/cuda/device.h"
#include "kernels/cuda/exchange_plan.h"

namespace octet::cuda {

inline constexpr int kScanWarps = 32;
inline constexpr int kScanThreads = kScanWarps * kLanes;  // of a block

OCTET_DEVICE MessageSize operator+(const MessageSize& a, const MessageSize& b) {
  return {a.tokens + b.tokens, a.pairs + b.pairs, a.returns + b.returns};
}
OCTET_DEVICE MessageSize operator-(const MessageSize& a, const MessageSize& b) {
  return {a.tokens - b.tokens, a.pairs - b.pairs, a.returns - b.returns};
}

// The value of another lane.
OCTET_DEVICE int ValueOf(int value, int lane) { return __shfl_sync(kAllLanes, value, lane); }
OCTET_DEVICE MessageSize ValueOf(const MessageSize& size, int lane) {
  return {ValueOf(size.tokens, lane), ValueOf(size.pairs, lane), ValueOf(size.returns, lane)};
}

// The sum over this lane and those before it.
OCTET_DEVICE int ScanWarp(int value) {
  const int lane = static_cast<int>(threadIdx.x) % kLanes;
#pragma unroll
  for (int delta = 1; delta < kLanes; delta *= 2) {
    const int before = __shfl_up_sync(kAllLanes, value, delta);
    if (lane >= delta) value += before;
  }
  return value;
}
OCTET_DEVICE MessageSize ScanWarp(const MessageSize& size) {
  return {ScanWarp(size.tokens), ScanWarp(size.pairs), ScanWarp(size.returns)};
}

template <class Size>
OCTET_DEVICE Size SumOfWarp(const Size& size) {
  return ValueOf(ScanWarp(size), kLanes - 1);
}

// The items of this warp.
struct WarpRun {
  int first;
  int end;
};

OCTET_DEVICE WarpRun RunOfWarp(int num_items) {
  const int length = (num_items + kScanThreads - 1) / kScanThreads * kLanes;
  const int warp = static_cast<int>(threadIdx.x) / kLanes;
  return {min(warp * length, num_items), min((warp + 1) * length, num_items)};
}

// What the sums over the runs of all warps amount to.
template <class Size>
struct RunSums {
  Size before;  // those of the warps before this one
  Size all;
};

// size_of(i): the size of item i. At most once in a kernel.
template <class SizeOf>
OCTET_DEVICE auto SumRuns(int num_items, SizeOf size_of) {
  using Size = decltype(size_of(0));
  OCTET_SHARED(Size, of_warps, kScanWarps);
  const int warp = static_cast<int>(threadIdx.x) / kLanes;
  const int lane = static_cast<int>(threadIdx.x) % kLanes;
  const WarpRun run = RunOfWarp(num_items);
  Size sum = {};
  for (int i = run.first + lane; i < run.end; i += kLanes) sum = sum + size_of(i);
  sum = SumOfWarp(sum);
  if (lane == 0) of_warps[warp] = sum;
  __syncthreads();
  RunSums<Size> sums = {};
  for (int w = 0; w < kScanWarps; ++w) {
    if (w == warp) sums.before = sums.all;
    sums.all = sums.all + of_warps[w];
  }
  return sums;
}

// Calls visit(i, before) for each item i, where `before` is `base` and the sizes of the items
// before it. Returns the sizes of all. At most once in a kernel.
template <class Size, class SizeOf, class Visit>
OCTET_DEVICE Size NumberItems(int num_items, const Size& base, SizeOf size_of, Visit visit) {
  const RunSums<Size> sums = SumRuns(num_items, size_of);
  const WarpRun run = RunOfWarp(num_items);
  Size next = base + sums.before;
  for (int first = run.first; first < run.end; first += kLanes) {
    const int i = first + static_cast<int>(threadIdx.x) % kLanes;
    const Size size = i < run.end ? size_of(i) : Size{};
    const Size upto = ScanWarp(size);
    if (i < run.end) visit(i, next + (upto - size));
    next = next + ValueOf(upto, kLanes - 1);
  }
  return sums.all;
}

}  // namespace octet::cuda

#endif  // OCTET_KERNELS_CUDA_BLOCK_SCAN_H_
