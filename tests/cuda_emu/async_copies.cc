#include "tests/cuda_emu/async_copies.h"

#include <absl/strings/str_cat.h>

#include <cstdint>
#include <cstring>

#include "tests/cuda_emu/access_observer.h"
#include "tests/cuda_emu/block.h"
#include "tests/cuda_emu/device_memory.h"
#include "tests/cuda_emu/emulation.h"

namespace octet::cuda_emu {

void AsyncCopies::Begin(void* to, const void* from, size_t bytes, size_t source_bytes) {
  const auto is_aligned = [bytes](const void* p) {
    return reinterpret_cast<uintptr_t>(p) % bytes == 0;
  };
  Emulation& device = Emulation::Device();
  if (!is_aligned(to) || !is_aligned(from)) {
    device.Fail(absl::StrCat("cp.async of ", bytes, " bytes that are not aligned"));
  }
  device.CountAsyncBytes(source_bytes);
  if (AccessObserver* observer = device.observer()) {
    const int thread = Block::Running().thread();
    if (source_bytes > 0 && DeviceMemory::OfDevice().Contains(from)) {
      observer->See({from, source_bytes, /*writes=*/false, thread, Space::kGlobal});
    }
    observer->BeginCopy(thread, to, bytes);
  }
  constexpr uint32_t kEarlyOnes = 4;
  const Copy copy = {to, from, bytes, source_bytes, device.Draw(kEarlyOnes) == 0};
  if (copy.is_done) Do(copy);
  copies_.push_back(copy);
}

void AsyncCopies::Commit() { group_ends_.push_back(copies_.size()); }

void AsyncCopies::Wait(size_t pending) {
  while (group_ends_.size() - first_group_ > pending) {
    const size_t end = group_ends_[first_group_++];
    while (first_copy_ < end) End(copies_[first_copy_++]);
  }
  if (first_copy_ == copies_.size() && first_group_ == group_ends_.size()) Clear();
}

void AsyncCopies::Finish() {
  while (first_copy_ < copies_.size()) End(copies_[first_copy_++]);
  Clear();
}

void AsyncCopies::Clear() {
  copies_.clear();
  group_ends_.clear();
  first_copy_ = first_group_ = 0;
}

void AsyncCopies::End(const Copy& copy) {
  if (!copy.is_done) Do(copy);
  if (AccessObserver* observer = Emulation::Device().observer()) {
    observer->EndCopy(Block::Running().thread(), copy.to, copy.bytes);
  }
}

void AsyncCopies::Do(const Copy& copy) {
  std::memmove(copy.to, copy.from, copy.source_bytes);  // memcpy may be watched
  std::memset(static_cast<std::byte*>(copy.to) + copy.source_bytes, 0,
              copy.bytes - copy.source_bytes);
}

}  // namespace octet::cuda_emu
