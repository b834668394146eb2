// gzip and Zstandard streams over the file seam.

#ifndef OCTET_RUNTIME_IO_COMPRESSED_STREAM_H_
#define OCTET_RUNTIME_IO_COMPRESSED_STREAM_H_

#include <absl/status/statusor.h>

#include <memory>
#include <string>

#include "runtime/io/file.h"

namespace octet {

// Decompresses `input` if it begins like a gzip or Zstandard file, whatever its name. Several
// compressed streams in a row read as one. A truncated stream is an error.
std::unique_ptr<InputStream> Decompressed(std::unique_ptr<InputStream> input);

// Makes `output` compress what is written to it if `name` ends in .gz or .zst.
absl::StatusOr<std::unique_ptr<OutputStream>> CompressedFor(const std::string& name,
                                                            std::unique_ptr<OutputStream> output);

}  // namespace octet

#endif  // OCTET_RUNTIME_IO_COMPRESSED_STREAM_H_
