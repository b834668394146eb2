#include "runtime/batch/journal.h"

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <absl/time/clock.h>
#include <absl/time/time.h>
#include <google/protobuf/text_format.h>
#include <unistd.h>

#include <array>
#include <climits>
#include <utility>

#include "kernels/check.h"
#include "runtime/batch/job_identity.h"
#include "runtime/batch/journal_reader.h"
#include "runtime/io/compressed_stream.h"

namespace octet {
namespace {

constexpr char kLock[] = "lock";
constexpr char kFinished[] = "finished";
constexpr char kPart[] = "part-";
constexpr char kAssembled[] = "output-";
constexpr char kCrash[] = ".crash";
constexpr int kOffsetBits = 48;
constexpr size_t kMostParts = (size_t{1} << (64 - kOffsetBits)) - 1;
constexpr size_t kWriteBytes = size_t{1} << 20;

std::string HostName() {
  std::array<char, HOST_NAME_MAX + 1> name = {};
  gethostname(name.data(), HOST_NAME_MAX);
  return name.data();
}

std::string Now() {
  return absl::FormatTime("%Y-%m-%d %H:%M:%S UTC", absl::Now(), absl::UTCTimeZone());
}

std::string ToLine(const google::protobuf::Message& message) {
  google::protobuf::TextFormat::Printer printer;
  printer.SetSingleLineMode(true);
  std::string text;
  OCTET_CHECK(printer.PrintToString(message, &text));
  return text;
}

bool IsPart(const std::string& name) {
  return absl::StartsWith(name, kPart) && !absl::EndsWith(name, kCrash);
}

std::string DescribeTail(const JournalReader& reader, uint64_t begin) {
  return absl::StrCat(reader.path(), ": the last ", reader.size() - begin,
                      " bytes are no whole records; their work is done again");
}

// The number in the name of a part or of what belongs to it.
int AttemptOf(const std::string& name) { return std::atoi(name.c_str() + name.find('-') + 1); }

// So that names are in the order of numbers.
std::string PartName(int attempt) {
  return absl::StrCat(kPart, absl::Dec(attempt, absl::kZeroPad6));
}

}  // namespace

Journal::Journal(FileSystem& files, std::string output, JobIdentity job, JournalOptions options)
    : files_(files),
      output_(std::move(output)),
      directory_(output_ + ".journal"),
      job_(std::move(job)),
      options_(std::move(options)) {}

absl::StatusOr<std::unique_ptr<Journal>> Journal::Open(FileSystem& files, const std::string& output,
                                                       const JobIdentity& job,
                                                       const JournalOptions& options,
                                                       std::vector<std::string>& notes) {
  std::unique_ptr<Journal> journal(new Journal(files, output, job, options));
  absl::Status status = journal->TakeLock(notes);
  if (!status.ok()) return status;
  const absl::StatusOr<bool> finished = journal->FindFinished(notes);
  if (!finished.ok()) return finished.status();
  if (*finished) return journal;
  status = journal->UseEarlierParts(notes);
  if (status.ok()) status = journal->BeginPart();
  if (!status.ok()) return status;
  return journal;
}

absl::Status Journal::TakeLock(std::vector<std::string>& notes) {
  absl::Status status = files_.MakeDirectories(directory_);
  if (status.ok()) status = files_.Sync(DirectoryOf(output_));
  if (!status.ok()) return status;
  const std::string path = PathOf(kLock);
  absl::StatusOr<std::unique_ptr<FileLock>> lock = files_.Lock(path);
  if (lock.status().code() == absl::StatusCode::kUnavailable) {
    const absl::StatusOr<std::string> holder = files_.ReadWhole(path);
    return absl::FailedPreconditionError(
        absl::StrCat("--output ", output_, " is in use by ",
                     holder.ok() && !holder->empty() ? *holder : "another process"));
  }
  if (lock.status().code() == absl::StatusCode::kUnimplemented) {
    notes.push_back(absl::StrCat(std::string(lock.status().message()),
                                 ": another attempt can't be kept from starting; it would do ",
                                 "the work a second time, and damage nothing"));
    return absl::OkStatus();
  }
  if (!lock.ok()) return lock.status();
  lock_ = *std::move(lock);
  return lock_->Write(absl::StrCat("process ", getpid(), " on ", HostName(), " since ", Now()));
}

// Whether the output of this very job is there and whole.
absl::StatusOr<bool> Journal::FindFinished(std::vector<std::string>& notes) {
  const std::string path = PathOf(kFinished);
  if (options_.mode == StartMode::kOverwrite || !files_.Exists(path)) return false;
  const absl::StatusOr<std::string> text = files_.ReadWhole(path);
  if (!text.ok()) return text.status();
  FinishedJob finished;
  const absl::StatusOr<FileInfo> output = files_.Stat(output_);
  if (!google::protobuf::TextFormat::ParseFromString(*text, &finished) || !output.ok() ||
      static_cast<int64_t>(output->size) != finished.output_bytes()) {
    return false;
  }
  const absl::Status same = CompareJobs(finished.job(), job_, options_.compare_contents);
  if (same.ok()) {
    finished_ = std::move(finished);
    return true;
  }
  const std::string of_another =
      absl::StrCat(output_, " is the output of another job: ", std::string(same.message()));
  if (options_.mode == StartMode::kResume) {
    return absl::FailedPreconditionError(absl::StrCat("--resume: ", of_another));
  }
  notes.push_back(absl::StrCat(of_another, "; it will be replaced"));
  return false;
}

absl::Status Journal::RemoveWhere(const std::function<bool(const std::string&)>& chosen) {
  const absl::StatusOr<std::vector<std::string>> names = files_.List(directory_);
  if (!names.ok()) return names.status();
  for (const std::string& name : *names) {
    if (!chosen(name)) continue;
    absl::Status status = files_.Remove(PathOf(name));
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status Journal::ThrowAway() {
  parts_.clear();
  return RemoveWhere([](const std::string& name) { return name != kLock; });
}

absl::Status Journal::UseEarlierParts(std::vector<std::string>& notes) {
  if (options_.mode == StartMode::kOverwrite) return ThrowAway();
  const absl::StatusOr<std::vector<std::string>> names = files_.List(directory_);
  if (!names.ok()) return names.status();
  for (const std::string& name : *names) {
    if (!IsPart(name)) continue;
    absl::Status status = ReadPart(name, notes);
    if (!status.ok()) return status;
  }
  if (options_.mode == StartMode::kNew && num_earlier_ > 0) {
    return absl::FailedPreconditionError(absl::StrCat(
        "--output ", output_, ": an attempt that did not finish has left ", num_earlier_,
        " results; --resume goes on with them, --overwrite throws them away"));
  }
  if (options_.mode == StartMode::kNew) return ThrowAway();
  if (options_.mode == StartMode::kResume && parts_.empty()) {
    notes.push_back(absl::StrCat("--resume: nothing of ", output_, " is there yet"));
  }
  return absl::OkStatus();
}

absl::Status Journal::ReadPart(const std::string& name, std::vector<std::string>& notes) {
  // It was killed, perhaps before its last results were durable; here they count as done.
  const absl::Status synced = files_.Sync(PathOf(name));
  absl::StatusOr<JournalReader> reader = JournalReader::Open(files_, PathOf(name));
  if (!synced.ok() || !reader.ok()) return synced.ok() ? reader.status() : synced;
  const size_t part = parts_.size();
  parts_.push_back(name);
  if (parts_.size() >= kMostParts) {
    return absl::ResourceExhaustedError(absl::StrCat(directory_, ": has too many parts"));
  }
  absl::flat_hash_set<int64_t> in_flight;
  for (uint64_t at = 0;; at = reader->next()) {
    const absl::StatusOr<std::optional<JournalRecord>> record = reader->Read(at);
    if (!record.ok()) return record.status();
    const bool is_whole = *record && (at == 0) == ((*record)->kind == JournalRecord::Kind::kHeader);
    if (!is_whole) {
      if (at < reader->size()) notes.push_back(DescribeTail(*reader, at));
      break;
    }
    absl::Status status = UseRecord(**record, part, at, in_flight);
    if (!status.ok()) return status;
    options_.advance();
  }
  return CountFault(PathOf(name + kCrash), in_flight);
}

// Who reads a line works at nothing else; otherwise any request in flight may be at fault.
absl::Status Journal::CountFault(const std::string& path,
                                 const absl::flat_hash_set<int64_t>& in_flight) {
  if (!files_.Exists(path)) return absl::OkStatus();
  const absl::StatusOr<std::string> text = files_.ReadWhole(path);
  if (!text.ok()) return text.status();
  const FaultNote note = FaultNote::Parse(*text);
  if (note.reading) {
    faults_[*note.reading].Add(note);
    return absl::OkStatus();
  }
  for (const int64_t number : in_flight) faults_[number].Add(note);
  return absl::OkStatus();
}

absl::Status Journal::UseRecord(const JournalRecord& record, size_t part, uint64_t offset,
                                absl::flat_hash_set<int64_t>& in_flight) {
  switch (record.kind) {
    case JournalRecord::Kind::kHeader:
      return CompareHeader(record.text, parts_[part]);
    case JournalRecord::Kind::kStarted:
      in_flight.insert(record.numbers.begin(), record.numbers.end());
      break;
    case JournalRecord::Kind::kResult:
      in_flight.erase(record.result.number);
      AddEarlier(record.result, part, offset);
      break;
    case JournalRecord::Kind::kEnded:
      break;
  }
  return absl::OkStatus();
}

absl::Status Journal::CompareHeader(const std::string& text, const std::string& name) const {
  JournalHeader header;
  if (!google::protobuf::TextFormat::ParseFromString(text, &header)) {
    return absl::DataLossError(absl::StrCat(PathOf(name), ": was written by another version"));
  }
  const absl::Status same = CompareJobs(header.job(), job_, options_.compare_contents);
  if (same.ok() || options_.mode != StartMode::kResume) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("--resume: ", output_, " was begun as another job on ", header.started(), ": ",
                   std::string(same.message())));
}

void Journal::SetLocation(int64_t number, size_t part, uint64_t offset) {
  OCTET_CHECK(offset >> kOffsetBits == 0) << offset;
  if (number >= std::ssize(locations_)) locations_.resize(number + 1, kMissing);
  locations_[number] = (Location{part} << kOffsetBits) | offset;
}

// Two attempts that knew nothing of each other may have done the same request: with equal results.
void Journal::AddEarlier(const BatchResult& result, size_t part, uint64_t offset) {
  const bool is_new =
      result.number >= std::ssize(locations_) || locations_[result.number] == kMissing;
  if (!is_new) return;
  SetLocation(result.number, part, offset);
  earlier_.resize(locations_.size());
  earlier_[result.number] = {result.answered, result.line_hash, result.custom_id_hash};
  ++num_earlier_;
}

absl::Status Journal::BeginPart() {
  JournalHeader header;
  *header.mutable_job() = job_;
  header.set_host(HostName());
  header.set_pid(getpid());
  header.set_started(Now());
  int attempt = parts_.empty() ? 0 : AttemptOf(parts_.back());
  absl::StatusOr<std::unique_ptr<JournalWriter>> writer;
  do {
    // Another one may have taken a number since they were listed, where there are no locks.
    ++attempt;
    writer =
        JournalWriter::Create(files_, PathOf(PartName(attempt)), ToLine(header), options_.commit);
  } while (absl::IsAlreadyExists(writer.status()));
  if (!writer.ok()) return writer.status();
  parts_.push_back(PartName(attempt));
  writer_ = *std::move(writer);
  return files_.Sync(directory_);
}

std::string Journal::crash_path() const { return PathOf(parts_.back() + kCrash); }

std::optional<EarlierResult> Journal::Find(int64_t number) const {
  if (number >= std::ssize(earlier_) || locations_[number] == kMissing) return std::nullopt;
  return earlier_[number];
}

EarlierFaults Journal::FaultsOf(int64_t number) const {
  const auto found = faults_.find(number);
  return found == faults_.end() ? EarlierFaults() : found->second;
}

absl::Status Journal::Add(BatchResult result) {
  SetLocation(result.number, parts_.size() - 1, writer_->Append(result));
  return absl::OkStatus();
}

absl::Status Journal::Assemble(int64_t num_results, OutputStream& output) {
  std::vector<std::optional<JournalReader>> readers(parts_.size());
  std::string buffer;
  for (int64_t number = 0; number < num_results; ++number) {
    OCTET_CHECK(number < std::ssize(locations_) && locations_[number] != kMissing)
        << "result " << number << " is missing";
    const size_t part = locations_[number] >> kOffsetBits;
    const uint64_t offset = locations_[number] & ((Location{1} << kOffsetBits) - 1);
    absl::StatusOr<std::string> text = ReadResult(readers[part], part, offset, number);
    if (!text.ok()) return text.status();
    buffer += *text;
    buffer += '\n';
    if (buffer.size() < kWriteBytes && number + 1 < num_results) continue;
    absl::Status status = output.Write(std::as_bytes(std::span(buffer)));
    if (!status.ok()) return status;
    buffer.clear();
    options_.advance();
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> Journal::ReadResult(std::optional<JournalReader>& reader, size_t part,
                                                uint64_t offset, int64_t number) {
  if (!reader) {
    absl::StatusOr<JournalReader> opened = JournalReader::Open(files_, PathOf(parts_[part]));
    if (!opened.ok()) return opened.status();
    reader = *std::move(opened);
    const absl::Status header = reader->Read(0).status();
    if (!header.ok()) return header;
  }
  absl::StatusOr<std::optional<JournalRecord>> record = reader->Read(offset);
  if (!record.ok()) return record.status();
  if (*record && (*record)->result.number == number) return std::move((*record)->result.text);
  return absl::DataLossError(absl::StrCat(reader->path(), ": the record at byte ", offset,
                                          " was damaged since it was written; --resume does its ",
                                          "work again"));
}

absl::Status Journal::Finish(int64_t num_results) {
  absl::Status status = writer_->End("done");
  if (!status.ok()) return status;
  const std::string assembled = PathOf(kAssembled + parts_.back().substr(sizeof(kPart) - 1));
  absl::StatusOr<std::unique_ptr<OutputStream>> stream = files_.CreateOutput(assembled);
  if (stream.ok()) stream = CompressedFor(output_, *std::move(stream));
  if (!stream.ok()) return stream.status();
  status = Assemble(num_results, **stream);
  if (status.ok()) status = (*stream)->Close();
  const absl::StatusOr<FileInfo> info = files_.Stat(assembled);
  if (status.ok()) status = info.status();
  if (status.ok()) status = files_.Rename(assembled, output_);
  if (status.ok()) status = files_.Sync(DirectoryOf(output_));
  if (!status.ok()) return status;
  FinishedJob finished;
  *finished.mutable_job() = job_;
  finished.set_results(num_results);
  finished.set_output_bytes(static_cast<int64_t>(info->size));
  finished.set_finished(Now());
  status = files_.ReplaceDurably(PathOf(kFinished), ToLine(finished) + "\n");
  if (!status.ok()) return status;
  return RemoveWhere([](const std::string& name) { return name != kLock && name != kFinished; });
}

}  // namespace octet
