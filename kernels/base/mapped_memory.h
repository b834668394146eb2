// Memory that is mapped from the system.

#ifndef OCTET_KERNELS_BASE_MAPPED_MEMORY_H_
#define OCTET_KERNELS_BASE_MAPPED_MEMORY_H_

#include <cstddef>
#include <span>

#include "kernels/base/buffer.h"

namespace octet {

// Maps `bytes` zeros for this process alone. The system takes pages as they are touched; from 2 MiB
// on they are huge pages, if it has them. Returns an empty buffer, with errno set, if it refuses.
Buffer MapZeros(size_t bytes);

// Maps `bytes` of a file, shared with all processes that map it. Otherwise as MapZeros.
Buffer MapShared(int fd, size_t bytes);

// Gathers the small pages in a part of MapZeros or MapShared into huge pages, as far as the system
// can. If files filled the memory, the system had too few huge pages when the small ones were first
// touched. For shared memory it has none unless it is configured so. Works from Linux 6.1 on.
void UseHugePages(std::span<std::byte> memory);

}  // namespace octet

#endif  // OCTET_KERNELS_BASE_MAPPED_MEMORY_H_
