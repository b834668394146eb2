// What LoadWeights asks of the stores in which weights may be already, and stay.

#ifndef OCTET_RUNTIME_CHECKPOINT_WEIGHT_STORES_H_
#define OCTET_RUNTIME_CHECKPOINT_WEIGHT_STORES_H_

#include <cstdint>

#include "kernels/base/backend.h"
#include "runtime/checkpoint/load_progress.h"
#include "runtime/checkpoint/weights.h"

namespace octet {

// Maps the experts of a layer that a store has, and returns their bytes.
uint64_t MapExperts(int l, LayerWeights& layer, const WeightStores& stores, Backend& backend,
                    LoadCounter& counter);

// Gives an expert the memory that its weights are read into: of a file that stays if `kept` is not
// null and has room.
void AllocateMatrices(int layer, int e, ExpertWeights& expert, KeptWeights* kept, Backend& backend);

}  // namespace octet

#endif  // OCTET_RUNTIME_CHECKPOINT_WEIGHT_STORES_H_
