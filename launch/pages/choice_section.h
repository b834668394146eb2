// Clusters, ranks and groups that were compared: a section of a page.

#ifndef OCTET_LAUNCH_PAGES_CHOICE_SECTION_H_
#define OCTET_LAUNCH_PAGES_CHOICE_SECTION_H_

#include "launch/pages/html_page.h"
#include "launch/pages/page_inputs.h"

namespace octet {

void AddChoiceSection(HtmlPage& page, const FromFile<ReplayComparison>& comparison);

}  // namespace octet

#endif  // OCTET_LAUNCH_PAGES_CHOICE_SECTION_H_
