// Lists on their way to a CUDA device.

#ifndef OCTET_KERNELS_CUDA_UPLOAD_RING_H_
#define OCTET_KERNELS_CUDA_UPLOAD_RING_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "kernels/cuda/cuda_buffers.h"

namespace octet::cuda {

// Copies lists of the host to the device on a stream. The caller may change a list at once. Kernels
// that are started before kListsAtATime more lists are copied read the copy.
class UploadRing {
 public:
  static constexpr size_t kListsAtATime = 8;

  // The stream must outlive this object. The ring grows until it has room for so many lists of any
  // size that occurs.
  UploadRing(const Stream& stream, size_t bytes);

  // Returns the copy on the device.
  template <class T>
  const T* Upload(std::span<const T> list) {
    return reinterpret_cast<const T*>(Copy(std::as_bytes(list), nullptr));
  }

  // Copies bytes to memory of the device that has another owner.
  void UploadTo(std::span<const std::byte> bytes, std::byte* to) { Copy(bytes, to); }

  // Call it when all work of the stream is done, and no list is needed any more.
  void StreamIsIdle() {
    in_flight_ = 0;
    outgrown_.clear();
  }

  int64_t bytes_uploaded() const { return bytes_uploaded_; }

 private:
  const std::byte* Copy(std::span<const std::byte> bytes, std::byte* to);
  size_t Stage(std::span<const std::byte> bytes);
  void Grow(size_t bytes);

  const Stream& stream_;
  Buffer host_;
  Buffer device_;                 // of the same size; copies lie at the same places
  std::vector<Buffer> outgrown_;  // earlier ones that may still be read
  size_t next_ = 0;               // where the next list begins
  size_t in_flight_ = 0;          // bytes that the stream may still have to read from host_
  int64_t bytes_uploaded_ = 0;
};

}  // namespace octet::cuda

#endif  // OCTET_KERNELS_CUDA_UPLOAD_RING_H_
