// The two sides of a conversation, as the user sees them.

#ifndef OCTET_LAUNCH_CHAT_CHAT_CONSOLE_H_
#define OCTET_LAUNCH_CHAT_CHAT_CONSOLE_H_

#include <absl/status/statusor.h>

#include <memory>
#include <string>
#include <string_view>

#include "launch/chat/chat_terminal.h"
#include "launch/chat/line_editor.h"

namespace octet {

// Where a conversation is held.
class ChatConsole {
 public:
  virtual ~ChatConsole() = default;

  // Reads a line, without its newline.
  virtual LineEnd ReadLine(const std::string& prompt, std::string& line) = 0;

  // Begins an answer.
  virtual void BeginAnswer() {}

  // Shows a part of the answer.
  virtual void ShowAnswer(std::string_view text) = 0;

  // Shows lines of the program itself, each with its newline.
  virtual void ShowLines(std::string_view text) = 0;

  // Returns whether the user wants the answer to stop.
  virtual bool TakeInterrupt() = 0;
};

// A terminal with editing, and history in a file. Control characters of answers do not reach it.
// `say` gets notes for the user. `terminal` must outlive the result.
absl::StatusOr<std::unique_ptr<ChatConsole>> MakeTerminalConsole(
    ChatTerminal& terminal, const std::function<void(const std::string&)>& say);

// Standard input and output, line by line. Answers are shown as they are.
std::unique_ptr<ChatConsole> MakeLineConsole();

struct TypedMessage {
  std::string text;
  bool is_command = false;  // for the program, not for the model
};

// Reads a message: a line, or several that a backslash at the end of each joins, or a text between
// two """, which is no command. At the end of the input, the message is what there is. After
// kInterrupted, its text is empty if nothing was typed.
LineEnd ReadMessage(ChatConsole& console, TypedMessage& message);

}  // namespace octet

#endif  // OCTET_LAUNCH_CHAT_CHAT_CONSOLE_H_
