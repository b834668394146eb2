#include "runtime/io/posix_streams.h"

#include <absl/strings/str_cat.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>

namespace octet {
namespace {

absl::Status WriteError(int error, const std::string& path) {
  // EFBIG: SIGXFSZ is ignored (launch/process/inherited_state.h).
  const char* limit =
      error == EFBIG ? " beyond the size that this process may give a file (ulimit -f)" : "";
  return absl::ErrnoToStatus(error, absl::StrCat(path, ": writing", limit));
}

}  // namespace

bool Descriptor::Close() {
  const int fd = std::exchange(fd_, -1);
  return fd <= STDERR_FILENO || close(fd) == 0;
}

absl::StatusOr<size_t> PosixInput::Read(std::span<std::byte> out) {
  while (true) {
    // Only poll can distinguish a FIFO without a writer yet from one that has ended.
    WaitUntilReady(kForEver);
    const ssize_t n = read(file_.fd(), out.data(), out.size());
    if (n >= 0) return static_cast<size_t>(n);
    if (errno != EINTR) return absl::ErrnoToStatus(errno, absl::StrCat(path_, ": reading"));
  }
}

bool PosixInput::WaitUntilReady(std::chrono::milliseconds patience) {
  pollfd file = {.fd = file_.fd(), .events = POLLIN, .revents = 0};
  return poll(&file, 1, static_cast<int>(patience.count())) != 0;
}

absl::Status PosixOutput::Write(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t n = write(file_.fd(), bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return WriteError(errno, path_);
    bytes = bytes.subspan(static_cast<size_t>(n));
  }
  return absl::OkStatus();
}

absl::Status PosixOutput::Sync() {
  // EINVAL: a pipe or a terminal.
  if (fsync(file_.fd()) == 0 || errno == EINVAL) return absl::OkStatus();
  return absl::ErrnoToStatus(errno, absl::StrCat(path_, ": fsync"));
}

absl::Status PosixOutput::Close() {
  absl::Status status = Sync();
  if (!status.ok() || file_.Close()) return status;
  return absl::ErrnoToStatus(errno, absl::StrCat(path_, ": closing"));
}

}  // namespace octet
