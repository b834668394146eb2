// The output of a job that only checks its input.

#ifndef OCTET_RUNTIME_BATCH_UNWRITTEN_OUTPUT_H_
#define OCTET_RUNTIME_BATCH_UNWRITTEN_OUTPUT_H_

#include "runtime/batch/batch_output.h"

namespace octet {

// An output that knows the earlier results of another output, and writes nothing. That output must
// outlive it.
class UnwrittenOutput : public BatchOutput {
 public:
  explicit UnwrittenOutput(const BatchOutput* earlier) : earlier_(earlier) {}  // may be null

  std::optional<EarlierResult> Find(int64_t number) const override {
    return earlier_ != nullptr ? earlier_->Find(number) : std::nullopt;
  }
  EarlierFaults FaultsOf(int64_t number) const override {
    return earlier_ != nullptr ? earlier_->FaultsOf(number) : EarlierFaults();
  }
  absl::Status Add(BatchResult) override { return absl::OkStatus(); }
  absl::Status Flush() override { return absl::OkStatus(); }
  int64_t num_safe() const override { return 0; }
  absl::Status Finish(int64_t) override { return absl::OkStatus(); }

 private:
  const BatchOutput* earlier_;
};

}  // namespace octet

#endif  // OCTET_RUNTIME_BATCH_UNWRITTEN_OUTPUT_H_
