// Whether two attempts are of the same job.

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

// What is known of a file without reading all of it; with `read_contents` also what it holds.
// `advance` is called now and then.
absl::StatusOr<FileIdentity> IdentifyFile(FileSystem& files, const std::string& path,
                                          bool read_contents, const std::function<void()>& advance);

// The files of a model's directory that decide its answers.
absl::Status IdentifyModel(FileSystem& files, const std::string& directory, bool read_contents,
                           const std::function<void()>& advance, JobIdentity& job);

// OK where both give the same bytes; otherwise the first field that differs, named as a person
// knows it. Files are compared by size and beginning, and model files also by time; with
// `compare_contents` all by what they hold, and none by time. An input whose time alone differs
// gives a note: each of its lines is compared with that of its result when it is read.
absl::Status CompareJobs(const JobIdentity& earlier, const JobIdentity& now, bool compare_contents,
                         std::vector<std::string>& notes);

}  // namespace octet

#endif  // OCTET_RUNTIME_BATCH_JOB_IDENTITY_H_
