#include "kernels/cuda/upload_ring.h"

#include <algorithm>
#include <utility>

#include "kernels/cuda/cuda_check.h"

namespace octet::cuda {

UploadRing::UploadRing(const Stream& stream, size_t bytes)
    : stream_(stream), host_(AllocatePinned(bytes)), device_(AllocateOnDevice(bytes, stream)) {}

// Returns where the bytes lie in host_.
size_t UploadRing::Stage(std::span<const std::byte> bytes) {
  const size_t room = RoundUp(bytes.size());
  if (kListsAtATime * room > host_.bytes()) Grow(2 * kListsAtATime * room);
  const bool wraps = next_ + room > host_.bytes();
  const size_t skipped = wraps ? host_.bytes() - next_ : 0;
  if (in_flight_ + skipped + room > host_.bytes()) {
    stream_.Wait();
    in_flight_ = 0;
  } else {
    in_flight_ += skipped;
  }
  if (wraps) next_ = 0;
  const size_t at = next_;
  std::ranges::copy(bytes, host_.data() + at);
  next_ += room;
  in_flight_ += room;
  bytes_uploaded_ += std::ssize(bytes);
  return at;
}

void UploadRing::Grow(size_t bytes) {
  stream_.Wait();
  outgrown_.push_back(std::move(device_));
  host_ = AllocatePinned(bytes);
  device_ = AllocateOnDevice(bytes, stream_);
  next_ = 0;
  in_flight_ = 0;
}

// Returns `to`; if it is null, where the copy lies in device_.
const std::byte* UploadRing::Copy(std::span<const std::byte> bytes, std::byte* to) {
  if (bytes.empty()) return device_.data();
  const size_t at = Stage(bytes);
  if (to == nullptr) to = device_.data() + at;
  Check(cudaMemcpyAsync(to, host_.data() + at, bytes.size(), cudaMemcpyHostToDevice, stream_),
        "a copy");
  return to;
}

}  // namespace octet::cuda
