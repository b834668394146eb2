#ifndef OCTET_PARALLEL_TRANSPORT_HOST_NAME_H_
#define OCTET_PARALLEL_TRANSPORT_HOST_NAME_H_

#include <string>

namespace octet {

// As the system names this host; messages and journals name it so.
std::string HostName();

}  // namespace octet

#endif  // OCTET_PARALLEL_TRANSPORT_HOST_NAME_H_
