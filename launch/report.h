// The report of a run.

#ifndef OCTET_LAUNCH_REPORT_H_
#define OCTET_LAUNCH_REPORT_H_

#include <absl/status/status.h>

#include <string>

#include "launch/setup/job_setup.h"
#include "launch/setup/session.h"
#include "parallel/transport/communicator.h"
#include "proto/report.pb.h"
#include "runtime/io/file.h"

namespace octet {

// Collective. Makes the report of all ranks; only rank 0's is complete.
RunReport MakeReport(Communicator& world, const JobSetup& setup, Session& session);

// Returns a line about what the prefix cache found, or nothing without one.
std::string FormatPrefixCache(const RunReport& report);

// Returns a line about the draft tokens, or nothing without any.
std::string FormatSpeculation(const RunReport& report);

// Returns a few lines for the user.
std::string FormatSummary(const RunReport& report);

// Writes DIR/summary.json.
absl::Status WriteReport(const RunReport& report, const std::string& directory, FileSystem& files);

}  // namespace octet

#endif  // OCTET_LAUNCH_REPORT_H_
