#include "kernels/base/check.h"
#include "launch/bench/expert_calls_file.h"
#include "launch/bench/routing_loads.h"
#include "tests/fuzz/support.h"
#include "tests/fuzz/targets.h"

namespace octet::fuzz {
namespace {

constexpr RoutingShape kCallsShape = {
    .num_layers = 2, .num_experts = 4, .topk = 2, .prompt_len = 3};

// A load of these calls sends every token to different experts of the model.
void CheckCalls(const std::vector<ExpertCall>& calls) {
  for (const ExpertCall& call : calls) {
    OCTET_CHECK(call.frequency > 0);
    OCTET_CHECK(call.tokens.size() >= 2 && call.tokens.size() <= 4);
    for (const int64_t tokens : call.tokens) OCTET_CHECK(tokens > 0);
  }
  const auto load = MakeCallsLoad(kCallsShape, calls);
  for (int i = 0; i < 64; ++i) {
    int32_t experts[2] = {-1, -1};
    load->Choose(i % 2, i / 8, i % 8, experts);
    OCTET_CHECK(experts[0] != experts[1]);
    for (const int32_t e : experts) OCTET_CHECK(e >= 0 && e < 4);
  }
}

}  // namespace

void ExpertCallsFile(const std::string& bytes) {
  const auto calls =
      ParseExpertCalls(bytes, "calls.txt", kCallsShape.num_experts, kCallsShape.topk);
  if (!calls.ok()) return CheckError(calls.status());
  CheckCalls(*calls);
}

}  // namespace octet::fuzz
