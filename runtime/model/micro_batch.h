// Tokens on their way through the layers.

#ifndef OCTET_RUNTIME_MODEL_MICRO_BATCH_H_
#define OCTET_RUNTIME_MODEL_MICRO_BATCH_H_

#include <optional>

#include "parallel/dispatch/dispatcher.h"
#include "runtime/model/batch.h"
#include "runtime/model/execution_context.h"

namespace octet {

// A part of a step's tokens, all of which are at the same layer.
struct MicroBatch {
  const ExecutionContext& context;  // its own workspace, as long as it is under way
  Dispatcher& dispatcher;           // its own
  int64_t first_token;              // of the step's
  const Batch& batch;
  Routing& routing;                             // of use to the router
  Matrix hidden;                                // [tokens, hidden_size] the residual stream
  Matrix scratch;                               // the same shape
  std::optional<TokensInFlight> tokens = {};    // while they travel to experts
  std::optional<OutputsInFlight> outputs = {};  // while experts' outputs come back

  // Waits for the outputs that are still on their way, and adds them to the residual stream.
  void Land();
};

}  // namespace octet

#endif  // OCTET_RUNTIME_MODEL_MICRO_BATCH_H_
