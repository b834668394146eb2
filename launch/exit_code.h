// What the process tells its caller.

#ifndef OCTET_LAUNCH_EXIT_CODE_H_
#define OCTET_LAUNCH_EXIT_CODE_H_

namespace octet {

enum class ExitCode {
  kDone = 0,
  kFailed = 1,       // while it ran
  kCannotServe = 2,  // as asked: found before weights were loaded, nothing was written
  kStopped = 75,     // before its end; --resume goes on (EX_TEMPFAIL)
};

}  // namespace octet

#endif  // OCTET_LAUNCH_EXIT_CODE_H_
