// A file with the counts of experts' tokens, from Octet or other programs.

#ifndef OCTET_LAUNCH_SETUP_EXPERT_COUNTS_FILE_H_
#define OCTET_LAUNCH_SETUP_EXPERT_COUNTS_FILE_H_

#include <absl/status/statusor.h>

#include <string>

#include "parallel/placement/expert_counts.h"
#include "runtime/io/file.h"

namespace octet {

// Reads JSON: a list of lists of counts, [layers, experts]; an object that has it as
// "expert_popularity" (as in fiddler's measurements of Mixtral-8x7B); or the summary.json of
// --report. Ignores layers after the first `num_layers`, so that a part of a model can use the
// counts of the whole. An error begins with `flag`.
absl::StatusOr<ExpertCounts> ReadExpertCounts(FileSystem& files, const std::string& flag,
                                              const std::string& path, int num_layers,
                                              int num_experts);

// The same for all layers of the file, which have equally many experts.
absl::StatusOr<ExpertCounts> ReadExpertCounts(FileSystem& files, const std::string& flag,
                                              const std::string& path);

}  // namespace octet

#endif  // OCTET_LAUNCH_SETUP_EXPERT_COUNTS_FILE_H_
