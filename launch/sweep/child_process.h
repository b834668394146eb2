// A command that runs as a process of its own, with all that it starts.

#ifndef OCTET_LAUNCH_SWEEP_CHILD_PROCESS_H_
#define OCTET_LAUNCH_SWEEP_CHILD_PROCESS_H_

#include <absl/status/statusor.h>

#include <chrono>
#include <string>
#include <vector>

#include "launch/sweep/stop_flag.h"

namespace octet {

struct ChildCommand {
  std::vector<std::string> words;        // the first is a program, looked for as a shell does
  std::vector<std::string> environment;  // NAME=VALUE, beside this process's own
  std::string log;                       // the file that gets its standard output and error
  double timeout = 0;                    // seconds
};

struct ChildEnd {
  int exit_code = 0;  // 128 + its number for a signal
  bool timed_out = false;
  bool stopped = false;  // by the flag
  double seconds = 0;
};

// Runs a command to its end, or until the time is over or the flag is set. Then it gets TERM, and
// `grace` later it is killed. Processes that it leaves behind on this host are killed in any case,
// also those of other sessions: after the return none of them disturbs what runs next. Where this
// process ends before it does, the command gets TERM. Returns an error if the command can't be
// started, or a process can't be ended.
inline constexpr std::chrono::milliseconds kStopGrace{10'000};
absl::StatusOr<ChildEnd> RunChild(const ChildCommand& command, StopFlag& stop,
                                  std::chrono::milliseconds grace = kStopGrace);

}  // namespace octet

#endif  // OCTET_LAUNCH_SWEEP_CHILD_PROCESS_H_
