// Tokens on their way through the layers.

#ifndef OCTET_RUNTIME_MODEL_MICRO_BATCH_H_
#define OCTET_RUNTIME_MODEL_MICRO_BATCH_H_

#include <optional>

#include "parallel/dispatch/dispatcher.h"
#include "runtime/model/batch.h"
#include "runtime/model/execution_context.h"

namespace octet {

// A part of a step's tokens. All of them are at the same layer.
struct MicroBatch {
  const ExecutionContext& context;  // with a workspace of its own while it is under way
  Dispatcher& dispatcher;           // its own
  int64_t first_token;              // index in the step's tokens
  const Batch* batch;
  Routing& routing;                             // filled by the router
  Matrix hidden;                                // [tokens, hidden_size] the residual stream
  Matrix scratch;                               // the same shape
  const Batch* wanted = nullptr;                // the tokens that the last layer goes on with
  Matrix last = {};                             // room for their hidden states
  std::optional<TokensInFlight> tokens = {};    // while they travel to experts
  std::optional<OutputsInFlight> outputs = {};  // while experts' outputs come back

  // Waits for the outputs that are still on their way, and adds them to the residual stream.
  void Land();
};

}  // namespace octet

#endif  // OCTET_RUNTIME_MODEL_MICRO_BATCH_H_
