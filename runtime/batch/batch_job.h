// A batch job: JSONL of requests in, JSONL of answers out.

#ifndef OCTET_RUNTIME_BATCH_BATCH_JOB_H_
#define OCTET_RUNTIME_BATCH_BATCH_JOB_H_

#include <absl/container/flat_hash_map.h>
#include <absl/container/flat_hash_set.h>
#include <absl/status/status.h>

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "runtime/batch/batch_output.h"
#include "runtime/batch/batch_request.h"
#include "runtime/batch/batch_result.h"
#include "runtime/batch/constraint_checks.h"
#include "runtime/batch/refusal_summary.h"
#include "runtime/engine/engine.h"
#include "runtime/io/line_reader.h"

namespace octet {

// The progress of a batch job.
struct BatchCounts {
  int64_t estimated_lines = 0;       // of the whole input; 0 if not known yet
  bool input_ended = false;          // estimated_lines is exact
  int64_t answered = 0;              // lines, with a completion
  int64_t refused = 0;               // lines, with an error
  int64_t safe = 0;                  // of both, those that cannot be lost
  int64_t unfinished_sequences = 0;  // of the lines that have no result yet
};

// The totals of a job's requests, as far as they are known before any is computed.
struct RequestTotals {
  int64_t requests = 0;
  int64_t answers = 0;        // each prompt may have several
  int64_t prompt_tokens = 0;  // of all answers
  int64_t answer_tokens = 0;  // at most
  int64_t longest_prompt = 0;
  int64_t longest_line = 0;  // its line number
};

// A job that serves each line of its inputs once. It is on rank 0, because only rank 0 has the
// files.
class BatchJob {
 public:
  // `read_ahead` bounds the sequences that wait in the engine. The arguments must outlive this
  // object.
  BatchJob(LineReader reader, BatchOutput& output, RequestLimits limits, ResultFormat format,
           int64_t read_ahead)
      : reader_(std::move(reader)),
        output_(output),
        limits_(std::move(limits)),
        format_(std::move(format)),
        read_ahead_(read_ahead) {
    limits_.checks = &checks_;
  }
  BatchJob(const BatchJob&) = delete;
  BatchJob& operator=(const BatchJob&) = delete;

  // Is called before a request's line is parsed, with the number of its result, and after it, with
  // nullopt.
  using OnRead = std::function<void(std::optional<int64_t> number)>;
  void SetOnRead(OnRead on_read) { on_read_ = std::move(on_read); }

  // Reads some lines, unless enough sequences wait in the engine. Submits their requests, answers
  // refused ones at once, and skips those that the output already has. Requests that were in flight
  // when an attempt crashed or stood still come after all others, one at a time. Closes the engine
  // when all are submitted.
  absl::Status Feed(Engine& engine);

  // Use it instead of all that follows. Reads and checks all lines, and computes none. Calls
  // `advance` now and then, and on_request with each request.
  absl::StatusOr<RequestTotals> Check(
      const std::function<void()>& advance,
      const std::function<void(const BatchRequest&)>& on_request = [](const BatchRequest&) {});

  // Lets the requests that are under way finish, and begins no more.
  void Drain(Engine& engine);

  // Returns whether lines were left undone, after Drain.
  bool stopped() const {
    return drained_ && !(counts_.input_ended && in_flight_.empty() && suspects_.empty());
  }

  // Adds answers to the output. If an answer's logits were not finite, its line becomes an error
  // line.
  absl::Status Write(std::vector<FinishedSequence>& finished);

  // Completes the output. Call it when the engine has nothing left to do.
  absl::Status Finish();

  BatchCounts counts() const;

  // Returns the input that is open but has not given any line yet; empty if there is none.
  std::string silent_input() const { return reader_.silent_input(); }

  // Returns why lines were refused so far.
  const RefusalSummary& refusals() const { return refusals_; }

  // Returns the notes for the user since the last call, and clears them. There is one for the first
  // line that is refused, and one for each field that is ignored (with RequestLimits::lenient),
  // once in a run.
  std::vector<std::string> TakeNotes();

 private:
  // A line that still lacks answers.
  struct InFlight {
    BatchResult result;  // without its text
    int64_t line;
    BatchRequest request;
    std::vector<FinishedSequence> choices;
    int64_t num_missing;
    int64_t num_submitted = 0;
  };

  // The answer and the line that a sequence belongs to.
  struct Place {
    InFlight* line;
    int64_t choice;
  };

  enum class Taken { kLine, kEarlierLine, kBlank, kNothing };
  absl::StatusOr<Taken> TakeLine(std::chrono::milliseconds patience);
  absl::Status PassOver(const EarlierResult& earlier, uint64_t line_hash);
  absl::Status AddLine(LineReader::Result read, BatchResult result);
  ParsedLine Parse(LineReader::Result read, BatchResult& result);
  void NoteFindings(const ParsedLine& parsed);
  void CountRefused(int64_t line, const RequestError& error);
  absl::Status Refuse(BatchResult result, const ParsedLine& parsed, const RequestError& error);
  std::unique_ptr<InFlight> MakeInFlight(BatchResult result, BatchRequest request) const;
  void Start(std::unique_ptr<InFlight> line);
  absl::Status Complete(InFlight& line);
  void SubmitStarted(Engine& engine);
  void SubmitSuspect(Engine& engine);

  LineReader reader_;
  BatchOutput& output_;
  ConstraintChecks checks_;
  RequestLimits limits_;
  ResultFormat format_;
  int64_t read_ahead_;
  OnRead on_read_ = [](std::optional<int64_t>) {};
  std::string text_;  // of the current line

  bool drained_ = false;
  int64_t line_ = 0;  // of the input, from 1
  int64_t num_results_ = 0;
  int64_t next_sequence_ = 0;
  InFlight* started_ = nullptr;                 // the line whose sequences are not all submitted
  absl::flat_hash_map<int64_t, Place> places_;  // by sequence
  absl::flat_hash_map<int64_t, std::unique_ptr<InFlight>> in_flight_;  // by result number
  std::deque<std::unique_ptr<InFlight>> suspects_;  // in flight at a fault, and not started since
  absl::flat_hash_set<uint64_t> custom_ids_;        // as hashes: ten million take 150 MB
  std::set<std::string> ignored_fields_;
  std::set<std::string> said_;  // notes of requests that were given
  RefusalSummary refusals_;
  std::vector<std::string> notes_;
  BatchCounts counts_;
};

}  // namespace octet

#endif  // OCTET_RUNTIME_BATCH_BATCH_JOB_H_
