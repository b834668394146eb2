// What octet plan found, for the user.

#ifndef OCTET_LAUNCH_PLAN_PLAN_REPORT_H_
#define OCTET_LAUNCH_PLAN_PLAN_REPORT_H_

#include <string>

#include "proto/placement_plan.pb.h"

namespace octet {

// Returns one sentence: what the policy `chosen` gives, beside the rules and the bound.
std::string AnswerOf(const PlacementPlan& plan, const std::string& chosen);

// Returns the figures that a policy is judged by: those in sample if there are no others.
const PlacementFigures& JudgedOf(const PolicyFigures& policy);

// Returns the figure that the plan's objective lowers.
double FigureOf(const PlacementPlan& plan, const PlacementFigures& figures);

// Returns the answer, and tables of at most 100 columns; JsonOf(plan) has all figures.
std::string FormatPlan(const PlacementPlan& plan);

}  // namespace octet

#endif  // OCTET_LAUNCH_PLAN_PLAN_REPORT_H_
