// What this process can find out about its host, without other ranks.

#ifndef OCTET_LAUNCH_DOCTOR_HOST_FACTS_H_
#define OCTET_LAUNCH_DOCTOR_HOST_FACTS_H_

#include <string>
#include <vector>

#include "proto/doctor.pb.h"
#include "runtime/io/file.h"

namespace octet {

// Returns the facts of this rank that no measurement and no other rank is needed for: all but the
// rank, host, clock, connections, rates and model.
RankFacts ReadRankFacts(FileSystem& files);

// Returns the name of the best instruction path; "none" without AVX2, and empty if it is not known.
std::string BestIsa(const RankFacts& facts);

// Returns the facts of /proc/meminfo, the control groups and the settings of huge pages.
MemoryFacts ReadMemoryFacts(FileSystem& files);

// Adds the NUMA nodes with memory or cores, and the governors of the allowed cores.
void AddProcessorFacts(FileSystem& files, RankFacts& facts);

// Returns the room in a directory for temporary files.
DirectoryFacts ReadDirectoryFacts(const std::string& path);

// Returns the numbers in a list of the kernel's form, "0-3,8"; none if it has another form.
std::vector<int> ParseNumberList(const std::string& list);

// Returns the name and version of the MPI library: "Open MPI v4.1.4".
std::string MpiVersion();

}  // namespace octet

#endif  // OCTET_LAUNCH_DOCTOR_HOST_FACTS_H_
