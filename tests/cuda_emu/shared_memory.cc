#include "tests/cuda_emu/shared_memory.h"

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <cstring>

#include "kernels/base/check.h"
#include "kernels/base/mapped_memory.h"
#include "tests/cuda_emu/address_sanitizer.h"
#include "tests/cuda_emu/emulation.h"

namespace octet::cuda_emu {

SharedMemory::SharedMemory() : memory_(MapZeros(kArraysBytes + kDynamicBytes)) {
  std::memset(memory_.data(), kUnwritten, memory_.bytes());
  Poison(memory_.data(), memory_.bytes());
}

// Others get its addresses at the end of the program.
SharedMemory::~SharedMemory() { Unpoison(memory_.data(), memory_.bytes()); }

void SharedMemory::Begin(size_t dynamic_bytes) {
  // What the last block could touch; the rest is as it was at the beginning.
  const auto restore = [](void* p, size_t bytes) {
    Unpoison(p, bytes);
    std::memset(p, kUnwritten, bytes);
    Poison(p, bytes);
  };
  restore(memory_.data(), std::min(end_ + kRedZone, kArraysBytes));
  restore(dynamic(), std::min(dynamic_bytes_ + kRedZone, kDynamicBytes));
  Unpoison(dynamic(), dynamic_bytes);
  arrays_.clear();
  end_ = 0;
  dynamic_bytes_ = dynamic_bytes;
}

void* SharedMemory::Array(const void* key, size_t bytes, size_t alignment) {
  const auto found = std::ranges::find(arrays_, key, &Declared::key);
  if (found != arrays_.end()) return memory_.data() + found->offset;
  const size_t offset = (end_ + kRedZone + alignment - 1) / alignment * alignment;
  size_t declared = bytes;
  for (const Declared& array : arrays_) declared += array.bytes;
  if (declared > kMostDeclared ||
      declared + dynamic_bytes_ > Emulation::Device().options().shared_bytes) {
    Emulation::Device().Fail(absl::StrCat("a block declares ", declared,
                                          " bytes of shared memory beside ", dynamic_bytes_));
  }
  OCTET_CHECK(offset + bytes <= kArraysBytes) << bytes;
  arrays_.push_back({key, offset, bytes});
  end_ = offset + bytes;
  Unpoison(memory_.data() + offset, bytes);
  return memory_.data() + offset;
}

bool SharedMemory::Contains(const void* p) const {
  const auto* at = static_cast<const std::byte*>(p);
  return at >= memory_.data() && at < memory_.data() + memory_.bytes();
}

bool SharedMemory::IsInBounds(const void* p, size_t bytes) const {
  if (!Contains(p)) return false;
  const auto offset = static_cast<size_t>(static_cast<const std::byte*>(p) - memory_.data());
  if (offset >= kArraysBytes) return offset + bytes <= kArraysBytes + dynamic_bytes_;
  return std::ranges::any_of(arrays_, [&](const Declared& array) {
    return offset >= array.offset && offset + bytes <= array.offset + array.bytes;
  });
}

}  // namespace octet::cuda_emu
