#include "kernels/cpu/isa.h"

#include <array>

namespace octet {
namespace {

constexpr std::array kIsas = {Isa::kAvx2, Isa::kAvx512, Isa::kAvx512Bf16};

bool Supported(Isa isa) {
  switch (isa) {
    case Isa::kAvx2:
      return __builtin_cpu_supports("avx2") != 0 && __builtin_cpu_supports("fma") != 0;
    case Isa::kAvx512:
      return __builtin_cpu_supports("avx512f") != 0 && __builtin_cpu_supports("avx512bw") != 0 &&
             __builtin_cpu_supports("avx512vl") != 0 && __builtin_cpu_supports("avx512dq") != 0;
    case Isa::kAvx512Bf16:
      return Supported(Isa::kAvx512) && __builtin_cpu_supports("avx512bf16") != 0;
  }
  return false;
}

}  // namespace

const char* Name(Isa isa) {
  switch (isa) {
    case Isa::kAvx2:
      return "avx2";
    case Isa::kAvx512:
      return "avx512";
    case Isa::kAvx512Bf16:
      return "avx512_bf16";
  }
  return "?";
}

std::optional<Isa> ParseIsa(const std::string& name) {
  for (const Isa isa : kIsas) {
    if (name == Name(isa)) return isa;
  }
  return std::nullopt;
}

std::vector<Isa> SupportedIsas() {
  std::vector<Isa> supported;
  for (const Isa isa : kIsas) {
    if (Supported(isa)) supported.push_back(isa);
  }
  return supported;
}

}  // namespace octet
