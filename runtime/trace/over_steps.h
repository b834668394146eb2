// A summary of a number over steps.

#ifndef OCTET_RUNTIME_TRACE_OVER_STEPS_H_
#define OCTET_RUNTIME_TRACE_OVER_STEPS_H_

#include <span>

#include "proto/routing_stats.pb.h"

namespace octet {

// Returns 0 for no values.
double Mean(std::span<const float> values);

// Returns the mean and quantiles, all 0 for no values.
OverSteps Summarize(std::span<const float> values);

}  // namespace octet

#endif  // OCTET_RUNTIME_TRACE_OVER_STEPS_H_
