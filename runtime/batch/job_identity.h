// The test whether two attempts belong to the same job.

#ifndef OCTET_RUNTIME_BATCH_JOB_IDENTITY_H_
#define OCTET_RUNTIME_BATCH_JOB_IDENTITY_H_

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "proto/journal.pb.h"
#include "runtime/io/file.h"

namespace octet {

// Returns what is known about a file without reading all of it. With `read_contents` also hashes
// its contents. Calls `advance` now and then.
absl::StatusOr<FileIdentity> IdentifyFile(FileSystem& files, const std::string& path,
                                          bool read_contents, const std::function<void()>& advance);

// Adds the files of a model that decide its answers to `job`: of its directory, or those of GGUF.
absl::Status IdentifyModel(FileSystem& files, const std::string& path, bool read_contents,
                           const std::function<void()>& advance, JobIdentity& job);

// Returns OK if both jobs give the same bytes; otherwise names the first field that differs, in the
// user's words. Files are compared by size and beginning, and model files also by time. With
// `compare_contents`, all files are compared by their contents, and none by time. An input with
// only a different time gives a note: each of its lines is compared with that of its result when it
// is read.
absl::Status CompareJobs(const JobIdentity& earlier, const JobIdentity& now, bool compare_contents,
                         std::vector<std::string>& notes);

// Returns OK if answers of both jobs may stand in one output: what makes every answer is the same.
// What decides which requests are served, input lines, the time of model files and octet's version
// may differ, with a note for each.
absl::Status CompareJobsForRetry(const JobIdentity& earlier, const JobIdentity& now,
                                 bool compare_contents, std::vector<std::string>& notes);

}  // namespace octet

#endif  // OCTET_RUNTIME_BATCH_JOB_IDENTITY_H_
