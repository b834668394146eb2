// The comparison of weights in memory.

#ifndef OCTET_TESTS_SUPPORT_SAME_WEIGHTS_H_
#define OCTET_TESTS_SUPPORT_SAME_WEIGHTS_H_

#include "runtime/checkpoint/weights.h"

namespace octet {

// Expects the same experts in each layer, with the same bytes.
void ExpectSameExperts(const ModelWeights& a, const ModelWeights& b);

// The same, also of the replicated weights.
void ExpectSameWeights(const ModelWeights& a, const ModelWeights& b);

}  // namespace octet

#endif  // OCTET_TESTS_SUPPORT_SAME_WEIGHTS_H_
