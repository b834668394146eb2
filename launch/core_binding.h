// Cores that ranks may use, and those that they might.

#ifndef OCTET_LAUNCH_CORE_BINDING_H_
#define OCTET_LAUNCH_CORE_BINDING_H_

#include <span>
#include <string>
#include <vector>

#include "parallel/transport/communicator.h"
#include "runtime/io/file.h"

namespace octet {

// The cores of one rank.
struct RankCores {
  std::string host;
  int allowed = 0;    // that the launcher bound it to; 0: not known
  int available = 0;  // that all ranks of the host might share
};

// Names of what starts ranks, in notes.
inline constexpr char kMpirun[] = "mpirun";
inline constexpr char kSrun[] = "srun";

// Empty, or the note for a person that a launcher bound a rank to half or less of its fair share of
// the cores of its host. Who asks for `wanted_threads` of a rank, 0: for none, and has a core for
// each does not need more.
std::string NoteOnBinding(std::span<const RankCores> ranks, const std::string& launcher,
                          int wanted_threads);

// Cores that a launcher could give to the ranks of this host: those of the control group (a
// container's, a SLURM job's) that the process which started this one may use, no more than
// SLURM's job has here, and than the group's quota of time (cpu.max) is worth.
int CountAvailableCores(FileSystem& files);

// Collective: NoteOnBinding of these ranks.
void NoteBinding(Communicator& world, int wanted_threads, FileSystem& files,
                 std::vector<std::string>& warnings);

}  // namespace octet

#endif  // OCTET_LAUNCH_CORE_BINDING_H_
