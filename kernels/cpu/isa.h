// The instruction paths of the CPU backend.

#ifndef OCTET_KERNELS_CPU_ISA_H_
#define OCTET_KERNELS_CPU_ISA_H_

#include <optional>
#include <string>
#include <vector>

namespace octet {

// In ascending order of preference.
enum class Isa { kAvx2, kAvx512, kAvx512Bf16, kAmx };

const char* Name(Isa isa);

// Nothing when no path has this name.
std::optional<Isa> ParseIsa(const std::string& name);

// What this processor and kernel can run, in ascending order; empty below AVX2 with FMA. Asks the
// kernel once for the use of AMX by all threads.
std::vector<Isa> SupportedIsas();

}  // namespace octet

#endif  // OCTET_KERNELS_CPU_ISA_H_
