// The exit code of the process.

#ifndef OCTET_LAUNCH_EXIT_CODE_H_
#define OCTET_LAUNCH_EXIT_CODE_H_

namespace octet {

enum class ExitCode {
  kDone = 0,
  kFailed = 1,       // failed while it ran
  kCannotServe = 2,  // refused before weights were loaded; nothing was written
  kStopped = 75,     // stopped before its end; --resume continues it (EX_TEMPFAIL)
};

}  // namespace octet

#endif  // OCTET_LAUNCH_EXIT_CODE_H_
