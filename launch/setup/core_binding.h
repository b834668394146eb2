// The cores that ranks may use, and those that they could use.

#ifndef OCTET_LAUNCH_SETUP_CORE_BINDING_H_
#define OCTET_LAUNCH_SETUP_CORE_BINDING_H_

#include <span>
#include <string>
#include <vector>

#include "parallel/transport/communicator.h"
#include "runtime/io/file.h"

namespace octet {

// The cores of one rank.
struct RankCores {
  std::string host;
  int allowed = 0;    // that the launcher bound it to; 0 if not known
  int available = 0;  // that all ranks of the host could share
};

// Names of launchers, for notes.
inline constexpr char kMpirun[] = "mpirun";
inline constexpr char kSrun[] = "srun";

// Returns the launcher that may have bound this process; empty if there is none.
std::string FindLauncher();

// Returns a note for the user if a launcher bound a rank to at most half of its fair share of its
// host's cores; else an empty text. A rank that should run `wanted_threads` threads and has a core
// for each needs no more; 0 if no number was requested.
std::string NoteOnBinding(std::span<const RankCores> ranks, const std::string& launcher,
                          int wanted_threads);

// Returns the number of cores that a launcher could give to the ranks of this host: those of the
// control group (of a container or a SLURM job) that the parent process may use. Bounded by SLURM's
// cores for the job on this host, and by the group's quota of time (cpu.max).
int CountAvailableCores(FileSystem& files);

// Collective. Adds NoteOnBinding of these ranks to `warnings`.
void NoteBinding(Communicator& world, int wanted_threads, FileSystem& files,
                 std::vector<std::string>& warnings);

}  // namespace octet

#endif  // OCTET_LAUNCH_SETUP_CORE_BINDING_H_
