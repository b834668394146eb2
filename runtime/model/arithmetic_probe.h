// Whether machines of one numerics class compute alike.

#ifndef OCTET_RUNTIME_MODEL_ARITHMETIC_PROBE_H_
#define OCTET_RUNTIME_MODEL_ARITHMETIC_PROBE_H_

#include <cstdint>

#include "kernels/base/backend.h"

namespace octet {

// A fingerprint of fixed products with weights of `dtype`, of attention over a cache of `dtype`, of
// norms, softmax and logarithms, and of rotary angles from the C library. It takes some
// milliseconds. Two machines whose fingerprints differ may give different answers: another C
// library, or a processor whose instructions round otherwise.
uint64_t FingerprintArithmetic(Backend& backend, DType dtype);

}  // namespace octet

#endif  // OCTET_RUNTIME_MODEL_ARITHMETIC_PROBE_H_
