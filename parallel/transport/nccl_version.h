// A description of NCCL.

#ifndef OCTET_PARALLEL_TRANSPORT_NCCL_VERSION_H_
#define OCTET_PARALLEL_TRANSPORT_NCCL_VERSION_H_

#include <string>

namespace octet {

// Returns whether this build has NCCL.
bool HasNccl();

// Returns one line for the user.
std::string DescribeNccl();

}  // namespace octet

#endif  // OCTET_PARALLEL_TRANSPORT_NCCL_VERSION_H_
