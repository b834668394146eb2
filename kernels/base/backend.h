// Arithmetic on rows, on one device.

#ifndef OCTET_KERNELS_BASE_BACKEND_H_
#define OCTET_KERNELS_BASE_BACKEND_H_

#include <absl/functional/function_ref.h>

#include <cstdint>
#include <memory>
#include <span>

#include "kernels/base/attention.h"
#include "kernels/base/buffer.h"
#include "kernels/base/expert_weights.h"
#include "kernels/base/matrix.h"
#include "kernels/base/row_sums.h"
#include "kernels/base/step_lists.h"
#include "kernels/base/token_draw.h"
#include "kernels/base/weight_packer.h"
#include "kernels/base/weight_rows.h"

namespace octet {

namespace cuda {
struct DeviceExpertPlan;  // kernels/cuda/expert_plan.h
}

// cos and sin of the rotary angles. The table belongs to the model.
struct RopeTable {
  ConstMatrix cos;  // [positions, head_dim / 2] float32
  ConstMatrix sin;  // [positions, head_dim / 2] float32
};

// Operations that can be computed again and again, on the memory and the lists of their first time,
// whatever these contain by then.
class RecordedWork {
 public:
  virtual ~RecordedWork() = default;

  // Computes them, as an operation of the backend that recorded them. Returns false, and computes
  // nothing, if lists have moved since: then they must be recorded again.
  virtual bool Compute() = 0;
};

// The arithmetic of one device. Every operation treats each row by itself: the bits of a row's
// result do not depend on the other rows, on their number, or on the number of threads. Matrices
// are float32 unless stated otherwise, and in memory that the device uses. Lists, given as spans,
// are on the host, and are read before the operation returns.
//
// A device of its own computes operations later, in the order of the calls.
class Backend {
 public:
  virtual ~Backend() = default;

  // Waits until all operations have been computed.
  virtual void Synchronize() = 0;

  // The arithmetic on the memory of the host: this object if the device is the host itself.
  virtual Backend& host() = 0;
  bool is_on_host() { return &host() == this; }

  // Returns zeroed memory of the device, at least 64-byte aligned. If it is not the host's, only
  // operations use it.
  virtual Buffer Allocate(size_t bytes) = 0;

  // Returns zeroed memory of the host that operations use as well, at least 64-byte aligned.
  virtual Buffer AllocateOnHost(size_t bytes) = 0;

  // Operations use this memory of the host as well, from ShareHostMemory to UnshareHostMemory.
  virtual void ShareHostMemory(std::span<std::byte> memory) = 0;
  virtual void UnshareHostMemory(std::span<std::byte> memory) = 0;

  // y = x, which have the same dtype. y may be any memory of the host. It can be read after the
  // next Synchronize.
  virtual void CopyToHost(ConstMatrix x, Matrix y) = 0;

  // Reserves scratch memory for products and attention. Those that need no more allocate nothing.
  virtual void ReserveScratch(size_t bytes) = 0;

  // The packer that brings weights to the device.
  virtual WeightPacker& packer() = 0;

  // Brings the lists to a device, so that operations that are given one of them need not. The lists
  // must stay as they are until the next call. Lists of the same sizes come to the same places.
  virtual void HoldLists(std::span<const StepLists> lists) = 0;

  // Records the operations that `ask` asks for, whose lists are held, and computes nothing. They
  // must have been computed before, so that nothing is allocated. Null: a host records nothing.
  virtual std::unique_ptr<RecordedWork> Record(absl::FunctionRef<void()> ask) = 0;

  // y[m][n] = sum over k of x[m][k] * w[n][k]. x: [M, w.cols] float32 or of w's dtype, rounded to
  // it; y: [M, w.rows]. Quantised weights (on the host) round x, of float32 or bfloat16, as
  // kernels/base/weight_format.h says.
  virtual void Matmul(ConstMatrix x, const PackedMatrix& w, Matrix y) = 0;

  // y[i] = w2 (silu(w1 x[rows[i]]) * (w3 x[rows[i]])) with the weights of experts[e] for offsets[e]
  // <= i < offsets[e + 1]. x: [.., hidden] float32 or of the weights' dtype, rounded to it, as is
  // what w2 multiplies, or, if the weights are quantised, what Convert rounds to blocks of 8 bits;
  // y: [rows.size(), hidden]. Experts have one shape.
  virtual void GroupedSwiGlu(ConstMatrix x, std::span<const int32_t> rows,
                             std::span<const int32_t> offsets,
                             std::span<const ExpertWeights* const> experts, Matrix y) = 0;

  // The number of rows of experts that are computed together on the host. The intermediate values
  // between w1 and w2 take memory for this many rows; on a device, for all rows of a call.
  static constexpr int64_t kExpertRowsAtATime = 256;

  // The same, for rows that a plan on the device names: at most y.rows. x: of the weights' dtype. A
  // backend on the host has no such plans, and no tables.
  virtual void PlannedSwiGlu(ConstMatrix x, const cuda::DeviceExpertPlan& plan,
                             const ExpertTable& experts, Matrix y) = 0;
  virtual void WriteTable(std::span<const ExpertWeights* const> experts, ExpertTable& table) = 0;

  // y[m] = x[m] / sqrt(mean(x[m]^2) + eps) * weight; NaNs if the mean is not finite. weight:
  // [cols], in memory that the device uses.
  virtual void RmsNorm(ConstMatrix x, std::span<const float> weight, float eps, Matrix y) = 0;

  // y += x
  virtual void Add(ConstMatrix x, Matrix y) = 0;

  // y[i] = x[rows[i]], each float32 or bfloat16, rounded to nearest even; or both blocks of 8 bits.
  virtual void GatherRows(ConstMatrix x, std::span<const int32_t> rows, Matrix y) = 0;

  // y[i] = row rows[i] of w, which lies in memory that the device uses. y: float32. A device takes
  // no quantised rows.
  virtual void GatherWeights(const WeightRows& w, std::span<const int32_t> rows, Matrix y) = 0;

  // y = x, each float32 or bfloat16, rounded to nearest even. On the host, y may be blocks of 8
  // bits, and x then float32.
  virtual void Convert(ConstMatrix x, Matrix y) = 0;

  // Sets the rows sums.results of y to sums of rows of x. Each product is rounded before it is
  // added.
  virtual void WeightedSum(ConstMatrix x, const RowSums& sums, Matrix y) = 0;

  // y[m] = softmax(x[m] * scales[m]); y may be x. scales: [M], positive; if empty, all are 1.
  virtual void Softmax(ConstMatrix x, std::span<const float> scales, Matrix y) = 0;

  // Chooses the `topk` most probable experts of each token, best first: softmax over all experts,
  // in float32. Scales their weights to a sum of 1. Among equal probabilities the expert with the
  // lower number wins. If the logits of a token are not finite, the first `topk` experts are
  // chosen, with NaN as their weights. logits: [N, experts], which the operation may overwrite.
  // experts, weights: [N * topk], on the host; they can be read after the next Synchronize.
  virtual void Route(Matrix logits, int topk, std::span<int32_t> experts,
                     std::span<float> weights) = 0;

  // The same; experts and weights stay in memory of the device.
  virtual void RouteOnDevice(Matrix logits, int topk, int32_t* experts, float* weights) = 0;

  // result[m] = log(sum(exp(x[m]))). result is on the host, and can be read after the next
  // Synchronize.
  virtual void LogSumExp(ConstMatrix x, std::span<float> result) = 0;

  // Draws a token from each row of logits: [N, vocab_size]. are_finite[i] = whether all of row i is
  // finite; if not, the token is any. The results are on the host, and can be read after the next
  // Synchronize. room: [1 or more, vocab_size], for the probabilities of so many rows at a time.
  virtual void DrawTokens(ConstMatrix logits, std::span<const TokenDraw> draws, Matrix room,
                          std::span<int32_t> tokens, std::span<int32_t> are_finite) = 0;

  // Rotates the halves of each head of x[i] by the angles of positions[i]. x: [N, heads *
  // head_dim].
  virtual void Rope(Matrix x, std::span<const int32_t> positions, const RopeTable& table) = 0;

  // Writes the keys and values of the batch's tokens into their pages. On a device, tokens of spans
  // without pages have none, and their attention is any. keys, values: [N,
  // num_kv_heads * head_dim].
  virtual void StoreKv(ConstMatrix keys, ConstMatrix values, std::span<const SequenceSpan> spans,
                       const KvBlocks& kv) = 0;

  // Computes the causal attention of each token to the stored positions of its sequence, itself
  // included. Unless `window` is 0, only the last `window` positions count. q, y: [N, num_heads *
  // head_dim].
  virtual void Attention(ConstMatrix q, std::span<const SequenceSpan> spans, const KvBlocks& kv,
                         int64_t window, Matrix y) = 0;
};

}  // namespace octet

#endif  // OCTET_KERNELS_BASE_BACKEND_H_
