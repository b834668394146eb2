#include "kernels/cuda/cuda_buffers.h"

#include <algorithm>
#include <cstring>

#include "kernels/base/activity.h"
#include "kernels/cuda/cuda_check.h"

namespace octet::cuda {

Stream::Stream() { Check(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "a stream"); }

void Stream::Wait() const {
  Activity& activity = Activity::OfThisThread();
  for (;;) {
    const cudaError_t error = cudaStreamQuery(stream_);
    if (error != cudaErrorNotReady) return Check(error, "work");
    activity.Poll();
  }
}

Buffer AllocateOnDevice(size_t bytes, const Stream& stream) {
  bytes = std::max<size_t>(bytes, 1);
  void* memory = nullptr;
  Check(cudaMalloc(&memory, bytes), "memory");
  Check(cudaMemsetAsync(memory, 0, bytes, stream), "memory");
  stream.Wait();  // other streams may write to it next
  return {static_cast<std::byte*>(memory), bytes,
          [](std::byte* data, size_t) { (void)cudaFree(data); }};
}

Buffer AllocatePinned(size_t bytes) {
  bytes = std::max<size_t>(bytes, 1);
  void* memory = nullptr;
  Check(cudaMallocHost(&memory, bytes), "pinned memory");
  std::memset(memory, 0, bytes);
  return {static_cast<std::byte*>(memory), bytes,
          [](std::byte* data, size_t) { (void)cudaFreeHost(data); }};
}

}  // namespace octet::cuda
