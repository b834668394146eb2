// The header of a run's routing trace.

#ifndef OCTET_LAUNCH_TRACE_TRACE_HEADER_H_
#define OCTET_LAUNCH_TRACE_TRACE_HEADER_H_

#include "launch/setup/job_setup.h"
#include "proto/config.pb.h"
#include "proto/routing_trace.pb.h"

namespace octet {

TraceHeader MakeTraceHeader(const RunConfig& config, const JobSetup& setup);

}  // namespace octet

#endif  // OCTET_LAUNCH_TRACE_TRACE_HEADER_H_
