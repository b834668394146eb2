// What NCCL says of itself.

#ifndef OCTET_PARALLEL_TRANSPORT_NCCL_VERSION_H_
#define OCTET_PARALLEL_TRANSPORT_NCCL_VERSION_H_

#include <string>

namespace octet {

// One line for a person.
std::string DescribeNccl();

}  // namespace octet

#endif  // OCTET_PARALLEL_TRANSPORT_NCCL_VERSION_H_
