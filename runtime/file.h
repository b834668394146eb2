// The file seam: every byte that Octet reads from disk comes through here, so that tests can count,
// forge and break reads.

#ifndef OCTET_RUNTIME_FILE_H_
#define OCTET_RUNTIME_FILE_H_

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace octet {

// An open file of fixed size. Reads from several threads at once are safe.
class RandomAccessFile {
 public:
  virtual ~RandomAccessFile() = default;

  // Fills `out` with the bytes that start at `offset`. Nothing less than all of them is an error,
  // which names the file and the place.
  virtual absl::Status Read(uint64_t offset, std::span<std::byte> out) const = 0;

  virtual uint64_t size() const = 0;  // bytes, when the file was opened
  virtual const std::string& path() const = 0;
};

class FileSystem {
 public:
  virtual ~FileSystem() = default;

  virtual absl::StatusOr<std::unique_ptr<RandomAccessFile>> Open(const std::string& path) = 0;
  virtual bool IsFile(const std::string& path) = 0;
  virtual bool IsDirectory(const std::string& path) = 0;

  // The names (not paths) of what a directory holds, sorted; empty where it can't be read.
  virtual std::vector<std::string> List(const std::string& directory) = 0;

  absl::StatusOr<std::string> ReadWhole(const std::string& path);
};

// Local and network file systems through pread. Never maps: a mapped file that shrinks, or an NFS
// error, would kill the process with SIGBUS where a read returns an error.
class PosixFileSystem : public FileSystem {
 public:
  absl::StatusOr<std::unique_ptr<RandomAccessFile>> Open(const std::string& path) override;
  bool IsFile(const std::string& path) override;
  bool IsDirectory(const std::string& path) override;
  std::vector<std::string> List(const std::string& directory) override;
};

std::string JoinPath(const std::string& directory, const std::string& name);

}  // namespace octet

#endif  // OCTET_RUNTIME_FILE_H_
