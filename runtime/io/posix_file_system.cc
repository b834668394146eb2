#include <absl/strings/str_cat.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <utility>

#include "runtime/io/file.h"
#include "runtime/io/posix_streams.h"
#include "runtime/io/rename_rehearsal.h"

namespace octet {
namespace {

// Reserves addresses for `bytes` bytes, with the same distance from a huge page's border as
// `offset`. Otherwise a file's huge pages cannot be mapped as such. Returns null if none are left.
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
    madvise(data, bytes, MADV_HUGEPAGE);       // if the kernel has them for files
    madvise(data, bytes, MADV_POPULATE_READ);  // Linux 5.14; otherwise page by page at use
    return Buffer(place, bytes, [](std::byte* mapped, size_t length) { munmap(mapped, length); });
  }

  uint64_t size() const override { return size_; }
  const std::string& path() const override { return path_; }

 private:
  int fd_;
  uint64_t size_;
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

// Returns whether the path still names the open file: the previous owner of its lock may have
// removed it.
bool IsOpenFileOf(const std::string& path, int fd) {
  struct stat named {};
  struct stat opened {};
  return stat(path.c_str(), &named) == 0 && fstat(fd, &opened) == 0 &&
         named.st_dev == opened.st_dev && named.st_ino == opened.st_ino;
}

absl::StatusOr<std::unique_ptr<FileLock>> LockFile(const std::string& path, int extra_flags) {
  while (true) {
    const int fd = open(path.c_str(), O_RDWR | O_CLOEXEC | O_NONBLOCK | extra_flags, 0666);
    if (fd < 0) return absl::ErrnoToStatus(errno, absl::StrCat(path, ": cannot be written"));
    auto lock = std::make_unique<PosixLock>(fd, path);
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
      const std::string reason = absl::StrCat(path, ": ", std::strerror(errno));
      if (errno == EWOULDBLOCK) return absl::UnavailableError(reason);
      return absl::UnimplementedError(reason);
    }
    if (IsOpenFileOf(path, fd)) return lock;
  }
}

// Returns false for a standard stream that was closed when the process began
// (launch/process/inherited_state.h).
bool CanBeUsed(int fd, int useless_mode) {
  const int flags = fcntl(fd, F_GETFL);
  return flags >= 0 && (flags & O_ACCMODE) != useless_mode;
}

}  // namespace

absl::StatusOr<std::unique_ptr<InputStream>> PosixFileSystem::OpenInput(const std::string& path) {
  if (path == "-") {
    if (CanBeUsed(STDIN_FILENO, O_WRONLY)) {
      return std::make_unique<PosixInput>(STDIN_FILENO, "standard input");
    }
    return absl::FailedPreconditionError("standard input: is closed");
  }
  // O_NONBLOCK: so that open does not wait for the other end of a FIFO.
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
  if (path == "-") {
    if (CanBeUsed(STDOUT_FILENO, O_RDONLY)) {
      return std::make_unique<PosixOutput>(STDOUT_FILENO, "standard output");
    }
    return absl::FailedPreconditionError("standard output: is closed");
  }
  // O_NONBLOCK: so that open does not wait for the other end of a FIFO.
  const int fd =
      open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0666);
  if (fd < 0 && errno == ENXIO) {
    return absl::UnavailableError(absl::StrCat(path, ": nobody has opened it to read"));
  }
  if (fd < 0) return absl::ErrnoToStatus(errno, absl::StrCat(path, ": cannot be written"));
  fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK);
  return std::make_unique<PosixOutput>(fd, path);
}

absl::StatusOr<std::unique_ptr<OutputStream>> PosixFileSystem::CreateNew(const std::string& path) {
  const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (fd < 0) return absl::ErrnoToStatus(errno, absl::StrCat(path, ": cannot be made"));
  return std::make_unique<PosixOutput>(fd, path);
}

absl::StatusOr<std::unique_ptr<FileLock>> PosixFileSystem::Lock(const std::string& path) {
  return LockFile(path, O_CREAT);
}

absl::StatusOr<std::unique_ptr<FileLock>> PosixFileSystem::LockExisting(const std::string& path) {
  return LockFile(path, 0);
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

absl::Status PosixFileSystem::RehearseRename(const std::string& directory,
                                             const std::string& path) {
  return octet::RehearseRename(directory, path);
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

absl::Status PosixFileSystem::RemoveDirectory(const std::string& path) {
  if (rmdir(path.c_str()) == 0) return absl::OkStatus();
  return absl::ErrnoToStatus(errno, absl::StrCat(path, ": cannot be removed"));
}

absl::StatusOr<std::string> PosixFileSystem::Resolve(const std::string& path) {
  constexpr int kMostLinks = 40;  // as in the kernel
  std::filesystem::path resolved = path;
  std::error_code error;
  for (int i = 0; std::filesystem::is_symlink(resolved, error); ++i) {
    const std::filesystem::path target = std::filesystem::read_symlink(resolved, error);
    if (error) break;
    if (i == kMostLinks) {
      return absl::ErrnoToStatus(ELOOP, absl::StrCat(path, ": cannot be followed"));
    }
    resolved = resolved.parent_path() / target;  // the target alone if it is absolute
  }
  if (error && error != std::errc::no_such_file_or_directory) {
    return absl::ErrnoToStatus(error.value(), absl::StrCat(path, ": cannot be followed"));
  }
  return resolved.string();
}

absl::StatusOr<uint64_t> PosixFileSystem::AvailableBytes(const std::string& directory) {
  struct statvfs info {};
  if (statvfs(directory.c_str(), &info) != 0) {
    return absl::ErrnoToStatus(errno, absl::StrCat(directory, ": statvfs"));
  }
  return uint64_t{info.f_bavail} * info.f_frsize;
}

absl::Status PosixFileSystem::Sync(const std::string& path) {
  const Descriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  // EINVAL: this file system has no fsync.
  if (file.fd() >= 0 && (fsync(file.fd()) == 0 || errno == EINVAL)) return absl::OkStatus();
  return absl::ErrnoToStatus(errno, absl::StrCat(path, ": fsync"));
}

absl::StatusOr<std::unique_ptr<RandomAccessFile>> PosixFileSystem::Open(const std::string& path) {
  // Without O_NONBLOCK, opening a FIFO would wait for a writer. Regular files ignore it.
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

bool PosixFileSystem::IsSame(const std::string& a, const std::string& b) {
  std::error_code error;
  return std::filesystem::equivalent(a, b, error) && !error;
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

}  // namespace octet
