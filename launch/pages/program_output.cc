#include "launch/pages/program_output.h"

#include <absl/strings/str_cat.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <thread>

#include "kernels/base/activity.h"
#include "launch/console/one_line.h"
#include "launch/process/descriptor.h"
#include "launch/process/start_program.h"

namespace octet {
namespace {

using SpawnClock = std::chrono::steady_clock;

constexpr size_t kMostOutput = size_t{64} << 20;  // bytes

struct Pipe {
  Descriptor read_end, write_end;

  bool Open() {
    std::array<int, 2> ends = {};
    if (pipe2(ends.data(), O_CLOEXEC) != 0) return false;
    read_end.Reset(ends[0]);
    write_end.Reset(ends[1]);
    return true;
  }
};

// Makes memory that can be read like a file: a pipe would need a writer that never waits.
bool OpenInputText(const std::string& text, Descriptor& input) {
  input.Reset(memfd_create("input", MFD_CLOEXEC));
  for (size_t done = 0; input.get() >= 0 && done < text.size();) {
    const ssize_t n = write(input.get(), text.data() + done, text.size() - done);
    if (n < 0) return false;
    done += static_cast<size_t>(n);
  }
  return input.get() >= 0 && lseek(input.get(), 0, SEEK_SET) == 0;
}

std::vector<std::string> SmallEnvironment() {
  const char* const path = std::getenv("PATH");
  return {absl::StrCat("PATH=", path != nullptr ? path : ""), "LC_ALL=C.UTF-8"};
}

// Reads what there is, and closes the pipe at its end.
void ReadSome(Descriptor& pipe, std::string& text) {
  std::array<char, 1 << 16> buffer;
  const ssize_t n = read(pipe.get(), buffer.data(), buffer.size());
  if (n > 0) {
    text.append(buffer.data(), static_cast<size_t>(n));
  } else if (n == 0 || errno != EINTR) {
    pipe.Reset(-1);
  }
}

// Reads both pipes to their ends, until the time. Returns whether they have ended.
bool ReadBoth(Descriptor& out, Descriptor& err, SpawnClock::time_point end, std::string& output,
              std::string& said) {
  while (out.get() >= 0 || err.get() >= 0) {
    if (SpawnClock::now() >= end || output.size() + said.size() > kMostOutput) return false;
    std::array<pollfd, 2> ready = {pollfd{out.get(), POLLIN, 0}, pollfd{err.get(), POLLIN, 0}};
    poll(ready.data(), ready.size(), /*timeout ms=*/100);
    if (ready[0].revents != 0) ReadSome(out, output);
    if (ready[1].revents != 0) ReadSome(err, said);
    Activity::OfThisThread().Tick();
  }
  return true;
}

// Waits for the end of the program, until the time; then kills it. Returns whether it ended itself.
bool WaitForEnd(pid_t child, SpawnClock::time_point end, int& status) {
  while (waitpid(child, &status, WNOHANG) == 0) {
    if (SpawnClock::now() >= end) {
      kill(child, SIGKILL);
      waitpid(child, &status, 0);
      return false;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return true;
}

}  // namespace

absl::StatusOr<std::string> OutputOfProgram(const std::vector<std::string>& words,
                                            const std::string& input,
                                            std::chrono::milliseconds limit) {
  const SpawnClock::time_point end = SpawnClock::now() + limit;
  Descriptor text;
  Pipe out, err;
  if (!OpenInputText(input, text) || !out.Open() || !err.Open()) {
    return absl::ErrnoToStatus(errno, words[0]);
  }
  const absl::StatusOr<pid_t> child =
      StartProgram({.words = words,
                    .environment = SmallEnvironment(),
                    .streams = {text.get(), out.write_end.get(), err.write_end.get()}});
  if (!child.ok()) return child.status();
  out.write_end.Reset(-1);
  err.write_end.Reset(-1);
  std::string output, said;
  const bool all = ReadBoth(out.read_end, err.read_end, end, output, said);
  int status = 0;
  if (!WaitForEnd(*child, all ? end : SpawnClock::now(), status) || !all) {
    return absl::DeadlineExceededError(absl::StrCat(words[0], ": did not end within ",
                                                    limit.count() / 1000, " s, or wrote more than ",
                                                    kMostOutput >> 20, " MiB"));
  }
  if (ExitCodeOfStatus(status) == 0) return output;
  return absl::InternalError(absl::StrCat(words[0], ": failed: ", OneLine(said)));
}

}  // namespace octet
