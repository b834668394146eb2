#include "parallel/transport/nccl_version.h"

#include <nccl.h>

namespace octet {

bool HasNccl() { return true; }

std::string DescribeNccl() {
  int version = 0;
  if (ncclGetVersion(&version) != ncclSuccess) return "NCCL: does not answer";
  return "NCCL " + std::to_string(version / 10000) + "." + std::to_string(version / 100 % 100) +
         "." + std::to_string(version % 100);
}

}  // namespace octet
