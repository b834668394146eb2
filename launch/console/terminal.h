// Terminals, and the one behind standard error.

#ifndef OCTET_LAUNCH_CONSOLE_TERMINAL_H_
#define OCTET_LAUNCH_CONSOLE_TERMINAL_H_

#include <optional>
#include <string>
#include <utility>

namespace octet {

// Opens a terminal, with O_RDONLY or O_RDWR; the caller closes it. Returns -1 if the path is no
// terminal. Opens nothing else: a pipe would notice.
int OpenTerminal(const std::string& path, int access);

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

#endif  // OCTET_LAUNCH_CONSOLE_TERMINAL_H_
