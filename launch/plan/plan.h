// octet plan: where experts should live.

#ifndef OCTET_LAUNCH_PLAN_PLAN_H_
#define OCTET_LAUNCH_PLAN_PLAN_H_

#include <memory>

#include "launch/subcommand.h"

namespace octet {

std::unique_ptr<Subcommand> AddPlan(CommandLine& program);

}  // namespace octet

#endif  // OCTET_LAUNCH_PLAN_PLAN_H_
