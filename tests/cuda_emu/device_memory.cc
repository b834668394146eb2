#include "tests/cuda_emu/device_memory.h"

#include <sys/mman.h>

#include <cstring>

#include "kernels/base/check.h"
#include "kernels/base/mapped_memory.h"
#include "tests/cuda_emu/address_sanitizer.h"
#include "tests/cuda_emu/emulation.h"

namespace octet::cuda_emu {
namespace {

constexpr size_t kAlignment = 4096;  // a page, so that all can be protected
constexpr size_t kRedZone = 4096;

size_t RoundUp(size_t bytes) { return (bytes + kAlignment - 1) / kAlignment * kAlignment; }

}  // namespace

DeviceMemory& DeviceMemory::OfDevice() {
  static DeviceMemory memory;
  return memory;
}

DeviceMemory::DeviceMemory() : memory_(MapZeros(kBytes)) {
  OCTET_CHECK(memory_.data() != nullptr);
  Protect(false);
}

// Others get its addresses at the end of the program.
DeviceMemory::~DeviceMemory() { Unpoison(memory_.data(), end_); }

void DeviceMemory::Protect(bool can_be_touched) {
  const int protection = can_be_touched ? PROT_READ | PROT_WRITE : PROT_NONE;
  OCTET_CHECK(mprotect(memory_.data(), kBytes, protection) == 0);
}

DeviceMemory::Access::Access() {
  DeviceMemory& memory = OfDevice();
  if (memory.num_accesses_++ == 0) memory.Protect(true);
}

DeviceMemory::Access::~Access() {
  DeviceMemory& memory = OfDevice();
  if (--memory.num_accesses_ == 0) memory.Protect(false);
}

void* DeviceMemory::Allocate(size_t bytes) {
  const size_t needed = kRedZone + RoundUp(bytes) + kRedZone;
  if (needed > kBytes - end_) return nullptr;
  const Access access;
  std::byte* const p = memory_.data() + end_ + kRedZone;
  std::memset(p, kUnwritten, bytes);
  Poison(p - kRedZone, kRedZone);
  Poison(p + bytes, needed - kRedZone - bytes);
  end_ += needed;
  allocations_[p] = bytes;
  return p;
}

bool DeviceMemory::Free(void* p) {
  const auto found = allocations_.find(static_cast<std::byte*>(p));
  if (found == allocations_.end()) return false;
  Poison(found->first, found->second);
  allocations_.erase(found);
  return true;
}

bool DeviceMemory::Contains(const void* p) const {
  const auto* at = static_cast<const std::byte*>(p);
  return at >= memory_.data() && at < memory_.data() + kBytes;
}

bool DeviceMemory::IsInBounds(const void* p, size_t bytes) const {
  const auto* at = static_cast<const std::byte*>(p);
  auto after = allocations_.upper_bound(at);
  if (after == allocations_.begin()) return false;
  const auto& [begin, size] = *--after;
  return at + bytes <= begin + size;
}

}  // namespace octet::cuda_emu
