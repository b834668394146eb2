// A clock of the phases of a run.

#ifndef OCTET_RUNTIME_MODEL_PHASE_CLOCK_H_
#define OCTET_RUNTIME_MODEL_PHASE_CLOCK_H_

#include <array>
#include <chrono>

#include "kernels/base/activity.h"

namespace octet {

enum class Phase { kAttention, kRouter, kExperts, kHead, kSampling };
inline constexpr int kNumPhases = 5;

constexpr const char* Name(Phase phase) {
  constexpr std::array<const char*, kNumPhases> kNames = {"attention", "router", "experts", "head",
                                                          "sampling"};
  return kNames[static_cast<int>(phase)];
}

// The seconds of work of one rank in each phase. The Communicator counts the waits for other ranks.
class PhaseClock {
 public:
  // Adds its lifetime to the phase. Meanwhile it reports the phase as this thread's Activity, in
  // the layer of the enclosing scope.
  class Scope {
   public:
    Scope(PhaseClock& clock, Phase phase)
        : place_({Name(phase), Activity::OfThisThread().place().layer}),
          seconds_(clock.seconds_[static_cast<int>(phase)]),
          start_(Clock::now()) {}
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;
    ~Scope() { seconds_ += std::chrono::duration<double>(Clock::now() - start_).count(); }

   private:
    using Clock = std::chrono::steady_clock;
    Activity::Scope place_;
    double& seconds_;
    Clock::time_point start_;
  };

  double seconds(Phase phase) const { return seconds_[static_cast<int>(phase)]; }

 private:
  std::array<double, kNumPhases> seconds_ = {};
};

}  // namespace octet

#endif  // OCTET_RUNTIME_MODEL_PHASE_CLOCK_H_
