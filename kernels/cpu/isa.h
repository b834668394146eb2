// The instruction paths of the CPU backend.

#ifndef OCTET_KERNELS_CPU_ISA_H_
#define OCTET_KERNELS_CPU_ISA_H_

#include <optional>
#include <string>
#include <vector>

namespace octet {

// The paths, in ascending order of preference.
enum class Isa { kAvx2, kAvx512, kAvx512Bf16, kAmx };

const char* Name(Isa isa);

// Returns nothing if no path has this name.
std::optional<Isa> ParseIsa(const std::string& name);

// Returns the paths that this processor and kernel can run, in ascending order; empty without AVX2
// and FMA. Asks the kernel once to permit AMX for all threads.
std::vector<Isa> SupportedIsas();

}  // namespace octet

#endif  // OCTET_KERNELS_CPU_ISA_H_
