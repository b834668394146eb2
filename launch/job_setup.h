// From settings to everything that a run needs, agreed on by all ranks.

#ifndef OCTET_LAUNCH_JOB_SETUP_H_
#define OCTET_LAUNCH_JOB_SETUP_H_

#include <absl/status/statusor.h>

#include <string>
#include <vector>

#include "kernels/base/backend.h"
#include "kernels/cpu/isa.h"
#include "launch/memory_plan.h"
#include "parallel/placement/expert_placement.h"
#include "parallel/transport/communicator.h"
#include "proto/config.pb.h"
#include "runtime/checkpoint/generation_config.h"
#include "runtime/checkpoint/model_files.h"
#include "runtime/engine/engine.h"

namespace octet {

// Seconds: the least that --timeout may say with ranks on several hosts. It must leave the launcher
// time to find out for itself that a host is gone.
inline constexpr double kShortestRemoteTimeout = 30;

// What was decided before any weight is read.
struct JobSetup {
  ModelFiles model;
  ExpertPlacement placement;  // over the ranks of an expert-parallel group
  Isa isa;
  uint64_t arithmetic;  // FingerprintArithmetic, the same on all ranks
  int threads;
  EngineOptions engine;
  MemoryPlan memory;
  SamplingDefaults sampling;          // of requests that don't state it
  std::string chat_template;          // of --chat-template: a fingerprint; empty: not given
  std::vector<std::string> warnings;  // for a person

  // Stored dtype / compute dtype / instruction path: runs of one class give the same bytes.
  std::string NumericsClass() const;
};

// Collective: the same setup, or the same error, on every rank. Ranks that differ in program,
// settings or model are named, and hosts that have too little memory.
absl::StatusOr<JobSetup> SetUpJob(Communicator& world, const RunConfig& config, FileSystem& files);

// A line for a person: ranks, threads, groups, numerics class.
std::string DescribeSetup(const Communicator& world, const JobSetup& setup);

}  // namespace octet

#endif  // OCTET_LAUNCH_JOB_SETUP_H_
