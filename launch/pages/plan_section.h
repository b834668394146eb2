// Where experts should live: the sections of a page.

#ifndef OCTET_LAUNCH_PAGES_PLAN_SECTION_H_
#define OCTET_LAUNCH_PAGES_PLAN_SECTION_H_

#include <vector>

#include "launch/pages/html_page.h"
#include "launch/pages/page_inputs.h"

namespace octet {

void AddPlanSection(HtmlPage& page, const FromFile<PlacementPlan>& plan);

// Adds the gaps of policies against the number of replicas, if plans of the same model, ranks and
// objective differ in it.
void AddReplicaSection(HtmlPage& page, const std::vector<FromFile<PlacementPlan>>& plans);

// Returns how many more slots than experts a plan has, in all layers.
int64_t ReplicasOf(const PlacementPlan& plan);

}  // namespace octet

#endif  // OCTET_LAUNCH_PAGES_PLAN_SECTION_H_
