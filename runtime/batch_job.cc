#include "runtime/batch_job.h"

#include <absl/strings/str_cat.h>
#include <unistd.h>
#include <xxhash.h>

#include <algorithm>
#include <filesystem>

#include "runtime/compressed_stream.h"
#include "runtime/strict_json.h"

namespace octet {
namespace {

// What one step may read: a long run of refused lines must not keep the other ranks waiting.
constexpr int kLinesPerStep = 512;
constexpr size_t kBytesPerStep = size_t{16} << 20;

// How long a step without work waits for a pipe that has nothing yet.
constexpr std::chrono::milliseconds kIdleWait(20);

// Different fields that notes are written of.
constexpr size_t kMostNotes = 100;

// After so many lines their mean length tells how many there will be; within reason, as they may
// be much shorter than the rest.
constexpr int64_t kLinesForEstimate = 1000;
constexpr int64_t kMostReserved = 20'000'000;

bool IsBlank(const std::string& text) {
  return text.find_first_not_of(" \t\r") == std::string::npos;
}

bool IsSameFile(const std::string& a, const std::string& b) {
  std::error_code error;
  return a != "-" && b != "-" && std::filesystem::equivalent(a, b, error) && !error;
}

absl::Status OfFlag(const char* flag, const absl::Status& status) {
  return {status.code(), absl::StrCat(flag, " ", std::string(status.message()))};
}

// Where answers lie until all are there. A pipe or device can't be replaced by a file: /dev/null
// would be one for everybody.
std::string PartialPath(FileSystem& files, const std::string& output) {
  const bool is_file = output != "-" && (files.IsFile(output) || !files.Exists(output));
  return is_file ? output + ".partial" : output;
}

// Where answers wait for earlier ones.
absl::StatusOr<std::string> WaitingPath(const std::string& output, const std::string& partial) {
  if (partial != output) return output + ".waiting";
  std::error_code error;
  const std::filesystem::path directory = std::filesystem::temp_directory_path(error);
  if (!error) return (directory / absl::StrCat("octet.", getpid(), ".waiting")).string();
  return absl::InvalidArgumentError(
      absl::StrCat("TMPDIR is not a directory; with --output ", output,
                   " answers that wait for earlier ones are kept there"));
}

}  // namespace

absl::Status BatchJob::Open(const std::vector<std::string>& inputs, const std::string& output) {
  output_path_ = output;
  partial_path_ = PartialPath(files_, output);
  if (output != "-" && files_.IsDirectory(output)) {
    return absl::InvalidArgumentError(absl::StrCat("--output ", output, " is a directory"));
  }
  const absl::StatusOr<std::string> waiting_path = WaitingPath(output, partial_path_);
  if (!waiting_path.ok()) return waiting_path.status();
  for (const std::string& input : inputs) {
    if (IsSameFile(input, output) || IsSameFile(input, partial_path_) ||
        IsSameFile(input, *waiting_path)) {
      return absl::InvalidArgumentError(
          absl::StrCat("--output ", output, " would overwrite --input ", input));
    }
  }
  absl::StatusOr<LineReader> reader = LineReader::Open(files_, inputs);
  if (!reader.ok()) return OfFlag("--input", reader.status());
  reader_ = *std::move(reader);

  auto stream = files_.CreateOutput(partial_path_);
  if (stream.ok()) stream = CompressedFor(output, *std::move(stream));
  if (!stream.ok()) return OfFlag("--output", stream.status());
  output_ = std::make_unique<OrderedOutput>(files_, *std::move(stream), *waiting_path);
  return absl::OkStatus();
}

absl::Status BatchJob::Feed(Engine& engine) {
  absl::Status status;
  size_t bytes = 0;
  SubmitStarted(engine);
  for (int i = 0; status.ok() && i < kLinesPerStep && bytes < kBytesPerStep &&
                  engine.num_waiting() < read_ahead_;
       ++i) {
    const bool may_wait = i == 0 && engine.idle();
    const absl::StatusOr<LineReader::Result> result =
        reader_->Next(text_, may_wait ? kIdleWait : std::chrono::milliseconds(0));
    if (!result.ok()) return result.status();
    if (*result == LineReader::Result::kNotYet) break;
    if (*result == LineReader::Result::kEnd) {
      engine.Close();
      counts_.estimated_lines = num_results_;
      counts_.input_ended = true;
      break;
    }
    ++line_;
    bytes += text_.size();
    if (*result == LineReader::Result::kLine && IsBlank(text_)) continue;
    status = AddLine(text_, *result);
    SubmitStarted(engine);
    if (num_results_ == kLinesForEstimate) {
      custom_ids_.reserve(std::min(reader_->EstimatedLines(), kMostReserved));
    }
  }
  return status.ok() ? output_->Flush() : status;
}

ParsedLine BatchJob::Parse(const std::string& text, LineReader::Result result) {
  if (result == LineReader::Result::kTooLong) {
    return {.request = RequestError{.message = absl::StrCat("the line is longer than ",
                                                            LineReader::kMaxLineBytes, " bytes"),
                                    .code = "invalid_json"}};
  }
  ParsedLine parsed = ParseBatchLine(text, limits_);
  if (!parsed.has_custom_id) return parsed;
  if (!custom_ids_.insert(XXH3_64bits(parsed.custom_id.data(), parsed.custom_id.size())).second) {
    parsed.request = RequestError{.message = absl::StrCat("'custom_id' ", Quoted(parsed.custom_id),
                                                          " stood in an earlier line"),
                                  .param = "custom_id",
                                  .code = "duplicate_custom_id"};
  }
  for (const std::string& field : parsed.ignored_fields) {
    if (ignored_fields_.size() == kMostNotes) break;
    if (!ignored_fields_.insert(field).second) continue;
    notes_.push_back(absl::StrCat("line ", line_, ": field ", Quoted(field),
                                  " is ignored, there and in later lines (--lenient)"));
  }
  return parsed;
}

absl::Status BatchJob::AddLine(const std::string& text, LineReader::Result result) {
  ParsedLine parsed = Parse(text, result);
  const int64_t number = num_results_++;
  if (const auto* error = std::get_if<RequestError>(&parsed.request)) {
    ++counts_.refused;
    return output_->Add(number, FormatError(line_, parsed, *error));
  }
  Start(number, std::move(std::get<BatchRequest>(parsed.request)));
  return absl::OkStatus();
}

void BatchJob::Start(int64_t number, BatchRequest request) {
  const int64_t num_choices = request.num_choices();
  auto line =
      std::make_unique<InFlight>(InFlight{.number = number,
                                          .line = line_,
                                          .request = std::move(request),
                                          .choices = std::vector<FinishedSequence>(num_choices),
                                          .num_missing = num_choices});
  started_ = line.get();
  in_flight_.emplace(number, std::move(line));
}

// A line may have thousands of sequences: they are made as they are needed.
void BatchJob::SubmitStarted(Engine& engine) {
  while (started_ != nullptr && engine.num_waiting() < read_ahead_) {
    const int64_t choice = started_->num_submitted++;
    const BatchRequest& request = started_->request;
    const std::vector<int32_t>& ids = request.prompts[choice / request.n].ids;
    NewSequence sequence;
    sequence.set_id(next_sequence_++);
    sequence.set_line(started_->line);
    sequence.set_choice(static_cast<int32_t>(choice));
    sequence.mutable_prompt_ids()->Add(ids.begin(), ids.end());
    *sequence.mutable_params() = request.params;
    places_[sequence.id()] = {started_, choice};
    engine.Submit(std::move(sequence));
    if (started_->num_submitted == request.num_choices()) started_ = nullptr;
  }
}

absl::Status BatchJob::Write(std::vector<FinishedSequence>& finished) {
  for (FinishedSequence& f : finished) {
    const auto place = places_.find(f.id());
    OCTET_CHECK(place != places_.end()) << f.id();
    auto [line, choice] = place->second;
    places_.erase(place);
    line->choices[choice] = std::move(f);
    if (--line->num_missing > 0) continue;
    absl::Status status =
        output_->Add(line->number, FormatResult(format_, line->line, line->request, line->choices));
    in_flight_.erase(line->number);
    ++counts_.answered;
    if (!status.ok()) return status;
  }
  return output_->Flush();
}

absl::Status BatchJob::Finish() {
  OCTET_CHECK(in_flight_.empty()) << "answers are missing";
  absl::Status status = output_->Close();
  if (!status.ok() || partial_path_ == output_path_) return status;
  return files_.Rename(partial_path_, output_path_);
}

BatchCounts BatchJob::counts() const {
  BatchCounts counts = counts_;
  if (!counts.input_ended) counts.estimated_lines = reader_->EstimatedLines();
  counts.unfinished_sequences = std::ssize(places_);
  return counts;
}

std::vector<std::string> BatchJob::TakeNotes() { return std::exchange(notes_, {}); }

}  // namespace octet
