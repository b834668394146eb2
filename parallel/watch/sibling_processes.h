// The other ranks of this host, for use before MPI knows them.

#ifndef OCTET_PARALLEL_WATCH_SIBLING_PROCESSES_H_
#define OCTET_PARALLEL_WATCH_SIBLING_PROCESSES_H_

#include <string>
#include <vector>

namespace octet {

// Returns the ranks of this job whose processes on this host are stopped, ascending. It finds them
// as far as the kernel lets this process see them. Empty if no launcher has named the job.
std::vector<int> StoppedRanksOfThisHost();

// Returns the value of NAME in "NAME=VALUE\0...", as in /proc/PID/environ. Empty if it is not
// there.
std::string FindVariable(const std::string& environment, const std::string& name);

}  // namespace octet

#endif  // OCTET_PARALLEL_WATCH_SIBLING_PROCESSES_H_
