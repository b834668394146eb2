// Memory and streams of a CUDA device.

#ifndef OCTET_KERNELS_CUDA_CUDA_BUFFERS_H_
#define OCTET_KERNELS_CUDA_CUDA_BUFFERS_H_

#include <cuda_runtime_api.h>

#include <cstddef>

#include "kernels/base/buffer.h"

namespace octet::cuda {

// Lists that lie behind each other begin on multiples of this many bytes.
inline size_t RoundUp(size_t bytes) {
  constexpr size_t kAlignment = 256;
  return (bytes + kAlignment - 1) / kAlignment * kAlignment;
}

// A stream of the current device. It does not wait for the default stream.
class Stream {
 public:
  Stream();
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
  ~Stream() { (void)cudaStreamDestroy(stream_); }

  operator cudaStream_t() const { return stream_; }  // NOLINT(google-explicit-constructor)

  // Waits until all of its work is done. The calling rank polls meanwhile (Activity).
  void Wait() const;

 private:
  cudaStream_t stream_ = nullptr;
};

// Returns zeroed memory of the current device. Waits for the stream, which does it.
Buffer AllocateOnDevice(size_t bytes, const Stream& stream);

// Returns zeroed memory of the host that stays in place, so that devices read and write it.
Buffer AllocatePinned(size_t bytes);

}  // namespace octet::cuda

#endif  // OCTET_KERNELS_CUDA_CUDA_BUFFERS_H_
