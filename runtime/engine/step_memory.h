// The memory that one step of one rank takes.

#ifndef OCTET_RUNTIME_ENGINE_STEP_MEMORY_H_
#define OCTET_RUNTIME_ENGINE_STEP_MEMORY_H_

#include <cstddef>

#include "runtime/checkpoint/model_config.h"
#include "runtime/engine/engine_options.h"

namespace octet {

// The most bytes of each kind. Beyond the first few ranks, they do not grow with the number of
// ranks.
struct StepMemory {
  StepMemory(const ModelConfig& config, const EngineOptions& options);

  size_t workspace;         // matrices of the step, or of its first micro-batch
  size_t second_workspace;  // matrices of the second micro-batch; 0 if steps are never divided
  size_t exchange;          // rows that ranks exchange, which the Dispatcher reserves
  size_t scratch;           // temporaries of operations, which the Backend reserves

  size_t total() const { return workspace + second_workspace + exchange + scratch; }
};

}  // namespace octet

#endif  // OCTET_RUNTIME_ENGINE_STEP_MEMORY_H_
