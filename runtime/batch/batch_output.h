// Where the results of a batch job go.

#ifndef OCTET_RUNTIME_BATCH_BATCH_OUTPUT_H_
#define OCTET_RUNTIME_BATCH_BATCH_OUTPUT_H_

#include <absl/status/status.h>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "runtime/batch/fault_note.h"
#include "runtime/batch/journal_record.h"

namespace octet {

// What an earlier attempt of the same job left of a request.
struct EarlierResult {
  bool answered = false;
  uint64_t line_hash = 0;
  std::optional<uint64_t> custom_id_hash;
};

// Takes results in any order and gives them out in that of their numbers.
class BatchOutput {
 public:
  virtual ~BatchOutput() = default;

  // Makes what is needed on disk; nothing is written before. `notes` get what a person should know.
  // Comes first, once; an error leaves nothing behind.
  virtual absl::Status Begin([[maybe_unused]] std::vector<std::string>& notes) {
    return absl::OkStatus();
  }

  // The result that is already there.
  virtual std::optional<EarlierResult> Find([[maybe_unused]] int64_t number) const {
    return std::nullopt;
  }

  // What went wrong with this request in earlier attempts.
  virtual EarlierFaults FaultsOf([[maybe_unused]] int64_t number) const { return {}; }

  // These requests are computed from now on.
  virtual void Start([[maybe_unused]] std::span<const int64_t> numbers) {}

  // Each number comes once, and none that was found.
  virtual absl::Status Add(BatchResult result) = 0;

  // Passes on what may still be held back, as of now.
  virtual absl::Status Flush() = 0;

  // How many of the results added won't be lost.
  virtual int64_t num_safe() const = 0;

  // All results have come: completes the output.
  virtual absl::Status Finish(int64_t num_results) = 0;

  // The job stops before its end, for this reason. From any thread.
  virtual absl::Status Stop([[maybe_unused]] const std::string& reason) { return absl::OkStatus(); }
};

}  // namespace octet

#endif  // OCTET_RUNTIME_BATCH_BATCH_OUTPUT_H_
