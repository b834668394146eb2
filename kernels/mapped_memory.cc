#include "kernels/mapped_memory.h"

#include <sys/mman.h>

#include <cstdint>

namespace octet {
namespace {

constexpr size_t kHugePage = size_t{2} << 20;
constexpr int kCollapse = 25;  // MADV_COLLAPSE, which older headers lack

Buffer Map(size_t bytes, int flags, int fd) {
  void* data = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, flags, fd, 0);
  if (data == MAP_FAILED) return {};
  if (bytes >= kHugePage) madvise(data, bytes, MADV_HUGEPAGE);  // a wish: shared ones may be off
  return {static_cast<std::byte*>(data), bytes,
          [](std::byte* mapped, size_t length) { munmap(mapped, length); }};
}

}  // namespace

Buffer MapZeros(size_t bytes) {
  return Map(bytes, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1);
}

Buffer MapShared(int fd, size_t bytes) { return Map(bytes, MAP_SHARED, fd); }

void UseHugePages(const Buffer& mapped) {
  // Piece by piece, for where one can't be gathered the next may be.
  size_t at = -reinterpret_cast<uintptr_t>(mapped.data()) % kHugePage;
  for (; at + kHugePage <= mapped.bytes(); at += kHugePage) {
    madvise(mapped.data() + at, kHugePage, kCollapse);
  }
}

}  // namespace octet
