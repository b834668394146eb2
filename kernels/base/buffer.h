// Owned memory of a backend.

#ifndef OCTET_KERNELS_BASE_BUFFER_H_
#define OCTET_KERNELS_BASE_BUFFER_H_

#include <cstddef>
#include <utility>

namespace octet {

// A block of memory that returns to where it came from. It is movable. A default-constructed one is
// empty.
class Buffer {
 public:
  using Free = void (*)(std::byte* data, size_t bytes);

  Buffer() = default;
  Buffer(std::byte* data, size_t bytes, Free free) : data_(data), bytes_(bytes), free_(free) {}
  Buffer(Buffer&& other) noexcept { Swap(other); }

  // Returns a view of memory that has another owner and must outlive the result.
  static Buffer View(std::byte* data, size_t bytes) {
    return {data, bytes, [](std::byte*, size_t) {}};
  }

  Buffer& operator=(Buffer&& other) noexcept {
    Buffer(std::move(other)).Swap(*this);
    return *this;
  }
  ~Buffer() {
    if (data_ != nullptr) free_(data_, bytes_);
  }

  std::byte* data() const { return data_; }
  size_t bytes() const { return bytes_; }

 private:
  void Swap(Buffer& other) {
    std::swap(data_, other.data_);
    std::swap(bytes_, other.bytes_);
    std::swap(free_, other.free_);
  }

  std::byte* data_ = nullptr;
  size_t bytes_ = 0;
  Free free_ = nullptr;
};

}  // namespace octet

#endif  // OCTET_KERNELS_BASE_BUFFER_H_
