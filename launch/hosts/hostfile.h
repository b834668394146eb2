// The hosts of a job from a hostfile.

#ifndef OCTET_LAUNCH_HOSTS_HOSTFILE_H_
#define OCTET_LAUNCH_HOSTS_HOSTFILE_H_

#include <absl/status/statusor.h>

#include <string>
#include <vector>

#include "runtime/io/file.h"

namespace octet {

struct HostsOfRanks {
  std::vector<int> host_of;  // [ranks], from 0: ranks fill the hosts in their order
  std::string note;          // how many ranks hosts have for which the file says nothing; or empty
};

// Reads the hosts of a file in a form of:
// * Open MPI and launch/run.sh: "node1 slots=2", also with other NAME=VALUEs;
// * MPICH: "node1:2";
// * PBS ($PBS_NODEFILE): a line for each rank, so that hosts are repeated;
// * SLURM ($SLURM_JOB_NODELIST): "node[01-04,7],gpu1".
// What follows # is a comment. Where a host has no number, and is not repeated, it gets the same
// part of what `num_ranks` leaves as the others without one, or one rank if num_ranks is 0. An
// error begins with `flag`, and names the line.
absl::StatusOr<HostsOfRanks> ReadHostfile(FileSystem& files, const std::string& flag,
                                          const std::string& path, int num_ranks);

}  // namespace octet

#endif  // OCTET_LAUNCH_HOSTS_HOSTFILE_H_
