#include "runtime/batch/journal_survey.h"

#include <absl/container/flat_hash_map.h>
#include <absl/container/flat_hash_set.h>
#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <google/protobuf/text_format.h>

#include "runtime/batch/error_lines.h"
#include "runtime/batch/journal_files.h"
#include "runtime/batch/journal_reader.h"

namespace octet {
namespace {

// Returns the generated tokens of a result. Quotes inside of its texts are escaped, so the first
// such key is that of `usage`.
int64_t GeneratedTokens(std::string_view result) {
  constexpr std::string_view kKey = "\"completion_tokens\":";
  const size_t at = result.find(kKey);
  if (at == std::string_view::npos) return 0;
  const std::string_view number = result.substr(at + kKey.size(), 20);
  int64_t tokens = 0;
  return absl::SimpleAtoi(std::string(number.substr(0, number.find_first_not_of("0123456789"))),
                          &tokens)
             ? tokens
             : 0;
}

class JournalSurveyor {
 public:
  JournalSurveyor(FileSystem& files, const std::string& output)
      : files_(files), output_(output), directory_(output + ".journal") {}

  absl::StatusOr<JournalSurvey> Survey() {
    if (!files_.IsDirectory(directory_)) {
      return absl::NotFoundError(absl::StrCat(directory_, ": there is no such journal, so no job ",
                                              "with this output has begun"));
    }
    absl::Status status = ReadFinished();
    if (!status.ok()) return status;
    if (survey_.finished) return std::move(survey_);
    const absl::StatusOr<std::string> holder = files_.ReadWhole(JoinPath(directory_, kLockName));
    if (holder.ok()) survey_.holder = *holder;
    const absl::StatusOr<std::vector<std::string>> names = files_.List(directory_);
    if (!names.ok()) return names.status();
    for (const std::string& name : *names) {
      if (KindOfName(name) != JournalFile::kPart) continue;
      status = ReadPart(name);
      if (!status.ok()) return status;
    }
    for (const auto& [number, answered] : results_) {
      ++(answered ? survey_.answered : survey_.failed);
    }
    return std::move(survey_);
  }

 private:
  absl::Status ReadFinished() {
    const std::string path = JoinPath(directory_, kFinishedName);
    if (!files_.IsFile(path)) return absl::OkStatus();
    const absl::StatusOr<std::string> text = files_.ReadWhole(path);
    if (!text.ok()) return text.status();
    FinishedJob job;
    if (!google::protobuf::TextFormat::ParseFromString(*text, &job)) {
      survey_.notes.push_back(absl::StrCat(path, ": is damaged"));
      return absl::OkStatus();
    }
    const std::string assembled = JoinPath(directory_, job.assembled());
    const bool is_assembled = !job.assembled().empty() && files_.IsFile(assembled);
    const auto refused = ReadErrorLines(files_, is_assembled ? assembled : output_, [] {});
    if (!refused.ok()) return refused.status();
    survey_.failed = refused->lines();
    survey_.answered = job.results() - survey_.failed;
    if (is_assembled) {
      survey_.notes.push_back(absl::StrCat("the output is complete, and lies in ", assembled,
                                           "; run-batch with --resume gives it its name"));
    }
    if (job.retry_failed()) {
      survey_.notes.emplace_back("--retry-failed of it has begun; --resume goes on with that");
    }
    survey_.finished = std::move(job);
    return absl::OkStatus();
  }

  absl::Status ReadPart(const std::string& name) {
    const std::string path = JoinPath(directory_, name);
    const absl::StatusOr<FileInfo> info = files_.Stat(path);
    if (!info.ok()) return info.status();
    absl::StatusOr<JournalReader> reader = JournalReader::Open(files_, path);
    if (!reader.ok()) return reader.status();
    survey_.attempts = AttemptOf(name);
    // Where this part's header is torn, the job is known by an earlier one.
    survey_.header.clear_host();
    survey_.header.clear_pid();
    survey_.header.clear_started();
    survey_.results = survey_.tokens = 0;
    survey_.ended.clear();
    survey_.written_ns = info->mtime_ns;
    absl::flat_hash_set<int64_t> under_way;
    for (uint64_t at = 0; at < reader->size();) {
      const absl::StatusOr<std::optional<JournalRecord>> record = reader->Read(at);
      if (!record.ok()) return record.status();
      const bool is_whole =
          *record && (at == 0) == ((*record)->kind == JournalRecord::Kind::kHeader);
      if (at == 0 && !is_whole) break;  // all checksums depend on it
      if (is_whole) UseRecord(**record, under_way);
      const absl::StatusOr<uint64_t> next = is_whole ? reader->next() : reader->Skip(at);
      if (!next.ok()) return next.status();
      at = *next;
    }
    survey_.under_way = std::ssize(under_way);
    return ReadCrash(JoinPath(directory_, CrashName(name)));
  }

  absl::Status ReadCrash(const std::string& path) {
    survey_.crash.clear();
    if (!files_.IsFile(path)) return absl::OkStatus();
    absl::StatusOr<std::string> text = files_.ReadWhole(path);
    if (!text.ok()) return text.status();
    survey_.crash = text->substr(0, text->find('\n'));
    return absl::OkStatus();
  }

  void UseRecord(const JournalRecord& record, absl::flat_hash_set<int64_t>& under_way) {
    switch (record.kind) {
      case JournalRecord::Kind::kHeader:
        google::protobuf::TextFormat::ParseFromString(record.text, &survey_.header);
        if (survey_.header.retry_failed()) {
          absl::erase_if(results_, [](const auto& result) { return !result.second; });
        }
        break;
      case JournalRecord::Kind::kStarted:
        under_way.insert(record.numbers.begin(), record.numbers.end());
        break;
      case JournalRecord::Kind::kResult:
        under_way.erase(record.result.number);
        results_[record.result.number] = record.result.answered;
        ++survey_.results;
        survey_.tokens += GeneratedTokens(record.result.text);
        break;
      case JournalRecord::Kind::kEnded:
        survey_.ended = record.text;
        break;
    }
  }

  FileSystem& files_;
  const std::string output_;
  const std::string directory_;
  JournalSurvey survey_;
  absl::flat_hash_map<int64_t, bool> results_;  // whether each was answered
};

}  // namespace

absl::StatusOr<JournalSurvey> SurveyJournal(FileSystem& files, const std::string& output) {
  constexpr int kTries = 3;  // an attempt that finishes removes what is being read
  absl::StatusOr<JournalSurvey> survey = JournalSurveyor(files, output).Survey();
  for (int i = 1; i < kTries && absl::IsNotFound(survey.status()); ++i) {
    if (!files.IsDirectory(output + ".journal")) break;
    survey = JournalSurveyor(files, output).Survey();
  }
  return survey;
}

}  // namespace octet
