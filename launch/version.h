// Which octet this is.

#ifndef OCTET_LAUNCH_VERSION_H_
#define OCTET_LAUNCH_VERSION_H_

#include <string>

namespace octet {

// Returns the release: "0.1.0". Jobs of one release go on with each other's journals.
std::string OctetRelease();

// Returns the release and the git commit of the build: "0.1.0+abc1234", or "0.1.0+abc1234-dirty" if
// files differed from it. Returns the release where the sources were in no repository of their own.
std::string OctetVersion();

}  // namespace octet

#endif  // OCTET_LAUNCH_VERSION_H_
