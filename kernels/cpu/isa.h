// The instruction paths of the CPU backend.

#ifndef OCTET_KERNELS_CPU_ISA_H_
#define OCTET_KERNELS_CPU_ISA_H_

#include <optional>
#include <string>
#include <vector>

namespace octet {

// The paths, in ascending order of preference. Those with VNNI or BF16 are named as
// in /proc/cpuinfo.
enum class Isa { kAvx2, kAvxVnni, kAvx512, kAvx512Vnni, kAvx512Bf16, kAmx };

const char* Name(Isa isa);

// Returns the names of all paths, with commas between.
std::string IsaNames();

// Returns nothing if no path has this name.
std::optional<Isa> ParseIsa(const std::string& name);

// Returns the best path that is in each of these lists; nothing if none is. A processor may lack a
// lower path than its best: those of servers with AVX-512 often have no AVX-VNNI.
std::optional<Isa> BestCommonIsa(const std::vector<std::vector<Isa>>& lists);

// Returns the paths that this processor and kernel can run, in ascending order; empty without AVX2
// and FMA. Asks the kernel once to permit AMX for all threads.
std::vector<Isa> SupportedIsas();

}  // namespace octet

#endif  // OCTET_KERNELS_CPU_ISA_H_
