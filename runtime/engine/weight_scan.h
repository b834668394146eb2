// A search of the weights for damage.

#ifndef OCTET_RUNTIME_ENGINE_WEIGHT_SCAN_H_
#define OCTET_RUNTIME_ENGINE_WEIGHT_SCAN_H_

#include <string>

#include "kernels/base/backend.h"
#include "proto/engine.pb.h"
#include "runtime/checkpoint/mixtral_tensors.h"
#include "runtime/checkpoint/weights.h"

namespace octet {

// Returns the worst weight that this rank has in memory, in the form that products read. Reads all
// weights once, on all threads, and reports progress (Activity). `tensors` is the source of the
// weights.
WorstWeight FindWorstWeight(const ModelWeights& weights, const MixtralTensors& tensors,
                            Backend& backend);

// Returns whether `a` is worse than `b` of another rank. A weight without a tensor is never worse.
bool IsWorse(const WorstWeight& a, const WorstWeight& b);

// Explains why logits may be NaN or infinite, and what to do about it: half a sentence for the
// user, from the worst weight of all ranks.
std::string ExplainNotFinite(const WorstWeight& worst);

}  // namespace octet

#endif  // OCTET_RUNTIME_ENGINE_WEIGHT_SCAN_H_
