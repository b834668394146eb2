// The serving of a batch job's requests, between its setup and its report.

#ifndef OCTET_LAUNCH_BATCH_SERVE_BATCH_H_
#define OCTET_LAUNCH_BATCH_SERVE_BATCH_H_

#include <absl/status/status.h>

#include <functional>
#include <string>

#include "launch/batch/batch_files.h"
#include "launch/console/progress.h"
#include "launch/observe/metrics_file.h"
#include "launch/process/stop_signals.h"
#include "runtime/batch/batch_job.h"
#include "runtime/engine/engine.h"
#include "runtime/trace/trace_file.h"

namespace octet {

// Returns the progress of a job, on rank 0.
RequestCounts CountRequests(const BatchJob& job, const Engine& engine);

// Collective. Makes steps until every line is answered, an answer cannot be written, or the job
// must drain. `job`, `trace` and `metrics` are null except on rank 0. on_placement_request: what
// rank 0 does at USR2; it returns a sentence for the user.
absl::Status Serve(Engine& engine, BatchJob* job, TraceFile* trace, StopSignals& signals,
                   const std::function<std::string()>& on_placement_request, Progress& progress,
                   MetricsFile* metrics = nullptr);

// On rank 0. Completes the output, or says why it is not complete.
absl::Status FinishBatch(BatchJob& job, BatchFiles& files);

}  // namespace octet

#endif  // OCTET_LAUNCH_BATCH_SERVE_BATCH_H_
