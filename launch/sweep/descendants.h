// The processes that a process has started.

#ifndef OCTET_LAUNCH_SWEEP_DESCENDANTS_H_
#define OCTET_LAUNCH_SWEEP_DESCENDANTS_H_

#include <sys/types.h>

#include <vector>

namespace octet {

// Returns the children of a process, their children and so on, sorted; also those that have ended
// and were not waited for.
std::vector<pid_t> DescendantsOf(pid_t process);

}  // namespace octet

#endif  // OCTET_LAUNCH_SWEEP_DESCENDANTS_H_
