// From settings to everything that a run needs, agreed on by all ranks.

#ifndef OCTET_LAUNCH_JOB_SETUP_H_
#define OCTET_LAUNCH_JOB_SETUP_H_

#include <absl/status/statusor.h>

#include <string>
#include <vector>

#include "kernels/backend.h"
#include "parallel/communicator.h"
#include "parallel/expert_placement.h"
#include "proto/config.pb.h"
#include "runtime/engine.h"
#include "runtime/model_files.h"

namespace octet {

// What was decided before any weight is read.
struct JobSetup {
  ModelFiles model;
  ExpertPlacement placement;
  Isa isa;
  int threads;
  EngineOptions engine;
  std::vector<std::string> warnings;  // for a person

  // Stored dtype / compute dtype / instruction path: runs of one class give the same bytes.
  std::string NumericsClass() const;
};

// Collective: the same setup, or the same error, on every rank. Ranks that differ in program,
// settings or model are named.
absl::StatusOr<JobSetup> SetUpJob(Communicator& comm, const RunConfig& config, FileSystem& files);

}  // namespace octet

#endif  // OCTET_LAUNCH_JOB_SETUP_H_
