// Memory from the system, page by page.

#ifndef OCTET_KERNELS_BASE_MAPPED_MEMORY_H_
#define OCTET_KERNELS_BASE_MAPPED_MEMORY_H_

#include <cstddef>
#include <span>

#include "kernels/base/buffer.h"

namespace octet {

// `bytes` zeros of this process alone, of which pages are taken as they are touched; from 2 MiB on
// huge ones, where the system has them. Empty, with errno set, where it refuses.
Buffer MapZeros(size_t bytes);

// `bytes` of a file, shared with all who map it. Likewise.
Buffer MapShared(int fd, size_t bytes);

// Gathers those pages of a part of MapZeros or MapShared that are small into huge ones, as far as
// the system can: where files filled its memory, it had too few when they were first touched, and
// for shared ones it has none unless told otherwise. From Linux 6.1 on.
void UseHugePages(std::span<std::byte> memory);

}  // namespace octet

#endif  // OCTET_KERNELS_BASE_MAPPED_MEMORY_H_
