// What a person, and the exit code, are told of the lines that a batch job refused.

#ifndef OCTET_LAUNCH_REFUSED_LINES_H_
#define OCTET_LAUNCH_REFUSED_LINES_H_

#include <string>

#include "parallel/transport/communicator.h"
#include "proto/config.pb.h"
#include "proto/report.pb.h"
#include "runtime/batch/batch_job.h"
#include "runtime/batch/refusal_summary.h"

namespace octet {

// For standard error; empty where there is nothing to tell.
std::string DescribeRefused(const BatchCounts& counts, const RefusalSummary& refusals);

void AddRefusals(const RefusalSummary& refusals, RunReport& report);

// Why --fail-on-refused ends a job of so many refused lines with exit code 1; empty: it does not.
// Scripts know it by the flag's name in brackets (launch/supervise.sh).
std::string WhyFailsOnRefused(const RunConfig& config, int64_t refused);

}  // namespace octet

#endif  // OCTET_LAUNCH_REFUSED_LINES_H_
