// What a sweep runs, and in which order.

#ifndef OCTET_LAUNCH_SWEEP_SWEEP_PLAN_H_
#define OCTET_LAUNCH_SWEEP_SWEEP_PLAN_H_

#include <cstdint>
#include <string>
#include <vector>

#include "proto/sweep.pb.h"

namespace octet {

// One value of each axis.
struct SweepPoint {
  std::string name;                    // "ranks=4 placement=eplb"
  std::vector<SweepSetting> settings;  // in the order of the axes
  std::string workload;                // the settings that change answers: "load=zipf:1", or ""
  std::vector<std::string> launcher;   // words of its values
  std::vector<std::string> bench;
};

// A point and which of its repetitions.
struct SweepTurn {
  int point = 0;
  int repetition = 0;
};

struct SweepPlan {
  Sweep sweep;
  std::vector<SweepPoint> points;  // the last axis changes fastest
  std::vector<SweepTurn> turns;    // [points * repetitions], as OrderTurns has them
};

SweepPlan PlanSweep(Sweep sweep);

// Returns all turns in the order in which they run: the first repetition of all points, in random
// order, then the second in another one. So a drift of the machine hits all points alike.
std::vector<SweepTurn> OrderTurns(int num_points, int repetitions, int64_t seed);

// Returns the file in the sweep's directory to which a turn writes its results. `order` is its
// place in SweepPlan::turns.
std::string ResultFileOf(int order);

// Returns the words of its command.
std::vector<std::string> CommandOf(const SweepPlan& plan, int order, const std::string& directory);

}  // namespace octet

#endif  // OCTET_LAUNCH_SWEEP_SWEEP_PLAN_H_
