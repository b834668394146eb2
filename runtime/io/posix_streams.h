// Streams on file descriptors.

#ifndef OCTET_RUNTIME_IO_POSIX_STREAMS_H_
#define OCTET_RUNTIME_IO_POSIX_STREAMS_H_

#include <string>
#include <utility>

#include "runtime/io/file.h"

namespace octet {

// A descriptor that is closed at the end, unless it is a standard one.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() { Close(); }

  int fd() const { return fd_; }
  bool Close();  // false if written bytes may be lost; errno has the reason

 private:
  int fd_;
};

// Errors of both classes name `path`.
class PosixInput : public InputStream {
 public:
  PosixInput(int fd, std::string path) : file_(fd), path_(std::move(path)) {}

  absl::StatusOr<size_t> Read(std::span<std::byte> out) override;
  bool WaitUntilReady(std::chrono::milliseconds patience) override;
  const std::string& path() const override { return path_; }

 private:
  Descriptor file_;
  std::string path_;
};

class PosixOutput : public OutputStream {
 public:
  PosixOutput(int fd, std::string path) : file_(fd), path_(std::move(path)) {}

  absl::Status Write(std::span<const std::byte> bytes) override;
  absl::Status Sync() override;
  absl::Status Close() override;
  const std::string& path() const override { return path_; }

 private:
  Descriptor file_;
  std::string path_;
};

}  // namespace octet

#endif  // OCTET_RUNTIME_IO_POSIX_STREAMS_H_
