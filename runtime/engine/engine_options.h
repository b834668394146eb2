// The options of an engine.

#ifndef OCTET_RUNTIME_ENGINE_ENGINE_OPTIONS_H_
#define OCTET_RUNTIME_ENGINE_ENGINE_OPTIONS_H_

#include <cstdint>
#include <memory>

#include "kernels/base/dtype.h"
#include "parallel/dispatch/replica_policy.h"
#include "runtime/engine/home_choice.h"
#include "runtime/engine/rebalancer.h"
#include "runtime/engine/scheduler.h"
#include "runtime/model/routing_hooks.h"
#include "runtime/trace/line_signatures.h"

namespace octet {

struct EngineOptions {
  DType dtype = DType::kF32;  // of the KV cache, and of weights that are not quantised
  bool quantised_experts = false;
  DType row_dtype = DType::kF32;  // of the rows that travel to experts
  bool is_on_host = true;         // Backend::is_on_host
  SchedulerLimits limits;
  int64_t max_model_len = 0;  // tokens of a prompt and its answer
  int64_t seed = 0;
  ReplicaPolicy replica_policy = ReplicaPolicy::kEven;
  RebalanceOptions rebalance;
  HomePolicy home_policy = HomePolicy::kLeastLoaded;
  std::shared_ptr<const LineSignatures> signatures;  // on rank 0, with HomePolicy::kAffinity
  bool record_routing = false;                       // record every step, for Engine::SetOnRouting
  bool return_routed_experts = false;                // as a part of each finished sequence
  // Empty: the router chooses. Otherwise limits.prefix_cache must be false: lines with the same
  // tokens may have other experts.
  ExpertOverride override_experts;
};

}  // namespace octet

#endif  // OCTET_RUNTIME_ENGINE_ENGINE_OPTIONS_H_
