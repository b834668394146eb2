// The packer that brings weights to a CUDA device.

#ifndef OCTET_KERNELS_CUDA_CUDA_PACKER_H_
#define OCTET_KERNELS_CUDA_CUDA_PACKER_H_

#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "kernels/base/weight_packer.h"
#include "kernels/cuda/cuda_buffers.h"

namespace octet::cuda {

// Threads of the host convert weights, each in pinned memory of its own, from where they are copied
// to the device in the layout of weights.h. A call returns when its copy is complete.
class CudaPacker : public WeightPacker {
 public:
  // device: the number of the CUDA device. host: has the threads, and must outlive this object.
  CudaPacker(int device, WeightPacker& host) : device_(device), host_(host) {}

  int num_threads() const override { return host_.num_threads(); }
  void ForEach(int64_t n, absl::FunctionRef<void(int thread, int64_t i)> f) override {
    host_.ForEach(n, f);
  }
  void PackPanel(ConstMatrix rows, int64_t panel, PackedMatrix& w) override;
  void PackBlocks(BlockRows rows, int64_t panel, PackedMatrix& w) override;
  int64_t OutputOf(const PackedMatrix& w, size_t index) override;
  void Write(std::span<const std::byte> from, std::byte* to) override;
  std::span<const std::byte> Read(std::span<const std::byte> from,
                                  std::vector<std::byte>& room) override;

 private:
  // What one call uses at a time.
  struct Lane {
    Stream stream;
    Buffer pinned;
  };
  class BorrowedLane;

  const int device_;
  WeightPacker& host_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<Lane>> free_;
};

}  // namespace octet::cuda

#endif  // OCTET_KERNELS_CUDA_CUDA_PACKER_H_
