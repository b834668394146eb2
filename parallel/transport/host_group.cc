#include "parallel/transport/host_group.h"

#include <absl/status/status.h>
#include <absl/strings/str_cat.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <string>

#include "kernels/base/mapped_memory.h"
#include "parallel/transport/agreement.h"
#include "parallel/transport/collectives.h"

namespace octet {
namespace {

// Returns a text that differs between machines, whatever their names.
std::string BootId() {
  std::ifstream file("/proc/sys/kernel/random/boot_id");
  std::string id;
  std::getline(file, id);
  return id;
}

// Returns a text that differs between containers that each have a namespace of processes.
std::string ProcessNamespace() {
  std::array<char, 64> name = {};
  const ssize_t size = readlink("/proc/self/ns/pid", name.data(), name.size());
  return size > 0 ? std::string(name.data(), size) : "";
}

absl::Status SystemError(const std::string& doing) {
  return absl::ResourceExhaustedError(absl::StrCat(doing, ": ", std::strerror(errno)));
}

absl::StatusOr<Buffer> Mapped(Buffer buffer, size_t bytes) {
  if (buffer.data() == nullptr) return SystemError(absl::StrCat("can't map ", bytes, " bytes"));
  return buffer;
}

// A file in memory only. Unlike a file in /dev/shm, it needs no room on a file system and can't be
// left behind.
class MemoryFile {
 public:
  static absl::StatusOr<MemoryFile> Make(size_t bytes) {
    MemoryFile file(memfd_create("octet", MFD_CLOEXEC));
    if (file.fd_ < 0 || ftruncate(file.fd_, static_cast<off_t>(bytes)) != 0) {
      return SystemError(absl::StrCat("can't make ", bytes, " bytes of shared memory"));
    }
    return file;
  }

  // Opens a file that another process made, or another thread of this one.
  static absl::StatusOr<MemoryFile> Open(const std::string& path) {
    MemoryFile file(open(path.c_str(), O_RDWR | O_CLOEXEC));
    if (file.fd_ < 0) return SystemError(absl::StrCat("can't share memory through ", path));
    return file;
  }

  MemoryFile(MemoryFile&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  MemoryFile& operator=(MemoryFile&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~MemoryFile() {
    if (fd_ >= 0) close(fd_);
  }

  // The path by which other processes open the file, while this one keeps it open.
  std::string path() const { return absl::StrCat("/proc/", getpid(), "/fd/", fd_); }

  absl::StatusOr<Buffer> Map(size_t bytes) const { return Mapped(MapShared(fd_, bytes), bytes); }

 private:
  explicit MemoryFile(int fd) : fd_(fd) {}
  int fd_;
};

}  // namespace

HostTopology FindHosts(Communicator& comm) {
  const std::string mine =
      absl::StrCat(comm.hosts()[comm.rank()], " ", BootId(), " ", ProcessNamespace());
  return HostTopology(AllGather(comm, {"ranks of hosts"}, mine));
}

HostGroup GroupOf(const HostTopology& hosts, int rank) {
  const std::span<const int> ranks = hosts.ranks_of(hosts.host_of(rank));
  return {.ranks = {ranks.begin(), ranks.end()}, .index = hosts.index_on_host(rank)};
}

HostGroup FindHostGroup(Communicator& comm) { return GroupOf(FindHosts(comm), comm.rank()); }

absl::StatusOr<Buffer> MapHostMemory(Communicator& comm, const HostGroup& host, size_t bytes,
                                     const std::string& path) {
  const bool shares = host.size() > 1 || !path.empty();
  const bool leads = shares && host.index == 0 && path.empty();
  absl::StatusOr<MemoryFile> made = absl::UnknownError("made by another rank");
  if (leads) made = MemoryFile::Make(bytes);
  const std::vector<std::string> paths =
      AllGather(comm, {"shared memory"}, made.ok() ? made->path() : "");
  absl::Status status = AgreeOnStatus(comm, leads ? made.status() : absl::OkStatus());
  if (!status.ok()) return status;

  // The file of the leader must stay open until all ranks of the host have opened it.
  absl::StatusOr<MemoryFile> file = std::move(made);
  if (shares && !leads) file = MemoryFile::Open(path.empty() ? paths[host.ranks[0]] : path);
  // A rank alone on its host shares nothing: the system gives huge pages more readily to memory of
  // one process.
  absl::StatusOr<Buffer> buffer = !shares     ? Mapped(MapZeros(bytes), bytes)
                                  : file.ok() ? file->Map(bytes)
                                              : file.status();
  status = AgreeOnStatus(comm, buffer.status());
  if (!status.ok()) return status;
  return buffer;
}

}  // namespace octet
