#include "runtime/model/step_times.h"

#include <absl/strings/str_cat.h>

#include <algorithm>

namespace octet {

std::string NameOfTime(int index) {
  if (index < kNumPhases) return Name(static_cast<Phase>(index));
  if (index == kNumPhases) return "late ranks";
  return absl::StrCat("exposed ", Name(static_cast<Traffic>(index - kNumPhases - 1)));
}

std::array<double, 1 + kNumTrafficKinds> WaitTimes(const Communicator& world,
                                                   const Communicator& group) {
  std::array<double, 1 + kNumTrafficKinds> times = {};
  for (const Communicator* comm : {&world, &group}) {
    times[0] += comm->time_waited_for_late().count();
    for (int i = 0; i < kNumTrafficKinds; ++i) {
      times[1 + i] += comm->time_exposed(static_cast<Traffic>(i)).count();
    }
  }
  return times;
}

Times StepTimes(const PhaseClock& clock, const Communicator& world, const Communicator& group) {
  Times times;
  for (int i = 0; i < kNumPhases; ++i) times[i] = clock.seconds(static_cast<Phase>(i));
  std::ranges::copy(WaitTimes(world, group), times.begin() + kNumPhases);
  return times;
}

}  // namespace octet
