#include "launch/batch/job_status.h"

#include <absl/strings/match.h>
#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>
#include <absl/strings/str_split.h>
#include <absl/time/clock.h>
#include <absl/time/time.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>

#include "launch/console/progress_text.h"
#include "launch/console/text_table.h"
#include "parallel/transport/host_name.h"
#include "runtime/batch/attempt_names.h"
#include "runtime/batch/input_lines.h"
#include "runtime/batch/journal_files.h"
#include "runtime/batch/journal_record.h"
#include "runtime/batch/journal_survey.h"

namespace octet {
namespace {

// A lock as /proc/locks has it: "1: FLOCK  ADVISORY  WRITE 4711 08:01:131 0 EOF".
struct HeldLock {
  int pid = 0;       // 0 if it is of another namespace
  std::string file;  // device and inode
};

std::vector<HeldLock> ReadLocks(FileSystem& files) {
  std::vector<HeldLock> held;
  const absl::StatusOr<std::string> locks = files.ReadStream("/proc/locks");
  if (!locks.ok()) return held;
  for (const absl::string_view line : absl::StrSplit(*locks, '\n')) {
    const std::vector<std::string> words = absl::StrSplit(line, ' ', absl::SkipEmpty());
    if (words.size() < 6 || words[1] == "->") continue;  // one that waits
    HeldLock lock = {.file = words[5]};
    if (absl::SimpleAtoi(words[4], &lock.pid)) held.push_back(std::move(lock));
  }
  return held;
}

// Returns whether a process of this host has a lock on the file. That takes no lock, which would
// keep an attempt from starting in this moment. The device of a layered file system is not that of
// its locks; then the process decides.
bool IsLockedHere(FileSystem& files, const std::string& path, int pid) {
  struct stat info {};
  if (stat(path.c_str(), &info) != 0) return false;
  const std::string inode = absl::StrCat(":", info.st_ino);
  const std::string file =
      absl::StrFormat("%02x:%02x%s", major(info.st_dev), minor(info.st_dev), inode);
  const std::vector<HeldLock> locks = ReadLocks(files);
  return std::any_of(locks.begin(), locks.end(), [&](const HeldLock& lock) {
    return lock.file == file || (absl::EndsWith(lock.file, inode) && lock.pid == pid);
  });
}

// Returns the host of the last attempt: by its header or, where that is torn, by the lock.
std::string HostOfAttempt(const JournalSurvey& survey) {
  if (!survey.header.host().empty()) return survey.header.host();
  const std::vector<std::string> words = absl::StrSplit(survey.holder, ' ');
  return words.size() > 3 && words[2] == "on" ? words[3] : "";
}

void SetKilledState(const JournalSurvey& survey, JobStatus& job) {
  job.set_state("killed");
  if (survey.ended == kAllResults) job.set_reason("while it put the results in order");
}

// From another host.
void SetDistantState(const JournalSurvey& survey, const std::string& host, JobStatus& job) {
  const double age = absl::ToDoubleSeconds(absl::Now() - absl::FromUnixNanos(survey.written_ns));
  job.set_state(age < kSilentSeconds ? "recent" : "silent");
  job.set_reason(absl::StrCat("it wrote last ", FormatDuration(std::max(0.0, age)),
                              " ago; whether it runs is known on ",
                              host.empty() ? "its host" : host, " alone"));
}

void SetState(FileSystem& files, const std::string& output, const JournalSurvey& survey,
              JobStatus& job) {
  const std::string lock = JoinPath(output + ".journal", kLockName);
  const std::string host = HostOfAttempt(survey);
  const bool is_here = host == HostName();
  if (survey.finished) {
    job.set_state("finished");
  } else if (is_here && IsLockedHere(files, lock, survey.header.pid())) {
    job.set_state("running");
  } else if (!survey.crash.empty()) {
    job.set_state("crashed");
    job.set_reason(survey.crash);
  } else if (!survey.ended.empty() && survey.ended != kAllResults) {
    job.set_state("stopped");
    job.set_reason(survey.ended);
  } else if (is_here) {
    SetKilledState(survey, job);
  } else {
    SetDistantState(survey, host, job);
  }
}

// Returns the lines of the input, if it is as it was.
absl::StatusOr<int64_t> LinesOf(FileSystem& files, const JobIdentity& identity,
                                const std::vector<std::string>& inputs) {
  if (inputs.empty()) return absl::NotFoundError("the journal does not say where the input is");
  const bool is_known = identity.input_size() > 0;  // else the only header is torn
  if (is_known && std::ssize(inputs) != identity.input_size()) {
    return absl::InvalidArgumentError(
        absl::StrCat("the job has ", identity.input_size(), " inputs, not ", inputs.size()));
  }
  for (size_t i = 0; i < inputs.size(); ++i) {
    const absl::StatusOr<FileInfo> info = files.Stat(inputs[i]);
    if (!info.ok()) return info.status();
    if (!is_known) continue;
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
  if (job.has_left() && (job.state() == "running" || job.state() == "recent") &&
      survey.results > 0) {
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
    absl::StrAppend(&text, "\n  attempt ", job.attempts());
    if (job.pid() != 0) {
      absl::StrAppend(&text, ", process ", job.pid(), " on ", job.host(), ", since ",
                      job.started());
    }
    absl::StrAppend(&text, ", last written ", job.written());
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
