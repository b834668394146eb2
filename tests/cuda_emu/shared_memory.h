// The shared memory of the block that runs.

#ifndef OCTET_TESTS_CUDA_EMU_SHARED_MEMORY_H_
#define OCTET_TESTS_CUDA_EMU_SHARED_MEMORY_H_

#include <cstddef>
#include <vector>

#include "kernels/base/buffer.h"

namespace octet::cuda_emu {

// Arrays that a kernel declares, between red zones, then the bytes that its launch asks for. A
// block begins with NaNs everywhere. Under AddressSanitizer what lies around them can't be touched.
class SharedMemory {
 public:
  SharedMemory();
  ~SharedMemory();
  SharedMemory(const SharedMemory&) = delete;
  SharedMemory& operator=(const SharedMemory&) = delete;

  // A block begins, with so many bytes of its launch.
  void Begin(size_t dynamic_bytes);

  // The array of this key, the same for all threads of the block.
  void* Array(const void* key, size_t bytes, size_t alignment);

  void* dynamic() const { return memory_.data() + kArraysBytes; }
  bool Contains(const void* p) const;

  // Whether all of it lies in one array, or in the dynamic part.
  bool IsInBounds(const void* p, size_t bytes) const;

 private:
  // CUDA's limit for arrays that are declared.
  static constexpr size_t kMostDeclared = size_t{48} << 10;
  static constexpr size_t kArraysBytes = size_t{256} << 10;
  static constexpr size_t kDynamicBytes = size_t{256} << 10;
  static constexpr size_t kRedZone = 64;

  struct Declared {
    const void* key;
    size_t offset;
    size_t bytes;
  };

  Buffer memory_;
  std::vector<Declared> arrays_;
  size_t end_ = 0;  // of the arrays
  size_t dynamic_bytes_ = 0;
};

}  // namespace octet::cuda_emu

#endif  // OCTET_TESTS_CUDA_EMU_SHARED_MEMORY_H_
