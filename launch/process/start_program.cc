#include "launch/process/start_program.h"

#include <absl/status/status.h>
#include <absl/strings/str_cat.h>
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

namespace octet {
namespace {

std::vector<char*> PointersTo(const std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  pointers.reserve(texts.size() + 1);
  for (const std::string& text : texts) pointers.push_back(const_cast<char*>(text.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

// Runs in the child, with the memory of the parent, which waits: calls the system alone. Returns
// only if that fails.
void BecomeProgram(const ProgramStart& start, pid_t parent, char* const* argv,
                   char* const* environment) {
  if (start.leads_group) setpgid(0, 0);
  if (start.ends_with_parent) {
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent) return;
  }
  for (int i = 0; i < 3; ++i) {
    if (dup2(start.streams[i], i) < 0) return;
  }
  for (const int signal : {SIGINT, SIGTERM, SIGPIPE, SIGXFSZ}) std::signal(signal, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  execvpe(argv[0], argv, environment);
}

// Returns the child, and sets `error` to errno if it did not become the program. Without a copy of
// this process's memory, which may be large.
pid_t ForkProgram(const ProgramStart& start, int failure, int& error) {
  const std::vector<char*> argv = PointersTo(start.words);
  const std::vector<char*> environment = PointersTo(start.environment);
  const pid_t parent = getpid();
  const pid_t child = vfork();  // NOLINT(clang-analyzer-security.insecureAPI.vfork)
  if (child == 0) {
    BecomeProgram(start, parent, argv.data(), environment.data());
    const int reason = errno;
    [[maybe_unused]] const ssize_t written = write(failure, &reason, sizeof(reason));
    _exit(127);
  }
  error = child < 0 ? errno : 0;
  return child;
}

}  // namespace

absl::StatusOr<pid_t> StartProgram(const ProgramStart& start) {
  std::array<int, 2> failure = {-1, -1};  // gets errno; ends without it when the program runs
  if (pipe2(failure.data(), O_CLOEXEC) != 0) return absl::ErrnoToStatus(errno, "pipe");
  sigset_t all, before;
  sigfillset(&all);  // a handler must not run in the child
  pthread_sigmask(SIG_BLOCK, &all, &before);
  int error = 0;
  const pid_t child = ForkProgram(start, failure[1], error);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  close(failure[1]);
  const bool failed = child > 0 && read(failure[0], &error, sizeof(error)) == sizeof(error);
  close(failure[0]);
  if (child > 0 && !failed) return child;
  if (failed) waitpid(child, nullptr, 0);
  return absl::ErrnoToStatus(error, absl::StrCat(start.words[0], ": can't be run"));
}

int ExitCodeOfStatus(int wait_status) {
  return WIFSIGNALED(wait_status) ? 128 + WTERMSIG(wait_status) : WEXITSTATUS(wait_status);
}

}  // namespace octet
