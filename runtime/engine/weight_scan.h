// Looks for damage among weights.

#ifndef OCTET_RUNTIME_ENGINE_WEIGHT_SCAN_H_
#define OCTET_RUNTIME_ENGINE_WEIGHT_SCAN_H_

#include <string>

#include "kernels/base/backend.h"
#include "proto/engine.pb.h"
#include "runtime/checkpoint/mixtral_tensors.h"
#include "runtime/checkpoint/weights.h"

namespace octet {

// Finds the worst of the weights that this rank has in memory, as products read them. Reads all of
// them once, on all threads; that counts as progress (Activity). `tensors` are what they were
// loaded from.
WorstWeight FindWorstWeight(const ModelWeights& weights, const MixtralTensors& tensors,
                            Backend& backend);

// Whether `a` is worse than `b`, of another rank; one without a tensor is not.
bool IsWorse(const WorstWeight& a, const WorstWeight& b);

// Why logits may be NaN or infinite, and what to do about it: half a sentence for a person, given
// the worst weight of all ranks.
std::string ExplainNotFinite(const WorstWeight& worst);

}  // namespace octet

#endif  // OCTET_RUNTIME_ENGINE_WEIGHT_SCAN_H_
