#include "launch/batch/dry_run.h"

#include <absl/status/status.h>
#include <absl/strings/str_cat.h>

#include <string>

#include "kernels/base/activity.h"
#include "launch/batch/batch_files.h"
#include "launch/batch/refused_lines.h"
#include "launch/console/console.h"
#include "launch/replay/job_forecast.h"
#include "launch/subcommand.h"
#include "parallel/transport/agreement.h"
#include "parallel/transport/collectives.h"
#include "runtime/batch/batch_job.h"
#include "runtime/batch/unwritten_output.h"

namespace octet {
namespace {

std::string Describe(const BatchCounts& counts, const RequestTotals& totals) {
  std::string text = absl::StrCat(counts.answered + counts.refused + totals.requests, " lines: ");
  if (counts.answered > 0) absl::StrAppend(&text, counts.answered, " answered before, ");
  absl::StrAppend(&text, totals.requests, " to answer, ", counts.refused, " refused");
  if (totals.requests == 0) return text;
  return absl::StrCat(text, "\noctet: ", totals.answers, " answers of at most ",
                      totals.answer_tokens, " tokens to prompts of ", totals.prompt_tokens,
                      " tokens; the longest prompt has ", totals.longest_prompt, " (line ",
                      totals.longest_line, ")");
}

void AddLengths(const BatchRequest& request, AnswerLengths& lengths) {
  for (const Prompt& prompt : request.prompts) {
    for (int i = 0; i < request.n; ++i) {
      lengths.Add({.prompt = std::ssize(prompt.ids),
                   .answer = request.generate ? request.params.max_tokens() : 0});
    }
  }
}

// On rank 0. Sets `why_fails` to the reason for which --fail-on-refused fails the job.
absl::Status Look(const Communicator& world, const RunConfig& config, const JobSetup& setup,
                  FileSystem& files, std::string& why_fails) {
  const Activity::Scope activity({"dry run"});
  absl::StatusOr<BatchFiles> batch = CheckBatchFiles(
      config, setup, files, [&](const std::string& text) { Say(world, "note: " + text); });
  if (!batch.ok()) return batch.status();
  for (const std::string& note : batch->notes) Say(world, "note: " + note);
  if (batch->journal != nullptr && batch->journal->finished() != nullptr) {
    Say(world, absl::StrCat(config.output(), " is complete: there is nothing to do"));
    return absl::OkStatus();
  }
  UnwrittenOutput output(batch->journal);
  BatchJob job(std::move(batch->reader), output, LimitsOfRequests(config, setup), {},
               /*read_ahead=*/1);
  AnswerLengths lengths(NumForecastAnswers(setup));
  const absl::StatusOr<RequestTotals> totals = job.Check(
      [&] {
        Activity::OfThisThread().Tick();
        for (const std::string& note : job.TakeNotes()) Say(world, "note: " + note);
      },
      [&](const BatchRequest& request) { AddLengths(request, lengths); });
  if (!totals.ok()) return totals.status();
  SayLines(world, Describe(job.counts(), *totals));
  if (!config.profile().empty()) {
    const absl::StatusOr<JobForecast> forecast = ForecastJob(files, config, setup, lengths);
    if (!forecast.ok()) return forecast.status();
    SayLines(world, DescribeForecast(*forecast, config));
  }
  BatchCounts counts = job.counts();
  counts.answered += totals->requests;  // as far as a dry run knows
  const std::string refused = DescribeRefused(counts, job.refusals());
  if (!refused.empty()) SayLines(world, refused);
  why_fails = WhyFailsOnRefused(config, counts.refused);
  return absl::OkStatus();
}

}  // namespace

ExitCode DryRun(Communicator& world, const RunConfig& config, const JobSetup& setup,
                FileSystem& files) {
  if (config.input().empty() && config.output().empty()) return ExitCode::kDone;
  std::string why_fails;
  absl::Status status;
  if (world.rank() == 0) status = Look(world, config, setup, files, why_fails);
  status = AgreeOnStatus(world, status);
  if (!status.ok()) return ExitWith(world, status, ExitCode::kCannotServe);
  why_fails = AllGather(world, {"dry run"}, why_fails).front();
  if (why_fails.empty()) return ExitCode::kDone;
  return ExitWith(world, absl::FailedPreconditionError(why_fails), ExitCode::kFailed);
}

}  // namespace octet
