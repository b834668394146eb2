// The terminal behind standard error.

#ifndef OCTET_LAUNCH_TERMINAL_H_
#define OCTET_LAUNCH_TERMINAL_H_

#include <optional>
#include <utility>

namespace octet {

// A terminal that shows what this process writes to its standard error.
class Terminal {
 public:
  // Returns the terminal of standard error; under mpirun, which passes the text on, that of mpirun
  // if it runs on this host. Returns nullopt if the user does not see the text at once, or the
  // terminal cannot overwrite a line.
  static std::optional<Terminal> OfStandardError();

  Terminal(Terminal&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Terminal& operator=(Terminal&&) = delete;
  ~Terminal();

  // Returns the columns of the window now; 80 if they are not known.
  int Width() const;

 private:
  explicit Terminal(int fd) : fd_(fd) {}

  int fd_;  // owned
};

}  // namespace octet

#endif  // OCTET_LAUNCH_TERMINAL_H_
