// JSONL of requests in, JSONL of answers out.

#ifndef OCTET_RUNTIME_BATCH_JOB_H_
#define OCTET_RUNTIME_BATCH_JOB_H_

#include <absl/container/flat_hash_map.h>
#include <absl/container/flat_hash_set.h>
#include <absl/status/status.h>

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "runtime/batch_request.h"
#include "runtime/batch_result.h"
#include "runtime/engine.h"
#include "runtime/line_reader.h"
#include "runtime/ordered_output.h"

namespace octet {

// What a batch job has done so far.
struct BatchCounts {
  int64_t estimated_lines = 0;       // of the whole input; 0: not known yet
  bool input_ended = false;          // estimated_lines is exact
  int64_t answered = 0;              // lines, with a completion
  int64_t refused = 0;               // lines, with an error
  int64_t unfinished_sequences = 0;  // of the lines that have neither yet
};

// Serves each line of its inputs once, with answers in input order. Lives on rank 0, where alone
// the files are.
class BatchJob {
 public:
  // `read_ahead` bounds the sequences that wait in the engine. What it is made from must outlive
  // it.
  BatchJob(FileSystem& files, RequestLimits limits, ResultFormat format, int64_t read_ahead)
      : files_(files),
        limits_(std::move(limits)),
        format_(std::move(format)),
        read_ahead_(read_ahead) {}

  // Opens the inputs, and a file beside `output` that becomes it when all is done; pipes and
  // devices are written to as they are.
  absl::Status Open(const std::vector<std::string>& inputs, const std::string& output);

  // Reads some lines, unless enough sequences wait in the engine: submits their requests, answers
  // at once those that are refused. Closes the engine at the end of the input.
  absl::Status Feed(Engine& engine);

  // Takes answers, and writes those whose turn has come.
  absl::Status Write(std::vector<FinishedSequence>& finished);

  // Gives the output its name. Call when the engine has nothing left to do.
  absl::Status Finish();

  BatchCounts counts() const;

  // Fields that were ignored since the last call (with RequestLimits::lenient), each once in a run,
  // as a note for a person.
  std::vector<std::string> TakeNotes();

 private:
  // A line whose answers are not all there.
  struct InFlight {
    int64_t number;  // of the result, which is that of the line without empty ones
    int64_t line;
    BatchRequest request;
    std::vector<FinishedSequence> choices;
    int64_t num_missing;
    int64_t num_submitted = 0;
  };

  // Which answer of which line a sequence is.
  struct Place {
    InFlight* line;
    int64_t choice;
  };

  absl::Status AddLine(const std::string& text, LineReader::Result result);
  ParsedLine Parse(const std::string& text, LineReader::Result result);
  void Start(int64_t number, BatchRequest request);
  void SubmitStarted(Engine& engine);

  FileSystem& files_;
  RequestLimits limits_;
  ResultFormat format_;
  int64_t read_ahead_;
  std::string output_path_;
  std::string partial_path_;  // that of the output, where it is no file
  std::optional<LineReader> reader_;
  std::unique_ptr<OrderedOutput> output_;
  std::string text_;  // of the line at hand

  int64_t line_ = 0;  // of the input, from 1
  int64_t num_results_ = 0;
  int64_t next_sequence_ = 0;
  InFlight* started_ = nullptr;                 // the line of which not all sequences are submitted
  absl::flat_hash_map<int64_t, Place> places_;  // by sequence
  absl::flat_hash_map<int64_t, std::unique_ptr<InFlight>> in_flight_;  // by result number
  absl::flat_hash_set<uint64_t> custom_ids_;  // hashes: ten million take 150 MB
  std::set<std::string> ignored_fields_;
  std::vector<std::string> notes_;
  BatchCounts counts_;
};

}  // namespace octet

#endif  // OCTET_RUNTIME_BATCH_JOB_H_
