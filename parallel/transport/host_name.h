#ifndef OCTET_PARALLEL_TRANSPORT_HOST_NAME_H_
#define OCTET_PARALLEL_TRANSPORT_HOST_NAME_H_

#include <string>

namespace octet {

// Returns the system's name for this host, which messages and journals use.
std::string HostName();

}  // namespace octet

#endif  // OCTET_PARALLEL_TRANSPORT_HOST_NAME_H_
