// The exchange of rows that lie in memory of CUDA devices.

#ifndef OCTET_PARALLEL_DISPATCH_DEVICE_DISPATCHER_H_
#define OCTET_PARALLEL_DISPATCH_DEVICE_DISPATCHER_H_

#include <memory>

#include "kernels/base/backend.h"
#include "parallel/dispatch/dispatch_limits.h"
#include "parallel/dispatch/dispatcher.h"
#include "parallel/placement/expert_placement.h"
#include "parallel/transport/communicator.h"
#include "parallel/transport/row_transport.h"

namespace octet {

// Collective. Makes a dispatcher whose plans are made on the device and whose rows go from device
// to device by `rows`, the ranks of `comm`. Each rank is a host of its own. The host learns how
// many rows go where, once in each layer, and nothing else. The replica of an expert that serves a
// home follows from the placement alone: its own, else one of its host, else one in turn by homes.
// backend: the CUDA backend, on whose stream `rows` works. All arguments must outlive the result.
std::unique_ptr<Dispatcher> MakeDeviceDispatcher(Communicator& comm,
                                                 const ExpertPlacement& placement, Backend& backend,
                                                 Workspace& workspace, const DispatchLimits& limits,
                                                 RowTransport& rows);

}  // namespace octet

#endif  // OCTET_PARALLEL_DISPATCH_DEVICE_DISPATCHER_H_
