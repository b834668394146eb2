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

// A reader of lines in bounded memory, whatever the lines are. Files may be compressed (see
// compressed_stream.h), and may begin with a UTF-8 mark. The last line of a file may lack its
// newline. A file that cannot have lines of JSON (see input_kind.h) is an error.
class LineReader {
 public:
  // The bytes of the longest line that is kept.
  static constexpr size_t kMaxLineBytes = size_t{64} << 20;

  // Opens the files. Errors name a file that does not exist or cannot be read.
  static absl::StatusOr<LineReader> Open(FileSystem& files, std::vector<std::string> paths);

  // Reads the beginning of the first file, if it arrives within `patience`, to find a file without
  // lines of JSON.
  absl::Status Peek(std::chrono::milliseconds patience);

  enum class Result { kLine, kTooLong, kNotYet, kEnd };

  // Reads the next line, without its newline. Returns kNotYet if a pipe does not give it within
  // `patience`.
  absl::StatusOr<Result> Next(std::string& line,
                              std::chrono::milliseconds patience = InputStream::kForEver);

  // Returns the input that is open but has given nothing yet; empty if there is none.
  std::string silent_input() const { return is_silent_ ? input_->path() : ""; }

  // Estimates the number of lines of all files, from their sizes and the lines so far; 0 if
  // unknown.
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
  std::unique_ptr<InputStream> input_;  // the current file; null between files
  bool is_silent_ = false;              // the current file has given nothing yet
  bool file_begins_ = false;            // nothing of the current file has been read
  std::string line_;                    // the part of the next line that has arrived
  bool line_begun_ = false;             // though it may be empty so far
  bool too_long_ = false;
  std::vector<std::byte> buffer_;
  size_t begin_ = 0;  // of the bytes that are not taken yet
  size_t end_ = 0;
  int64_t total_stored_bytes_ = 0;  // of all files on disk; 0 if unknown
  std::unique_ptr<int64_t> stored_bytes_ = std::make_unique<int64_t>(0);  // of those, read so far
  int64_t bytes_ = 0;  // read so far, decompressed
  int64_t lines_ = 0;  // returned so far
};

}  // namespace octet

#endif  // OCTET_RUNTIME_IO_LINE_READER_H_
