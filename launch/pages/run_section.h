// What a run did: the section of a page.

#ifndef OCTET_LAUNCH_PAGES_RUN_SECTION_H_
#define OCTET_LAUNCH_PAGES_RUN_SECTION_H_

#include <string>

#include "launch/pages/html_page.h"
#include "launch/pages/load_pictures.h"
#include "launch/pages/page_inputs.h"

namespace octet {

// Returns a sentence: the rates of a run, and what rank 0 waited for most.
std::string AnswerOfRun(const RunReport& run);

void AddRunSection(HtmlPage& page, const FromFile<RunReport>& run);

// Returns the tokens of experts, and of ranks.
TokenCounts ExpertTokens(const RunReport& run);
TokenCounts RankTokens(const RunReport& run);

}  // namespace octet

#endif  // OCTET_LAUNCH_PAGES_RUN_SECTION_H_
