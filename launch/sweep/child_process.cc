#include "launch/sweep/child_process.h"

#include <absl/strings/str_cat.h>
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <optional>
#include <thread>

#include "launch/process/descriptor.h"
#include "launch/process/start_program.h"
#include "launch/statistics/seconds_since.h"
#include "launch/sweep/descendants.h"

namespace octet {
namespace {

using ChildClock = std::chrono::steady_clock;

// How late the end of a command may be noticed, and what runs beside it for that.
constexpr std::chrono::milliseconds kLook{50};
constexpr std::chrono::seconds kKillPatience{20};

std::vector<std::string> Environment(const std::vector<std::string>& more) {
  std::vector<std::string> all = more;
  for (char** variable = environ; *variable != nullptr; ++variable) all.emplace_back(*variable);
  return all;
}

absl::StatusOr<pid_t> StartChild(const ChildCommand& command) {
  const Descriptor input(open("/dev/null", O_RDONLY | O_CLOEXEC));
  const Descriptor log(open(command.log.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666));
  if (input.get() < 0 || log.get() < 0) return absl::ErrnoToStatus(errno, command.log);
  return StartProgram({.words = command.words,
                       .environment = Environment(command.environment),
                       .streams = {input.get(), log.get(), log.get()},
                       .leads_group = true,
                       .ends_with_parent = true});
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
    end.timed_out = !end.stopped && SecondsSince(start) > command.timeout;
    if (!end.stopped && !end.timed_out) continue;
    told = ChildClock::now();
    kill(-child, SIGTERM);
  }
  end.seconds = SecondsSince(start);
  end.exit_code = ExitCodeOfStatus(status);
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
