// The file seam: all reads and writes of models, requests and answers pass through it. Tests can
// count, forge and break what a disk does.

#ifndef OCTET_RUNTIME_IO_FILE_H_
#define OCTET_RUNTIME_IO_FILE_H_

#include <absl/functional/function_ref.h>
#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "kernels/base/buffer.h"

namespace octet {

// An open file of fixed size. Reads from several threads at once are safe.
class RandomAccessFile {
 public:
  virtual ~RandomAccessFile() = default;

  // Fills `out` with the bytes that start at `offset`. If fewer bytes are there, that is an error,
  // which names the file and the place.
  virtual absl::Status Read(uint64_t offset, std::span<std::byte> out) const = 0;

  // Maps these bytes of the file as memory for reading, which all processes that map them share.
  // `offset` must be a multiple of kMapAlignment, and the memory is aligned to it. The mapping
  // survives when the file is closed, renamed or removed. If the file shrinks or the disk fails, a
  // read kills the process. Returns kUnimplemented if this file cannot be mapped.
  static constexpr uint64_t kMapAlignment = 4096;
  virtual absl::StatusOr<Buffer> Map(uint64_t offset, size_t bytes) const;

  virtual uint64_t size() const = 0;  // bytes, when the file was opened
  virtual const std::string& path() const = 0;
};

// A stream of bytes to read: of a file, a pipe, a terminal.
class InputStream {
 public:
  virtual ~InputStream() = default;

  // Reads at least one byte into `out`, which must not be empty, and returns the number of bytes; 0
  // at the end.
  virtual absl::StatusOr<size_t> Read(std::span<std::byte> out) = 0;

  // Returns whether Read would return now. Waits at most `patience` for that. Files are always
  // ready.
  static constexpr std::chrono::milliseconds kForEver{-1};
  virtual bool WaitUntilReady([[maybe_unused]] std::chrono::milliseconds patience) { return true; }

  virtual const std::string& path() const = 0;
};

// A stream of bytes to write.
class OutputStream {
 public:
  virtual ~OutputStream() = default;

  virtual absl::Status Write(std::span<const std::byte> bytes) = 0;

  // Makes the written bytes survive a loss of power, if they go to a file.
  virtual absl::Status Sync() = 0;

  // Ends the file and makes all of it survive a loss of power. A stream that is not closed may lack
  // its end.
  virtual absl::Status Close() = 0;

  virtual const std::string& path() const = 0;
};

// Writes this text and ends the file.
absl::Status WriteAndClose(OutputStream& file, std::string_view text);

// A lock on a file, which one process at a time has. It ends when the object is destroyed or the
// process ends. The process that has it may remove the file.
class FileLock {
 public:
  virtual ~FileLock() = default;

  // Replaces the text of the file, which others may read.
  virtual absl::Status Write(std::string_view text) = 0;
};

struct FileInfo {
  uint64_t size = 0;     // bytes
  int64_t mtime_ns = 0;  // of its last change, since 1970
};

class FileSystem {
 public:
  virtual ~FileSystem() = default;

  virtual absl::StatusOr<std::unique_ptr<RandomAccessFile>> Open(const std::string& path) = 0;

  // "-" is standard input.
  virtual absl::StatusOr<std::unique_ptr<InputStream>> OpenInput(const std::string& path) = 0;

  // Creates a file, or makes an existing one empty. "-" is standard output. Returns kUnavailable if
  // no process has this FIFO open for reading.
  virtual absl::StatusOr<std::unique_ptr<OutputStream>> CreateOutput(const std::string& path) = 0;

  // Creates a new file. Returns kAlreadyExists if there is one of this name.
  virtual absl::StatusOr<std::unique_ptr<OutputStream>> CreateNew(const std::string& path) = 0;

  // Locks a file; creates it if it does not exist. Returns kUnavailable if another process has the
  // lock, kUnimplemented if this file system cannot lock.
  virtual absl::StatusOr<std::unique_ptr<FileLock>> Lock(const std::string& path) = 0;

  // Locks an existing file in the same way; returns kNotFound if there is none. Writes nothing.
  virtual absl::StatusOr<std::unique_ptr<FileLock>> LockExisting(const std::string& path) = 0;

  virtual absl::StatusOr<FileInfo> Stat(const std::string& path) = 0;

  // Replaces `to` in one step.
  virtual absl::Status Rename(const std::string& from, const std::string& to) = 0;

  // Returns the error that Rename would give for a file of `directory` and the target `path`, as
  // far as it can be known without a rename: permissions, mount points, other file systems. Both
  // directories must exist. Changes nothing.
  virtual absl::Status RehearseRename(const std::string& directory, const std::string& path) = 0;

  virtual absl::Status Remove(const std::string& path) = 0;
  virtual absl::Status MakeDirectories(const std::string& path) = 0;

  // Removes an empty directory.
  virtual absl::Status RemoveDirectory(const std::string& path) = 0;

  // Returns where a path leads: follows symbolic links at its end, also to something that does not
  // exist. A path that does not end in a link stays the same.
  virtual absl::StatusOr<std::string> Resolve(const std::string& path) = 0;

  // Returns the bytes that this process may still write to a directory.
  virtual absl::StatusOr<uint64_t> AvailableBytes(const std::string& directory) = 0;

  // Makes what was written to a file, or the names that were made, changed or removed in a
  // directory, survive a loss of power.
  virtual absl::Status Sync(const std::string& path) = 0;

  virtual bool Exists(const std::string& path) = 0;
  virtual bool IsFile(const std::string& path) = 0;
  virtual bool IsDirectory(const std::string& path) = 0;

  // Returns whether two names, which may be links, lead to the same file or directory.
  virtual bool IsSame(const std::string& a, const std::string& b) = 0;

  // Returns all names (not paths) in a directory, sorted. Returns kNotFound if there is no such
  // directory.
  virtual absl::StatusOr<std::vector<std::string>> List(const std::string& directory) = 0;

  // Reads all of a regular file, which a person or another program wrote. Refuses a file of more
  // than `most` bytes before it is read.
  static constexpr size_t kMostBytes = size_t{64} << 20;
  absl::StatusOr<std::string> ReadWhole(const std::string& path, size_t most = kMostBytes);

  // The same for files without a size, such as those of /proc.
  absl::StatusOr<std::string> ReadStream(const std::string& path, size_t most = kMostBytes);

  absl::Status WriteWhole(const std::string& path, std::string_view text);

  // Creates a new file STEM.PROCESS-N with a name that is not in use.
  absl::StatusOr<std::unique_ptr<OutputStream>> CreateScratch(const std::string& stem);

  // Replaces a file in one step that survives a loss of power, by what `write` writes and closes.
  // If it fails, the old file stays.
  using FileWriter = absl::FunctionRef<absl::Status(std::unique_ptr<OutputStream>)>;
  absl::Status ReplaceDurably(const std::string& path, FileWriter write);

  // The same with this text.
  absl::Status ReplaceDurably(const std::string& path, std::string_view text);
};

// The local and network file systems, through pread. Maps a file only on request: a mapped file
// that shrinks, or an NFS error, kills the process with SIGBUS, but a read returns an error.
class PosixFileSystem : public FileSystem {
 public:
  absl::StatusOr<std::unique_ptr<RandomAccessFile>> Open(const std::string& path) override;
  absl::StatusOr<std::unique_ptr<InputStream>> OpenInput(const std::string& path) override;
  absl::StatusOr<std::unique_ptr<OutputStream>> CreateOutput(const std::string& path) override;
  absl::StatusOr<std::unique_ptr<OutputStream>> CreateNew(const std::string& path) override;
  absl::StatusOr<std::unique_ptr<FileLock>> Lock(const std::string& path) override;
  absl::StatusOr<std::unique_ptr<FileLock>> LockExisting(const std::string& path) override;
  absl::StatusOr<FileInfo> Stat(const std::string& path) override;
  absl::Status Rename(const std::string& from, const std::string& to) override;
  absl::Status RehearseRename(const std::string& directory, const std::string& path) override;
  absl::Status Remove(const std::string& path) override;
  absl::Status MakeDirectories(const std::string& path) override;
  absl::Status RemoveDirectory(const std::string& path) override;
  absl::StatusOr<std::string> Resolve(const std::string& path) override;
  absl::StatusOr<uint64_t> AvailableBytes(const std::string& directory) override;
  absl::Status Sync(const std::string& path) override;
  bool Exists(const std::string& path) override;
  bool IsFile(const std::string& path) override;
  bool IsDirectory(const std::string& path) override;
  bool IsSame(const std::string& a, const std::string& b) override;
  absl::StatusOr<std::vector<std::string>> List(const std::string& directory) override;
};

std::string JoinPath(const std::string& directory, const std::string& name);

// Returns the directory of a path; "." if it names none.
std::string DirectoryOf(const std::string& path);

}  // namespace octet

#endif  // OCTET_RUNTIME_IO_FILE_H_
