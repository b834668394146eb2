// What replays predicted: the sections of a page.

#ifndef OCTET_LAUNCH_PAGES_REPLAY_SECTION_H_
#define OCTET_LAUNCH_PAGES_REPLAY_SECTION_H_

#include <string>
#include <vector>

#include "launch/pages/html_page.h"
#include "launch/pages/page_inputs.h"
#include "launch/pages/predictions.h"

namespace octet {

void AddReplaySection(HtmlPage& page, const std::vector<FromFile<Replay>>& replays);

// Adds predicted against measured rates, if a replay has the name of a point that counts.
void AddPredictionSection(HtmlPage& page, const std::vector<FromFile<Replay>>& replays,
                          const SweepFiles& files, const SweepTable& sweep);

// Returns a sentence about the errors; nothing if there is no prediction.
std::string AnswerOfPredictions(const std::vector<Prediction>& predictions);

}  // namespace octet

#endif  // OCTET_LAUNCH_PAGES_REPLAY_SECTION_H_
