// Blocks of a routing trace, decompressed.

#ifndef OCTET_RUNTIME_TRACE_TRACE_FRAME_H_
#define OCTET_RUNTIME_TRACE_TRACE_FRAME_H_

#include <absl/status/statusor.h>

#include <cstdint>
#include <optional>
#include <string>

#include "runtime/io/file.h"

namespace octet {

// Decompresses the frame that begins at `offset` into `content`, and returns where it ends. None:
// no whole frame with the right checksum begins there. An error: the file can't be read.
absl::StatusOr<std::optional<uint64_t>> ReadFrame(const RandomAccessFile& file, uint64_t offset,
                                                  std::string& content);

// Where a frame may begin, from `offset` on; the end of the file where none does.
absl::StatusOr<uint64_t> FindFrame(const RandomAccessFile& file, uint64_t offset);

}  // namespace octet

#endif  // OCTET_RUNTIME_TRACE_TRACE_FRAME_H_
