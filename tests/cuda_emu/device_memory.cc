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
size_t WithRedZones(size_t bytes) { return kRedZone + RoundUp(bytes) + kRedZone; }

}  // namespace

DeviceMemory& DeviceMemory::OfDevice() {
  static DeviceMemory memory;
  return memory;
}

DeviceMemory::DeviceMemory() : memory_(MapZeros(kAddresses)) {
  OCTET_CHECK(memory_.data() != nullptr);
  OCTET_CHECK(mprotect(memory_.data(), kAddresses, PROT_NONE) == 0);
}

// Others get its addresses at the end of the program.
DeviceMemory::~DeviceMemory() { Unpoison(memory_.data(), end_); }

// Those between the first and the last one that is in use: what lies before is protected for ever.
void DeviceMemory::Protect(bool can_be_touched) {
  is_open_ = can_be_touched;
  if (allocations_.empty()) return;
  std::byte* const begin = memory_.data() + (allocations_.begin()->first - memory_.data());
  const int protection = can_be_touched ? PROT_READ | PROT_WRITE : PROT_NONE;
  OCTET_CHECK(mprotect(begin, memory_.data() + end_ - begin, protection) == 0);
}

DeviceMemory::Access::Access() {
  DeviceMemory& memory = OfDevice();
  if (memory.num_accesses_++ == 0 && !memory.is_open_) memory.Protect(true);
}

DeviceMemory::Access::~Access() {
  DeviceMemory& memory = OfDevice();
  if (--memory.num_accesses_ == 0 && Emulation::Device().ShallClose()) memory.Protect(false);
}

void* DeviceMemory::Allocate(size_t bytes) {
  const size_t needed = WithRedZones(bytes);
  if (needed > bytes_left() || needed > kAddresses - end_) return nullptr;
  std::byte* const p = memory_.data() + end_ + kRedZone;
  end_ += needed;
  used_ += needed;
  allocations_[p] = bytes;
  OCTET_CHECK(mprotect(p, RoundUp(bytes), PROT_READ | PROT_WRITE) == 0);
  std::memset(p, kUnwritten, bytes);
  Poison(p - kRedZone, kRedZone);
  Poison(p + bytes, needed - kRedZone - bytes);
  OCTET_CHECK(is_open_ || mprotect(p, RoundUp(bytes), PROT_NONE) == 0);
  return p;
}

bool DeviceMemory::Free(void* p) {
  const auto found = allocations_.find(static_cast<std::byte*>(p));
  if (found == allocations_.end()) return false;
  const auto [data, bytes] = *found;
  Poison(data, bytes);
  OCTET_CHECK(mprotect(p, RoundUp(bytes), PROT_NONE) == 0 &&
              madvise(p, RoundUp(bytes), MADV_DONTNEED) == 0);
  used_ -= WithRedZones(bytes);
  allocations_.erase(found);
  return true;
}

bool DeviceMemory::Contains(const void* p) const {
  const auto* at = static_cast<const std::byte*>(p);
  return at >= memory_.data() && at < memory_.data() + kAddresses;
}

bool DeviceMemory::IsInBounds(const void* p, size_t bytes) const {
  const auto* at = static_cast<const std::byte*>(p);
  auto after = allocations_.upper_bound(at);
  if (after == allocations_.begin()) return false;
  const auto& [begin, size] = *--after;
  return at + bytes <= begin + size;
}

}  // namespace octet::cuda_emu
