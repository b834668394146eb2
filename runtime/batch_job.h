// JSONL of requests in, JSONL of answers out.

#ifndef OCTET_RUNTIME_BATCH_JOB_H_
#define OCTET_RUNTIME_BATCH_JOB_H_

#include <absl/container/flat_hash_map.h>
#include <absl/status/status.h>

#include <fstream>
#include <map>
#include <string>

#include "runtime/batch_request.h"
#include "runtime/batch_result.h"
#include "runtime/engine.h"

namespace octet {

// Serves each line of a file once, with answers in input order. Lives on rank 0, where alone the
// files are.
class BatchJob {
 public:
  // `read_ahead` bounds the requests that wait in the engine.
  BatchJob(RequestLimits limits, ResultFormat format, int64_t read_ahead)
      : limits_(std::move(limits)), format_(std::move(format)), read_ahead_(read_ahead) {}

  // Opens the input, and a file beside `output` that becomes it when all is done.
  absl::Status Open(const std::string& input, const std::string& output);

  // Submits lines until enough requests wait in the engine or the input ends; refused lines are
  // answered at once.
  absl::Status Feed(Engine& engine);

  // Takes answers, and writes those whose turn has come.
  absl::Status Write(const std::vector<FinishedSequence>& finished);

  // Gives the output its name. Call when the engine has nothing left to do.
  absl::Status Finish();

  int64_t num_requests() const { return num_requests_; }  // answered or to be answered
  int64_t num_failed_requests() const { return num_failed_requests_; }

 private:
  void AddLine(const std::string& text, Engine& engine);
  absl::Status WriteReady();

  RequestLimits limits_;
  ResultFormat format_;
  int64_t read_ahead_;
  std::string input_path_;
  std::string output_path_;
  std::string partial_path_;
  std::ifstream input_;
  std::ofstream output_;

  int64_t line_ = 0;         // of the input, from 1
  int64_t next_result_ = 0;  // results are numbered in input order
  int64_t num_results_ = 0;
  int64_t num_requests_ = 0;
  int64_t num_failed_requests_ = 0;
  struct InFlight {
    int64_t line;
    BatchRequest request;
  };
  absl::flat_hash_map<int64_t, InFlight>
      in_flight_;                         // by result number, which is the sequence's id
  std::map<int64_t, std::string> ready_;  // by result number
};

}  // namespace octet

#endif  // OCTET_RUNTIME_BATCH_JOB_H_
