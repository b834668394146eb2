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

// The values that all result lines of a run share.
struct ResultFormat {
  const Tokenizer* tokenizer = nullptr;  // if null, "text" is empty
  std::string model;                     // the name in the results
  int64_t created = 0;                   // Unix seconds

  // The shape of FinishedSequence::routed_experts: [tokens, num_layers, topk], of `expert_bytes`
  // bytes each.
  int num_layers = 0;
  int topk = 0;
  int expert_bytes = 1;
};

// Both return a line without a newline at its end. `line` counts from 1 and gives the ids. The
// result never depends on the clock or the schedule. choices: [request.num_choices()].
std::string FormatResult(const ResultFormat& format, int64_t line, const BatchRequest& request,
                         std::span<const FinishedSequence> choices);
std::string FormatError(int64_t line, const ParsedLine& parsed, const RequestError& error);

}  // namespace octet

#endif  // OCTET_RUNTIME_BATCH_BATCH_RESULT_H_
