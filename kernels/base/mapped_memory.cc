#include "kernels/base/mapped_memory.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>

namespace octet {
namespace {

constexpr size_t kHugePage = size_t{2} << 20;
constexpr int kCollapse = 25;  // MADV_COLLAPSE, which older headers lack

// Reserves address space for `bytes`. From 2 MiB on, it begins where a huge page begins: otherwise
// shared memory can't lie in huge pages. Returns null, with errno set, if the system refuses.
std::byte* Reserve(size_t bytes) {
  const size_t spare = bytes >= kHugePage ? kHugePage : 0;
  void* const reserved =
      mmap(nullptr, bytes + spare, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (reserved == MAP_FAILED) return nullptr;
  if (spare == 0) return static_cast<std::byte*>(reserved);
  const size_t before = -reinterpret_cast<uintptr_t>(reserved) % kHugePage;
  std::byte* const data = static_cast<std::byte*>(reserved) + before;
  if (before > 0) munmap(reserved, before);
  const size_t page = sysconf(_SC_PAGESIZE);
  const size_t used = (bytes + page - 1) / page * page;
  if (before + used < bytes + spare) munmap(data + used, bytes + spare - before - used);
  return data;
}

void Unmap(std::byte* mapped, size_t bytes) { munmap(mapped, bytes); }

Buffer Map(size_t bytes, int flags, int fd) {
  std::byte* const data = Reserve(bytes);
  if (data == nullptr) return {};
  Buffer buffer(data, bytes, Unmap);
  if (mmap(data, bytes, PROT_READ | PROT_WRITE, flags | MAP_FIXED, fd, 0) == MAP_FAILED) return {};
  if (bytes >= kHugePage) madvise(data, bytes, MADV_HUGEPAGE);  // a wish: shared ones may be off
  return buffer;
}

}  // namespace

Buffer MapZeros(size_t bytes) {
  return Map(bytes, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1);
}

Buffer MapShared(int fd, size_t bytes) { return Map(bytes, MAP_SHARED, fd); }

size_t SectionedBytes(std::span<const size_t> section_bytes) {
  const size_t page = sysconf(_SC_PAGESIZE);
  size_t bytes = 0;
  for (const size_t section : section_bytes) bytes += (section + page - 1) / page * page;
  return bytes;
}

std::vector<Buffer> MapSharedSections(int fd, std::span<const size_t> section_bytes) {
  // Each section gets a part of one mapping: huge pages lie over their borders.
  const size_t all = SectionedBytes(section_bytes);
  std::byte* at = Reserve(all);
  if (at == nullptr) return {};
  if (mmap(at, all, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0) == MAP_FAILED) {
    munmap(at, all);
    return {};
  }
  madvise(at, all, MADV_HUGEPAGE);
  std::vector<Buffer> sections;
  for (const size_t bytes : section_bytes) {
    sections.emplace_back(at, bytes, Unmap);
    at += SectionedBytes(std::span(&bytes, 1));
  }
  return sections;
}

PopulateResult Populate(std::span<std::byte> memory) {
  if (madvise(memory.data(), memory.size(), MADV_POPULATE_WRITE) == 0) return PopulateResult::kDone;
  return errno == EINVAL ? PopulateResult::kUnknown : PopulateResult::kNoRoom;
}

void UseHugePages(std::span<std::byte> memory) {
  // Page by page: if one can't be gathered, the next may be.
  size_t at = -reinterpret_cast<uintptr_t>(memory.data()) % kHugePage;
  for (; at + kHugePage <= memory.size(); at += kHugePage) {
    madvise(memory.data() + at, kHugePage, kCollapse);
  }
}

}  // namespace octet
