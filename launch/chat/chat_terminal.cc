#include "launch/chat/chat_terminal.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <utility>

#include "kernels/base/activity.h"
#include "launch/console/terminal.h"

namespace octet {
namespace {

constexpr int kPatienceMs = 20;  // between two signs of progress
constexpr char kInterruptByte = 3;
constexpr char kTerminalVariable[] = "OCTET_CHAT_TERMINAL";  // HOST:PATH, from launch/run.sh

bool IsUnderMpirun() { return std::getenv("OMPI_COMM_WORLD_SIZE") != nullptr; }

// Returns the path of the terminal that launch/run.sh has, or an empty one if that is on another
// host.
std::string PathOfLauncher() {
  const char* passed_on = std::getenv(kTerminalVariable);
  std::array<char, 256> host = {};
  if (passed_on == nullptr || gethostname(host.data(), host.size() - 1) != 0) return "";
  const std::string here = std::string(host.data()) + ":";
  const std::string_view text = passed_on;
  return text.starts_with(here) ? std::string(text.substr(here.size())) : "";
}

bool AwaitEvent(int fd, short event) {  // NOLINT(google-runtime-int): as poll has it
  pollfd waited = {.fd = fd, .events = event, .revents = 0};
  while (poll(&waited, 1, kPatienceMs) <= 0) Activity::OfThisThread().Tick();
  Activity::OfThisThread().Tick();
  return (waited.revents & event) != 0;
}

}  // namespace

void AwaitInput(int fd) { AwaitEvent(fd, POLLIN); }

bool WritePatiently(int fd, std::string_view text) {
  constexpr size_t kMostAtOnce = 512;  // PIPE_BUF of POSIX: does not block where poll says so
  while (!text.empty()) {
    if (!AwaitEvent(fd, POLLOUT)) return false;
    const ssize_t written = write(fd, text.data(), std::min(text.size(), kMostAtOnce));
    if (written < 0 && errno != EAGAIN && errno != EINTR) return false;
    text.remove_prefix(static_cast<size_t>(std::max<ssize_t>(written, 0)));
  }
  return true;
}

std::unique_ptr<ChatTerminal> ChatTerminal::Open() {
  std::string path = "/proc/self/fd/0";
  if (IsUnderMpirun()) {
    path = PathOfLauncher();
  } else if (isatty(STDIN_FILENO) != 1 || isatty(STDOUT_FILENO) != 1) {
    return nullptr;
  }
  const int fd = OpenTerminal(path, O_RDWR);
  if (fd < 0) return nullptr;
  return std::unique_ptr<ChatTerminal>(new ChatTerminal(std::move(path), fd));
}

bool ChatTerminal::IsPassedOn() {
  return IsUnderMpirun() && std::getenv(kTerminalVariable) != nullptr;
}

ChatTerminal::ChatTerminal(std::string path, int fd) : path_(std::move(path)), fd_(fd) {
  tcgetattr(fd_, &at_start_);
}

ChatTerminal::~ChatTerminal() {
  Restore();
  close(fd_);
}

// Takes what was typed. Returns false if the terminal is gone.
bool ChatTerminal::ReadTyped() {
  std::array<char, 256> bytes;
  const ssize_t count = read(fd_, bytes.data(), bytes.size());
  if (count > 0) typed_.insert(typed_.end(), bytes.begin(), bytes.begin() + count);
  return count > 0 || (count < 0 && (errno == EAGAIN || errno == EINTR));
}

std::optional<char> ChatTerminal::ReadByte() {
  const Activity::Scope activity({"user's typing"});
  while (typed_.empty()) {
    AwaitInput(fd_);
    if (!ReadTyped()) return std::nullopt;
  }
  const char byte = typed_.front();
  typed_.pop_front();
  return byte;
}

bool ChatTerminal::TakeInterrupt() {
  if (!ReadTyped()) return true;  // nobody is there to read the rest
  const auto last = std::find(typed_.rbegin(), typed_.rend(), kInterruptByte);
  if (last == typed_.rend()) return false;
  typed_.erase(typed_.begin(), last.base());
  return true;
}

void ChatTerminal::EnterRawMode() const {
  termios raw = at_start_;
  raw.c_iflag &= ~static_cast<tcflag_t>(IXON);
  raw.c_lflag &= ~static_cast<tcflag_t>(ISIG | ICANON | ECHO | IEXTEN);
  raw.c_cc[VMIN] = 1;
  raw.c_cc[VTIME] = 0;
  tcsetattr(fd_, TCSADRAIN, &raw);
}

void ChatTerminal::Suspend() const {
  if (IsUnderMpirun() || tcgetpgrp(fd_) != getpgrp()) return;
  Restore();
  kill(0, SIGTSTP);
  EnterRawMode();
}

void ChatTerminal::Restore() const { tcsetattr(fd_, TCSANOW, &at_start_); }

}  // namespace octet
