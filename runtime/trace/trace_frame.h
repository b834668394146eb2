// The decompression of a routing trace's blocks.

#ifndef OCTET_RUNTIME_TRACE_TRACE_FRAME_H_
#define OCTET_RUNTIME_TRACE_TRACE_FRAME_H_

#include <absl/status/statusor.h>

#include <cstdint>
#include <optional>
#include <string>

#include "runtime/io/file.h"

namespace octet {

// Decompresses the frame that begins at `offset` into `content`, and returns the offset of its end.
// Returns nullopt if no whole frame with the right checksum begins there. An error means that the
// file cannot be read.
absl::StatusOr<std::optional<uint64_t>> ReadFrame(const RandomAccessFile& file, uint64_t offset,
                                                  std::string& content);

// Returns the first offset from `offset` on at which a frame may begin, or the end of the file if
// there is none.
absl::StatusOr<uint64_t> FindFrame(const RandomAccessFile& file, uint64_t offset);

}  // namespace octet

#endif  // OCTET_RUNTIME_TRACE_TRACE_FRAME_H_
