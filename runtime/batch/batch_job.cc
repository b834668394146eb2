#include "runtime/batch/batch_job.h"

#include <absl/strings/str_cat.h>

#include <algorithm>

#include "kernels/base/activity.h"
#include "runtime/batch/batch_line.h"
#include "runtime/batch/input_lines.h"
#include "runtime/io/strict_json.h"

namespace octet {
namespace {

// The most that one step reads. A long run of refused lines must not delay the other ranks.
constexpr int kLinesPerStep = 512;
constexpr size_t kBytesPerStep = size_t{16} << 20;

// The time that a step without work waits for input from a pipe.
constexpr std::chrono::milliseconds kIdleWait(20);

// The most different fields that notes are written about.
constexpr size_t kMostNotes = 100;

// After this number of lines, their mean length gives an estimate of the number of lines. The
// estimate is bounded, because they may be much shorter than the rest.
constexpr int64_t kLinesForEstimate = 1000;
constexpr int64_t kMostReserved = 20'000'000;

// A request may fail this often: an attempt may crash or stand still by chance, or because of
// another request.
constexpr int kMostFaults = 2;

std::string Times(int n) { return n == 1 ? "once" : absl::StrCat(n, " times"); }

// `when`: "while it computed this request"
RequestError TooManyFaults(const EarlierFaults& faults, const char* when) {
  std::string text = "octet";
  if (faults.crashes > 0) absl::StrAppend(&text, " crashed ", Times(faults.crashes));
  if (faults.crashes > 0 && faults.standstills > 0) text += " and";
  if (faults.standstills > 0) absl::StrAppend(&text, " stood still ", Times(faults.standstills));
  return {.message = absl::StrCat(text, " ", when),
          .code = faults.crashes > 0 ? "crashed" : "stood_still"};
}

RequestError NotFinite() {
  return {.message = "the model's logits are not finite: its weights are probably damaged",
          .code = "not_finite",
          .status_code = 500};
}

void AddTo(RequestTotals& totals, int64_t line, const BatchRequest& request) {
  ++totals.requests;
  totals.answers += request.num_choices();
  totals.answer_tokens +=
      request.generate ? request.num_choices() * request.params.max_tokens() : 0;
  for (const Prompt& prompt : request.prompts) {
    const int64_t length = std::ssize(prompt.ids);
    totals.prompt_tokens += length * request.n;
    if (length <= totals.longest_prompt) continue;
    totals.longest_prompt = length;
    totals.longest_line = line;
  }
}

}  // namespace

absl::Status BatchJob::Feed(Engine& engine) {
  if (drained_) return output_.Flush();
  SubmitStarted(engine);
  size_t bytes = 0;
  for (int lines = 0; lines < kLinesPerStep && bytes < kBytesPerStep && !counts_.input_ended &&
                      engine.num_waiting() < read_ahead_;) {
    const bool may_wait = bytes == 0 && engine.idle();
    const absl::StatusOr<Taken> taken =
        TakeLine(may_wait ? kIdleWait : std::chrono::milliseconds(0));
    if (!taken.ok()) return taken.status();
    if (*taken == Taken::kNothing) break;
    bytes += text_.size() + 1;
    Activity::OfThisThread().Tick();  // reading many lines is progress
    if (*taken != Taken::kLine) continue;
    ++lines;
    SubmitStarted(engine);
  }
  if (counts_.input_ended) SubmitSuspect(engine);
  return output_.Flush();
}

absl::StatusOr<RequestTotals> BatchJob::Check(
    const std::function<void()>& advance,
    const std::function<void(const BatchRequest&)>& on_request) {
  RequestTotals totals;
  while (!counts_.input_ended) {
    const absl::StatusOr<Taken> taken = TakeLine(kIdleWait);
    if (!taken.ok()) return taken.status();
    advance();
    if (started_ == nullptr && suspects_.empty()) continue;
    const InFlight& line = started_ != nullptr ? *started_ : *suspects_.front();
    AddTo(totals, line.line, line.request);
    on_request(line.request);
    started_ = nullptr;
    in_flight_.clear();
    suspects_.clear();
  }
  return totals;
}

// Takes the next line of the input, if there is one now.
absl::StatusOr<BatchJob::Taken> BatchJob::TakeLine(std::chrono::milliseconds patience) {
  const absl::StatusOr<LineReader::Result> read = reader_.Next(text_, patience);
  if (!read.ok()) return read.status();
  if (*read == LineReader::Result::kNotYet) return Taken::kNothing;
  if (*read == LineReader::Result::kEnd) {
    counts_.estimated_lines = num_results_;
    counts_.input_ended = true;
    return Taken::kNothing;
  }
  ++line_;
  if (*read == LineReader::Result::kLine && IsBlankLine(text_)) return Taken::kBlank;
  BatchResult result = {.number = num_results_++, .line_hash = HashOfLine(text_)};
  if (num_results_ == kLinesForEstimate) {
    custom_ids_.reserve(std::min(reader_.EstimatedLines(), kMostReserved));
  }
  const std::optional<EarlierResult> earlier = output_.Find(result.number);
  const absl::Status status =
      earlier ? PassOver(*earlier, result.line_hash) : AddLine(*read, std::move(result));
  if (!status.ok()) return status;
  return earlier ? Taken::kEarlierLine : Taken::kLine;
}

absl::Status BatchJob::PassOver(const EarlierResult& earlier, uint64_t line_hash) {
  if (earlier.line_hash != line_hash) {
    return absl::FailedPreconditionError(absl::StrCat(
        "--resume: line ", line_, " of the input is not the one that an earlier attempt answered"));
  }
  if (earlier.custom_id_hash) custom_ids_.insert(*earlier.custom_id_hash);
  ++(earlier.answered ? counts_.answered : counts_.refused);
  if (!earlier.answered) refusals_.AddEarlier();
  return absl::OkStatus();
}

ParsedLine BatchJob::Parse(LineReader::Result read, BatchResult& result) {
  const Activity::Scope place({"reading"});
  if (read == LineReader::Result::kTooLong) {
    return {.request = RequestError{.message = absl::StrCat("the line is longer than ",
                                                            LineReader::kMaxLineBytes, " bytes"),
                                    .code = "invalid_json"}};
  }
  ParsedLine parsed = ParseBatchLine(text_, limits_);
  if (!parsed.has_custom_id) return parsed;
  result.custom_id_hash = HashOfLine(parsed.custom_id);
  if (!custom_ids_.insert(*result.custom_id_hash).second) {
    parsed.request = RequestError{.message = absl::StrCat("'custom_id' ", Quoted(parsed.custom_id),
                                                          " stood in an earlier line"),
                                  .param = "custom_id",
                                  .code = "duplicate_custom_id"};
  }
  NoteFindings(parsed);
  return parsed;
}

void BatchJob::NoteFindings(const ParsedLine& parsed) {
  for (const std::string& field : parsed.ignored_fields) {
    if (ignored_fields_.size() == kMostNotes) break;
    if (!ignored_fields_.insert(field).second) continue;
    notes_.push_back(absl::StrCat("line ", line_, ": field ", Quoted(field),
                                  " is ignored, there and in later lines (--lenient)"));
  }
  for (const std::string& note : parsed.notes) {
    if (said_.insert(note).second) notes_.push_back(absl::StrCat("line ", line_, ": ", note));
  }
}

absl::Status BatchJob::AddLine(LineReader::Result read, BatchResult result) {
  const EarlierFaults faults = output_.FaultsOf(result.number);
  if (faults.in_reading >= kMostFaults) {
    return Refuse(std::move(result), ParsedLine(),
                  TooManyFaults(faults, "while it read this line"));
  }
  on_read_(result.number);
  ParsedLine parsed = Parse(read, result);
  on_read_(std::nullopt);
  if (const auto* error = std::get_if<RequestError>(&parsed.request)) {
    return Refuse(std::move(result), parsed, *error);
  }
  if (faults.count() >= kMostFaults) {
    return Refuse(std::move(result), parsed,
                  TooManyFaults(faults, "while it computed this request"));
  }
  auto line = MakeInFlight(std::move(result), std::get<BatchRequest>(std::move(parsed.request)));
  if (faults.count() > 0) {
    suspects_.push_back(std::move(line));
  } else {
    Start(std::move(line));
  }
  return absl::OkStatus();
}

void BatchJob::CountRefused(int64_t line, const RequestError& error) {
  ++counts_.refused;
  refusals_.Add(line, error);
  const bool is_first = refusals_.lines() - refusals_.earlier() == 1;
  if (!is_first) return;
  notes_.push_back(absl::StrCat("line ", line, " is refused: ", ShownMessage(error),
                                "; others that are refused are counted at the end"));
}

absl::Status BatchJob::Refuse(BatchResult result, const ParsedLine& parsed,
                              const RequestError& error) {
  CountRefused(line_, error);
  result.text = FormatError(line_, parsed, error);
  return output_.Add(std::move(result));
}

std::unique_ptr<BatchJob::InFlight> BatchJob::MakeInFlight(BatchResult result,
                                                           BatchRequest request) const {
  const int64_t num_choices = request.num_choices();
  return std::make_unique<InFlight>(InFlight{.result = std::move(result),
                                             .line = line_,
                                             .request = std::move(request),
                                             .choices = std::vector<FinishedSequence>(num_choices),
                                             .num_missing = num_choices});
}

void BatchJob::Start(std::unique_ptr<InFlight> line) {
  const int64_t number = line->result.number;
  output_.Start(std::span(&number, 1));
  started_ = line.get();
  in_flight_.emplace(number, std::move(line));
}

// Submits one suspect after the end of the input, alone: if the next crash is its fault, that is
// certain.
void BatchJob::SubmitSuspect(Engine& engine) {
  if (in_flight_.empty() && !suspects_.empty()) {
    Start(std::move(suspects_.front()));
    suspects_.pop_front();
    SubmitStarted(engine);
  }
  if (suspects_.empty() && started_ == nullptr) engine.Close();
}

// Submits the sequences of a line only when they are needed: there may be thousands.
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
    if (request.home) sequence.set_home(*request.home);
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
    absl::Status status = Complete(*line);
    if (!status.ok()) return status;
  }
  return output_.Flush();
}

// Completes a line that has all its answers.
absl::Status BatchJob::Complete(InFlight& line) {
  BatchResult result = std::move(line.result);
  result.answered =
      std::none_of(line.choices.begin(), line.choices.end(),
                   [](const FinishedSequence& f) { return f.finish_reason() == NOT_FINITE; });
  if (result.answered) {
    ++counts_.answered;
    result.text = FormatResult(format_, line.line, line.request, line.choices);
  } else {
    const ParsedLine parsed = {.custom_id = line.request.custom_id, .has_custom_id = true};
    CountRefused(line.line, NotFinite());
    result.text = FormatError(line.line, parsed, NotFinite());
  }
  in_flight_.erase(result.number);
  return output_.Add(std::move(result));
}

void BatchJob::Drain(Engine& engine) {
  drained_ = true;
  engine.Drain();
}

absl::Status BatchJob::Finish() {
  OCTET_CHECK(in_flight_.empty() && suspects_.empty()) << "answers are missing";
  return output_.Finish(num_results_);
}

BatchCounts BatchJob::counts() const {
  BatchCounts counts = counts_;
  if (!counts.input_ended) counts.estimated_lines = reader_.EstimatedLines();
  counts.unfinished_sequences = std::ssize(places_);
  counts.safe = output_.num_safe();
  return counts;
}

std::vector<std::string> BatchJob::TakeNotes() { return std::exchange(notes_, {}); }

}  // namespace octet
