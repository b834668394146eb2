// The prompts that octet bench throughput answers.

#ifndef OCTET_LAUNCH_BENCH_THROUGHPUT_PROMPTS_H_
#define OCTET_LAUNCH_BENCH_THROUGHPUT_PROMPTS_H_

#include <absl/functional/function_ref.h>

#include <cstddef>
#include <vector>

#include "launch/bench/step_record.h"
#include "launch/bench/throughput_report.h"
#include "launch/setup/job_setup.h"
#include "parallel/transport/communicator.h"
#include "proto/engine.pb.h"
#include "runtime/engine/engine.h"

namespace octet {

// The prompts' answers, and the number of first steps, which do not count.
struct Answers {
  std::vector<FinishedSequence> warm_up;   // of the first prompts
  std::vector<FinishedSequence> measured;  // of all
  size_t warm_up_steps = 0;
};

// Collective. Answers the first prompts, calls `begin`, and answers all of them. The result is
// complete on rank 0.
Answers RunPrompts(const Communicator& world, const ThroughputOptions& o, const JobSetup& setup,
                   Engine& engine, StepRecorder& recorder, absl::FunctionRef<void()> begin);

// Returns whether all answers have the right length and begin alike, whatever ran beside them.
// Drawn answers differ, because those of the warm-up are other choices.
bool AreRight(const Answers& answers, const ThroughputOptions& o);

}  // namespace octet

#endif  // OCTET_LAUNCH_BENCH_THROUGHPUT_PROMPTS_H_
