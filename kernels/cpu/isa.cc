#include "kernels/cpu/isa.h"

#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdint>

namespace octet {
namespace {

constexpr std::array kIsas = {Isa::kAvx2,       Isa::kAvxVnni,    Isa::kAvx512,
                              Isa::kAvx512Vnni, Isa::kAvx512Bf16, Isa::kAmx};

// CPUID.(EAX=7,ECX=1):EAX, Intel SDM volume 2; the __builtin_cpu_supports of Clang 14 has no name
// for this bit.
bool ProcessorHasAvxVnni() {
  constexpr unsigned kAvxVnni = 1U << 4;
  unsigned eax, ebx, ecx, edx;
  return __get_cpuid_count(7, 1, &eax, &ebx, &ecx, &edx) != 0 && (eax & kAvxVnni) != 0;
}

// CPUID.(EAX=7,ECX=0):EDX, Intel SDM volume 2; the __builtin_cpu_supports of GCC 12 has no names
// for these bits.
bool ProcessorHasTiles() {
  constexpr unsigned kAmxBf16 = 1U << 22;
  constexpr unsigned kAmxTile = 1U << 24;
  constexpr unsigned kAmxInt8 = 1U << 25;
  constexpr unsigned kAll = kAmxBf16 | kAmxTile | kAmxInt8;
  unsigned eax, ebx, ecx, edx;
  return __get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) != 0 && (edx & kAll) == kAll;
}

// Bits 17 and 18 of XCR0, Intel SDM volume 1, 13.3: the system saves tile configuration and data.
bool SystemSavesTiles() {
  constexpr unsigned kOsxsave = 1U << 27;
  constexpr unsigned kTileState = 3U << 17;
  unsigned eax, ebx, ecx, edx;
  if (__get_cpuid(1, &eax, &ebx, &ecx, &edx) == 0 || (ecx & kOsxsave) == 0) return false;
  unsigned low, high;
  asm volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return (low & kTileState) == kTileState;
}

// Linux, Documentation/arch/x86/xstate.rst: a process that has not asked is killed at its first
// use.
bool KernelPermitsTiles() {
  constexpr int64_t kRequestPermission = 0x1023;  // ARCH_REQ_XCOMP_PERM
  constexpr int64_t kTileData = 18;               // XFEATURE_XTILEDATA
  return syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
}

bool Supported(Isa isa) {
  switch (isa) {
    case Isa::kAvx2:
      return __builtin_cpu_supports("avx2") != 0 && __builtin_cpu_supports("fma") != 0;
    case Isa::kAvxVnni:
      return Supported(Isa::kAvx2) && ProcessorHasAvxVnni();
    case Isa::kAvx512:
      return __builtin_cpu_supports("avx512f") != 0 && __builtin_cpu_supports("avx512bw") != 0 &&
             __builtin_cpu_supports("avx512vl") != 0 && __builtin_cpu_supports("avx512dq") != 0;
    case Isa::kAvx512Vnni:
      return Supported(Isa::kAvx512) && __builtin_cpu_supports("avx512vnni") != 0;
    case Isa::kAvx512Bf16:
      return Supported(Isa::kAvx512Vnni) && __builtin_cpu_supports("avx512bf16") != 0;
    case Isa::kAmx: {
      static const bool kSupported = Supported(Isa::kAvx512Bf16) && ProcessorHasTiles() &&
                                     SystemSavesTiles() && KernelPermitsTiles();
      return kSupported;
    }
  }
  return false;
}

}  // namespace

const char* Name(Isa isa) {
  switch (isa) {
    case Isa::kAvx2:
      return "avx2";
    case Isa::kAvxVnni:
      return "avx_vnni";
    case Isa::kAvx512:
      return "avx512";
    case Isa::kAvx512Vnni:
      return "avx512_vnni";
    case Isa::kAvx512Bf16:
      return "avx512_bf16";
    case Isa::kAmx:
      return "amx";
  }
  return "?";
}

std::string IsaNames() {
  std::string names;
  for (const Isa isa : kIsas) {
    if (!names.empty()) names += ", ";
    names += Name(isa);
  }
  return names;
}

std::optional<Isa> ParseIsa(const std::string& name) {
  for (const Isa isa : kIsas) {
    if (name == Name(isa)) return isa;
  }
  return std::nullopt;
}

std::optional<Isa> BestCommonIsa(const std::vector<std::vector<Isa>>& lists) {
  std::optional<Isa> best;
  for (const Isa isa : kIsas) {
    const bool common =
        std::all_of(lists.begin(), lists.end(), [isa](const std::vector<Isa>& list) {
          return std::find(list.begin(), list.end(), isa) != list.end();
        });
    if (common) best = isa;
  }
  return best;
}

std::vector<Isa> SupportedIsas() {
  std::vector<Isa> supported;
  for (const Isa isa : kIsas) {
    if (Supported(isa)) supported.push_back(isa);
  }
  return supported;
}

}  // namespace octet
