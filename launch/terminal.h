// The terminal behind standard error.

#ifndef OCTET_LAUNCH_TERMINAL_H_
#define OCTET_LAUNCH_TERMINAL_H_

#include <optional>
#include <utility>

namespace octet {

// A terminal that shows what this process writes to its standard error.
class Terminal {
 public:
  // Standard error itself; under mpirun, which passes it on, that of mpirun where it runs on this
  // host. None where a person doesn't see it at once, or the terminal can't overwrite a line.
  static std::optional<Terminal> OfStandardError();

  Terminal(Terminal&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Terminal& operator=(Terminal&&) = delete;
  ~Terminal();

  // Columns, as the window is now; 80 where nobody says.
  int Width() const;

 private:
  explicit Terminal(int fd) : fd_(fd) {}

  int fd_;  // owned
};

}  // namespace octet

#endif  // OCTET_LAUNCH_TERMINAL_H_
