// Names of hosts in a short form.

#ifndef OCTET_LAUNCH_HOSTS_HOST_LIST_H_
#define OCTET_LAUNCH_HOSTS_HOST_LIST_H_

#include <absl/status/statusor.h>

#include <string>
#include <vector>

namespace octet {

// Returns the names of a list as SLURM writes it: "node[01-03,7],gpu1" are node01, node02, node03,
// node7 and gpu1. An address of IPv6 in brackets stays as it is. An error has no name of the file.
absl::StatusOr<std::vector<std::string>> ExpandHostList(const std::string& list);

}  // namespace octet

#endif  // OCTET_LAUNCH_HOSTS_HOST_LIST_H_
