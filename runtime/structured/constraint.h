// What an answer must be.

#ifndef OCTET_RUNTIME_STRUCTURED_CONSTRAINT_H_
#define OCTET_RUNTIME_STRUCTURED_CONSTRAINT_H_

#include <absl/status/statusor.h>

#include "proto/engine.pb.h"
#include "runtime/structured/grammar.h"

namespace octet {

// Returns the finished grammar of all answers that the constraint allows. Errors say what is wrong
// with the constraint, or not supported, or too large, or that no answer is possible. They follow
// the name of its field.
absl::StatusOr<Grammar> MakeGrammar(const AnswerConstraint& constraint);

}  // namespace octet

#endif  // OCTET_RUNTIME_STRUCTURED_CONSTRAINT_H_
