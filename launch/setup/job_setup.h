// The setup of a run from its settings, agreed on by all ranks.

#ifndef OCTET_LAUNCH_SETUP_JOB_SETUP_H_
#define OCTET_LAUNCH_SETUP_JOB_SETUP_H_

#include <absl/status/statusor.h>

#include <string>
#include <vector>

#include "launch/setup/compute_device.h"
#include "launch/setup/keep_weights.h"
#include "launch/setup/memory_plan.h"
#include "parallel/placement/expert_placement.h"
#include "parallel/transport/communicator.h"
#include "proto/config.pb.h"
#include "runtime/checkpoint/generation_config.h"
#include "runtime/checkpoint/model_files.h"
#include "runtime/engine/engine.h"

namespace octet {

// The least --timeout in seconds with ranks on several hosts. It must leave the launcher the time
// to detect that a host is gone.
inline constexpr double kShortestRemoteTimeout = 30;

// The decisions that are made before any weight is read.
struct JobSetup {
  ModelFiles model;
  ExpertPlacement placement;  // over the ranks of an expert-parallel group
  ComputeDevice device;
  uint64_t arithmetic;  // FingerprintArithmetic, the same on all ranks
  int threads;
  EngineOptions engine;
  MemoryPlan memory;
  SamplingDefaults sampling;          // for requests that do not state it
  std::string chat_template;          // a fingerprint of --chat-template; empty if not given
  std::vector<std::string> warnings;  // for the user
  HostWeights host_weights;

  // Stored dtype / compute dtype / instruction path. Runs of one class give the same bytes.
  std::string NumericsClass() const;
};

// Collective. Returns the same setup, or the same error, on every rank. Errors name ranks that
// differ in program, settings or model, and hosts with too little memory.
absl::StatusOr<JobSetup> SetUpJob(Communicator& world, const RunConfig& config, FileSystem& files);

// Returns a line for the user: ranks, threads, groups, numerics class.
std::string DescribeSetup(const Communicator& world, const JobSetup& setup);

}  // namespace octet

#endif  // OCTET_LAUNCH_SETUP_JOB_SETUP_H_
