#include "launch/console/terminal.h"

#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <fstream>
#include <string>
#include <string_view>

namespace octet {
namespace {

constexpr int kUsualWidth = 80;

// A process as /proc/PID/status describes it.
struct Process {
  std::string name;
  pid_t parent = 0;  // 0 if none or not known
};

Process FindProcess(pid_t pid) {
  Process process;
  std::ifstream status(absl::StrCat("/proc/", pid, "/status"));
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("Name:\t")) process.name = line.substr(6);
    if (!line.starts_with("PPid:\t")) continue;
    if (!absl::SimpleAtoi(line.substr(6), &process.parent)) process.parent = 0;
  }
  return process;
}

// Returns whether it is one of the names that Open MPI and its packages use for mpirun.
bool IsMpirun(std::string_view name) {
  constexpr std::array<std::string_view, 4> kNames = {"mpirun", "mpiexec", "orterun", "prterun"};
  return std::any_of(kNames.begin(), kNames.end(),
                     [name](std::string_view mpirun) { return name.starts_with(mpirun); });
}

// Returns the ancestor that passes this process's output on, or 0 if that runs on another host.
pid_t FindMpirun() {
  for (pid_t pid = getppid(); pid > 1;) {
    const Process process = FindProcess(pid);
    if (IsMpirun(process.name)) return pid;
    pid = process.parent;
  }
  return 0;
}

std::string StandardErrorOf(pid_t pid) { return absl::StrCat("/proc/", pid, "/fd/2"); }

// Opens standard error of the launcher, which passes on the text from mpirun, or else of mpirun.
int OpenTerminalOfLauncher() {
  const char* path = std::getenv("OCTET_TERMINAL");
  if (path != nullptr) return OpenTerminal(path, O_RDONLY);
  const pid_t mpirun = FindMpirun();
  return mpirun > 0 ? OpenTerminal(StandardErrorOf(mpirun), O_RDONLY) : -1;
}

}  // namespace

int OpenTerminal(const std::string& path, int access) {
  struct stat info {};
  if (stat(path.c_str(), &info) != 0 || !S_ISCHR(info.st_mode)) return -1;
  const int fd = open(path.c_str(), access | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0 || isatty(fd) == 1) return fd;
  close(fd);
  return -1;
}

std::optional<Terminal> Terminal::OfStandardError() {
  const char* kind = std::getenv("TERM");
  if (kind != nullptr && std::string_view(kind) == "dumb") return std::nullopt;
  const bool forwarded = std::getenv("OMPI_COMM_WORLD_SIZE") != nullptr;
  const int fd =
      forwarded ? OpenTerminalOfLauncher() : OpenTerminal(StandardErrorOf(getpid()), O_RDONLY);
  if (fd < 0) return std::nullopt;
  return Terminal(fd);
}

Terminal::~Terminal() {
  if (fd_ >= 0) close(fd_);
}

int Terminal::Width() const {
  winsize size = {};
  return ioctl(fd_, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : kUsualWidth;
}

}  // namespace octet
