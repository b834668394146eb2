// Every instruction path of this processor, on 1 to 8 ranks.

#include "kernels/cpu/make_cpu_backend.h"
#include "tests/golden/golden_mode.h"

namespace octet {

std::vector<GoldenMode> GoldenModes() {
  std::vector<GoldenMode> modes;
  const char* placements[] = {"contiguous", "round-robin", "random:3"};
  for (const Isa isa : SupportedIsas()) {
    for (const int ranks : {1, 2, 3, 4, 8}) {
      modes.push_back({.name = Name(isa),
                       .ranks = ranks,
                       .placement = placements[modes.size() % 3],
                       .make_backend = [isa] { return MakeCpuBackend(isa, 1); }});
    }
  }
  return modes;
}

std::vector<GoldenMode> AnsweringModes() { return GoldenModes(); }

}  // namespace octet
