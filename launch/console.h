// What rank 0 tells a person, on standard error.

#ifndef OCTET_LAUNCH_CONSOLE_H_
#define OCTET_LAUNCH_CONSOLE_H_

#include <absl/status/status.h>

#include <string>

#include "launch/exit_code.h"
#include "parallel/transport/communicator.h"

namespace octet {

// To a person, from rank 0, on standard error, as one line.
void Say(const Communicator& world, const std::string& text);

// The same of several lines, with newlines between them.
void SayLines(const Communicator& world, const std::string& text);

// Says what is wrong.
ExitCode ExitWith(const Communicator& world, const absl::Status& status, ExitCode code);

}  // namespace octet

#endif  // OCTET_LAUNCH_CONSOLE_H_
