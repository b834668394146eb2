#include "launch/job_status.h"

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>
#include <absl/strings/str_split.h>
#include <absl/time/clock.h>
#include <absl/time/time.h>
#include <sys/stat.h>

#include <algorithm>

#include "launch/progress_text.h"
#include "launch/text_table.h"
#include "parallel/transport/host_name.h"
#include "runtime/batch/attempt_names.h"
#include "runtime/batch/input_lines.h"
#include "runtime/batch/journal_files.h"
#include "runtime/batch/journal_survey.h"

namespace octet {
namespace {

// Returns the inode of a file; 0 if there is none.
uint64_t InodeOf(const std::string& path) {
  struct stat info {};
  return stat(path.c_str(), &info) == 0 ? info.st_ino : 0;
}

// Returns whether a process of this host has a lock on the file, as /proc/locks tells. That takes
// no lock, which would keep an attempt from starting in this moment.
bool IsLockedHere(FileSystem& files, const std::string& path) {
  const uint64_t inode = InodeOf(path);
  const absl::StatusOr<std::string> locks = files.ReadStream("/proc/locks");
  if (inode == 0 || !locks.ok()) return false;
  for (const absl::string_view line : absl::StrSplit(*locks, '\n')) {
    // "1: FLOCK  ADVISORY  WRITE 4711 08:01:131 0 EOF", and "1: -> …" for one that waits
    const std::vector<std::string> words = absl::StrSplit(line, ' ', absl::SkipEmpty());
    if (words.size() < 6 || words[1] == "->") continue;
    if (absl::EndsWith(words[5], absl::StrCat(":", inode))) return true;
  }
  return false;
}

void SetState(FileSystem& files, const std::string& output, const JournalSurvey& survey,
              JobStatus& job) {
  const std::string lock = JoinPath(output + ".journal", kLockName);
  const bool is_here = survey.header.host() == HostName();
  const double age = absl::ToDoubleSeconds(absl::Now() - absl::FromUnixNanos(survey.written_ns));
  if (survey.finished) {
    job.set_state("finished");
  } else if (is_here && IsLockedHere(files, lock)) {
    job.set_state("running");
  } else if (!survey.ended.empty()) {
    job.set_state("stopped");
    job.set_reason(survey.ended);
  } else if (!survey.crash.empty()) {
    job.set_state("crashed");
    job.set_reason(survey.crash);
  } else if (is_here) {
    job.set_state("killed");
  } else {
    job.set_state(age < kSilentSeconds ? "running" : "silent");
    if (age >= kSilentSeconds) {
      job.set_reason(absl::StrCat("nothing was written for ", FormatDuration(age)));
    }
  }
}

// Returns the lines of the input, if it is as it was.
absl::StatusOr<int64_t> LinesOf(FileSystem& files, const JobIdentity& identity,
                                const std::vector<std::string>& inputs) {
  if (inputs.empty()) return absl::NotFoundError("the journal does not say where the input is");
  if (std::ssize(inputs) != identity.input_size()) {
    return absl::InvalidArgumentError(
        absl::StrCat("the job has ", identity.input_size(), " inputs, not ", inputs.size()));
  }
  for (size_t i = 0; i < inputs.size(); ++i) {
    const absl::StatusOr<FileInfo> info = files.Stat(inputs[i]);
    if (!info.ok()) return info.status();
    if (static_cast<int64_t>(info->size) == identity.input(static_cast<int>(i)).size()) continue;
    return absl::FailedPreconditionError(
        absl::StrCat(inputs[i], ": is not as large as when the job began"));
  }
  return CountLines(files, inputs, [] {});
}

void SetRates(const JournalSurvey& survey, JobStatus& job) {
  absl::Time began;
  std::string error;
  if (!absl::ParseTime("%Y-%m-%d %H:%M:%S UTC", survey.header.started(), &began, &error)) return;
  const double seconds = absl::ToDoubleSeconds(absl::FromUnixNanos(survey.written_ns) - began);
  if (seconds <= 0) return;
  job.set_seconds(seconds);
  job.set_results_per_s(static_cast<double>(survey.results) / seconds);
  job.set_tokens_per_s(static_cast<double>(survey.tokens) / seconds);
  if (job.has_left() && job.state() == "running" && survey.results > 0) {
    job.set_eta_seconds(static_cast<double>(job.left()) / job.results_per_s());
  }
}

}  // namespace

absl::StatusOr<JobStatus> StatusOfJob(FileSystem& files, const std::string& output,
                                      const std::vector<std::string>& inputs) {
  absl::StatusOr<JournalSurvey> survey = SurveyJournal(files, output);
  if (!survey.ok()) return survey.status();
  if (!survey->finished && survey->attempts == 0) {
    return absl::NotFoundError(absl::StrCat(output, ".journal: no attempt has begun there"));
  }
  JobStatus job;
  job.set_output(output);
  SetState(files, output, *survey, job);
  job.set_answered(survey->answered);
  job.set_failed(survey->failed);
  for (const std::string& note : survey->notes) job.add_notes(note);
  if (survey->finished) {
    job.set_left(0);
    job.set_written(survey->finished->finished());
    return job;
  }
  const JournalHeader& header = survey->header;
  job.set_host(header.host());
  job.set_pid(header.pid());
  job.set_attempts(survey->attempts);
  job.set_started(header.started());
  job.set_written(TimeAsText(survey->written_ns));
  job.set_under_way(survey->under_way);
  const std::vector<std::string> named(header.input_path().begin(), header.input_path().end());
  const auto lines = LinesOf(files, header.job(), inputs.empty() ? named : inputs);
  if (lines.ok()) {
    job.set_left(std::max<int64_t>(0, *lines - job.answered() - job.failed()));
  } else {
    job.add_notes(absl::StrCat("how much is left is not known: ",
                               std::string(lines.status().message()), "; --input names the input"));
  }
  SetRates(*survey, job);
  return job;
}

std::string FormatJobStatus(const JobStatus& job) {
  std::string text = absl::StrCat(job.output(), ": ", job.state());
  if (!job.reason().empty()) absl::StrAppend(&text, ": ", job.reason());
  if (job.attempts() > 0) {
    absl::StrAppend(&text, "\n  attempt ", job.attempts(), ", process ", job.pid(), " on ",
                    job.host(), ", since ", job.started(), ", last written ", job.written());
  } else {
    absl::StrAppend(&text, " on ", job.written());
  }
  absl::StrAppend(&text, "\n  ", job.answered(), " answered, ", job.failed(), " failed, ",
                  job.has_left() ? absl::StrCat(job.left(), " left") : "unknown left");
  if (job.under_way() > 0) absl::StrAppend(&text, " (", job.under_way(), " under way)");
  if (job.results_per_s() > 0) {
    absl::StrAppendFormat(&text, "\n  %.2f requests/s, %.1f tokens/s", job.results_per_s(),
                          job.tokens_per_s());
  }
  if (job.has_eta_seconds()) {
    absl::StrAppend(&text, "; about ", FormatDuration(job.eta_seconds()), " left");
  }
  for (const std::string& note : job.notes()) absl::StrAppend(&text, "\n  note: ", note);
  return text + "\n";
}

}  // namespace octet
