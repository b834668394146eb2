#include "kernels/base/check.h"
#include "parallel/dispatch/device_dispatcher.h"

namespace octet {

std::unique_ptr<Dispatcher> MakeDeviceDispatcher(Communicator&, const ExpertPlacement&, Backend&,
                                                 Workspace&, const DispatchLimits&, RowTransport&) {
  Fatal(__FILE__, __LINE__, "CUDA is not in this build");
}

}  // namespace octet
