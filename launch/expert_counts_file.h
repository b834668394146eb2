// Tokens of experts, counted by Octet or by others.

#ifndef OCTET_LAUNCH_EXPERT_COUNTS_FILE_H_
#define OCTET_LAUNCH_EXPERT_COUNTS_FILE_H_

#include <absl/status/statusor.h>

#include <string>

#include "parallel/placement/expert_counts.h"
#include "runtime/io/file.h"

namespace octet {

// JSON: a list of lists of counts, [layers, experts]; an object that has it as "expert_popularity"
// (as fiddler's measurements of Mixtral-8x7B do); or the summary.json of --report. Layers beyond
// the first `num_layers` are left out, so that a part of a model can take the counts of the whole.
// An error begins with `flag`.
absl::StatusOr<ExpertCounts> ReadExpertCounts(FileSystem& files, const std::string& flag,
                                              const std::string& path, int num_layers,
                                              int num_experts);

}  // namespace octet

#endif  // OCTET_LAUNCH_EXPERT_COUNTS_FILE_H_
