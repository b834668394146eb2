#include "parallel/transport/nccl_version.h"

namespace octet {

std::string DescribeNccl() { return "NCCL: not in this build"; }

}  // namespace octet
