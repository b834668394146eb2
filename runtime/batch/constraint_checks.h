// The checks of constraints.

#ifndef OCTET_RUNTIME_BATCH_CONSTRAINT_CHECKS_H_
#define OCTET_RUNTIME_BATCH_CONSTRAINT_CHECKS_H_

#include <absl/status/status.h>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>

#include "proto/engine.pb.h"

namespace octet {

// A checker that remembers what it found of the latest different constraints: many lines of a job
// have the same schema, whose grammar takes milliseconds.
class ConstraintChecks {
 public:
  static constexpr size_t kMostKnown = 16;               // constraints
  static constexpr size_t kMostBytes = size_t{2} << 20;  // of them all

  // Returns the status of MakeGrammar.
  absl::Status Check(const AnswerConstraint& constraint);

  int64_t num_made() const { return num_made_; }  // grammars
  size_t bytes() const { return bytes_; }

 private:
  struct Known {
    std::string constraint;  // as bytes
    absl::Status status;
  };

  std::deque<Known> known_;  // the latest first
  size_t bytes_ = 0;
  int64_t num_made_ = 0;
};

}  // namespace octet

#endif  // OCTET_RUNTIME_BATCH_CONSTRAINT_CHECKS_H_
