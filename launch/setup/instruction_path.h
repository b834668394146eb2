// The instruction path that all ranks take.

#ifndef OCTET_LAUNCH_SETUP_INSTRUCTION_PATH_H_
#define OCTET_LAUNCH_SETUP_INSTRUCTION_PATH_H_

#include <absl/status/statusor.h>

#include <string>
#include <vector>

#include "kernels/cpu/isa.h"
#include "parallel/transport/communicator.h"

namespace octet {

// Collective. Returns the best path that every rank has, or the `wanted` one; "auto" means the
// best. Adds a warning about ranks that could use a better one.
absl::StatusOr<Isa> ChooseIsa(Communicator& comm, const std::string& wanted,
                              std::vector<std::string>& warnings);

}  // namespace octet

#endif  // OCTET_LAUNCH_SETUP_INSTRUCTION_PATH_H_
