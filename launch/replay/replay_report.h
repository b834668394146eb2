// The report of octet replay.

#ifndef OCTET_LAUNCH_REPLAY_REPLAY_REPORT_H_
#define OCTET_LAUNCH_REPLAY_REPLAY_REPORT_H_

#include <string>

#include "proto/replay.pb.h"

namespace octet {

// Returns the prediction in a sentence.
std::string AnswerOf(const Replay& replay);

// Returns a text for the user, which begins with the answer.
std::string FormatReplay(const Replay& replay);

}  // namespace octet

#endif  // OCTET_LAUNCH_REPLAY_REPLAY_REPORT_H_
