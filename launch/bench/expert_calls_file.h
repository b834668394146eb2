// Loads of experts, call by call, as profilers of other engines wrote them.

#ifndef OCTET_LAUNCH_BENCH_EXPERT_CALLS_FILE_H_
#define OCTET_LAUNCH_BENCH_EXPERT_CALLS_FILE_H_

#include <absl/status/statusor.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace octet {

// One call of a layer's experts. Which expert had which tokens is not known.
struct ExpertCall {
  std::vector<int64_t> tokens;  // of each expert that had any
  int64_t frequency = 1;        // calls like it
};

// The text of a file with a line for each call, as ZenDNN's benchmarks have them (benchdnn/input/
// grp_matmul/moe_fused): "experts, M:M:..., ...  # freq=N", where M are tokens. Empty lines and
// those that begin with # are left out; without freq= it is 1. Further columns say how ZenDNN is to
// compute: of those only the 9th, experts of each token, and the 13th, experts, are read; they must
// be the model's, `topk` and `num_experts`, where they are there. An error begins with `where` and
// names the line.
absl::StatusOr<std::vector<ExpertCall>> ParseExpertCalls(std::string_view text,
                                                         const std::string& where, int num_experts,
                                                         int topk);

}  // namespace octet

#endif  // OCTET_LAUNCH_BENCH_EXPERT_CALLS_FILE_H_
