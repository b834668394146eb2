// An open file descriptor.

#ifndef OCTET_LAUNCH_PROCESS_DESCRIPTOR_H_
#define OCTET_LAUNCH_PROCESS_DESCRIPTOR_H_

#include <unistd.h>

namespace octet {

// Closes its descriptor at the end; -1 is none.
class Descriptor {
 public:
  explicit Descriptor(int fd = -1) : fd_(fd) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() { Reset(-1); }

  void Reset(int fd) {
    if (fd_ >= 0) close(fd_);
    fd_ = fd;
  }
  int get() const { return fd_; }

 private:
  int fd_;
};

}  // namespace octet

#endif  // OCTET_LAUNCH_PROCESS_DESCRIPTOR_H_
