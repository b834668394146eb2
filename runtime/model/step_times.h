// The times of a rank's steps by kind.

#ifndef OCTET_RUNTIME_MODEL_STEP_TIMES_H_
#define OCTET_RUNTIME_MODEL_STEP_TIMES_H_

#include <array>
#include <string>

#include "parallel/transport/communicator.h"
#include "runtime/model/phase_clock.h"

namespace octet {

// The times of one rank: each phase of work, the wait for late ranks, and the exposed exchange of
// each traffic kind.
inline constexpr int kNumTimes = kNumPhases + 1 + kNumTrafficKinds;
using Times = std::array<double, kNumTimes>;  // seconds
std::string NameOfTime(int index);            // "attention", "late ranks", "exposed dispatch"

// Returns the seconds that a rank has waited for others so far, in the world and in its group.
// These are the times after the phases.
std::array<double, 1 + kNumTrafficKinds> WaitTimes(const Communicator& world,
                                                   const Communicator& group);

// Returns all times of a rank so far.
Times StepTimes(const PhaseClock& clock, const Communicator& world, const Communicator& group);

}  // namespace octet

#endif  // OCTET_RUNTIME_MODEL_STEP_TIMES_H_
