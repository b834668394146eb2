#include "runtime/io/file.h"

#include <absl/strings/str_cat.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <utility>

namespace octet {
namespace {

// Addresses for so many bytes, as far from the border of a huge page as `offset` is, without which
// a file's huge pages can't be mapped as such. Null: none left.
std::byte* ReserveLikeOffset(uint64_t offset, size_t bytes) {
  constexpr size_t kHugePage = size_t{2} << 20;
  const size_t whole = (bytes + RandomAccessFile::kMapAlignment - 1) /
                       RandomAccessFile::kMapAlignment * RandomAccessFile::kMapAlignment;
  void* reserved = mmap(nullptr, whole + kHugePage, PROT_NONE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (reserved == MAP_FAILED) return nullptr;
  auto* begin = static_cast<std::byte*>(reserved);
  const size_t skipped = (offset - reinterpret_cast<uintptr_t>(begin)) % kHugePage;
  if (skipped > 0) munmap(begin, skipped);
  munmap(begin + skipped + whole, kHugePage - skipped);
  return begin + skipped;
}

class PosixFile : public RandomAccessFile {
 public:
  PosixFile(int fd, uint64_t size, std::string path)
      : fd_(fd), size_(size), path_(std::move(path)) {}
  PosixFile(const PosixFile&) = delete;
  PosixFile& operator=(const PosixFile&) = delete;
  ~PosixFile() override { close(fd_); }

  absl::Status Read(uint64_t offset, std::span<std::byte> out) const override {
    while (!out.empty()) {
      const ssize_t n = pread(fd_, out.data(), out.size(), static_cast<off_t>(offset));
      if (n < 0 && errno == EINTR) continue;
      if (n < 0)
        return absl::ErrnoToStatus(errno, absl::StrCat(path_, ": reading at byte ", offset));
      if (n == 0) {
        return absl::DataLossError(absl::StrCat(path_, ": ends at byte ", offset, ", ", out.size(),
                                                " bytes before what was to be read; it was ", size_,
                                                " bytes long when it was opened"));
      }
      offset += static_cast<uint64_t>(n);
      out = out.subspan(static_cast<size_t>(n));
    }
    return absl::OkStatus();
  }

  absl::StatusOr<Buffer> Map(uint64_t offset, size_t bytes) const override {
    std::byte* place = ReserveLikeOffset(offset, bytes);
    if (place == nullptr) return absl::ErrnoToStatus(errno, absl::StrCat(path_, ": mmap"));
    void* data =
        mmap(place, bytes, PROT_READ, MAP_SHARED | MAP_FIXED, fd_, static_cast<off_t>(offset));
    if (data == MAP_FAILED) return absl::ErrnoToStatus(errno, absl::StrCat(path_, ": mmap"));
    madvise(data, bytes, MADV_HUGEPAGE);       // where the kernel has them for files
    madvise(data, bytes, MADV_POPULATE_READ);  // Linux 5.14; otherwise page by page when used
    return Buffer(place, bytes, [](std::byte* mapped, size_t length) { munmap(mapped, length); });
  }

  uint64_t size() const override { return size_; }
  const std::string& path() const override { return path_; }

 private:
  int fd_;
  uint64_t size_;
  std::string path_;
};

// A descriptor that is closed at the end, unless it is a standard one.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() { Close(); }

  int fd() const { return fd_; }

  bool Close() {
    const int fd = std::exchange(fd_, -1);
    return fd <= STDERR_FILENO || close(fd) == 0;
  }

 private:
  int fd_;
};

class PosixInput : public InputStream {
 public:
  PosixInput(int fd, std::string path) : file_(fd), path_(std::move(path)) {}

  absl::StatusOr<size_t> Read(std::span<std::byte> out) override {
    while (true) {
      // A FIFO that nobody writes to yet looks like one that has ended, except to poll.
      WaitUntilReady(kForEver);
      const ssize_t n = read(file_.fd(), out.data(), out.size());
      if (n >= 0) return static_cast<size_t>(n);
      if (errno != EINTR) return absl::ErrnoToStatus(errno, absl::StrCat(path_, ": reading"));
    }
  }

  bool WaitUntilReady(std::chrono::milliseconds patience) override {
    pollfd file = {.fd = file_.fd(), .events = POLLIN, .revents = 0};
    return poll(&file, 1, static_cast<int>(patience.count())) != 0;
  }

  const std::string& path() const override { return path_; }

 private:
  Descriptor file_;
  std::string path_;
};

class PosixOutput : public OutputStream {
 public:
  PosixOutput(int fd, std::string path) : file_(fd), path_(std::move(path)) {}

  absl::Status Write(std::span<const std::byte> bytes) override {
    while (!bytes.empty()) {
      const ssize_t n = write(file_.fd(), bytes.data(), bytes.size());
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return absl::ErrnoToStatus(errno, absl::StrCat(path_, ": writing"));
      bytes = bytes.subspan(static_cast<size_t>(n));
    }
    return absl::OkStatus();
  }

  absl::Status Sync() override {
    // EINVAL: a pipe or a terminal.
    if (fsync(file_.fd()) == 0 || errno == EINVAL) return absl::OkStatus();
    return absl::ErrnoToStatus(errno, absl::StrCat(path_, ": fsync"));
  }

  absl::Status Close() override {
    absl::Status status = Sync();
    if (!status.ok() || file_.Close()) return status;
    return absl::ErrnoToStatus(errno, absl::StrCat(path_, ": closing"));
  }

  const std::string& path() const override { return path_; }

 private:
  Descriptor file_;
  std::string path_;
};

class PosixLock : public FileLock {
 public:
  PosixLock(int fd, std::string path) : file_(fd), path_(std::move(path)) {}

  absl::Status Write(std::string_view text) override {
    if (ftruncate(file_.fd(), 0) == 0 &&
        pwrite(file_.fd(), text.data(), text.size(), 0) == std::ssize(text)) {
      return absl::OkStatus();
    }
    return absl::ErrnoToStatus(errno, absl::StrCat(path_, ": writing"));
  }

 private:
  Descriptor file_;
  std::string path_;
};

}  // namespace

absl::StatusOr<Buffer> RandomAccessFile::Map(uint64_t /*offset*/, size_t /*bytes*/) const {
  return absl::UnimplementedError(absl::StrCat(path(), ": can't be mapped"));
}

absl::StatusOr<std::string> FileSystem::ReadWhole(const std::string& path, size_t most) {
  const auto file = Open(path);
  if (!file.ok()) return file.status();
  if ((*file)->size() > most) {
    return absl::OutOfRangeError(
        absl::StrCat(path, ": has ", (*file)->size(), " bytes; at most ", most, " are read"));
  }
  std::string text((*file)->size(), '\0');
  const absl::Status status = (*file)->Read(0, std::as_writable_bytes(std::span(text)));
  if (!status.ok()) return status;
  return text;
}

absl::StatusOr<std::string> FileSystem::ReadStream(const std::string& path, size_t most) {
  const auto file = OpenInput(path);
  if (!file.ok()) return file.status();
  std::string text;
  std::vector<std::byte> buffer(size_t{64} << 10);
  while (true) {
    const absl::StatusOr<size_t> n = (*file)->Read(buffer);
    if (!n.ok()) return n.status();
    if (*n == 0) return text;
    text.append(reinterpret_cast<const char*>(buffer.data()), *n);
    if (text.size() > most) {
      return absl::OutOfRangeError(absl::StrCat(path, ": has more than ", most, " bytes"));
    }
  }
}

absl::Status FileSystem::WriteWhole(const std::string& path, std::string_view text) {
  const auto file = CreateOutput(path);
  if (!file.ok()) return file.status();
  const absl::Status status = (*file)->Write(std::as_bytes(std::span(text)));
  return status.ok() ? (*file)->Close() : status;
}

absl::Status FileSystem::ReplaceDurably(const std::string& path, std::string_view text) {
  const std::string fresh = path + ".new";
  const auto file = CreateOutput(fresh);
  if (!file.ok()) return file.status();
  absl::Status status = (*file)->Write(std::as_bytes(std::span(text)));
  if (status.ok()) status = (*file)->Close();
  if (status.ok()) status = Rename(fresh, path);
  return status.ok() ? Sync(DirectoryOf(path)) : status;
}

absl::StatusOr<std::unique_ptr<InputStream>> PosixFileSystem::OpenInput(const std::string& path) {
  if (path == "-") return std::make_unique<PosixInput>(STDIN_FILENO, "standard input");
  // O_NONBLOCK: not to wait for somebody who opens the other end of a FIFO.
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return absl::ErrnoToStatus(errno, absl::StrCat(path, ": cannot be opened"));
  fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK);
  auto file = std::make_unique<PosixInput>(fd, path);
  struct stat info {};
  if (fstat(fd, &info) == 0 && S_ISDIR(info.st_mode)) {
    return absl::InvalidArgumentError(absl::StrCat(path, ": is a directory"));
  }
  return file;
}

absl::StatusOr<std::unique_ptr<OutputStream>> PosixFileSystem::CreateOutput(
    const std::string& path) {
  if (path == "-") return std::make_unique<PosixOutput>(STDOUT_FILENO, "standard output");
  const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (fd < 0) return absl::ErrnoToStatus(errno, absl::StrCat(path, ": cannot be written"));
  return std::make_unique<PosixOutput>(fd, path);
}

absl::StatusOr<std::unique_ptr<OutputStream>> PosixFileSystem::CreateNew(const std::string& path) {
  const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (fd < 0) return absl::ErrnoToStatus(errno, absl::StrCat(path, ": cannot be made"));
  return std::make_unique<PosixOutput>(fd, path);
}

absl::StatusOr<std::unique_ptr<FileLock>> PosixFileSystem::Lock(const std::string& path) {
  const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  if (fd < 0) return absl::ErrnoToStatus(errno, absl::StrCat(path, ": cannot be written"));
  auto lock = std::make_unique<PosixLock>(fd, path);
  if (flock(fd, LOCK_EX | LOCK_NB) == 0) return lock;
  const std::string reason = absl::StrCat(path, ": ", std::strerror(errno));
  if (errno == EWOULDBLOCK) return absl::UnavailableError(reason);
  return absl::UnimplementedError(reason);
}

absl::StatusOr<FileInfo> PosixFileSystem::Stat(const std::string& path) {
  constexpr int64_t kNanosecondsPerSecond = 1'000'000'000;
  struct stat info {};
  if (stat(path.c_str(), &info) != 0) return absl::ErrnoToStatus(errno, path);
  return FileInfo{.size = static_cast<uint64_t>(info.st_size),
                  .mtime_ns = info.st_mtim.tv_sec * kNanosecondsPerSecond + info.st_mtim.tv_nsec};
}

absl::Status PosixFileSystem::Rename(const std::string& from, const std::string& to) {
  if (rename(from.c_str(), to.c_str()) == 0) return absl::OkStatus();
  return absl::ErrnoToStatus(errno, absl::StrCat("renaming ", from, " to ", to));
}

absl::Status PosixFileSystem::Remove(const std::string& path) {
  if (unlink(path.c_str()) == 0) return absl::OkStatus();
  return absl::ErrnoToStatus(errno, absl::StrCat(path, ": cannot be removed"));
}

absl::Status PosixFileSystem::MakeDirectories(const std::string& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (!error) return absl::OkStatus();
  return absl::ErrnoToStatus(error.value(), absl::StrCat(path, ": cannot be made a directory"));
}

absl::Status PosixFileSystem::Sync(const std::string& path) {
  const Descriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  // EINVAL: this file system has no such thing.
  if (file.fd() >= 0 && (fsync(file.fd()) == 0 || errno == EINVAL)) return absl::OkStatus();
  return absl::ErrnoToStatus(errno, absl::StrCat(path, ": fsync"));
}

absl::StatusOr<std::unique_ptr<RandomAccessFile>> PosixFileSystem::Open(const std::string& path) {
  // Opening a FIFO would wait for a writer without O_NONBLOCK, which regular files ignore.
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return absl::ErrnoToStatus(errno, absl::StrCat(path, ": cannot be opened"));
  struct stat info {};
  const int error = fstat(fd, &info) == 0 ? 0 : errno;
  auto file = std::make_unique<PosixFile>(fd, static_cast<uint64_t>(info.st_size), path);
  if (error != 0) return absl::ErrnoToStatus(error, absl::StrCat(path, ": fstat"));
  if (!S_ISREG(info.st_mode)) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, S_ISDIR(info.st_mode) ? ": is a directory" : ": is not a regular file"));
  }
  return file;
}

bool PosixFileSystem::Exists(const std::string& path) {
  std::error_code ignored;
  return std::filesystem::exists(path, ignored);
}

bool PosixFileSystem::IsFile(const std::string& path) {
  std::error_code ignored;
  return std::filesystem::is_regular_file(path, ignored);
}

bool PosixFileSystem::IsDirectory(const std::string& path) {
  std::error_code ignored;
  return std::filesystem::is_directory(path, ignored);
}

absl::StatusOr<std::vector<std::string>> PosixFileSystem::List(const std::string& directory) {
  std::vector<std::string> names;
  std::error_code error;
  std::filesystem::directory_iterator it(directory, error);
  for (; !error && it != std::filesystem::directory_iterator(); it.increment(error)) {
    names.push_back(it->path().filename().string());
  }
  if (error) {
    return absl::ErrnoToStatus(error.value(), absl::StrCat(directory, ": cannot be listed"));
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::string JoinPath(const std::string& directory, const std::string& name) {
  return (std::filesystem::path(directory) / name).string();
}

std::string DirectoryOf(const std::string& path) {
  const std::string parent = std::filesystem::path(path).parent_path().string();
  return parent.empty() ? "." : parent;
}

}  // namespace octet
