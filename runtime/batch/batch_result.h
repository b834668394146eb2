// One line of a batch's output.

#ifndef OCTET_RUNTIME_BATCH_BATCH_RESULT_H_
#define OCTET_RUNTIME_BATCH_BATCH_RESULT_H_

#include <cstdint>
#include <span>
#include <string>

#include "proto/engine.pb.h"
#include "runtime/batch/batch_request.h"
#include "runtime/text/tokenizer.h"

namespace octet {

// What all result lines of a run have in common.
struct ResultFormat {
  const Tokenizer* tokenizer = nullptr;  // null: "text" is empty
  std::string model;                     // as results name it
  int64_t created = 0;                   // Unix seconds

  // The shape of FinishedSequence::routed_experts: [tokens, num_layers, topk] of so many bytes
  // each.
  int num_layers = 0;
  int topk = 0;
  int expert_bytes = 1;
};

// Both without a newline at the end. `line` counts from 1 and gives the ids: nothing here depends
// on clock or schedule. `choices`: [request.num_choices()].
std::string FormatResult(const ResultFormat& format, int64_t line, const BatchRequest& request,
                         std::span<const FinishedSequence> choices);
std::string FormatError(int64_t line, const ParsedLine& parsed, const RequestError& error);

}  // namespace octet

#endif  // OCTET_RUNTIME_BATCH_BATCH_RESULT_H_
