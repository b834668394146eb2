// Whether an output has room.

#ifndef OCTET_RUNTIME_BATCH_OUTPUT_ROOM_H_
#define OCTET_RUNTIME_BATCH_OUTPUT_ROOM_H_

#include <absl/status/status.h>

#include <cstdint>
#include <string>

#include "runtime/io/file.h"

namespace octet {

// An error where the directory of `output` has no room for so many more results at their least, in
// the journal and put in order, and for those of earlier attempts, put in order.
absl::Status CheckOutputRoom(FileSystem& files, const std::string& output, int64_t missing_results,
                             uint64_t earlier_bytes);

}  // namespace octet

#endif  // OCTET_RUNTIME_BATCH_OUTPUT_ROOM_H_
