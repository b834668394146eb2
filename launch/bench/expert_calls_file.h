// The loads of experts, call by call, in the files of other engines' profilers.

#ifndef OCTET_LAUNCH_BENCH_EXPERT_CALLS_FILE_H_
#define OCTET_LAUNCH_BENCH_EXPERT_CALLS_FILE_H_

#include <absl/status/statusor.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace octet {

// One call of a layer's experts. It is not known which expert had which tokens.
struct ExpertCall {
  std::vector<int64_t> tokens;  // of each expert that had any
  int64_t frequency = 1;        // the number of calls like it
};

// Parses the text of a file with a line for each call, in the form of ZenDNN's benchmarks
// (benchdnn/input/grp_matmul/moe_fused): "experts, M:M:..., ...  # freq=N", where M are tokens.
// Ignores empty lines and those that begin with #. Without freq= the frequency is 1. Further
// columns tell ZenDNN how to compute. Reads only two of those, if they are there: the 9th, experts
// of each token, and the 13th, experts. They must equal the model's, `topk` and `num_experts`. An
// error begins with `where` and names the line.
absl::StatusOr<std::vector<ExpertCall>> ParseExpertCalls(std::string_view text,
                                                         const std::string& where, int num_experts,
                                                         int topk);

}  // namespace octet

#endif  // OCTET_LAUNCH_BENCH_EXPERT_CALLS_FILE_H_
