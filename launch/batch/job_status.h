// How far a job is, as its journal tells.

#ifndef OCTET_LAUNCH_BATCH_JOB_STATUS_H_
#define OCTET_LAUNCH_BATCH_JOB_STATUS_H_

#include <absl/status/statusor.h>

#include <string>
#include <vector>

#include "proto/job_status.pb.h"
#include "runtime/io/file.h"

namespace octet {

// Reads the journal of a job's output, on any host that sees the files, and writes nothing. Whether
// a process lives is known on its own host alone. The states:
//   running   the process of rank 0 has the journal's lock on this host
//   recent    it is on another host, and has written something in the last kSilentSeconds
//   silent    it is on another host, and has written nothing for longer
//   stopped   by a signal or an error; reason says which
//   crashed   a rank crashed or stood still
//   killed    the process is gone from this host without a word
//   finished  all lines are in the output
// inputs: the job's, if the journal does not say where they are, or they have moved.
inline constexpr double kSilentSeconds = 60;
absl::StatusOr<JobStatus> StatusOfJob(FileSystem& files, const std::string& output,
                                      const std::vector<std::string>& inputs);

// Returns a few lines of text.
std::string FormatJobStatus(const JobStatus& job);

}  // namespace octet

#endif  // OCTET_LAUNCH_BATCH_JOB_STATUS_H_
