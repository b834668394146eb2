#include "runtime/batch/constraint_checks.h"

#include <algorithm>
#include <utility>

#include "kernels/base/check.h"
#include "runtime/structured/constraint.h"

namespace octet {

absl::Status ConstraintChecks::Check(const AnswerConstraint& constraint) {
  std::string key;
  OCTET_CHECK(constraint.SerializeToString(&key));
  const auto known = std::find_if(known_.begin(), known_.end(),
                                  [&key](const Known& entry) { return entry.constraint == key; });
  if (known != known_.end()) {
    std::rotate(known_.begin(), known, known + 1);
    return known_.front().status;
  }
  ++num_made_;
  absl::Status status = MakeGrammar(constraint).status();
  if (key.size() > kMostBytes) return status;
  bytes_ += key.size();
  known_.push_front({.constraint = std::move(key), .status = status});
  while (bytes_ > kMostBytes || known_.size() > kMostKnown) {
    bytes_ -= known_.back().constraint.size();
    known_.pop_back();
  }
  return status;
}

}  // namespace octet
