#include "launch/batch/serve_batch.h"

#include <absl/strings/str_cat.h>

#include <chrono>
#include <iostream>
#include <vector>

#include "kernels/base/activity.h"
#include "launch/console/one_line.h"

namespace octet {
namespace {

using Clock = std::chrono::steady_clock;

void SayNotes(const std::vector<std::string>& notes) {
  for (const std::string& note : notes) {
    std::cerr << absl::StrCat("octet: note: ", OneLine(note), "\n") << std::flush;
  }
}

// Says once about an input that it gives nothing: a FIFO without a writer does not end.
class SilentInput {
 public:
  void Look(const std::string& silent) {
    constexpr std::chrono::seconds kUntilSaid(1);
    if (silent != input_) {
      input_ = silent;
      since_ = Clock::now();
      said_ = false;
    }
    if (silent.empty() || said_ || Clock::now() - since_ < kUntilSaid) return;
    said_ = true;
    SayNotes({absl::StrCat("waits for a writer of ", silent)});
  }

 private:
  std::string input_;
  Clock::time_point since_;
  bool said_ = false;
};

// On rank 0, between two steps. Passes answers to the output, after their routing to the trace, and
// new requests to the engine.
absl::Status PassOn(Engine& engine, BatchJob& job, TraceFile* trace,
                    std::vector<FinishedSequence>& finished) {
  const Activity::Scope activity({"journal"});
  absl::Status status;
  if (trace != nullptr) status = trace->Write(/*all=*/!finished.empty());
  if (status.ok()) status = job.Write(finished);
  return status.ok() ? job.Feed(engine) : status;
}

}  // namespace

RequestCounts CountRequests(const BatchJob& job, const Engine& engine) {
  const BatchCounts counts = job.counts();
  return {.done = counts.safe,
          .total = counts.estimated_lines,
          .total_is_exact = counts.input_ended,
          .prompt_tokens = engine.stats().prompt_tokens,
          .generated_tokens = engine.stats().sampled_tokens,
          .running = counts.unfinished_sequences - engine.num_waiting(),
          .waiting = engine.num_waiting()};
}

absl::Status Serve(Engine& engine, BatchJob* job, TraceFile* trace, StopSignals& signals,
                   const std::function<std::string()>& on_placement_request, Progress& progress,
                   MetricsFile* metrics) {
  std::vector<FinishedSequence> finished;
  absl::Status status;
  SilentInput silent;
  do {
    if (job != nullptr && signals.drain_requested()) job->Drain(engine);
    if (job != nullptr && signals.TakePlacementRequest()) SayNotes({on_placement_request()});
    if (job != nullptr && status.ok()) status = PassOn(engine, *job, trace, finished);
    if (job != nullptr) SayNotes(job->TakeNotes());
    if (job != nullptr) SayNotes(engine.TakeNotes());
    if (job != nullptr) silent.Look(job->silent_input());
    if (job != nullptr) progress.Serve(CountRequests(*job, engine));
    if (metrics != nullptr) SayNotes(metrics->Update());
    if (!status.ok() || (job != nullptr && signals.stop_requested())) engine.Stop();
    finished.clear();
  } while (engine.Step(finished));
  return status;
}

absl::Status FinishBatch(BatchJob& job, BatchFiles& files) {
  const Activity::Scope activity({"journal"});
  absl::Status status;
  if (files.trace != nullptr) status = files.trace->Write(/*all=*/true);
  if (status.ok() && job.stopped()) status = files.output->Stop("drained after USR1");
  if (status.ok() && !job.stopped()) status = job.Finish();
  if (status.ok() && files.trace != nullptr) status = files.trace->Close();
  if (!status.ok() || !job.stopped()) return status;
  const std::string stopped =
      absl::StrCat("stopped after USR1 with ", job.counts().safe, " lines done; ");
  if (files.journal != nullptr) return absl::CancelledError(stopped + "--resume goes on");
  return absl::AbortedError(stopped + "without a journal it must start anew");
}

}  // namespace octet
