// The terminal of a conversation.

#ifndef OCTET_LAUNCH_CHAT_CHAT_TERMINAL_H_
#define OCTET_LAUNCH_CHAT_CHAT_TERMINAL_H_

#include <termios.h>

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace octet {

// Waits until a descriptor can be read, and reports progress meanwhile: other ranks wait for this
// one without an end to their patience.
void AwaitInput(int fd);

// Writes all of `text` in the same way. Returns false if nobody can read it any more.
bool WritePatiently(int fd, std::string_view text);

// A terminal at which a user types and reads. No key makes a signal: ^C is a byte. The terminal's
// modes are the earlier ones again after Restore.
class ChatTerminal {
 public:
  // Opens the terminal of standard input and output. Under mpirun, which passes both on, opens that
  // of launch/run.sh, if this process runs on the same host. Returns null if there is none.
  static std::unique_ptr<ChatTerminal> Open();

  // Returns whether launch/run.sh has a terminal for the conversation, on any host.
  static bool IsPassedOn();

  ~ChatTerminal();
  ChatTerminal(const ChatTerminal&) = delete;
  ChatTerminal& operator=(const ChatTerminal&) = delete;

  const std::string& path() const { return path_; }
  int fd() const { return fd_; }

  // Waits for the next byte. Returns nullopt if the terminal is gone.
  std::optional<char> ReadByte();

  // Returns whether ^C was typed since the last call, and forgets what was typed before it.
  bool TakeInterrupt();

  void Write(std::string_view text) const { WritePatiently(fd_, text); }

  // Keys are bytes at once, are not shown, and make no signal.
  void EnterRawMode() const;

  // Stops the program, as ^Z elsewhere, until the user's shell goes on with it. Does nothing under
  // mpirun, which would not stop with it.
  void Suspend() const;

  // The modes at the start. Any thread may call it.
  void Restore() const;

 private:
  ChatTerminal(std::string path, int fd);

  bool ReadTyped();

  std::string path_;
  int fd_;  // owned; does not block
  termios at_start_ = {};
  std::deque<char> typed_;  // that nobody has taken yet
};

}  // namespace octet

#endif  // OCTET_LAUNCH_CHAT_CHAT_TERMINAL_H_
