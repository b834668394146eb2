// The sentence on top of a page.

#ifndef OCTET_LAUNCH_PAGES_PAGE_ANSWER_H_
#define OCTET_LAUNCH_PAGES_PAGE_ANSWER_H_

#include <string>
#include <vector>

#include "launch/pages/page_inputs.h"
#include "launch/pages/sweep_table.h"

namespace octet {

struct PageAnswer {
  std::string answer;
  std::vector<std::string> others;  // sentences that are less decided
  std::vector<std::string> alarms;  // about void runs
};

// Returns the most decided sentence first. What was measured, and differs by its interval, is more
// decided than what was planned; then come a sweep that shows no difference, predictions, replays,
// a run, and the statistics of a trace. `sweeps` are of inputs.sweeps.
PageAnswer AnswerOfPage(const PageInputs& inputs, const std::vector<SweepTable>& sweeps);

}  // namespace octet

#endif  // OCTET_LAUNCH_PAGES_PAGE_ANSWER_H_
