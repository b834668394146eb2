// Memory that is mapped from the system.

#ifndef OCTET_KERNELS_BASE_MAPPED_MEMORY_H_
#define OCTET_KERNELS_BASE_MAPPED_MEMORY_H_

#include <cstddef>
#include <span>
#include <vector>

#include "kernels/base/buffer.h"

namespace octet {

// Maps `bytes` zeros for this process alone. The system takes pages as they are touched; from 2 MiB
// on they are huge pages, if it has them. Returns an empty buffer, with errno set, if it refuses.
Buffer MapZeros(size_t bytes);

// Maps `bytes` of a file, shared with all processes that map it. Otherwise as MapZeros.
Buffer MapShared(int fd, size_t bytes);

// Maps the sections of a file in the same way; each begins a page. Returns none if the system
// refuses.
std::vector<Buffer> MapSharedSections(int fd, std::span<const size_t> section_bytes);

// Returns the bytes of a file with these sections.
size_t SectionedBytes(std::span<const size_t> section_bytes);

// Takes pages for memory of MapShared now, if there is room for them: a write would end the
// process otherwise. kUnknown: the system is older than Linux 5.14.
enum class PopulateResult { kDone, kNoRoom, kUnknown };
PopulateResult Populate(std::span<std::byte> memory);

// Gathers the small pages in a part of MapZeros or MapShared into huge pages, as far as the system
// can. If files filled the memory, the system had too few huge pages when the small ones were first
// touched. For shared memory it has none unless it is configured so. Works from Linux 6.1 on.
void UseHugePages(std::span<std::byte> memory);

}  // namespace octet

#endif  // OCTET_KERNELS_BASE_MAPPED_MEMORY_H_
