// The destination of a batch job's results.

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

// The result of a request that an earlier attempt of the same job left.
struct EarlierResult {
  bool answered = false;
  uint64_t line_hash = 0;
  std::optional<uint64_t> custom_id_hash;
};

// An output that takes results in any order and writes them in the order of their numbers.
class BatchOutput {
 public:
  virtual ~BatchOutput() = default;

  // Makes the files that it needs; nothing is written before. Appends notes for the user to
  // `notes`. Call it first, and once. An error leaves nothing behind.
  virtual absl::Status Begin([[maybe_unused]] std::vector<std::string>& notes) {
    return absl::OkStatus();
  }

  // Returns the result if an earlier attempt left it.
  virtual std::optional<EarlierResult> Find([[maybe_unused]] int64_t number) const {
    return std::nullopt;
  }

  // Returns the faults of this request in earlier attempts.
  virtual EarlierFaults FaultsOf([[maybe_unused]] int64_t number) const { return {}; }

  // Says that these requests are computed from now on.
  virtual void Start([[maybe_unused]] std::span<const int64_t> numbers) {}

  // Adds a result. Each number may come once, but not if Find has it.
  virtual absl::Status Add(BatchResult result) = 0;

  // Passes on all results that need not wait any longer.
  virtual absl::Status Flush() = 0;

  // Returns the number of results that cannot be lost.
  virtual int64_t num_safe() const = 0;

  // Completes the output, after all results were added.
  virtual absl::Status Finish(int64_t num_results) = 0;

  // Says that the job stops before its end, for this reason. Any thread may call it.
  virtual absl::Status Stop([[maybe_unused]] const std::string& reason) { return absl::OkStatus(); }
};

}  // namespace octet

#endif  // OCTET_RUNTIME_BATCH_BATCH_OUTPUT_H_
