// The messages of rank 0 to the user, on standard error.

#ifndef OCTET_LAUNCH_CONSOLE_CONSOLE_H_
#define OCTET_LAUNCH_CONSOLE_CONSOLE_H_

#include <absl/status/status.h>

#include <string>

#include "launch/exit_code.h"
#include "parallel/transport/communicator.h"

namespace octet {

// Writes one line to standard error, for the user; on rank 0 only.
void Say(const Communicator& world, const std::string& text);

// The same for several lines, with newlines between them.
void SayLines(const Communicator& world, const std::string& text);

// Reports the error, and returns `code`.
ExitCode ExitWith(const Communicator& world, const absl::Status& status, ExitCode code);

}  // namespace octet

#endif  // OCTET_LAUNCH_CONSOLE_CONSOLE_H_
