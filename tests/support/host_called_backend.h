// Another backend, called with memory of the host.

#ifndef OCTET_TESTS_SUPPORT_HOST_CALLED_BACKEND_H_
#define OCTET_TESTS_SUPPORT_HOST_CALLED_BACKEND_H_

#include <memory>

#include "kernels/base/backend.h"

namespace octet {

// Matrices, weights and pages are in memory of the host. Each operation copies what it reads to the
// device, waits for the result and copies it back: all bytes between the first and the last element
// of a matrix, and all of the pages up to the last one that is named, so that what the device
// writes beside a result is seen. On the device they begin at the same place in 64 bytes.
class HostCalledBackend : public Backend {
 public:
  explicit HostCalledBackend(std::unique_ptr<Backend> device);

  void Synchronize() override { device_->Synchronize(); }
  Backend& host() override { return device_->host(); }
  Buffer Allocate(size_t bytes) override { return device_->AllocateOnHost(bytes); }
  Buffer AllocateOnHost(size_t bytes) override { return device_->AllocateOnHost(bytes); }
  void ShareHostMemory(std::span<std::byte> memory) override { device_->ShareHostMemory(memory); }
  void UnshareHostMemory(std::span<std::byte> memory) override {
    device_->UnshareHostMemory(memory);
  }
  void CopyToHost(ConstMatrix x, Matrix y) override;
  void ReserveScratch(size_t bytes) override { device_->ReserveScratch(bytes); }
  WeightPacker& packer() override { return packer_; }
  void HoldLists(std::span<const StepLists>) override {}
  std::unique_ptr<RecordedWork> Record(absl::FunctionRef<void()>) override { return nullptr; }
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
  void PlannedSwiGlu(ConstMatrix, const cuda::DeviceExpertPlan&, const ExpertTable&,
                     Matrix) override {
    Fatal(__FILE__, __LINE__, "a plan of a device on the host");
  }
  void WriteTable(std::span<const ExpertWeights* const>, ExpertTable&) override {}
  void LogSumExp(ConstMatrix x, std::span<float> result) override;
  void DrawTokens(ConstMatrix logits, std::span<const TokenDraw> draws, Matrix room,
                  std::span<int32_t> tokens, std::span<int32_t> are_finite) override;
  void Rope(Matrix x, std::span<const int32_t> positions, const RopeTable& table) override;
  void StoreKv(ConstMatrix keys, ConstMatrix values, std::span<const SequenceSpan> spans,
               const KvBlocks& kv) override;
  void Attention(ConstMatrix q, std::span<const SequenceSpan> spans, const KvBlocks& kv,
                 int64_t window, Matrix y) override;

 private:
  // Packs on the device, and reads all of the weight back. By one thread, since one thread calls
  // the device.
  class Packer : public WeightPacker {
   public:
    explicit Packer(Backend& device) : device_(device) {}

    int num_threads() const override { return 1; }
    void ForEach(int64_t n, absl::FunctionRef<void(int thread, int64_t i)> f) override;
    void PackPanel(ConstMatrix rows, int64_t panel, PackedMatrix& w) override;
    void PackBlocks(BlockRows, int64_t, PackedMatrix&) override {
      Fatal(__FILE__, __LINE__, "quantised weights on a device");
    }
    int64_t OutputOf(const PackedMatrix& w, size_t index) override;
    void Write(std::span<const std::byte> from, std::byte* to) override;
    std::span<const std::byte> Read(std::span<const std::byte> from,
                                    std::vector<std::byte>&) override {
      return from;
    }

   private:
    Backend& device_;
  };

  std::unique_ptr<Backend> device_;
  Packer packer_;
};

}  // namespace octet

#endif  // OCTET_TESTS_SUPPORT_HOST_CALLED_BACKEND_H_
