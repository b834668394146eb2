// The memory that this process may still take.

#ifndef OCTET_RUNTIME_IO_AVAILABLE_MEMORY_H_
#define OCTET_RUNTIME_IO_AVAILABLE_MEMORY_H_

#include <absl/status/statusor.h>

#include <cstdint>
#include <string>

#include "runtime/io/file.h"

namespace octet {

struct AvailableMemory {
  int64_t bytes = 0;
  std::string limited_by;  // the file with this limit
};

// Returns the least of the memory that the kernel gives without swapping (MemAvailable of
// /proc/meminfo) and the memory that each control group of this process leaves, of version 1 or 2.
// The cache of files does not count as taken. Documented in the kernel's
// admin-guide/cgroup-v1/memory and admin-guide/cgroup-v2.
absl::StatusOr<AvailableMemory> ReadAvailableMemory(FileSystem& files);

}  // namespace octet

#endif  // OCTET_RUNTIME_IO_AVAILABLE_MEMORY_H_
