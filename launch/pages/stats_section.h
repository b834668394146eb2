// What a routing trace shows: the section of a page.

#ifndef OCTET_LAUNCH_PAGES_STATS_SECTION_H_
#define OCTET_LAUNCH_PAGES_STATS_SECTION_H_

#include <string>
#include <vector>

#include "launch/pages/html_page.h"
#include "launch/pages/page_inputs.h"

namespace octet {

// Returns a sentence: the busiest expert of a step, beside chance.
std::string AnswerOfStats(const RoutingStats& stats);

// Leaves out the pictures of a load that one of `runs` has too.
void AddStatsSection(HtmlPage& page, const FromFile<RoutingStats>& stats,
                     const std::vector<FromFile<RunReport>>& runs);

}  // namespace octet

#endif  // OCTET_LAUNCH_PAGES_STATS_SECTION_H_
