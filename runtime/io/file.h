// The file seam: models, requests and answers are read and written through here, so that tests can
// count, forge and break what a disk does.

#ifndef OCTET_RUNTIME_IO_FILE_H_
#define OCTET_RUNTIME_IO_FILE_H_

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

  // Fills `out` with the bytes that start at `offset`. Nothing less than all of them is an error,
  // which names the file and the place.
  virtual absl::Status Read(uint64_t offset, std::span<std::byte> out) const = 0;

  // These bytes of the file as memory to read from, which all who map them share. `offset` is a
  // multiple of kMapAlignment, and the memory is aligned to it. It stays when the file is closed,
  // renamed or removed; a file that is made shorter, or a disk that fails, kills who reads it.
  // kUnimplemented: this file can't be mapped.
  static constexpr uint64_t kMapAlignment = 4096;
  virtual absl::StatusOr<Buffer> Map(uint64_t offset, size_t bytes) const;

  virtual uint64_t size() const = 0;  // bytes, when the file was opened
  virtual const std::string& path() const = 0;
};

// Bytes that come one after the other: of a file, a pipe, a terminal.
class InputStream {
 public:
  virtual ~InputStream() = default;

  // Reads at least one byte into `out`, which is not empty, and returns how many; 0 at the end.
  virtual absl::StatusOr<size_t> Read(std::span<std::byte> out) = 0;

  // Whether Read would return now; waits at most `patience` for that. Files are always ready.
  static constexpr std::chrono::milliseconds kForEver{-1};
  virtual bool WaitUntilReady([[maybe_unused]] std::chrono::milliseconds patience) { return true; }

  virtual const std::string& path() const = 0;
};

// Bytes that are written one after the other.
class OutputStream {
 public:
  virtual ~OutputStream() = default;

  virtual absl::Status Write(std::span<const std::byte> bytes) = 0;

  // Makes what was written survive a loss of power, where it goes to a file.
  virtual absl::Status Sync() = 0;

  // Ends the file and makes all of it survive a loss of power. What is not closed may lack its end.
  virtual absl::Status Close() = 0;

  virtual const std::string& path() const = 0;
};

// A file that one process at a time has; given back when destroyed, or when the process ends. Who
// has it may remove it.
class FileLock {
 public:
  virtual ~FileLock() = default;

  // Replaces what the file says, for others to read.
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

  // A new file, or one made empty. "-" is standard output. kUnavailable: nobody has opened this
  // FIFO to read it.
  virtual absl::StatusOr<std::unique_ptr<OutputStream>> CreateOutput(const std::string& path) = 0;

  // A new file; kAlreadyExists where there is one of this name.
  virtual absl::StatusOr<std::unique_ptr<OutputStream>> CreateNew(const std::string& path) = 0;

  // Locks a file; where it is not there, makes it. kUnavailable: another process has it.
  // kUnimplemented: this file system can't lock.
  virtual absl::StatusOr<std::unique_ptr<FileLock>> Lock(const std::string& path) = 0;

  // The same of a file that is there; kNotFound otherwise. Writes nothing.
  virtual absl::StatusOr<std::unique_ptr<FileLock>> LockExisting(const std::string& path) = 0;

  virtual absl::StatusOr<FileInfo> Stat(const std::string& path) = 0;

  // Replaces `to` in one step.
  virtual absl::Status Rename(const std::string& from, const std::string& to) = 0;

  // What would keep Rename from putting a file of `directory` at `path`, as far as it can be known
  // without doing so: rights, mount points, other file systems. Both directories exist. Leaves all
  // as it is.
  virtual absl::Status RehearseRename(const std::string& directory, const std::string& path) = 0;

  virtual absl::Status Remove(const std::string& path) = 0;
  virtual absl::Status MakeDirectories(const std::string& path) = 0;

  // Removes a directory in which nothing is left.
  virtual absl::Status RemoveDirectory(const std::string& path) = 0;

  // Where a path leads: symbolic links at its end are followed, also to what is not there. A path
  // that ends in none stays as it is.
  virtual absl::StatusOr<std::string> Resolve(const std::string& path) = 0;

  // What this process may still write to a directory.
  virtual absl::StatusOr<uint64_t> AvailableBytes(const std::string& directory) = 0;

  // Makes what was written to a file, or the names that were made, changed or removed in a
  // directory, survive a loss of power.
  virtual absl::Status Sync(const std::string& path) = 0;

  virtual bool Exists(const std::string& path) = 0;
  virtual bool IsFile(const std::string& path) = 0;
  virtual bool IsDirectory(const std::string& path) = 0;

  // Whether two names, links among them, lead to one file or directory.
  virtual bool IsSame(const std::string& a, const std::string& b) = 0;

  // The names (not paths) of what a directory holds, sorted: all of them. kNotFound: there is no
  // such directory.
  virtual absl::StatusOr<std::vector<std::string>> List(const std::string& directory) = 0;

  // All of a regular file, which a person or another program wrote: one of more than `most` bytes
  // is refused before it is read.
  static constexpr size_t kMostBytes = size_t{64} << 20;
  absl::StatusOr<std::string> ReadWhole(const std::string& path, size_t most = kMostBytes);

  // The same for what has no size, as the files of /proc.
  absl::StatusOr<std::string> ReadStream(const std::string& path, size_t most = kMostBytes);

  absl::Status WriteWhole(const std::string& path, std::string_view text);

  // A new file STEM.PROCESS-N beside others, of a name that nothing has.
  absl::StatusOr<std::unique_ptr<OutputStream>> CreateScratch(const std::string& stem);

  // Replaces a file by this text in one step that survives a loss of power. What was there stays
  // when it fails.
  absl::Status ReplaceDurably(const std::string& path, std::string_view text);
};

// Local and network file systems through pread. Maps only where it is asked to: a mapped file that
// shrinks, or an NFS error, kills the process with SIGBUS where a read returns an error.
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

// The directory in which a path lies; "." where it names none.
std::string DirectoryOf(const std::string& path);

}  // namespace octet

#endif  // OCTET_RUNTIME_IO_FILE_H_
