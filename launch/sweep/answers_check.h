// Whether the runs of a sweep gave the answers that they must give.

#ifndef OCTET_LAUNCH_SWEEP_ANSWERS_CHECK_H_
#define OCTET_LAUNCH_SWEEP_ANSWERS_CHECK_H_

#include <map>
#include <set>
#include <string>
#include <vector>

#include "launch/sweep/sweep_plan.h"
#include "proto/sweep.pb.h"

namespace octet {

// Octet gives the same bytes on any ranks, placement and batch: all runs of one workload
// (SweepPoint::workload) have the same answers, or else none of them counts.
struct AnswersCheck {
  std::set<int> void_orders;          // of the runs that don't count
  std::vector<std::string> messages;  // a workload each: what it has, and which runs differ
};

AnswersCheck CheckAnswers(const SweepPlan& plan, const std::map<int, SweepRun>& runs);

}  // namespace octet

#endif  // OCTET_LAUNCH_SWEEP_ANSWERS_CHECK_H_
