// A test whether machines of one numerics class compute alike.

#ifndef OCTET_RUNTIME_MODEL_ARITHMETIC_PROBE_H_
#define OCTET_RUNTIME_MODEL_ARITHMETIC_PROBE_H_

#include <cstdint>
#include <span>

#include "kernels/base/backend.h"
#include "kernels/base/weight_format.h"

namespace octet {

// Returns a fingerprint of fixed products with weights of `dtype` and of quantised formats, of
// attention over a cache of `dtype`, of norms, softmax and logarithms, and of rotary angles from
// the C library. Takes some milliseconds. Machines with different fingerprints may give different
// answers: their C libraries differ, or their processors round differently, or versions of this
// program do.
uint64_t FingerprintArithmetic(Backend& backend, DType dtype,
                               std::span<const WeightFormat> quantised);

}  // namespace octet

#endif  // OCTET_RUNTIME_MODEL_ARITHMETIC_PROBE_H_
