// The resources that every part of the model computes with.

#ifndef OCTET_RUNTIME_MODEL_EXECUTION_CONTEXT_H_
#define OCTET_RUNTIME_MODEL_EXECUTION_CONTEXT_H_

#include "kernels/base/backend.h"
#include "kernels/base/workspace.h"
#include "runtime/model/phase_clock.h"

namespace octet {

// The resources that the parts of one rank's model share. It must outlive them.
struct ExecutionContext {
  Backend& backend;
  Workspace& workspace;
  PhaseClock& clock;
  DType dtype;  // of the inputs of matrix products and of the KV cache: float32 or bfloat16
};

}  // namespace octet

#endif  // OCTET_RUNTIME_MODEL_EXECUTION_CONTEXT_H_
