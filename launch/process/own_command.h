// The command that this process is.

#ifndef OCTET_LAUNCH_PROCESS_OWN_COMMAND_H_
#define OCTET_LAUNCH_PROCESS_OWN_COMMAND_H_

#include <string>

namespace octet {

// Returns "octet run-batch --model DIR …" as a shell takes it: what this process was started with,
// without the launcher of its ranks. Returns an empty text if the system does not tell.
std::string OwnCommand();

}  // namespace octet

#endif  // OCTET_LAUNCH_PROCESS_OWN_COMMAND_H_
