#include <mpi.h>

#include <string>

#include "launch/doctor/host_facts.h"

namespace octet {

std::string MpiVersion() {
  char text[MPI_MAX_LIBRARY_VERSION_STRING] = {};
  int length = 0;
  if (MPI_Get_library_version(text, &length) != MPI_SUCCESS) return "";
  const std::string version(text, length);
  return version.substr(0, version.find(','));  // what follows is about the machine of the build
}

}  // namespace octet
