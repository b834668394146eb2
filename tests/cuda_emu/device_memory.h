// The memory of the emulated device.

#ifndef OCTET_TESTS_CUDA_EMU_DEVICE_MEMORY_H_
#define OCTET_TESTS_CUDA_EMU_DEVICE_MEMORY_H_

#include <cstddef>
#include <map>

#include "kernels/base/buffer.h"

namespace octet::cuda_emu {

// Host code that touches it gets a segmentation fault, in long runs not always. New memory holds
// NaNs, with red zones around it; addresses of memory that was freed are never given out again.
class DeviceMemory {
 public:
  static constexpr size_t kBytes = size_t{2} << 30;  // at a time
  static constexpr size_t kAddresses = size_t{64} << 30;

  static DeviceMemory& OfDevice();

  ~DeviceMemory();
  DeviceMemory(const DeviceMemory&) = delete;
  DeviceMemory& operator=(const DeviceMemory&) = delete;

  // While one lives, it can be touched.
  class Access {
   public:
    Access();
    ~Access();
    Access(const Access&) = delete;
    Access& operator=(const Access&) = delete;
  };

  // Null: there is none left.
  void* Allocate(size_t bytes);

  // False: no such allocation.
  bool Free(void* p);

  bool Contains(const void* p) const;

  // Whether all of it lies in one allocation.
  bool IsInBounds(const void* p, size_t bytes) const;

  size_t bytes_left() const { return kBytes - used_; }

  // The allocations that were not freed.
  size_t num_allocations() const { return allocations_.size(); }

 private:
  DeviceMemory();
  void Protect(bool can_be_touched);

  Buffer memory_;
  size_t end_ = 0;   // of what was ever given out
  size_t used_ = 0;  // with red zones
  std::map<const std::byte*, size_t> allocations_;
  int num_accesses_ = 0;
  bool is_open_ = false;  // perhaps longer than there are accesses
};

}  // namespace octet::cuda_emu

#endif  // OCTET_TESTS_CUDA_EMU_DEVICE_MEMORY_H_
