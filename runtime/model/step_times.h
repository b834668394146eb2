// What the time of steps is spent on.

#ifndef OCTET_RUNTIME_MODEL_STEP_TIMES_H_
#define OCTET_RUNTIME_MODEL_STEP_TIMES_H_

#include <array>
#include <string>

#include "parallel/transport/communicator.h"
#include "runtime/model/phase_clock.h"

namespace octet {

// Where a step's time goes on one rank: the phases of work, the wait for late ranks, the exposed
// exchange by traffic.
inline constexpr int kNumTimes = kNumPhases + 1 + kNumTrafficKinds;
using Times = std::array<double, kNumTimes>;  // seconds
std::string NameOfTime(int index);            // "attention", "late ranks", "exposed dispatch"

// What a rank has waited for others so far, in the world and in its group: the times after the
// phases.
std::array<double, 1 + kNumTrafficKinds> WaitTimes(const Communicator& world,
                                                   const Communicator& group);

// All of a rank's times so far.
Times StepTimes(const PhaseClock& clock, const Communicator& world, const Communicator& group);

}  // namespace octet

#endif  // OCTET_RUNTIME_MODEL_STEP_TIMES_H_
