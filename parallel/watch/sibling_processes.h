// Other ranks of this host, before MPI can tell of them.

#ifndef OCTET_PARALLEL_WATCH_SIBLING_PROCESSES_H_
#define OCTET_PARALLEL_WATCH_SIBLING_PROCESSES_H_

#include <string>
#include <vector>

namespace octet {

// The ranks of this process's job whose processes on this host are stopped, as far as the kernel
// lets this one see them, ascending. Empty where no launcher has named the job.
std::vector<int> StoppedRanksOfThisHost();

// The value of NAME in "NAME=VALUE\0...", as in /proc/PID/environ; empty where it is not there.
std::string FindVariable(const std::string& environment, const std::string& name);

}  // namespace octet

#endif  // OCTET_PARALLEL_WATCH_SIBLING_PROCESSES_H_
