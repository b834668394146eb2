// The report of octet replay --compare.

#ifndef OCTET_LAUNCH_REPLAY_COMPARISON_REPORT_H_
#define OCTET_LAUNCH_REPLAY_COMPARISON_REPORT_H_

#include <string>

#include "proto/replay.pb.h"

namespace octet {

// Returns in a sentence which ranks and groups are the fastest, how many ranks pay, and where the
// exchange dominates. One choice at least has no refusal.
std::string AnswerOf(const ReplayComparison& comparison);

// Returns a text for the user, which begins with the answer.
std::string FormatComparison(const ReplayComparison& comparison);

// Returns how the ranks of a choice share experts, in words.
std::string DescribeGroups(const ReplayChoice& choice);

}  // namespace octet

#endif  // OCTET_LAUNCH_REPLAY_COMPARISON_REPORT_H_
