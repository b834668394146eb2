// The lines of several files, one after the other.

#ifndef OCTET_RUNTIME_IO_LINE_READER_H_
#define OCTET_RUNTIME_IO_LINE_READER_H_

#include <absl/status/statusor.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "runtime/io/file.h"

namespace octet {

// Reads in bounded memory, whatever the lines are. Files may be compressed (see
// compressed_stream.h), and begin with a mark of UTF-8. Where a file's last line has no newline, it
// ends with the file. A file that can't hold lines of JSON (see input_kind.h) is an error.
class LineReader {
 public:
  // A longer line is not kept.
  static constexpr size_t kMaxLineBytes = size_t{64} << 20;

  // Errors name a file that is not there, or can't be read.
  static absl::StatusOr<LineReader> Open(FileSystem& files, std::vector<std::string> paths);

  // Reads the beginning of the first file, if it comes within `patience`, to find such an error.
  absl::Status Peek(std::chrono::milliseconds patience);

  enum class Result { kLine, kTooLong, kNotYet, kEnd };

  // The next line, without its newline; kNotYet where a pipe has not given it within `patience`.
  absl::StatusOr<Result> Next(std::string& line,
                              std::chrono::milliseconds patience = InputStream::kForEver);

  // How many lines all files have, as far as their sizes and the lines so far tell; 0: unknown.
  int64_t EstimatedLines() const;

 private:
  LineReader(FileSystem& files, std::vector<std::string> paths)
      : files_(&files), paths_(std::move(paths)) {}

  enum class Filled { kBytes, kNotYet, kEndOfFile, kEndOfAll };
  absl::StatusOr<Filled> Fill(std::chrono::milliseconds patience);
  absl::Status BeginFile();

  FileSystem* files_;
  std::vector<std::string> paths_;
  size_t next_path_ = 0;
  std::unique_ptr<InputStream> input_;  // the file at hand; null between files
  bool file_begins_ = false;            // nothing of it has been read
  std::string line_;                    // as much of the next line as has come
  bool line_begun_ = false;             // it may be empty all the same
  bool too_long_ = false;
  std::vector<std::byte> buffer_;
  size_t begin_ = 0;  // of what is not taken yet
  size_t end_ = 0;
  int64_t total_stored_bytes_ = 0;  // of all files as they lie on disk; 0: unknown
  std::unique_ptr<int64_t> stored_bytes_ = std::make_unique<int64_t>(0);  // read of those
  int64_t bytes_ = 0;  // read so far, decompressed
  int64_t lines_ = 0;  // given so far
};

}  // namespace octet

#endif  // OCTET_RUNTIME_IO_LINE_READER_H_
