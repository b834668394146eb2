// The measured greatest rates of a CUDA device.

#ifndef OCTET_LAUNCH_BENCH_DEVICE_PROBES_H_
#define OCTET_LAUNCH_BENCH_DEVICE_PROBES_H_

#include <cstdint>

#include "kernels/base/backend.h"
#include "launch/bench/probes.h"

namespace octet {

// Measures how fast the device copies in its memory, which counts as reading and as writing, and
// how fast it multiplies square matrices of `size` rows with the kernels that the model uses.
RankRates ProbeDevice(Backend& backend, DType dtype, int64_t size = 8192);

}  // namespace octet

#endif  // OCTET_LAUNCH_BENCH_DEVICE_PROBES_H_
