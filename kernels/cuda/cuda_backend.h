// The backend on a CUDA device.

#ifndef OCTET_KERNELS_CUDA_CUDA_BACKEND_H_
#define OCTET_KERNELS_CUDA_CUDA_BACKEND_H_

#include <array>
#include <memory>
#include <span>
#include <tuple>
#include <vector>

#include "kernels/base/backend.h"
#include "kernels/base/workspace.h"
#include "kernels/cuda/cuda_packer.h"
#include "kernels/cuda/cuda_runtime.h"
#include "kernels/cuda/grouped_swiglu.h"
#include "kernels/cuda/held_lists.h"
#include "kernels/cuda/sequence_lists.h"
#include "kernels/cuda/upload_ring.h"

namespace octet::cuda {

// A backend that puts the kernels of this folder on one stream. Lists go to the device in front of
// the operations that read them. An error of the device ends the job.
class CudaBackend : public Backend {
 public:
  // device: the number of a CUDA device, which the calling thread uses from now on; all operations
  // must come from that thread. host: the arithmetic on the host's memory.
  CudaBackend(int device, std::unique_ptr<Backend> host, const TensorCoreUse& use);
  ~CudaBackend() override;

  void Synchronize() override;
  Backend& host() override { return *host_; }
  Buffer Allocate(size_t bytes) override;
  Buffer AllocateOnHost(size_t bytes) override;
  void ShareHostMemory(std::span<std::byte> memory) override;
  void UnshareHostMemory(std::span<std::byte> memory) override;
  void CopyToHost(ConstMatrix x, Matrix y) override;
  void ReserveScratch(size_t bytes) override { scratch_.Reserve(bytes); }
  WeightPacker& packer() override { return packer_; }
  void HoldLists(std::span<const StepLists> lists) override;
  std::unique_ptr<RecordedWork> Record(absl::FunctionRef<void()> ask) override;
  void Matmul(ConstMatrix x, const PackedMatrix& w, Matrix y) override;
  void GroupedSwiGlu(ConstMatrix x, std::span<const int32_t> rows, std::span<const int32_t> offsets,
                     std::span<const ExpertWeights* const> experts, Matrix y) override;
  void RmsNorm(ConstMatrix x, std::span<const float> weight, float eps, Matrix y) override;
  void Add(ConstMatrix x, Matrix y) override;
  void GatherRows(ConstMatrix x, std::span<const int32_t> rows, Matrix y) override;
  void GatherWeights(const WeightRows& w, std::span<const int32_t> rows, Matrix y) override {
    GatherRows(w.matrix(), rows, y);
  }
  void Convert(ConstMatrix x, Matrix y) override;
  void WeightedSum(ConstMatrix x, const RowSums& sums, Matrix y) override;
  void Softmax(ConstMatrix x, std::span<const float> scales, Matrix y) override;
  void Route(Matrix logits, int topk, std::span<int32_t> experts,
             std::span<float> weights) override;
  void RouteOnDevice(Matrix logits, int topk, int32_t* experts, float* weights) override;
  void PlannedSwiGlu(ConstMatrix x, const DeviceExpertPlan& plan, const ExpertTable& experts,
                     Matrix y) override;
  void WriteTable(std::span<const ExpertWeights* const> experts, ExpertTable& table) override;
  void LogSumExp(ConstMatrix x, std::span<float> result) override;
  void DrawTokens(ConstMatrix logits, std::span<const TokenDraw> draws, Matrix room,
                  std::span<int32_t> tokens, std::span<int32_t> are_finite) override;
  void Rope(Matrix x, std::span<const int32_t> positions, const RopeTable& table) override;
  void StoreKv(ConstMatrix keys, ConstMatrix values, std::span<const SequenceSpan> spans,
               const KvBlocks& kv) override;
  void Attention(ConstMatrix q, std::span<const SequenceSpan> spans, const KvBlocks& kv,
                 int64_t window, Matrix y) override;

  // The stream of all operations.
  cudaStream_t stream() const { return stream_; }

  // For lists that operations of its stream read.
  UploadRing& lists() { return ring_; }

  // How often it has waited for the device, and the bytes that it has copied to it as lists.
  int64_t num_synchronizations() const { return num_synchronizations_; }
  int64_t bytes_uploaded() const { return ring_.bytes_uploaded(); }

  // How often it has recorded work, and computed it.
  int64_t num_recordings() const { return num_recordings_; }
  int64_t num_graph_launches() const { return num_graph_launches_; }

 private:
  static constexpr size_t kMostHeldLists = 2;

  // A result in pinned memory, where a kernel writes it, and where the caller wants it.
  struct Result {
    const std::byte* from;
    std::span<std::byte> to;
  };

  class Recording;

  template <class... T>
  std::tuple<T*...> RoomFor(std::span<T>... results);
  std::byte* TakeRoom(std::span<std::byte> result);
  const int32_t* OnDevice(std::span<const int32_t> list);
  const SequenceLists& OnDevice(std::span<const SequenceSpan> spans, int64_t most_tile_tokens);
  int64_t num_moves() const;

  std::unique_ptr<Backend> host_;
  const TensorCoreUse use_;
  const int num_processors_;  // of the device
  Stream stream_;
  UploadRing ring_;
  CudaPacker packer_;
  Workspace scratch_;
  std::array<HeldLists, kMostHeldLists> held_;
  SequenceLists sequences_;  // not held
  Buffer results_room_;      // pinned
  size_t results_used_ = 0;
  std::vector<Result> results_;  // since the last Synchronize
  int64_t num_synchronizations_ = 0;
  int64_t num_recordings_ = 0;
  int64_t num_graph_launches_ = 0;
};

}  // namespace octet::cuda

#endif  // OCTET_KERNELS_CUDA_CUDA_BACKEND_H_
