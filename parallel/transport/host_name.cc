#include "parallel/transport/host_name.h"

#include <unistd.h>

#include <array>
#include <climits>

namespace octet {

std::string HostName() {
  std::array<char, HOST_NAME_MAX + 1> name = {};
  gethostname(name.data(), HOST_NAME_MAX);
  return name.data();
}

}  // namespace octet
