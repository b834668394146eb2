#include "launch/sweep/child_process.h"

#include <absl/strings/str_cat.h>
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <optional>
#include <thread>

#include "launch/sweep/descendants.h"

namespace octet {
namespace {

using ChildClock = std::chrono::steady_clock;

// How late the end of a command may be noticed, and what runs beside it for that.
constexpr std::chrono::milliseconds kLook{50};
constexpr std::chrono::seconds kKillPatience{20};

double ChildSeconds(ChildClock::time_point start) {
  return std::chrono::duration<double>(ChildClock::now() - start).count();
}

std::vector<char*> Pointers(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  pointers.reserve(texts.size() + 1);
  for (std::string& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

std::vector<std::string> Environment(const std::vector<std::string>& more) {
  std::vector<std::string> all = more;
  for (char** variable = environ; *variable != nullptr; ++variable) all.emplace_back(*variable);
  return all;
}

// Runs in the child, between fork and exec, where other threads may have held any lock: calls the
// system alone. Returns only if that fails.
void BecomeCommand(pid_t parent, const char* log, char* const* argv, char* const* environment) {
  setpgid(0, 0);
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (getppid() != parent) return;
  const int input = open("/dev/null", O_RDONLY);
  const int output = open(log, O_WRONLY | O_CREAT | O_TRUNC, 0666);
  if (input < 0 || output < 0) return;
  dup2(input, STDIN_FILENO);
  dup2(output, STDOUT_FILENO);
  dup2(output, STDERR_FILENO);
  close(input);
  close(output);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);  // which StopSignals has blocked
  execvpe(argv[0], argv, environment);
}

absl::StatusOr<pid_t> StartChild(const ChildCommand& command) {
  std::vector<std::string> words = command.words;
  std::vector<std::string> variables = Environment(command.environment);
  const std::vector<char*> argv = Pointers(words);
  const std::vector<char*> environment = Pointers(variables);
  std::array<int, 2> failure = {-1, -1};  // gets errno; ends without it when the command runs
  if (pipe2(failure.data(), O_CLOEXEC) != 0) return absl::ErrnoToStatus(errno, "pipe");
  const pid_t parent = getpid();
  const pid_t child = fork();
  if (child == 0) {
    BecomeCommand(parent, command.log.c_str(), argv.data(), environment.data());
    const int error = errno;
    [[maybe_unused]] const ssize_t written = write(failure[1], &error, sizeof(error));
    _exit(127);
  }
  const int fork_error = errno;
  close(failure[1]);
  int error = 0;
  const bool failed = child > 0 && read(failure[0], &error, sizeof(error)) == sizeof(error);
  close(failure[0]);
  if (child < 0) return absl::ErrnoToStatus(fork_error, "fork");
  if (!failed) return child;
  waitpid(child, nullptr, 0);
  return absl::ErrnoToStatus(error, absl::StrCat(command.words[0], ": can't be run"));
}

int ExitCodeOf(int status) {
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

// Waits for the command. `end` gets all that is known of its end.
void Await(pid_t child, const ChildCommand& command, StopFlag& stop,
           std::chrono::milliseconds grace, ChildEnd& end) {
  const ChildClock::time_point start = ChildClock::now();
  std::optional<ChildClock::time_point> told;  // to end
  int status = 0;
  while (waitpid(child, &status, WNOHANG) == 0) {
    if (told) {
      if (ChildClock::now() - *told > grace) kill(-child, SIGKILL);
      std::this_thread::sleep_for(kLook);
      continue;
    }
    stop.WaitFor(kLook);
    end.stopped = stop.is_set();
    end.timed_out = !end.stopped && ChildSeconds(start) > command.timeout;
    if (!end.stopped && !end.timed_out) continue;
    told = ChildClock::now();
    kill(-child, SIGTERM);
  }
  end.seconds = ChildSeconds(start);
  end.exit_code = ExitCodeOf(status);
}

// Kills what a command has left behind: all descendants but those of `before`.
absl::Status EndDescendants(const std::vector<pid_t>& before) {
  const ChildClock::time_point start = ChildClock::now();
  while (true) {
    std::optional<pid_t> left;
    for (const pid_t process : DescendantsOf(getpid())) {
      if (std::ranges::binary_search(before, process)) continue;
      left = process;
      kill(process, SIGKILL);
      waitpid(process, nullptr, WNOHANG);
    }
    if (!left) return absl::OkStatus();
    if (ChildClock::now() - start > kKillPatience) {
      return absl::DeadlineExceededError(
          absl::StrCat("process ", *left, ", which the command left behind, can't be killed"));
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
}

}  // namespace

absl::StatusOr<ChildEnd> RunChild(const ChildCommand& command, StopFlag& stop,
                                  std::chrono::milliseconds grace) {
  prctl(PR_SET_CHILD_SUBREAPER, 1);  // what loses its parent becomes a child of this process
  const std::vector<pid_t> before = DescendantsOf(getpid());
  const absl::StatusOr<pid_t> child = StartChild(command);
  if (!child.ok()) return child.status();
  ChildEnd end;
  Await(*child, command, stop, grace, end);
  absl::Status status = EndDescendants(before);
  if (!status.ok()) return status;
  return end;
}

}  // namespace octet
