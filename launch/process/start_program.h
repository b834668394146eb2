// The start of a program as a child process.

#ifndef OCTET_LAUNCH_PROCESS_START_PROGRAM_H_
#define OCTET_LAUNCH_PROCESS_START_PROGRAM_H_

#include <absl/status/statusor.h>
#include <sys/types.h>

#include <array>
#include <string>
#include <vector>

namespace octet {

struct ProgramStart {
  std::vector<std::string> words;        // the first is a program, looked for as a shell does
  std::vector<std::string> environment;  // NAME=VALUE: all that it gets
  std::array<int, 3> streams = {};       // its standard input, output and error: open descriptors
  bool leads_group = false;              // of processes, so that signals reach all it starts
  bool ends_with_parent = false;         // gets TERM where this process ends before it does
};

// Starts a program with no signals blocked or ignored that this process blocks or ignores. This
// process may have threads and much memory. Returns kNotFound if there is no such program.
absl::StatusOr<pid_t> StartProgram(const ProgramStart& start);

// Returns the exit code of a shell: 128 + its number for a signal.
int ExitCodeOfStatus(int wait_status);

}  // namespace octet

#endif  // OCTET_LAUNCH_PROCESS_START_PROGRAM_H_
