// How much memory this process may still take.

#ifndef OCTET_RUNTIME_IO_AVAILABLE_MEMORY_H_
#define OCTET_RUNTIME_IO_AVAILABLE_MEMORY_H_

#include <absl/status/statusor.h>

#include <cstdint>
#include <string>

#include "runtime/io/file.h"

namespace octet {

struct AvailableMemory {
  int64_t bytes = 0;
  std::string limited_by;  // the file that says so
};

// The least of what the kernel gives without swapping (MemAvailable of /proc/meminfo) and what each
// control group of this process leaves, of version 1 or 2; the cache of files does not count as
// taken. Documented in the kernel's admin-guide/cgroup-v1/memory and admin-guide/cgroup-v2.
absl::StatusOr<AvailableMemory> ReadAvailableMemory(FileSystem& files);

}  // namespace octet

#endif  // OCTET_RUNTIME_IO_AVAILABLE_MEMORY_H_
