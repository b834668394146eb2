// The check that an output has room.

#ifndef OCTET_RUNTIME_BATCH_OUTPUT_ROOM_H_
#define OCTET_RUNTIME_BATCH_OUTPUT_ROOM_H_

#include <absl/status/status.h>

#include <cstdint>
#include <string>

#include "runtime/io/file.h"

namespace octet {

// Returns an error if the directory of `output` has too little room. It needs room for
// `missing_results` results of the least size, in the journal and in the ordered output, and for
// earlier results in the ordered output.
absl::Status CheckOutputRoom(FileSystem& files, const std::string& output, int64_t missing_results,
                             uint64_t earlier_bytes);

}  // namespace octet

#endif  // OCTET_RUNTIME_BATCH_OUTPUT_ROOM_H_
