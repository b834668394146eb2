// The report of a batch job's refused lines to the user and in the exit code.

#ifndef OCTET_LAUNCH_BATCH_REFUSED_LINES_H_
#define OCTET_LAUNCH_BATCH_REFUSED_LINES_H_

#include <string>

#include "parallel/transport/communicator.h"
#include "proto/config.pb.h"
#include "proto/report.pb.h"
#include "runtime/batch/batch_job.h"
#include "runtime/batch/refusal_summary.h"

namespace octet {

// Returns a text for standard error; empty if there is nothing to report.
std::string DescribeRefused(const BatchCounts& counts, const RefusalSummary& refusals);

void AddRefusals(const RefusalSummary& refusals, RunReport& report);

// Returns why --fail-on-refused ends a job of `refused` refused lines with exit code 1; empty if it
// does not. Scripts recognize the text by the flag's name in brackets (launch/supervise.sh).
std::string WhyFailsOnRefused(const RunConfig& config, int64_t refused);

}  // namespace octet

#endif  // OCTET_LAUNCH_BATCH_REFUSED_LINES_H_
