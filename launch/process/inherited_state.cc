#include "launch/process/inherited_state.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

#include "kernels/base/check.h"

namespace octet {

void RepairInheritedState() {
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (fcntl(fd, F_GETFD) >= 0 || errno != EBADF) continue;
    // Lower descriptors are open, so this one is the lowest free one.
    OCTET_CHECK_EQ(open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY), fd);
  }
  std::signal(SIGXFSZ, SIG_IGN);
}

}  // namespace octet
