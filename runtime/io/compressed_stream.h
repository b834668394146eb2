// gzip and Zstandard, over the file seam.

#ifndef OCTET_RUNTIME_IO_COMPRESSED_STREAM_H_
#define OCTET_RUNTIME_IO_COMPRESSED_STREAM_H_

#include <absl/status/statusor.h>

#include <memory>
#include <string>

#include "runtime/io/file.h"

namespace octet {

// Reads `input` decompressed where it begins as gzip or Zstandard files do, whatever its name.
// Several compressed streams in a row read as one; one that is cut off is an error.
std::unique_ptr<InputStream> Decompressed(std::unique_ptr<InputStream> input);

// Makes `output` compress what is written to it where `name` ends in .gz or .zst.
absl::StatusOr<std::unique_ptr<OutputStream>> CompressedFor(const std::string& name,
                                                            std::unique_ptr<OutputStream> output);

}  // namespace octet

#endif  // OCTET_RUNTIME_IO_COMPRESSED_STREAM_H_
